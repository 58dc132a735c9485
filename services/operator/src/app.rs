//! Everything the operator consists of, in one list: gRPC and workers.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use siegel_platform::Ctx;
use siegel_platform::db::TenantDbs;
use siegel_platform::log::{Consumer, EventSource};
use siegel_platform::worker::Worker;
use siegel_proto::operator::v1::operator_service_server::OperatorServiceServer;
use tokio::sync::Notify;

use crate::config::OperatorConfig;
use crate::owner::Owners;
use crate::{grpc, reconcile, relay};

/// Migrations of `operator.db`.
pub static MIGRATIONS: LazyLock<siegel_platform::db::Migrations> = LazyLock::new(|| {
    siegel_platform::db::embedded(&[
        (1, "operator", include_str!("../migrations/sqlite/0001_operator.sql")),
        (2, "relay", siegel_platform::log::RELAY_SQL),
        (3, "redrive", siegel_platform::log::REDRIVE_SQL),
        (4, "copied", siegel_platform::log::COPIED_SQL),
    ])
});

/// The operator. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What the operator's parts share.
pub struct Inner {
    /// The platform.
    pub ctx: Ctx,
    /// Its settings.
    pub config: OperatorConfig,
    /// What it tells of each tenant.
    pub dbs: Arc<TenantDbs>,
    /// Makes its events.
    pub source: EventSource,
    /// When each tenant is looked at next.
    pub schedule: reconcile::Schedule,
    /// Whose pass is running.
    pub turns: reconcile::Turns,
    /// Wakes the reconcile worker.
    pub reconcile_wake: Arc<Notify>,
    /// Wakes the relay.
    pub relay_wake: Arc<Notify>,
    /// Learns of first owners.
    pub owners: Consumer,
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// The operator on this platform.
    pub fn new(ctx: Ctx, config: OperatorConfig) -> Self {
        let dbs = Arc::new(TenantDbs::new(&ctx.state_dir, "operator", &MIGRATIONS, ctx.db_options()));
        ctx.log.register(dbs.clone());
        let handler = Arc::new(Owners { tenants: ctx.tenants.clone() });
        let owners = Consumer::new(
            "operator.owners",
            ctx.log.clone(),
            vec!["key-directory"],
            dbs.clone(),
            handler,
            ctx.clock.clone(),
        )
        .redriven_by(ctx.tenants.clone())
        .counted_in(&ctx.consumers);
        let source = EventSource::new("/siegel/operator", ctx.clock.clone(), ctx.rng.clone());
        let (reconcile_wake, relay_wake): (Arc<Notify>, Arc<Notify>) = (Arc::default(), Arc::default());
        // What a dealer asked for is looked at, and its audit line carried, without waiting for the next round.
        ctx.tenants.wake(reconcile_wake.clone());
        ctx.tenants.wake(relay_wake.clone());
        let schedule = reconcile::Schedule::default();
        let turns = reconcile::Turns::default();
        let inner = Inner { ctx, config, dbs, source, schedule, turns, reconcile_wake, relay_wake, owners };
        Self(Arc::new(inner))
    }

    /// `siegel.operator.v1`.
    pub fn grpc(&self) -> OperatorServiceServer<grpc::Operator> {
        OperatorServiceServer::new(grpc::Operator(self.clone()))
    }

    /// The background work.
    pub fn workers(&self) -> Vec<Worker> {
        let app = self.clone();
        let reconcile = Worker::new("operator.reconcile", 5_000, move || {
            let app = app.clone();
            async move { reconcile::run_once(&app).await }
        });
        let app = self.clone();
        let relay = Worker::new("operator.relay", 5_000, move || {
            let app = app.clone();
            async move { relay::run_once(&app).await }
        });
        let app = self.clone();
        let owners = Worker::new("operator.owners", 30_000, move || {
            let app = app.clone();
            async move { app.owners.run_once().await }
        });
        self.ctx.log.wake(owners.waker());
        vec![reconcile.woken_by(self.reconcile_wake.clone()), relay.woken_by(self.relay_wake.clone()), owners]
    }
}
