//! Challenges that machines sign to log in. Nothing is stored when one is handed out: it carries its own MAC, so asking
//! for many costs nothing and tells nothing, not even which devices exist. An answered one is remembered until it expires.

use aws_lc_rs::hmac;
use siegel_domain::{DeviceId, TenantId, Timestamp};
use siegel_platform::rng::Rng;

/// How long a challenge can be answered.
const LIFE_MS: i64 = 60_000;
const NONCE_BYTES: usize = 16;
const EXPIRY_BYTES: usize = 8;

/// Makes and recognises challenges.
pub(crate) struct Challenges(hmac::Key);

impl Challenges {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// A challenge for a device, which may or may not exist, and until when it can be answered.
    pub(crate) fn issue(
        &self,
        rng: &dyn Rng,
        tenant: Option<TenantId>,
        device: DeviceId,
        now: Timestamp,
    ) -> (Vec<u8>, Timestamp) {
        let expires = now.plus_ms(LIFE_MS);
        let mut challenge = rng.bytes::<NONCE_BYTES>().to_vec();
        challenge.extend(expires.0.to_be_bytes());
        let mac = hmac::sign(&self.0, &macced(tenant, device, &challenge));
        challenge.extend(mac.as_ref());
        (challenge, expires)
    }

    /// When the challenge expires, if it is one of ours, for this device, and can still be answered.
    pub(crate) fn check(
        &self,
        challenge: &[u8],
        tenant: Option<TenantId>,
        device: DeviceId,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let (body, mac) = challenge.split_at_checked(NONCE_BYTES + EXPIRY_BYTES)?;
        hmac::verify(&self.0, &macced(tenant, device, body), mac).ok()?;
        let expires = Timestamp(i64::from_be_bytes(body[NONCE_BYTES..].try_into().ok()?));
        (now < expires).then_some(expires)
    }
}

fn macced(tenant: Option<TenantId>, device: DeviceId, body: &[u8]) -> Vec<u8> {
    let mut message = b"siegel/1/login-challenge".to_vec();
    message.extend(device.as_bytes());
    message.extend(body);
    // Last, since a dealer has none: with it the message is longer, so the two can't be mistaken.
    message.extend(tenant.iter().flat_map(|tenant| *tenant.as_bytes()));
    message
}

#[cfg(test)]
mod tests {
    use siegel_platform::rng::SeededRng;

    use super::*;

    #[test]
    fn a_challenge_is_for_one_device_and_one_minute() {
        let challenges = Challenges::new(&[1; 32]);
        let (tenant, device) = (Some(TenantId::from_bytes([1; 16])), DeviceId::from_bytes([2; 16]));
        let now = Timestamp(1_000_000);
        let (challenge, expires) = challenges.issue(&SeededRng::new(1), tenant, device, now);
        assert_eq!(challenges.check(&challenge, tenant, device, now.plus_ms(59_999)), Some(expires));
        assert_eq!(challenges.check(&challenge, tenant, device, now.plus_ms(60_000)), None);
        assert_eq!(challenges.check(&challenge, None, device, now), None);
        assert_eq!(challenges.check(&challenge, tenant, DeviceId::from_bytes([3; 16]), now), None);
        assert_eq!(Challenges::new(&[2; 32]).check(&challenge, tenant, device, now), None);
        let mut later = challenge.clone();
        later[NONCE_BYTES] ^= 1;
        assert_eq!(challenges.check(&later, tenant, device, now), None);
        assert_eq!(challenges.check(&challenge[..20], tenant, device, now), None);
    }
}
