//! OPAQUE registration: the server's answer to a blinded password. It stores nothing and learns nothing.

use opaque_ke::{RegistrationRequest, ServerRegistration};
use siegel_api::auth::LoginIdentifiers;
use siegel_api::enrol::{EnrolPassword, EnrolPasswordAnswer};
use siegel_domain::Principal;
use siegel_envelope::login::Suite;
use siegel_platform::{Problem, Reason};

use super::{open, other_kind};
use crate::app::Directory;
use crate::error;
use crate::logins::SETUP;

const REQUEST_BYTES: usize = 32;

/// Answers whoever holds an owner's or member's code that is still good.
pub(crate) async fn password(directory: &Directory, request: EnrolPassword) -> Result<EnrolPasswordAnswer, Problem> {
    let newcomer = open(directory, request.tenant, &request.auth, None).await?.map_err(|_| Reason::InviteUsed)?;
    let Principal::Member(member) = newcomer.invite.principal else { return Err(other_kind()) };
    let invalid = || Problem::invalid("request", "is not OPAQUE's first registration message (32 bytes)");
    if request.request.len() != REQUEST_BYTES {
        return Err(invalid());
    }
    let message = RegistrationRequest::<Suite>::deserialize(&request.request).map_err(|_| invalid())?;
    let login = directory.logins.of(request.tenant).await?;
    let answer = ServerRegistration::start(&login.setup, message, member.as_bytes()).map_err(error::opaque)?;
    Ok(EnrolPasswordAnswer {
        response: answer.message.serialize().to_vec().into(),
        identifiers: LoginIdentifiers { tenant: request.tenant, member, setup: SETUP },
    })
}
