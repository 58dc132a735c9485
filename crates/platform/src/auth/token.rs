//! Access tokens: JWTs of at most five minutes, signed with Ed25519 by the key directory and bound to a device's key
//! (RFC 9068 for the type, RFC 9449 § 6 for the binding). Only the algorithm and the keys pinned here count: what a
//! token's header says about where to find a key is a reason to refuse it (FAULTS F35).

use std::collections::HashMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use siegel_domain::{DeviceId, Principal, Role, SessionId, TenantId, Timestamp};
use siegel_envelope::SigningPublicKey;

/// Seconds a token is good for.
pub const TOKEN_LIFE_S: u32 = 300;
/// Longer ones are refused unread; ours have about 700 bytes.
const MAX_TOKEN_BYTES: usize = 2_048;
/// RFC 9068 § 2.1.
const TYP: &str = "at+jwt";
const AUDIENCE: &str = "siegel";
/// How far ahead the clock of the replica that signed may be. An expired token gets no such grace.
const AHEAD_S: i64 = 2;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The platform's public URL.
    pub iss: String,
    /// Always `siegel`.
    pub aud: String,
    /// Who.
    pub sub: Principal,
    /// The tenant; absent for a dealer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tnt: Option<TenantId>,
    /// The device.
    pub dev: DeviceId,
    /// The session.
    pub sid: SessionId,
    /// The role.
    pub rol: Role,
    /// Whether a member of the tenant has confirmed the enrolment.
    pub cfd: bool,
    /// When it was issued, seconds since the epoch.
    pub iat: i64,
    /// When it ends, seconds since the epoch.
    pub exp: i64,
    /// The key that has to prove each request.
    pub cnf: Confirmation,
}

/// RFC 9449 § 6.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The thumbprint of the device's key, see [`thumbprint`](super::dpop::thumbprint).
    pub jkt: String,
}

/// Whom a token is for.
#[derive(Debug, Clone)]
pub struct TokenSubject {
    /// Who.
    pub principal: Principal,
    /// The tenant; none for a dealer.
    pub tenant: Option<TenantId>,
    /// The device.
    pub device: DeviceId,
    /// Its key.
    pub device_key: SigningPublicKey,
    /// The session.
    pub session: SessionId,
    /// The role.
    pub role: Role,
    /// Whether a member has confirmed the enrolment.
    pub confirmed: bool,
}

/// A seed that can't be a signing key. Does not happen with 32 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the seed of the token key can't be used")]
pub struct SignerError;

/// The side that issues: the key directory alone has one.
pub struct TokenSigner {
    kid: String,
    key: EncodingKey,
    public_key: [u8; 32],
    issuer: String,
}

impl TokenSigner {
    /// A signer with the Ed25519 key of `seed`; `issuer` is the platform's public URL.
    pub fn new(seed: &[u8; 32], issuer: &str) -> Result<Self, SignerError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SignerError)?;
        let public_key: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| SignerError)?;
        let pkcs8 = pair.to_pkcs8().map_err(|_| SignerError)?;
        let kid = blake3::hash(&public_key).to_hex()[..16].to_owned();
        Ok(Self { kid, key: EncodingKey::from_ed_der(pkcs8.as_ref()), public_key, issuer: issuer.to_owned() })
    }

    /// The name of the key in a token's header.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key that verifies.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// A token for `subject`, good for [`TOKEN_LIFE_S`] from `now`.
    pub fn issue(&self, subject: &TokenSubject, now: Timestamp) -> Result<String, SignerError> {
        let iat = now.0.div_euclid(1_000);
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: subject.principal,
            tnt: subject.tenant,
            dev: subject.device,
            sid: subject.session,
            rol: subject.role,
            cfd: subject.confirmed,
            iat,
            exp: iat + i64::from(TOKEN_LIFE_S),
            cnf: Confirmation { jkt: super::dpop::thumbprint(&subject.device_key) },
        };
        self.sign(&claims)
    }

    fn sign(&self, claims: &Claims) -> Result<String, SignerError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYP.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|_| SignerError)
    }
}

/// Why a token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not one of ours.
    #[error("not a token of this platform")]
    Invalid,
    /// Signed with a key that is not known here, perhaps not yet.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// It was good once.
    #[error("expired")]
    Expired,
}

/// The side that verifies.
pub struct TokenVerifier {
    keys: HashMap<String, DecodingKey>,
    validation: Validation,
}

impl TokenVerifier {
    /// Trusts exactly `keys` (name and Ed25519 public key) of `issuer`. A weak key is left out: it would verify anything.
    pub fn new(keys: impl IntoIterator<Item = (String, [u8; 32])>, issuer: &str) -> Self {
        let keys = keys
            .into_iter()
            .filter(|(_, key)| SigningPublicKey::from_bytes(*key).is_ok())
            .map(|(kid, key)| (kid, DecodingKey::from_ed_der(&key)))
            .collect();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library reads the system's clock; time is checked below against the clock that was handed in.
        validation.validate_exp = false;
        validation.leeway = 0;
        Self { keys, validation }
    }

    /// The claims of `token`, if it is one of ours and good at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let points_elsewhere =
            header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.x5c.is_some();
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(TYP) || points_elsewhere {
            return Err(TokenError::Invalid);
        }
        let kid = header.kid.as_deref().ok_or(TokenError::Invalid)?;
        let key = self.keys.get(kid).ok_or(TokenError::UnknownKey)?;
        let claims =
            jsonwebtoken::decode::<Claims>(token, key, &self.validation).map_err(|_| TokenError::Invalid)?.claims;
        let now_s = now.0.div_euclid(1_000);
        if claims.exp <= now_s {
            return Err(TokenError::Expired);
        }
        let plausible = claims.iat <= now_s + AHEAD_S && claims.exp - claims.iat <= i64::from(TOKEN_LIFE_S);
        if plausible && fits(&claims) { Ok(claims) } else { Err(TokenError::Invalid) }
    }
}

/// Principal, tenant and role go together. The issuer sees to it; if it ever did not, nobody gets in.
fn fits(claims: &Claims) -> bool {
    match (claims.sub, claims.rol) {
        (Principal::Member(_), Role::Owner | Role::Member) | (Principal::Sender(_), Role::Sender) => {
            claims.tnt.is_some()
        }
        (Principal::Dealer(_), Role::Dealer) => claims.tnt.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use siegel_domain::{DealerId, MemberId};

    use super::*;

    const URL: &str = "https://siegel.example";
    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn subject() -> TokenSubject {
        let device_key = TokenSigner::new(&[9; 32], URL).unwrap();
        TokenSubject {
            principal: Principal::Member(MemberId::from_bytes([1; 16])),
            tenant: Some(TenantId::from_bytes([2; 16])),
            device: DeviceId::from_bytes([3; 16]),
            device_key: SigningPublicKey::from_bytes(*device_key.public_key()).unwrap(),
            session: SessionId::from_bytes([4; 16]),
            role: Role::Owner,
            confirmed: true,
        }
    }

    fn pair() -> (TokenSigner, TokenVerifier) {
        let signer = TokenSigner::new(&[7; 32], URL).unwrap();
        let verifier = TokenVerifier::new([(signer.kid().to_owned(), *signer.public_key())], URL);
        (signer, verifier)
    }

    fn claims_of(token: &str) -> Claims {
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice(&payload).unwrap()
    }

    /// A token with a header of the attacker's choice, signed with the true key all the same.
    fn with_header(signer: &TokenSigner, header: &str, claims: &Claims) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let message = format!("{}.{}", encode(header.as_bytes()), encode(&serde_json::to_vec(claims).unwrap()));
        let signature = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap().sign(message.as_bytes());
        assert_eq!(signer.kid(), TokenSigner::new(&[7; 32], URL).unwrap().kid());
        format!("{message}.{}", encode(signature.as_ref()))
    }

    #[test]
    fn a_token_is_good_for_its_life_and_not_a_second_longer() {
        let (signer, verifier) = pair();
        let token = signer.issue(&subject(), NOW).unwrap();
        assert_eq!(verifier.verify(&token, NOW.plus_ms(299_999)).unwrap(), claims_of(&token));
        assert_eq!(verifier.verify(&token, NOW.plus_ms(300_000)), Err(TokenError::Expired));
        assert_eq!(verifier.verify(&token, NOW.plus_ms(301_000)), Err(TokenError::Expired));
        assert!(verifier.verify(&token, NOW.plus_ms(-2_000)).is_ok(), "two replicas' clocks differ a little");
        assert_eq!(verifier.verify(&token, NOW.plus_ms(-3_000)), Err(TokenError::Invalid));
    }

    #[test]
    fn f35_only_the_pinned_algorithm_counts() {
        let (signer, verifier) = pair();
        let claims = claims_of(&signer.issue(&subject(), NOW).unwrap());
        let kid = signer.kid();
        let good = format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#);
        assert!(verifier.verify(&with_header(&signer, &good, &claims), NOW).is_ok(), "the helper makes good tokens");
        for bad in [
            format!(r#"{{"typ":"at+jwt","alg":"none","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"at+jwt","alg":"None","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#),
            r#"{"typ":"at+jwt","alg":"EdDSA"}"#.to_owned(),
            format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","jku":"https://evil.example/keys"}}"#),
            format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","x5u":"https://evil.example/cert"}}"#),
            format!(
                r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{}"}}}}"#,
                URL_SAFE_NO_PAD.encode([8; 32])
            ),
        ] {
            assert_eq!(verifier.verify(&with_header(&signer, &bad, &claims), NOW), Err(TokenError::Invalid), "{bad}");
        }
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYP.to_owned());
        header.kid = Some(kid.to_owned());
        let hmac = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(signer.public_key())).unwrap();
        assert_eq!(verifier.verify(&hmac, NOW), Err(TokenError::Invalid), "HS256 with the public key as its secret");
    }

    #[test]
    fn f35_only_the_pinned_keys_count() {
        let (signer, verifier) = pair();
        let other = TokenSigner::new(&[8; 32], URL).unwrap();
        assert_eq!(verifier.verify(&other.issue(&subject(), NOW).unwrap(), NOW), Err(TokenError::UnknownKey));
        let claims = claims_of(&signer.issue(&subject(), NOW).unwrap());
        for kid in ["../../../../dev/null", "' OR 1=1 --", "", "\\u0000"] {
            let header = format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#);
            assert_eq!(
                verifier.verify(&with_header(&signer, &header, &claims), NOW),
                Err(TokenError::UnknownKey),
                "{kid}"
            );
        }
        // The other key under the trusted key's name.
        let forged = TokenSigner { kid: signer.kid().to_owned(), ..other };
        assert_eq!(verifier.verify(&forged.issue(&subject(), NOW).unwrap(), NOW), Err(TokenError::Invalid));
        // A key of small order would verify a signature that anyone can write down.
        let mut identity = [0; 32];
        identity[0] = 1;
        let weak = TokenVerifier::new([("weak".to_owned(), identity)], URL);
        assert!(weak.keys.is_empty());
    }

    #[test]
    fn f35_claims_have_to_fit() {
        let (signer, verifier) = pair();
        let good = claims_of(&signer.issue(&subject(), NOW).unwrap());
        let dealer = Principal::Dealer(DealerId::from_bytes([1; 16]));
        let bad = [
            Claims { iss: "https://other.example".to_owned(), ..good.clone() },
            Claims { aud: "other".to_owned(), ..good.clone() },
            Claims { exp: good.exp + 1, ..good.clone() },
            Claims { tnt: None, ..good.clone() },
            Claims { sub: dealer, ..good.clone() },
            Claims { sub: dealer, rol: Role::Dealer, ..good.clone() },
            Claims { rol: Role::Sender, ..good.clone() },
        ];
        for claims in bad {
            let token = signer.sign(&claims).unwrap();
            assert_eq!(verifier.verify(&token, NOW), Err(TokenError::Invalid), "{claims:?}");
        }
    }

    #[test]
    fn f35_what_is_no_token_is_refused() {
        let (signer, verifier) = pair();
        let good = signer.issue(&subject(), NOW).unwrap();
        let huge = format!("{good}{}", "A".repeat(64 * 1024));
        let unsigned = good.rsplit_once('.').unwrap().0;
        for bad in
            ["", ".", "..", "a.b.c", unsigned, &format!("{unsigned}."), &format!("{good}."), &format!("{good}="), &huge]
        {
            assert_eq!(verifier.verify(bad, NOW), Err(TokenError::Invalid), "{}", &bad[..bad.len().min(80)]);
        }
        let mut flipped = good.clone().into_bytes();
        let payload = good.find('.').unwrap() + 20;
        flipped[payload] = if flipped[payload] == b'A' { b'B' } else { b'A' };
        assert!(verifier.verify(&String::from_utf8(flipped).unwrap(), NOW).is_err());
    }
}
