//! DPoP proofs (RFC 9449): a small JWT with which a device shows, for one request, that it holds its key. A copied token
//! is worthless at another device. Ed25519 only, verified by the same strict verifier as everything else.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use siegel_domain::Timestamp;
use siegel_envelope::{Signature, SigningPublicKey};

/// Longer ones are refused unread; an honest one has about 450 bytes.
const MAX_PROOF_BYTES: usize = 2_048;
const MAX_JTI_BYTES: usize = 128;
/// How far the device's clock may be off. Freshness comes from the nonce, so this can be generous to old machines.
const CLOCK_SKEW_S: i64 = 300;

/// Why a proof does not count. Each in words that help whoever writes a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not a JWS in compact form, too long, or without a claim it needs.
    #[error("The DPoP proof can't be read.")]
    Malformed,
    /// Not `dpop+jwt`.
    #[error("The DPoP proof is not of type dpop+jwt.")]
    Kind,
    /// Another algorithm, curve, a private key or one that verifies anything.
    #[error("The DPoP proof has to be made with an Ed25519 key and alg EdDSA.")]
    Key,
    /// The signature does not fit.
    #[error("The DPoP proof's signature does not verify.")]
    Signature,
    /// Made for another method or address.
    #[error("The DPoP proof names another method or address than this request; htu is the platform's public URL.")]
    Request,
    /// Made for another token.
    #[error("The DPoP proof belongs to another token.")]
    Token,
    /// The device's clock is off by more than five minutes.
    #[error("The DPoP proof's time is off by more than five minutes; check the device's clock.")]
    Time,
}

/// What the proof has to be for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The request's method.
    pub(super) method: &'a str,
    /// The platform's public URL and the request's path: never the `Host` header.
    pub(super) url: &'a str,
    /// The token that comes with it, if one does.
    pub(super) token: Option<&'a str>,
    /// The server's time.
    pub(super) now: Timestamp,
}

/// A proof whose signature and claims fit. Its nonce and its first use are the caller's to check.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The device's key.
    pub key: SigningPublicKey,
    /// The key's RFC 7638 thumbprint, as tokens name it.
    pub thumbprint: String,
    /// The proof's own id.
    pub jti: String,
    /// The server's nonce.
    pub nonce: Option<String>,
}

#[derive(Deserialize)]
struct ProofHeader {
    typ: String,
    alg: String,
    jwk: ProofKey,
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ProofKey {
    kty: String,
    crv: String,
    x: String,
    /// The private half: whoever sends it has given the key away.
    #[serde(default)]
    d: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ProofClaims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    #[serde(default)]
    ath: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
}

/// Reads a proof and checks all of it that needs no memory.
pub(super) fn verify(text: &str, expected: Expected<'_>) -> Result<Proof, ProofError> {
    if text.len() > MAX_PROOF_BYTES {
        return Err(ProofError::Malformed);
    }
    let (message, signature) = text.rsplit_once('.').ok_or(ProofError::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(ProofError::Malformed)?;
    let header: ProofHeader = parse(header)?;
    if header.typ != "dpop+jwt" {
        return Err(ProofError::Kind);
    }
    let key = key_of(&header)?;
    let signature = decode(signature).and_then(|bytes| Signature::from_slice(&bytes)).ok_or(ProofError::Malformed)?;
    if !key.verifies(message.as_bytes(), &signature) {
        return Err(ProofError::Signature);
    }
    let claims: ProofClaims = parse(claims)?;
    if claims.jti.is_empty() || claims.jti.len() > MAX_JTI_BYTES {
        return Err(ProofError::Malformed);
    }
    if claims.htm != expected.method || without_query(&claims.htu) != expected.url {
        return Err(ProofError::Request);
    }
    if claims.ath.as_deref() != expected.token.map(token_hash).as_deref() {
        return Err(ProofError::Token);
    }
    if (expected.now.0.div_euclid(1_000)).abs_diff(claims.iat) > CLOCK_SKEW_S.unsigned_abs() {
        return Err(ProofError::Time);
    }
    Ok(Proof { thumbprint: thumbprint(&key), key, jti: claims.jti, nonce: claims.nonce })
}

/// RFC 7638 and RFC 8037 § A.3: SHA-256 of the key as JSON with its members in order, base64url.
pub fn thumbprint(key: &SigningPublicKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
    let json = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, json.as_bytes()))
}

/// The `ath` claim: SHA-256 of the token's ASCII form, base64url.
pub(super) fn token_hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

fn key_of(header: &ProofHeader) -> Result<SigningPublicKey, ProofError> {
    let jwk = &header.jwk;
    let pinned = header.alg == "EdDSA" && jwk.kty == "OKP" && jwk.crv == "Ed25519";
    if !pinned || jwk.d.is_some() || header.crit.is_some() {
        return Err(ProofError::Key);
    }
    let bytes = decode(&jwk.x).and_then(|bytes| bytes.try_into().ok()).ok_or(ProofError::Key)?;
    SigningPublicKey::from_bytes(bytes).map_err(|_| ProofError::Key)
}

/// RFC 9449 § 4.3: query and fragment do not count.
fn without_query(url: &str) -> &str {
    url.find(['?', '#']).map_or(url, |end| &url[..end])
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn parse<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, ProofError> {
    decode(part).and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or(ProofError::Malformed)
}

/// Makes proofs for the tests of this crate. Clients have their own: what is tested here is what they send.
#[cfg(test)]
pub(super) mod testing {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::{Value, json};

    use super::*;

    pub(crate) struct Device(Ed25519KeyPair);

    impl Device {
        pub(crate) fn new(seed: u8) -> Self {
            Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
        }

        pub(crate) fn key(&self) -> SigningPublicKey {
            SigningPublicKey::from_bytes(self.0.public_key().as_ref().try_into().unwrap()).unwrap()
        }

        pub(crate) fn header(&self) -> Value {
            let x = URL_SAFE_NO_PAD.encode(self.0.public_key());
            json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": x } })
        }

        pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
            let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let message = format!("{}.{}", encode(header), encode(claims));
            let signature = self.0.sign(message.as_bytes());
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::testing::Device;
    use super::*;

    const NOW_S: i64 = 1_800_000_000;
    const URL: &str = "https://siegel.example/v1/records";

    fn expected() -> Expected<'static> {
        Expected { method: "POST", url: URL, token: Some("a.b.c"), now: Timestamp(NOW_S * 1_000) }
    }

    fn claims() -> Value {
        json!({ "jti": "1", "htm": "POST", "htu": URL, "iat": NOW_S, "ath": token_hash("a.b.c"), "nonce": "n" })
    }

    fn with(mut value: Value, member: &str, new: Value) -> Value {
        value[member] = new;
        value
    }

    #[test]
    fn a_proof_shows_the_key_for_this_request() {
        let device = Device::new(1);
        let proof = verify(&device.sign(&device.header(), &claims()), expected()).unwrap();
        assert_eq!(proof.key, device.key());
        assert_eq!((proof.jti.as_str(), proof.nonce.as_deref()), ("1", Some("n")));
        let query = with(claims(), "htu", json!(format!("{URL}?page_size=1#top")));
        assert!(verify(&device.sign(&device.header(), &query), expected()).is_ok());
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        let bytes = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = SigningPublicKey::from_bytes(bytes.try_into().unwrap()).unwrap();
        assert_eq!(thumbprint(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn claims_of_another_request_are_refused() {
        let device = Device::new(1);
        for (member, value, error) in [
            ("htm", json!("GET"), ProofError::Request),
            ("htm", json!("post"), ProofError::Request),
            ("htu", json!("https://evil.example/v1/records"), ProofError::Request),
            ("htu", json!("http://siegel.example/v1/records"), ProofError::Request),
            ("htu", json!(format!("{URL}/")), ProofError::Request),
            ("ath", json!(token_hash("a.b.d")), ProofError::Token),
            ("ath", Value::Null, ProofError::Token),
            ("iat", json!(NOW_S - 301), ProofError::Time),
            ("iat", json!(NOW_S + 301), ProofError::Time),
            ("iat", json!(i64::MIN), ProofError::Time),
            ("iat", json!("now"), ProofError::Malformed),
            ("jti", json!(""), ProofError::Malformed),
            ("jti", json!("x".repeat(129)), ProofError::Malformed),
            ("jti", Value::Null, ProofError::Malformed),
        ] {
            let proof = device.sign(&device.header(), &with(claims(), member, value.clone()));
            assert_eq!(verify(&proof, expected()).unwrap_err(), error, "{member} = {value}");
        }
        let without_token = Expected { token: None, ..expected() };
        let proof = device.sign(&device.header(), &claims());
        assert_eq!(verify(&proof, without_token).unwrap_err(), ProofError::Token);
    }

    #[test]
    fn headers_with_other_algorithms_or_keys_are_refused() {
        let device = Device::new(1);
        let (good, mut identity) = (device.header(), [0; 32]);
        identity[0] = 1; // of small order: R = identity, S = 0 would verify for any message
        let jwk = |member: &str, value: Value| with(good.clone(), "jwk", with(good["jwk"].clone(), member, value));
        for (header, error) in [
            (with(good.clone(), "typ", json!("JWT")), ProofError::Kind),
            (with(good.clone(), "alg", json!("none")), ProofError::Key),
            (with(good.clone(), "alg", json!("HS256")), ProofError::Key),
            (with(good.clone(), "alg", json!("ES256")), ProofError::Key),
            (with(good.clone(), "crit", json!(["exp"])), ProofError::Key),
            (jwk("kty", json!("EC")), ProofError::Key),
            (jwk("crv", json!("X25519")), ProofError::Key),
            (jwk("d", json!("AAAA")), ProofError::Key),
            (jwk("x", json!("AAAA")), ProofError::Key),
            (jwk("x", json!(URL_SAFE_NO_PAD.encode(identity))), ProofError::Key),
            (jwk("x", json!(URL_SAFE_NO_PAD.encode(Device::new(2).key().as_bytes()))), ProofError::Signature),
            (with(good.clone(), "jwk", Value::Null), ProofError::Malformed),
        ] {
            assert_eq!(verify(&device.sign(&header, &claims()), expected()).unwrap_err(), error, "{header}");
        }
    }

    #[test]
    fn what_is_no_proof_is_refused() {
        let device = Device::new(1);
        let good = device.sign(&device.header(), &claims());
        let (message, signature) = good.rsplit_once('.').unwrap();
        let longer = format!("{good}{}", "A".repeat(64 * 1024));
        for bad in
            ["", ".", "..", "a.b.c", message, &format!("{message}."), &format!("{message}.{signature}="), &longer]
        {
            assert_eq!(verify(bad, expected()).unwrap_err(), ProofError::Malformed);
        }
        let other = Device::new(2).sign(&device.header(), &claims());
        assert_eq!(verify(&other, expected()).unwrap_err(), ProofError::Signature);
    }

    /// The order of the curve's group: S + L is the same scalar in another spelling. A verifier that takes both lets a
    /// proof be replayed under a new signature.
    #[test]
    fn a_signature_has_one_spelling() {
        const L: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let device = Device::new(1);
        let good = device.sign(&device.header(), &claims());
        let (message, signature) = good.rsplit_once('.').unwrap();
        let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut carry = 0u16;
        for (byte, add) in signature[32..].iter_mut().zip(L) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        let other = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&signature));
        assert_eq!(verify(&other, expected()).unwrap_err(), ProofError::Signature);
    }
}
