//! A platform with notification, the logs of four services, and people who listen.

use std::sync::{Arc, LazyLock};

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use siegel_api::events::Event;
use siegel_domain::{DeviceId, MemberId, Party, Principal, Role, SenderId, SessionId, TenantId};
use siegel_notification::{App, NotificationConfig};
use siegel_platform::auth::{Auth, Caller};
use siegel_platform::clock::ManualClock;
use siegel_platform::db::{DbOptions, TenantDbs};
use siegel_platform::log::{EventSource, emit};
use siegel_platform::peer;
use siegel_platform::testing::{self, Assumed, START, URL};
use siegel_proto::events::v1::event::Data;
use siegel_proto::keydirectory::v1::key_directory_service_client::KeyDirectoryServiceClient;
use siegel_proto::keydirectory::v1::key_directory_service_server::KeyDirectoryServiceServer;
use tempfile::TempDir;
use tokio_stream::StreamExt;
use tower::ServiceExt;

use crate::directory::Directory;

static OUTBOX: LazyLock<siegel_platform::db::Migrations> =
    LazyLock::new(|| siegel_platform::db::embedded(&[(1, "outbox", include_str!("migrations/0001_outbox.sql"))]));

pub(crate) const SERVICES: [&str; 4] = ["key-directory", "upload", "retention", "operator"];

pub(crate) struct World {
    pub(crate) _state: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) app: App,
    pub(crate) directory: Directory,
    pub(crate) ours: TenantId,
    pub(crate) other: TenantId,
    logs: [Arc<TenantDbs>; 4],
    source: EventSource,
}

pub(crate) async fn world() -> World {
    world_with(NotificationConfig::default()).await
}

pub(crate) async fn world_with(config: NotificationConfig) -> World {
    let (state, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(START));
    let ctx = testing::ctx(state.path(), &clock).await;
    let (ours, other) = (testing::tenant(&ctx, 1).await, testing::tenant(&ctx, 2).await);
    let logs = SERVICES.map(|service| {
        let dbs = Arc::new(TenantDbs::new(state.path(), service, &OUTBOX, DbOptions::default()));
        ctx.log.register(dbs.clone());
        dbs
    });
    let source = EventSource::new("/siegel/test", ctx.clock.clone(), ctx.rng.clone());
    let app = App::new(ctx, config);
    World { _state: state, clock, app, directory: Directory::default(), ours, other, logs, source }
}

pub(crate) fn sender(n: u8) -> Party {
    Party::Sender(SenderId::from_bytes([n; 16]))
}

pub(crate) fn as_sender(tenant: TenantId, n: u8) -> Caller {
    caller(Principal::Sender(SenderId::from_bytes([n; 16])), Some(tenant), Role::Sender)
}

pub(crate) fn member(tenant: TenantId) -> Caller {
    caller(Principal::Member(MemberId::from_bytes([8; 16])), Some(tenant), Role::Member)
}

pub(crate) fn caller(principal: Principal, tenant: Option<TenantId>, role: Role) -> Caller {
    let (device, session) = (DeviceId::from_bytes([3; 16]), SessionId::from_bytes([4; 16]));
    Caller { principal, tenant, device, session, role, confirmed: true }
}

/// An open line.
pub(crate) struct Line {
    body: BodyDataStream,
    text: String,
    /// The last position that was sent.
    pub(crate) last_id: Option<String>,
}

impl Line {
    /// The next event or comment: its position goes to `last_id`. `None`: the stream has ended.
    pub(crate) async fn block(&mut self) -> Option<Option<Event>> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let Some(id) = field("id:") {
                    self.last_id = Some(id.to_owned());
                }
                return Some(field("data:").map(|data| serde_json::from_str(data).unwrap()));
            }
            self.text += std::str::from_utf8(&self.body.next().await?.unwrap()).unwrap();
        }
    }

    /// The next event, whatever comments come before it.
    pub(crate) async fn event(&mut self) -> Event {
        loop {
            if let Some(event) = self.block().await.expect("the stream goes on") {
                return event;
            }
        }
    }

    /// The subjects of the next `count` events.
    pub(crate) async fn subjects(&mut self, count: usize) -> Vec<String> {
        let mut subjects = Vec::new();
        while subjects.len() < count {
            subjects.push(self.event().await.subject);
        }
        subjects
    }
}

impl World {
    /// An event in the log of a service; listeners are woken.
    pub(crate) async fn tell(&self, service: usize, tenant: TenantId, subject: &str, data: Data) {
        let event = &self.source.event(tenant, subject, data);
        let db = self.logs[service].get(tenant).await.unwrap();
        db.tx("test.emit", |tx| Box::pin(async move { emit(tx, event.clone()).await })).await.unwrap();
        self.app.hub.pass_on(&self.app.news);
    }

    /// Asks for a stream; the answer's status and body.
    pub(crate) async fn ask(&self, who: Caller, query: &str, after: Option<&str>) -> (StatusCode, Body) {
        let peer = peer::direct(KeyDirectoryServiceServer::new(self.directory.clone()));
        let ctx = &self.app.ctx;
        let auth = Auth::new(ctx.clock.clone(), URL, KeyDirectoryServiceClient::new(peer), ctx.quotas.clone());
        let (router, _) = self.app.rest().split_for_parts();
        let router: Router = router.layer(Extension(Assumed(who))).layer(Extension(auth));
        let mut request = Request::get(format!("/v1/events{query}"));
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        (response.status(), response.into_body())
    }

    pub(crate) async fn refused(&self, who: Caller, query: &str, after: Option<&str>) -> (u16, String) {
        let (status, body) = self.ask(who, query, after).await;
        let body: serde_json::Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        (status.as_u16(), body["code"].as_str().unwrap().to_owned())
    }

    /// Lets time pass until `wanted` has happened.
    pub(crate) async fn until<T>(&self, wanted: impl Future<Output = T>) -> T {
        let time = async {
            loop {
                tokio::task::yield_now().await;
                self.clock.advance_ms(100);
            }
        };
        tokio::select! {
            biased;
            value = wanted => value,
            () = time => unreachable!("time does not end"),
        }
    }

    /// Opens a line and takes the greeting.
    pub(crate) async fn listen(&self, who: Caller, after: Option<&str>) -> Line {
        self.listen_to(who, "", after).await
    }

    pub(crate) async fn listen_to(&self, who: Caller, query: &str, after: Option<&str>) -> Line {
        let (status, body) = self.ask(who, query, after).await;
        assert_eq!(status, StatusCode::OK);
        let mut line = Line { body: body.into_data_stream(), text: String::new(), last_id: None };
        assert_eq!(line.block().await, Some(None), "a greeting with the position");
        line
    }
}
