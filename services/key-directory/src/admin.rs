//! What `siegel-admin` does here. Adding a dealer: the provider's own act, outside of any tenant. The code is shown once;
//! the database keeps the hash of its authenticator.

use aws_lc_rs::hkdf;
use siegel_domain::limits::DISPLAY_NAME_CHARS;
use siegel_domain::text::{self, TextError};
use siegel_domain::time::HOUR_MS;
use siegel_domain::{DealerId, DeviceId, InviteId, Timestamp};
use siegel_envelope::code::{CodeKind, CodeSecret, EnrolmentCode};
use siegel_envelope::enrol::AuthToken;
use siegel_envelope::{Digest, cbor};
use siegel_platform::clock::Clock;
use siegel_platform::db::{Db, DbError};
use siegel_platform::rng::Rng;
use zeroize::Zeroizing;

use crate::provider_audit;
use crate::store::dealers;

/// Hours a dealer's code may be good for.
pub const CODE_HOURS: std::ops::RangeInclusive<u32> = 1..=720;

/// Whom to add.
#[derive(Debug, Clone)]
pub struct NewDealer<'a> {
    /// The business' name.
    pub label: &'a str,
    /// The platform's public URL.
    pub public_url: &'a str,
    /// BLAKE3-256 of the platform's own CA (DER); none behind a public certificate.
    pub ca: Option<Digest>,
    /// How long the code is good, see [`CODE_HOURS`].
    pub code_hours: u32,
}

/// A dealer that was added.
#[derive(Debug)]
pub struct DealerAdded {
    /// The dealer.
    pub dealer: DealerId,
    /// The code to hand over, once. Overwritten when dropped.
    pub code: Zeroizing<String>,
    /// Until when it can be used.
    pub expires: Timestamp,
}

/// Why a dealer was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddDealerError {
    /// The name is not one.
    #[error("the dealer's name {0}")]
    Label(#[from] TextError),
    /// A code that is good for no time, or for too long.
    #[error("a dealer's code is good for 1 to 720 hours")]
    Hours,
    /// The provider database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Adds a dealer with one code. `provider` is the provider database.
pub async fn add_dealer(
    provider: &Db,
    clock: &dyn Clock,
    rng: &dyn Rng,
    new: NewDealer<'_>,
) -> Result<DealerAdded, AddDealerError> {
    let label = text::non_empty_line(new.label, DISPLAY_NAME_CHARS)?;
    if !CODE_HOURS.contains(&new.code_hours) {
        return Err(AddDealerError::Hours);
    }
    let now = clock.now();
    let expires = now.plus_ms(i64::from(new.code_hours) * HOUR_MS);
    let code = EnrolmentCode {
        url: new.public_url.to_owned(),
        ca: new.ca,
        tenant: None,
        kind: CodeKind::Dealer,
        secret: CodeSecret::from_bytes(rng.bytes()),
        root: None,
    };
    let invite = dealers::InviteRow {
        id: InviteId::from_bytes(rng.bytes()),
        dealer: DealerId::from_bytes(rng.bytes()),
        device: DeviceId::from_bytes(rng.bytes()),
        expires_ms: expires.0,
        used_ms: None,
    };
    let stored = authenticator(&code.secret).stored();
    let line = provider_audit::line((clock, rng), "platform", None, "dealer.add", invite.dealer);
    let (invite, label, stored, line) = (&invite, &label, &stored, &line);
    let adding = provider.tx("dealer.add", |tx| {
        Box::pin(async move {
            dealers::insert(tx, label, invite, stored.as_bytes(), now.0).await?;
            dealers::audit(tx, line).await
        })
    });
    adding.await?;
    Ok(DealerAdded { dealer: invite.dealer, code: code.to_text(), expires })
}

/// HKDF-SHA256 of the code's secret, as the client derives it (`docs/keys.md`): no salt, info CBOR
/// `["siegel/1/code-auth"]`. The one place where a server program holds a code: the provider makes it itself.
fn authenticator(secret: &CodeSecret) -> AuthToken {
    let info = cbor::encode(&("siegel/1/code-auth",));
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(secret.as_bytes());
    let mut out = [0; 32];
    prk.expand(&[&info], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out))
        .expect("HKDF-SHA256 gives as many bytes as its hash has");
    AuthToken::from_bytes(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authenticator_is_the_one_that_clients_derive() {
        let secret = CodeSecret::from_bytes([7; 16]);
        assert_eq!(authenticator(&secret), siegel_crypto::invite::auth(&secret));
    }
}
