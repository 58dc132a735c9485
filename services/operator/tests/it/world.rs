//! A platform with an operator, and people who ask it.

use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use siegel_domain::{DealerId, DeviceId, MemberId, Principal, Role, SenderId, SessionId, TenantId};
use siegel_operator::dealer::{DealerApi, DealerApiConfig};
use siegel_operator::{App, OperatorConfig};
use siegel_platform::auth::Caller;
use siegel_platform::clock::ManualClock;
use siegel_platform::peer;
use siegel_platform::testing::{self, Assumed, START};
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) struct World {
    pub(crate) state: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) app: App,
}

pub(crate) async fn start(state_dir: &Path, clock: &ManualClock) -> App {
    let ctx = testing::ctx(state_dir, clock).await;
    for n in [1, 2] {
        testing::dealer(&ctx, n).await;
    }
    App::new(ctx, OperatorConfig::default())
}

pub(crate) async fn world() -> World {
    let (state, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(START));
    let app = start(state.path(), &clock).await;
    World { state, clock, app }
}

pub(crate) fn dealer(n: u8) -> Caller {
    caller(Principal::Dealer(DealerId::from_bytes([n; 16])), None, Role::Dealer)
}

pub(crate) fn member(tenant: TenantId, role: Role) -> Caller {
    caller(Principal::Member(MemberId::from_bytes([8; 16])), Some(tenant), role)
}

pub(crate) fn sender(tenant: TenantId) -> Caller {
    caller(Principal::Sender(SenderId::from_bytes([9; 16])), Some(tenant), Role::Sender)
}

fn caller(principal: Principal, tenant: Option<TenantId>, role: Role) -> Caller {
    let (device, session) = (DeviceId::from_bytes([3; 16]), SessionId::from_bytes([4; 16]));
    Caller { principal, tenant, device, session, role, confirmed: true }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl World {
    pub(crate) async fn ask(
        &self,
        who: Caller,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let operator = peer::direct(self.app.grpc());
        let api = DealerApi::new(&self.app.ctx, DealerApiConfig::default(), operator).await.unwrap();
        let (router, _) = api.rest().split_for_parts();
        let router: Router = router.layer(Extension(Assumed(who)));
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = router.oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        }
    }

    pub(crate) async fn create(&self, who: Caller, handle: &str) -> Answer {
        self.ask(who, Method::POST, "/v1/tenants", &[], order(handle)).await
    }

    pub(crate) async fn get(&self, who: Caller, path: &str) -> Answer {
        self.ask(who, Method::GET, path, &[], Value::Null).await
    }
}

/// What a dealer asks for.
pub(crate) fn order(handle: &str) -> Value {
    json!({
        "handle": handle, "display_name": "Herzzentrum Nord", "comment": "K-4711", "jurisdiction": "EU",
        "owner_auth_hash": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"
    })
}

pub(crate) fn id(answer: &Answer) -> TenantId {
    answer.body["id"].as_str().unwrap().parse().unwrap()
}
