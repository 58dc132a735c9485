//! The dealer: comes in by the provider's code, creates a centre with a comment, hands the first code over (C01, C08).

use siegel_client::api::tenants::{Durability, Tenant};
use siegel_client::{Enrolment, NewTenant, Session, SignIn};
use zeroize::Zeroizing;

use super::super::story::Play;
use crate::error::Result;

/// Business data: stands in the clear by design, and is not looked for.
const COMMENT: &str = "K-4711";

/// Enrols the dealer.
pub(crate) async fn arrives(play: &mut Play) -> Result<Session> {
    play.tell.step("demo-act-dealer", "C01");
    let code = play.server.add_dealer("Medizintechnik Demo").await?;
    play.canaries.secret("canary-code", code.as_bytes());
    play.tell.fact("demo-dealer-code", &[]);
    let dir = play.stage.profile("dealer");
    Enrolment::begin(&code, None, None).await?.dealer(&dir).await?;
    play.canaries.secret("canary-key", &dir.device_keys()?.to_bytes()[..32]);
    let session = SignIn::at(dir).machine()?;
    session.who().await?;
    play.tell.fact("demo-dealer-in", &[("path", &play.stage.of("dealer").display())]);
    play.tell.done();
    Ok(session)
}

/// Creates a centre.
pub(crate) async fn creates_centre(play: &mut Play, dealer: &Session) -> Result<(Tenant, Zeroizing<String>)> {
    play.tell.step("demo-act-create", "C01 C08 C12");
    let name = play.tell.ui().text("demo-centre-name", &[]);
    let (tenant, code) = dealer.create_tenant(new("herzzentrum-nord", name)).await?;
    play.canaries.secret("canary-code", code.as_bytes());
    play.tell.fact("demo-created", &[("name", &tenant.display_name), ("comment", &tenant.comment)]);
    play.tell.fact("demo-owner-code", &[]);
    play.tell.done();
    Ok((tenant, code))
}

pub(super) fn new(handle: &str, display_name: String) -> NewTenant {
    NewTenant {
        handle: handle.to_owned(),
        display_name,
        comment: COMMENT.to_owned(),
        jurisdiction: "EU".to_owned(),
        durability: Durability::Available,
    }
}
