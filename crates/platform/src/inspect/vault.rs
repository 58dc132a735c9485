//! OpenBao or Vault: each node, whether it is sealed; each role, whether it signs in and what it may; tenants' keys.

use std::path::Path;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::{Failure, PATIENCE, Skew};
use crate::clock::Clock;
use crate::parts::AppRole;

/// Asks the store's nodes.
pub struct Asker {
    http: Client,
    nodes: Vec<String>,
}

/// A node, by what it says.
#[derive(Debug, Clone)]
pub struct Node {
    /// Whether it is in use, or what keeps it from being so.
    pub state: State,
    /// Its version.
    pub version: String,
    /// Its clock; none if it did not say.
    pub skew: Option<Skew>,
}

/// Whether a node is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It leads.
    Leads,
    /// It follows.
    Follows,
    /// It needs keys to be opened.
    Sealed,
    /// Nobody has ever made it ready.
    New,
}

/// What a role was given when it signed in.
pub struct Given {
    /// How long its token is good, in seconds.
    pub ttl_s: i64,
    /// Whether it can be renewed.
    pub renewable: bool,
    token: String,
}

/// A tenant's key in transit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantKey {
    /// Its newest version.
    pub latest: u64,
    /// The oldest that still opens.
    pub oldest: u64,
}

impl Asker {
    /// Of nodes, which show certificates of this CA.
    pub fn new(nodes: &[String], ca_file: &Path) -> Result<Self, Failure> {
        let pem = std::fs::read(ca_file).map_err(|error| Failure::Certificate(error.to_string()))?;
        let ca =
            reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| Failure::Certificate(error.to_string()))?;
        let client = Client::builder().tls_certs_only(ca).https_only(true).no_proxy().timeout(PATIENCE);
        let http = client.redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| Failure::Other(error.to_string()))?;
        Ok(Self { http, nodes: nodes.iter().map(|node| node.trim_end_matches('/').to_owned()).collect() })
    }

    /// The nodes' addresses.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// How a node is.
    pub async fn node(&self, node: &str, clock: &dyn Clock) -> Result<Node, Failure> {
        let asked_ms = clock.now().0;
        let (status, said) = self.ask(node, Method::GET, "sys/health", None, Value::Null).await?;
        let state = match status.as_u16() {
            200 => State::Leads,
            429 | 472 | 473 => State::Follows,
            503 => State::Sealed,
            501 => State::New,
            other => return Err(Failure::Other(format!("it answers {other} to a question for its health"))),
        };
        let seconds = said["server_time_utc"].as_i64();
        let skew = seconds.map(|seconds| Skew::of(asked_ms, clock.now().0, seconds * 1_000, 1_000));
        Ok(Node { state, version: said["version"].as_str().unwrap_or("?").to_owned(), skew })
    }

    /// Signs in. The token has to be given back with [`Asker::sign_out`].
    pub async fn sign_in(&self, role: &AppRole) -> Result<Given, Failure> {
        let body = json!({ "role_id": role.role_id, "secret_id": role.secret_id.expose() });
        let (status, said) = self.any(Method::POST, "auth/approle/login", None, body).await?;
        let auth = &said["auth"];
        match auth["client_token"].as_str() {
            Some(token) => Ok(Given {
                ttl_s: auth["lease_duration"].as_i64().unwrap_or(0),
                renewable: auth["renewable"].as_bool().unwrap_or(false),
                token: token.to_owned(),
            }),
            None if status == StatusCode::BAD_REQUEST || status == StatusCode::FORBIDDEN => {
                Err(Failure::SignIn("it does not take the role or its secret id".to_owned()))
            }
            None => Err(answered(status)),
        }
    }

    /// Which of `wanted` (path, capability) a role lacks.
    pub async fn lacks(&self, given: &Given, wanted: &[(String, &str)]) -> Result<Vec<String>, Failure> {
        let paths: Vec<_> = wanted.iter().map(|(path, _)| path).collect();
        let body = json!({ "paths": paths });
        let (status, said) = self.any(Method::POST, "sys/capabilities-self", Some(given), body).await?;
        if !status.is_success() {
            return Err(answered(status));
        }
        let may = |path: &str, what: &str| {
            let all = said["data"][path].as_array().or(said[path].as_array());
            all.is_some_and(|all| all.iter().any(|one| one == what || one == "root"))
        };
        let lacking = wanted.iter().filter(|(path, what)| !may(path, what));
        Ok(lacking.map(|(path, what)| format!("{what} {path}")).collect())
    }

    /// A tenant's key, if there is one.
    pub async fn tenant_key(&self, given: &Given, tenant: &str) -> Result<Option<TenantKey>, Failure> {
        let (status, said) =
            self.any(Method::GET, &format!("tenant-keys/keys/{tenant}"), Some(given), Value::Null).await?;
        let number = |name: &str| said["data"][name].as_u64();
        match (number("latest_version"), number("min_decryption_version")) {
            (Some(latest), Some(oldest)) => Ok(Some(TenantKey { latest, oldest })),
            _ if status == StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answered(status)),
        }
    }

    /// Gives a token back.
    pub async fn sign_out(&self, given: Given) {
        let _ = self.any(Method::POST, "auth/token/revoke-self", Some(&given), Value::Null).await; // it ends by itself, too
    }

    /// Asks one node after the other, until one is in use.
    async fn any(
        &self,
        method: Method,
        path: &str,
        given: Option<&Given>,
        body: Value,
    ) -> Result<(StatusCode, Value), Failure> {
        let mut last = Failure::Other("the parts file names no node".to_owned());
        for node in &self.nodes {
            match self.ask(node, method.clone(), path, given, body.clone()).await {
                // A standby that can't pass it on to the leader says where that would be.
                Ok((status, _)) if status.is_server_error() || status.is_redirection() => last = answered(status),
                Ok(answer) => return Ok(answer),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn ask(
        &self,
        node: &str,
        method: Method,
        path: &str,
        given: Option<&Given>,
        body: Value,
    ) -> Result<(StatusCode, Value), Failure> {
        let mut request = self.http.request(method, format!("{node}/v1/{path}"));
        if let Some(given) = given {
            request = request.header("x-vault-token", &given.token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(|error| Failure::of_way(&error.without_url()))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| Failure::of_way(&error.without_url()))?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }
}

fn answered(status: StatusCode) -> Failure {
    match status.as_u16() {
        503 => Failure::Away("it is sealed".to_owned()),
        300..400 => Failure::Away("a standby that does not reach the leader".to_owned()),
        other => Failure::Other(format!("it answers {other}")),
    }
}
