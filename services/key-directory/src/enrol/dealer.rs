//! A dealer's machine: an Ed25519 key and nothing else. A dealer never sees contents, so it has no key to open any (C09).

use siegel_api::enrol::{EnrolDealer, Enrolled};
use siegel_domain::Principal;
use siegel_envelope::SigningPublicKey;
use siegel_platform::db::violated;
use siegel_platform::{Problem, Reason};

use super::parse::sign_key;
use super::{auth_token, enrolled, proves};
use crate::app::Directory;
use crate::store::dealers;

/// Registers a dealer's machine.
pub(crate) async fn dealer(
    directory: &Directory,
    proof_key: &SigningPublicKey,
    request: EnrolDealer,
) -> Result<Enrolled, Problem> {
    let key = sign_key("sign_key", &request.sign_key)?;
    proves(proof_key, &key)?;
    let hash = auth_token(&request.auth)?.stored();
    let provider = directory.provider();
    let invite = dealers::invite(provider.reader(), hash.as_bytes()).await?.ok_or(Reason::NotFound)?;
    let answer = enrolled(Principal::Dealer(invite.dealer), invite.device, true);
    if invite.used_ms.is_some() {
        let device = dealers::device(provider.reader(), invite.device).await?;
        let same = device.is_some_and(|device| device.sign_key == key && device.revoked_ms.is_none());
        return if same { Ok(answer) } else { Err(Reason::InviteUsed.into()) };
    }
    let now_ms = directory.now_ms();
    if invite.expires_ms <= now_ms {
        return Err(Reason::InviteExpired.into());
    }
    let (invite, key) = (&invite, &key);
    let storing = provider.tx("enrol.dealer", |tx| {
        Box::pin(async move {
            if !dealers::consume(tx, invite.id, now_ms).await? {
                return Err(Problem::new(Reason::InviteUsed));
            }
            match dealers::insert_device(tx, invite.device, invite.dealer, key, now_ms).await {
                Ok(()) => {}
                Err(error) if violated(&error).is_some() => {
                    let known = Problem::new(Reason::AlreadyExists);
                    return Err(known.field("sign_key", "was registered before; make a new key"));
                }
                Err(error) => return Err(error.into()),
            }
            let line = directory.provider_audit(invite.dealer, Some(invite.device), "dealer.enrol", invite.id);
            dealers::audit(tx, &line).await?;
            Ok(())
        })
    });
    storing.await?;
    Ok(answer)
}
