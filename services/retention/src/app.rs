//! Everything retention consists of, in one list: routes, gRPC, workers.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use prometheus_client::metrics::gauge::Gauge;
use siegel_platform::Ctx;
use siegel_platform::clock::{ClockGuard, ClockState};
use siegel_platform::db::TenantDbs;
use siegel_platform::http::page::PageTokens;
use siegel_platform::log::{Consumer, EventSource};
use siegel_platform::metrics::Metrics;
use siegel_platform::peer::Peer;
use siegel_platform::secrets::SecretsError;
use siegel_platform::sign::{STATEMENTS, Signer};
use siegel_platform::worker::Worker;
use siegel_proto::retention::v1::retention_service_server::RetentionServiceServer;
use siegel_proto::upload::v1::upload_service_client::UploadServiceClient;
use utoipa_axum::router::OpenApiRouter;

use crate::config::RetentionConfig;
use crate::erase::Erasing;
use crate::expire::Sweep;
use crate::{api, erase, events, expire};

/// Migrations of `retention.db`.
pub static MIGRATIONS: LazyLock<siegel_platform::db::Migrations> = LazyLock::new(|| {
    siegel_platform::db::embedded(&[
        (1, "retention", include_str!("../migrations/sqlite/0001_retention.sql")),
        (2, "relay", siegel_platform::log::RELAY_SQL),
        (3, "redrive", siegel_platform::log::REDRIVE_SQL),
        (4, "copied", siegel_platform::log::COPIED_SQL),
    ])
});

/// An account of an erasure names every object: more than gRPC's usual 4 MiB for the largest record.
const LARGEST_ACCOUNT_BYTES: usize = 32 * 1024 * 1024;

/// What retention needs beside the platform.
pub struct Needs {
    /// Says whether the wall clock may be believed: one for the process.
    pub guard: Arc<ClockGuard>,
    /// Erases.
    pub upload: Peer,
}

/// Retention. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What retention's parts share.
pub struct Inner {
    /// The platform.
    pub ctx: Ctx,
    /// Its settings.
    pub config: RetentionConfig,
    /// `retention.db` of each tenant.
    pub dbs: Arc<TenantDbs>,
    /// Makes its events.
    pub source: EventSource,
    /// Says whether the wall clock may be believed.
    pub guard: Arc<ClockGuard>,
    /// Signs receipts.
    pub signer: Signer,
    /// Erases.
    pub upload: UploadServiceClient<Peer>,
    /// Hears the other services.
    pub consumer: Consumer,
    /// Where something is being erased.
    pub erasing: Erasing,
    /// Where the sweep over all tenants is.
    pub sweep: Sweep,
    /// Makes the tokens of its pages.
    pub pages: PageTokens,
    /// Its numbers.
    pub metrics: RetentionMetrics,
}

/// What retention tells at `/metrics`.
pub struct RetentionMetrics {
    held: Gauge,
}

impl RetentionMetrics {
    fn new(metrics: &Metrics) -> Self {
        let help = "1 while nothing expires because the clocks disagree; alarm on it";
        Self { held: metrics.register("expiry_held", help, Gauge::default()) }
    }

    /// Shows whether expiry is held.
    pub fn held(&self, state: ClockState) {
        self.held.set(i64::from(matches!(state, ClockState::Held { .. })));
    }

    /// Whether it is shown as held.
    pub fn is_held(&self) -> bool {
        self.held.get() == 1
    }
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Retention on this platform.
    pub async fn new(ctx: Ctx, config: RetentionConfig, needs: Needs) -> Result<Self, SecretsError> {
        let dbs = Arc::new(TenantDbs::new(&ctx.state_dir, "retention", &MIGRATIONS, ctx.db_options()));
        ctx.log.register(dbs.clone());
        let Needs { guard, upload } = needs;
        let derive = Arc::new(events::Derive { guard: guard.clone(), clock: ctx.clock.clone() });
        let consumer = Consumer::new(
            events::CONSUMER,
            ctx.log.clone(),
            events::SOURCES.into(),
            dbs.clone(),
            derive,
            ctx.clock.clone(),
        )
        .redriven_by(ctx.tenants.clone())
        .counted_in(&ctx.consumers);
        Ok(Self(Arc::new(Inner {
            source: EventSource::new("/siegel/retention", ctx.clock.clone(), ctx.rng.clone()),
            signer: Signer::load(&ctx.secrets, STATEMENTS).await?,
            pages: PageTokens::load(&ctx.secrets).await?,
            metrics: RetentionMetrics::new(&ctx.metrics),
            upload: UploadServiceClient::new(upload).max_decoding_message_size(LARGEST_ACCOUNT_BYTES),
            erasing: Erasing::default(),
            sweep: Sweep::default(),
            ctx,
            config,
            dbs,
            guard,
            consumer,
        })))
    }

    /// The public routes.
    pub fn rest(&self) -> OpenApiRouter {
        api::routes().with_state(self.clone())
    }

    /// `siegel.retention.v1`.
    pub fn grpc(&self) -> RetentionServiceServer<api::grpc::Retention> {
        RetentionServiceServer::new(api::grpc::Retention(self.clone()))
    }

    /// The background work.
    pub fn workers(&self) -> Vec<Worker> {
        let app = self.clone();
        let derive = Worker::new("retention.derive", 30_000, move || {
            let app = app.clone();
            async move { app.consumer.run_once().await }
        });
        self.ctx.log.wake(derive.waker());
        let app = self.clone();
        let expire = Worker::new("retention.expire", 60_000, move || {
            let app = app.clone();
            async move { expire::run_once(&app).await }
        });
        let app = self.clone();
        let erase = Worker::new("retention.erase", 1_000, move || {
            let app = app.clone();
            async move { erase::run_once(&app).await }
        });
        vec![derive, expire, erase.woken_by(self.erasing.wake.clone())]
    }
}
