//! The server's nonces for DPoP proofs (RFC 9449 § 8): an HMAC of the current minute. Nothing is stored, every replica
//! makes and accepts the same ones, and a proof made ahead of time is worthless after two minutes at most.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use siegel_domain::Timestamp;

/// How long one nonce is handed out; it is accepted for as long again.
pub(super) const BUCKET_MS: i64 = 60_000;
const MAC_BYTES: usize = 18;

/// Makes and recognises nonces.
pub(super) struct Nonces(hmac::Key);

impl Nonces {
    /// With the secret that the key directory shares with its replicas and the other services.
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The nonce to hand out now.
    pub(super) fn current(&self, now: Timestamp) -> String {
        self.of(bucket(now))
    }

    /// The bucket a nonce belongs to, if it is this minute's or the last's.
    pub(super) fn accepts(&self, nonce: &str, now: Timestamp) -> Option<i64> {
        let now = bucket(now);
        [now, now - 1].into_iter().find(|b| verify_slices_are_equal(self.of(*b).as_bytes(), nonce.as_bytes()).is_ok())
    }

    fn of(&self, bucket: i64) -> String {
        let mut message = b"siegel/1/dpop-nonce".to_vec();
        message.extend(bucket.to_be_bytes());
        URL_SAFE_NO_PAD.encode(&hmac::sign(&self.0, &message).as_ref()[..MAC_BYTES])
    }
}

fn bucket(now: Timestamp) -> i64 {
    now.0.div_euclid(BUCKET_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_this_minute_and_the_next() {
        let nonces = Nonces::new(&[1; 32]);
        let now = Timestamp(600_000);
        let nonce = nonces.current(now);
        assert_eq!(nonces.accepts(&nonce, now), Some(10));
        assert_eq!(nonces.accepts(&nonce, Timestamp(719_999)), Some(10));
        assert_eq!(nonces.accepts(&nonce, Timestamp(720_000)), None);
        assert_eq!(nonces.accepts(&nonce, Timestamp(599_999)), None, "a nonce of the future");
        for bad in ["", "x", &nonce[1..], &format!("{nonce}A")] {
            assert_eq!(nonces.accepts(bad, now), None);
        }
        assert_eq!(Nonces::new(&[2; 32]).accepts(&nonce, now), None, "another platform's");
    }
}
