//! Requests by hand, for what the SDK would never send: somebody else's id, a stolen token, a proof by another key.

use anyhow::{Context as _, Result};
use reqwest::{Method, StatusCode, header};
use sha2::{Digest as _, Sha256};
use siegel_api::{Bytes, DPOP_NONCE_HEADER, IDEMPOTENCY_KEY_HEADER};
use siegel_client::{rng, time};
use siegel_crypto::SigningSecretKey;

use crate::{Liar, Person};

/// Someone's token and key, to be used without the SDK.
pub struct Raw {
    http: reqwest::Client,
    url: String,
    token: String,
    key: SigningSecretKey,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The status.
    pub status: StatusCode,
    /// The body, without the number that each request has of its own.
    pub body: Vec<u8>,
}

fn without_request_id(body: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(mut json) => {
            json.as_object_mut().map(|json| json.remove("request_id"));
            json.to_string().into_bytes()
        }
        Err(_) => body.to_vec(),
    }
}

impl Said {
    /// The problem's code, empty if it is none.
    pub fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Raw {
    /// With the token that `person` uses now, as the provider in between sees it.
    pub async fn of(person: &Person, liar: &Liar) -> Result<Self> {
        person.session.who().await?;
        let asked = liar.asked("GET /v1/auth/session");
        let token = asked.last().and_then(|asked| asked.headers.get(header::AUTHORIZATION)).context("no token seen")?;
        let token = token.to_str()?.strip_prefix("DPoP ").context("another kind of token")?.to_owned();
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, url: liar.url(), token, key: person.dir.device_keys()?.sign })
    }

    /// The same token in other hands.
    #[must_use]
    pub fn stolen_by(&self, key: &SigningSecretKey) -> Self {
        Self { http: self.http.clone(), url: self.url.clone(), token: self.token.clone(), key: key.clone() }
    }

    /// Sends with a fresh proof; once more if the platform asks for its nonce in it.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Said> {
        let mut nonce = None;
        loop {
            let proof = self.proof(method, path, nonce.as_deref());
            let answer = self.once(method, path, Some(&proof), headers, body.clone()).await?;
            let asked =
                answer.headers().get(DPOP_NONCE_HEADER).and_then(|nonce| nonce.to_str().ok()).map(str::to_owned);
            let status = answer.status();
            let said = Said { status, body: without_request_id(&answer.bytes().await?) };
            if nonce.is_some() || said.code() != "use-dpop-nonce" {
                return Ok(said);
            }
            nonce = asked;
        }
    }

    /// Sends with this proof or none.
    pub async fn once(
        &self,
        method: &str,
        path: &str,
        proof: Option<&str>,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<reqwest::Response> {
        let mut request = self.http.request(Method::from_bytes(method.as_bytes())?, format!("{}{path}", self.url));
        request = request.header(header::AUTHORIZATION, format!("DPoP {}", self.token));
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        if matches!(method, "POST" | "PATCH") {
            request = request.header(IDEMPOTENCY_KEY_HEADER, Bytes(rng::bytes::<16>().to_vec()).to_text());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(request.body(body).send().await?)
    }

    /// A proof of possession as the SDK makes them (RFC 9449).
    pub fn proof(&self, method: &str, path: &str, nonce: Option<&str>) -> String {
        let text = |bytes: &[u8]| Bytes(bytes.to_vec()).to_text();
        let jwk = serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": text(self.key.public().as_bytes()) });
        let header = serde_json::json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk });
        let mut claims = serde_json::json!({
            "jti": text(&rng::bytes::<16>()), "htm": method, "iat": time::now_ms() / 1000,
            "htu": format!("{}{}", self.url, path.split('?').next().unwrap_or_default()),
            "ath": text(&Sha256::digest(&self.token)),
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let signed = format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()));
        let signature = text(self.key.sign_bytes(signed.as_bytes()).as_bytes());
        format!("{signed}.{signature}")
    }
}
