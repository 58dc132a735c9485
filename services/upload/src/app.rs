//! Everything upload consists of, in one list: state, routes, gRPC, workers.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use siegel_domain::{RecordId, TenantId};
use siegel_platform::Ctx;
use siegel_platform::budget::ByteBudget;
use siegel_platform::clock::ClockGuard;
use siegel_platform::db::{Db, DbError, DbOptions, TenantDbs};
use siegel_platform::http::page::PageTokens;
use siegel_platform::log::EventSource;
use siegel_platform::peer::Peer;
use siegel_platform::secrets::SecretsError;
use siegel_platform::sign::{STATEMENTS, Signer};
use siegel_platform::worker::Worker;
use siegel_platform::zones::{ObjectName, PutOutcome};
use siegel_proto::retention::v1::retention_service_client::RetentionServiceClient;
use siegel_proto::upload::v1::upload_service_server::UploadServiceServer;
use tokio::sync::Notify;
use utoipa_axum::router::OpenApiRouter;

use crate::access::Actor;
use crate::api::{grpc, rest};
use crate::buffers::Buffers;
use crate::busy::Busy;
use crate::config::UploadConfig;
use crate::directory::Directory;
use crate::metrics::UploadMetrics;
use crate::read::Downloads;
use crate::rounds::{Marked, Rounds};
use crate::seal::ShredKeys;
use crate::{inventory, repair, scrub, sweep};

/// Migrations of `upload.db`.
pub static MIGRATIONS: LazyLock<siegel_platform::db::Migrations> = LazyLock::new(|| {
    siegel_platform::db::embedded(&[
        (1, "upload", include_str!("../migrations/sqlite/0001_upload.sql")),
        (2, "relay", siegel_platform::log::RELAY_SQL),
        (3, "strays", include_str!("../migrations/sqlite/0003_strays.sql")),
    ])
});
/// Migrations of `keys.db`.
pub static KEYS_MIGRATIONS: LazyLock<siegel_platform::db::Migrations> = LazyLock::new(|| {
    siegel_platform::db::embedded(&[(1, "shred keys", include_str!("../migrations/keys/0001_shred_keys.sql"))])
});

/// What upload needs beside the platform.
pub struct Needs {
    /// Says whether anything may be deleted for its age.
    pub guard: Arc<ClockGuard>,
    /// The process' bytes.
    pub budget: ByteBudget,
    /// Whose keys are whose.
    pub key_directory: Peer,
    /// When records fall due.
    pub retention: Peer,
}

/// Upload. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What upload's parts share.
pub struct Inner {
    /// The platform.
    pub ctx: Ctx,
    /// Its settings.
    pub config: UploadConfig,
    /// Its numbers.
    pub metrics: UploadMetrics,
    /// `upload.db` of each tenant.
    pub dbs: Arc<TenantDbs>,
    /// Shred keys, in `keys.db` of each tenant.
    pub shred_keys: ShredKeys,
    /// Makes its events.
    pub source: EventSource,
    /// Makes its page tokens.
    pub tokens: PageTokens,
    /// Signs receipts and tombstones.
    pub statements: Signer,
    /// The key directory.
    pub directory: Directory,
    /// Retention.
    pub retention: RetentionServiceClient<Peer>,
    /// Says whether anything may be deleted for its age.
    pub guard: Arc<ClockGuard>,
    /// The process' bytes.
    pub budget: ByteBudget,
    /// What parts arrive in.
    pub buffers: Buffers,
    /// Objects that are written, perhaps, and have no row yet.
    pub in_flight: Busy<ObjectName>,
    /// Commits under way.
    pub committing: Busy<(TenantId, RecordId)>,
    /// Downloads that the audit trail knows of.
    pub downloads: Downloads,
    /// Erasures under way.
    pub erasing: Busy<(TenantId, RecordId)>,
    /// Tenants with uploads that are not finished.
    pub unfinished: Marked,
    /// Tenants with copies to repair.
    pub to_repair: Marked,
    /// Tenants with copies to compare.
    pub to_scrub: Marked,
    /// Wakes the repair worker.
    pub repair_wake: Arc<Notify>,
    /// The nets under them.
    pub sweep_rounds: Rounds,
    /// As above.
    pub repair_rounds: Rounds,
    /// As above.
    pub scrub_rounds: Rounds,
    /// As above.
    pub inventory_rounds: Rounds,
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Upload on this platform.
    pub async fn new(ctx: Ctx, config: UploadConfig, needs: Needs) -> Result<Self, SecretsError> {
        let dbs = Arc::new(TenantDbs::new(&ctx.state_dir, "upload", &MIGRATIONS, ctx.db_options()));
        ctx.log.register(dbs.clone());
        let secure = DbOptions { secure_delete: true, ..ctx.db_options() };
        let keys = Arc::new(TenantDbs::new(&ctx.state_dir, "keys", &KEYS_MIGRATIONS, secure));
        Ok(Self(Arc::new(Inner {
            config,
            metrics: UploadMetrics::new(&ctx.metrics),
            dbs,
            shred_keys: ShredKeys::new(keys, ctx.secrets.clone(), ctx.rng.clone()),
            source: EventSource::new("/siegel/upload", ctx.clock.clone(), ctx.rng.clone()),
            tokens: PageTokens::load(&ctx.secrets).await?,
            statements: Signer::load(&ctx.secrets, STATEMENTS).await?,
            directory: Directory::new(needs.key_directory, ctx.clock.clone()),
            retention: RetentionServiceClient::new(needs.retention),
            guard: needs.guard,
            budget: needs.budget,
            buffers: Buffers::default(),
            in_flight: Busy::default(),
            committing: Busy::default(),
            downloads: Downloads::default(),
            erasing: Busy::default(),
            unfinished: Marked::default(),
            to_repair: Marked::default(),
            to_scrub: Marked::default(),
            repair_wake: Arc::default(),
            sweep_rounds: Rounds::default(),
            repair_rounds: Rounds::default(),
            scrub_rounds: Rounds::default(),
            inventory_rounds: Rounds::default(),
            ctx,
        })))
    }

    /// The public routes.
    pub fn rest(&self) -> OpenApiRouter {
        rest::routes().with_state(self.clone())
    }

    /// `siegel.upload.v1`.
    pub fn grpc(&self) -> UploadServiceServer<grpc::Upload> {
        UploadServiceServer::new(grpc::Upload(self.clone()))
    }

    /// The background work.
    pub fn workers(&self) -> Vec<Worker> {
        let run = |name, every_ms, work: fn(Self) -> Work| {
            let app = self.clone();
            Worker::new(name, every_ms, move || work(app.clone()))
        };
        vec![
            run("upload.sweep", 60_000, |app| Box::pin(async move { sweep::run_once(&app).await })),
            run("upload.repair", 5_000, |app| Box::pin(async move { repair::run_once(&app).await }))
                .woken_by(self.repair_wake.clone()),
            run("upload.scrub", scrub::EVERY_MS, |app| Box::pin(async move { scrub::run_once(&app).await })),
            run("upload.inventory", 300_000, |app| Box::pin(async move { inventory::run_once(&app).await })),
        ]
    }

    /// Closes databases that nobody used for a while: a thousand idle tenants hold no connection. Spare buffers go, too.
    pub async fn close_idle(&self) {
        self.buffers.free();
        self.dbs.close_idle().await;
        self.shred_keys.close_idle().await;
    }

    /// The actor's tenant's database.
    pub async fn db(&self, actor: &Actor) -> Result<Arc<Db>, DbError> {
        self.dbs.get(actor.tenant_id()).await
    }

    /// How long a request waits for its share of the byte budget.
    pub fn budget_wait_ms(&self) -> i64 {
        i64::from(self.config.budget_wait_ms)
    }

    /// A tenant has copies to repair: at once, if the zones allow it.
    pub fn mark_for_repair(&self, tenant: TenantId) {
        self.to_repair.mark(tenant);
        self.repair_wake.notify_one();
    }

    /// A write that one zone missed is first in line for repair.
    pub fn noticed(&self, tenant: TenantId, outcome: &PutOutcome) {
        if let Some(failure) = outcome.failure() {
            tracing::warn!(%tenant, reason = failure.word(), "a zone lacks a copy; it is first in line for repair");
            self.mark_for_repair(tenant);
        }
    }
}

type Work = futures::future::BoxFuture<'static, Result<usize, siegel_platform::Problem>>;
