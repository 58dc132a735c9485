//! A platform with retention, two tenants, and people who ask.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use serde_json::Value;
use siegel_domain::{
    ConversationId, DeviceId, MemberId, Party, Principal, RecordId, Role, SenderId, SessionId, TenantId,
};
use siegel_platform::auth::Caller;
use siegel_platform::clock::guard::MARK_FILE;
use siegel_platform::clock::{ClockGuard, ManualClock};
use siegel_platform::db::{DbOptions, TenantDbs};
use siegel_platform::log::{EventSource, emit};
use siegel_platform::peer;
use siegel_platform::testing::{self, Assumed, START};
use siegel_proto::events::v1::event::Data;
use siegel_proto::events::v1::{Event, RecordCommitted, RecordFetched};
use siegel_proto::upload::v1::upload_service_server::UploadServiceServer;
use siegel_retention::app::Needs;
use siegel_retention::{App, RetentionConfig, erase, expire};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::upload::{Conversation, Record, Upload};

/// One day in milliseconds.
pub(crate) const DAY: i64 = 86_400_000;

pub(crate) struct World {
    pub(crate) state: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) upload: Upload,
    pub(crate) app: App,
    /// Two institutions.
    pub(crate) ours: TenantId,
    pub(crate) other: TenantId,
    logs: [Arc<TenantDbs>; 3],
}

pub(crate) async fn world() -> World {
    let (state, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(START));
    let upload = Upload::new(&clock);
    let ctx = testing::ctx(state.path(), &clock).await;
    let (ours, other) = (testing::tenant(&ctx, 1).await, testing::tenant(&ctx, 2).await);
    let (app, logs) = start(ctx, &upload).await;
    World { state, clock, upload, app, ours, other, logs }
}

/// Retention, and the logs of the services that it hears.
async fn start(ctx: siegel_platform::Ctx, upload: &Upload) -> (App, [Arc<TenantDbs>; 3]) {
    let logs = ["key-directory", "upload", "operator"].map(|service| {
        // Any database with an outbox will do.
        let dbs = TenantDbs::new(&ctx.state_dir, service, &siegel_retention::app::MIGRATIONS, DbOptions::default());
        let dbs = Arc::new(dbs);
        ctx.log.register(dbs.clone());
        dbs
    });
    let peer = peer::direct(UploadServiceServer::new(upload.clone()));
    let guard = Arc::new(ClockGuard::open(&ctx.state_dir.join(MARK_FILE), ctx.clock.clone()).unwrap());
    (App::new(ctx, RetentionConfig::default(), Needs { guard, upload: peer }).await.unwrap(), logs)
}

pub(crate) fn sender(n: u8) -> Party {
    Party::Sender(SenderId::from_bytes([n; 16]))
}

pub(crate) fn member(tenant: TenantId, role: Role) -> Caller {
    caller(Principal::Member(MemberId::from_bytes([8; 16])), Some(tenant), role)
}

pub(crate) fn as_sender(tenant: TenantId, n: u8) -> Caller {
    caller(Principal::Sender(SenderId::from_bytes([n; 16])), Some(tenant), Role::Sender)
}

pub(crate) fn caller(principal: Principal, tenant: Option<TenantId>, role: Role) -> Caller {
    let (device, session) = (DeviceId::from_bytes([3; 16]), SessionId::from_bytes([4; 16]));
    Caller { principal, tenant, device, session, role, confirmed: true }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl World {
    /// The process dies and another one starts on the same directory.
    pub(crate) async fn restart(&mut self) {
        let ctx = testing::ctx(self.state.path(), &self.clock).await;
        (self.app, self.logs) = start(ctx, &self.upload).await;
    }

    /// A committed record of sender `from` to the tenant, with its event.
    pub(crate) async fn commit(&self, tenant: TenantId, n: u8, from: u8) -> RecordId {
        self.commit_in(tenant, n, from, None).await
    }

    pub(crate) async fn commit_in(
        &self,
        tenant: TenantId,
        n: u8,
        from: u8,
        conversation: Option<ConversationId>,
    ) -> RecordId {
        let id = RecordId::from_bytes([n; 16]);
        let record = Record {
            sender: sender(from),
            recipients: vec![Party::Tenant(tenant)],
            conversation,
            state: "committed",
            erasing_ms: 0,
            shredded_ms: 0,
            objects: ["zone-a", "zone-b"].into(),
        };
        self.upload.lock().records.insert((tenant, id), record);
        let committed = RecordCommitted {
            record: id.to_string(),
            sender: sender(from).to_string(),
            recipients: vec![tenant.to_string()],
            kind: "recording".into(),
            policy: "unfetched-365d".into(),
            latest_ms: self.app.guard.latest().0,
            ..Default::default()
        };
        self.tell("upload", tenant, &id.to_string(), Data::RecordCommitted(committed)).await;
        id
    }

    pub(crate) async fn fetch(&self, tenant: TenantId, record: RecordId) {
        let fetched = RecordFetched {
            record: record.to_string(),
            party: tenant.to_string(),
            policy: "unfetched-365d".into(),
            latest_ms: self.app.guard.latest().0,
            ..Default::default()
        };
        self.tell("upload", tenant, &record.to_string(), Data::RecordFetched(fetched)).await;
    }

    pub(crate) fn conversation(&self, tenant: TenantId, n: u8, with: u8) -> ConversationId {
        let id = ConversationId::from_bytes([n; 16]);
        let conversation = Conversation { second: sender(with), closed: false };
        self.upload.lock().conversations.insert((tenant, id), conversation);
        id
    }

    /// An event in the log of a service.
    pub(crate) async fn tell(&self, service: &str, tenant: TenantId, subject: &str, data: Data) {
        let dbs = self.logs.iter().find(|dbs| dbs.service() == service).unwrap();
        let source = EventSource::new("/siegel/test", self.app.ctx.clock.clone(), self.app.ctx.rng.clone());
        let event = source.event(tenant, subject, data);
        self.tell_event(dbs, tenant, event).await;
    }

    async fn tell_event(&self, dbs: &TenantDbs, tenant: TenantId, event: Event) {
        let event = &event;
        let db = dbs.get(tenant).await.unwrap();
        db.tx("test.emit", |tx| Box::pin(async move { emit(tx, event.clone()).await })).await.unwrap();
    }

    /// Everything that is due is done: events heard, records expired and erased.
    pub(crate) async fn settle(&self) {
        loop {
            let heard = self.app.consumer.run_once().await.unwrap();
            let expired = expire::run_once(&self.app).await.unwrap();
            let erased = erase::run_once(&self.app).await.unwrap();
            if heard + expired + erased == 0 {
                break;
            }
        }
    }

    /// The kinds of events that retention itself wrote.
    pub(crate) async fn own_events(&self, tenant: TenantId) -> Vec<String> {
        let events = self.app.ctx.log.read("retention", tenant, 0, 1_000).await.unwrap();
        events.into_iter().map(|stored| stored.event.r#type).collect()
    }

    pub(crate) async fn get(&self, who: &Caller, path: &str) -> Answer {
        self.ask(who, Method::GET, path, Value::Null).await
    }

    pub(crate) async fn erase(&self, who: &Caller, target: Value) -> Answer {
        self.ask(who, Method::POST, "/v1/retention/erasures", target).await
    }

    async fn ask(&self, who: &Caller, method: Method, path: &str, body: Value) -> Answer {
        let (router, _) = self.app.rest().split_for_parts();
        let router: Router = router.layer(Extension(Assumed(who.clone())));
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let response = router.oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }
}
