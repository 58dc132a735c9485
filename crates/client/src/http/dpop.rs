//! Proof of possession (RFC 9449): each request carries a small signed statement "the holder of this key sends this
//! method to this address, now". A stolen token is of no use without the device's key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use siegel_crypto::SigningSecretKey;

#[derive(Serialize)]
struct Header<'a> {
    typ: &'a str,
    alg: &'a str,
    jwk: Jwk<'a>,
}

#[derive(Serialize)]
struct Jwk<'a> {
    crv: &'a str,
    kty: &'a str,
    x: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: String,
    htm: &'a str,
    htu: &'a str,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

/// What a proof is about.
pub(super) struct Proof<'a> {
    /// The method, upper case.
    pub(super) method: &'a str,
    /// The address without query and fragment.
    pub(super) url: &'a str,
    /// Seconds since the Unix epoch.
    pub(super) issued_s: i64,
    /// The token that goes with it.
    pub(super) token: Option<&'a str>,
    /// The server's last nonce.
    pub(super) nonce: Option<&'a str>,
    /// Makes each proof good for one use.
    pub(super) unique: [u8; 16],
}

impl Proof<'_> {
    /// The compact JWS.
    pub(super) fn sign(&self, key: &SigningSecretKey) -> String {
        let x = URL_SAFE_NO_PAD.encode(key.public().as_bytes());
        let header = Header { typ: "dpop+jwt", alg: "EdDSA", jwk: Jwk { crv: "Ed25519", kty: "OKP", x } };
        let claims = Claims {
            jti: URL_SAFE_NO_PAD.encode(self.unique),
            htm: self.method,
            htu: self.url,
            iat: self.issued_s,
            ath: self.token.map(|token| URL_SAFE_NO_PAD.encode(Sha256::digest(token))),
            nonce: self.nonce,
        };
        let mut jws = format!("{}.{}", encode(&header), encode(&claims));
        let signature = key.sign_bytes(jws.as_bytes());
        jws.push('.');
        jws.push_str(&URL_SAFE_NO_PAD.encode(signature.as_bytes()));
        jws
    }
}

fn encode(value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).expect("plain strings and numbers always encode"))
}

#[cfg(test)]
mod tests {
    use siegel_crypto::secret::Secret;
    use siegel_envelope::Signature;

    use super::*;

    fn part(jws: &str, at: usize) -> serde_json::Value {
        let part = jws.split('.').nth(at).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_proof_names_method_address_token_and_nonce_and_is_signed_by_the_key_it_shows() {
        let key = SigningSecretKey::from_seed(&Secret::copy_of(&[7; 32]));
        let proof = Proof {
            method: "PUT",
            url: "https://h/v1/x",
            issued_s: 1_700_000_000,
            token: Some("token"),
            nonce: Some("n1"),
            unique: [1; 16],
        };
        let jws = proof.sign(&key);
        let (header, claims) = (part(&jws, 0), part(&jws, 1));
        assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("dpop+jwt"), Some("EdDSA")));
        assert_eq!(header["jwk"]["x"], URL_SAFE_NO_PAD.encode(key.public().as_bytes()));
        assert_eq!((claims["htm"].as_str(), claims["htu"].as_str()), (Some("PUT"), Some("https://h/v1/x")));
        assert_eq!((claims["nonce"].as_str(), claims["iat"].as_i64()), (Some("n1"), Some(1_700_000_000)));
        // SHA-256("token"), computed elsewhere
        assert_eq!(claims["ath"], "PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A");
        let (message, signature) = jws.rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        assert!(key.public().verifies(message.as_bytes(), &signature));
    }

    #[test]
    fn without_token_and_nonce_the_claims_are_left_out() {
        let key = SigningSecretKey::from_seed(&Secret::copy_of(&[7; 32]));
        let jws = Proof { method: "POST", url: "https://h/", issued_s: 0, token: None, nonce: None, unique: [0; 16] }
            .sign(&key);
        let claims = part(&jws, 1);
        assert!(claims.get("ath").is_none() && claims.get("nonce").is_none());
    }
}
