//! Puts the services together: who is whose peer, and whose routes stand on the one host.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::middleware::from_fn_with_state;
use siegel_api::Bytes;
use siegel_platform::Ctx;
use siegel_platform::auth::{self, Auth};
use siegel_platform::budget::ByteBudget;
use siegel_platform::clock::ClockGuard;
use siegel_platform::http::HttpServer;
use siegel_platform::peer::direct;
use siegel_platform::tls::Tls;
use siegel_platform::worker::{Worker, WorkerEnv};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::config::ServerConfig;
use crate::late::Late;
use crate::parts::{self, Given, Parts};
use crate::{docs, openapi};

/// The clock's mark in the state directory; `siegel-admin clock confirm` writes it too.
const CLOCK_MARK: &str = "clock.mark";
/// A day, for looking whether the certificate is due.
const CERTIFICATE_EVERY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The platform, open and bound, its workers not yet running.
pub struct Platform {
    ctx: Ctx,
    server: HttpServer,
    tls: Option<Arc<Tls>>,
    services: Services,
}

/// One of each.
struct Services {
    auth: Arc<Auth>,
    key_directory: siegel_key_directory::App,
    upload: siegel_upload::App,
    retention: siegel_retention::App,
    notification: siegel_notification::App,
    operator: siegel_operator::App,
    /// Keeps upload where retention finds it.
    _upload_peer: Late,
}

impl Services {
    fn new(ctx: &Ctx, config: &ServerConfig, tls: Option<&Tls>) -> Result<Self> {
        let mut directory = config.key_directory.clone();
        directory.ca_fingerprint = tls.map(|tls| Bytes::from(*tls.ca_fingerprint().as_bytes()));
        let key_directory =
            siegel_key_directory::App::new(ctx.clone(), directory).context("start the key directory")?;
        let auth = key_directory.auth();
        let upload_peer = Late::default();
        // One guard for the process: whoever deletes for age asks the same clock.
        let guard = Arc::new(
            ClockGuard::open(&ctx.state_dir.join(CLOCK_MARK), ctx.clock.clone()).context("read the clock's mark")?,
        );
        let needs = siegel_retention::app::Needs { guard: guard.clone(), upload: upload_peer.peer() };
        let retention =
            siegel_retention::App::new(ctx.clone(), config.retention.clone(), needs).context("start retention")?;
        let needs = siegel_upload::Needs {
            guard,
            budget: ByteBudget::new(u64::from(config.part_buffer_mib) << 20, ctx.clock.clone(), &ctx.metrics),
            key_directory: direct(key_directory.grpc()),
            retention: direct(retention.grpc()),
        };
        let upload = siegel_upload::App::new(ctx.clone(), config.upload.clone(), needs).context("start upload")?;
        upload_peer.is(direct(upload.grpc()));
        let notification = siegel_notification::App::new(ctx.clone(), config.notification.clone());
        let operator = siegel_operator::App::new(ctx.clone(), config.operator.clone()).context("start the operator")?;
        Ok(Self { auth, key_directory, upload, retention, notification, operator, _upload_peer: upload_peer })
    }

    fn routes(&self) -> OpenApiRouter {
        // The key directory checks callers itself: it is where tokens come from.
        let checked = OpenApiRouter::new()
            .merge(self.upload.rest())
            .merge(self.retention.rest())
            .merge(self.notification.rest())
            .merge(self.operator.rest())
            .layer(from_fn_with_state(self.auth.clone(), auth::attach));
        OpenApiRouter::with_openapi(openapi::head()).merge(self.key_directory.rest()).merge(checked)
    }

    fn workers(&self) -> Vec<Worker> {
        let mut all = self.operator.workers();
        all.extend(self.key_directory.workers());
        all.extend(self.upload.workers());
        all.extend(self.retention.workers());
        all.extend(self.notification.workers());
        all
    }
}

impl Platform {
    /// Opens the parts of `config` and starts the services on them.
    pub async fn open(config: ServerConfig, given: Given) -> Result<Self> {
        let Parts { ctx, server, tls } = parts::open(&config, given).await?;
        let services = Services::new(&ctx, &config, tls.as_deref())?;
        Ok(Self { ctx, server, tls, services })
    }

    /// The OpenAPI document of all routes.
    pub fn openapi(&self) -> OpenApi {
        self.services.routes().into_openapi()
    }

    /// What it stands on.
    pub fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// The address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// BLAKE3-256 of its CA's certificate, unless it speaks plain HTTP.
    pub fn ca_fingerprint(&self) -> Option<[u8; 32]> {
        self.tls.as_ref().map(|tls| *tls.ca_fingerprint().as_bytes())
    }

    /// Where its CA's certificate lies, unless it speaks plain HTTP.
    pub fn ca_file(&self) -> Option<PathBuf> {
        self.tls.as_ref().map(|_| self.ctx.state_dir.join("ca").join("ca.pem"))
    }

    /// All background work.
    pub fn workers(&self) -> Vec<Worker> {
        let mut all = self.services.workers();
        all.push(self.certificate());
        all
    }

    /// Lets background work run by itself.
    pub fn spawn_workers(&self) {
        let env = WorkerEnv {
            clock: self.ctx.clock.clone(),
            rng: self.ctx.rng.clone(),
            metrics: self.ctx.metrics.clone(),
            shutdown: self.ctx.shutdown.clone(),
        };
        for worker in self.workers() {
            worker.spawn(env.clone(), &self.ctx.tasks);
        }
    }

    /// Renews the server's certificate when two thirds of its life are over.
    fn certificate(&self) -> Worker {
        let tls = self.tls.clone();
        Worker::new("server.certificate", CERTIFICATE_EVERY_MS, move || {
            let renewed = tls.as_ref().map_or(Ok(false), |tls| tls.renew_if_due());
            std::future::ready(renewed.map(usize::from))
        })
    }

    /// Answers requests until shutdown begins, lets what runs end, and closes. Returns how many connections were cut.
    pub async fn serve(self) -> usize {
        let Self { ctx, server, tls: _tls, services } = self;
        let (rest, document) = services.routes().split_for_parts();
        let router: Router = rest.merge(docs::routes(document));
        let cut = server.serve(router).await;
        if let Err(left) = ctx.tasks.drain(&*ctx.clock, DRAIN_MS).await {
            tracing::warn!(tasks = ?left, "some background work did not end in time");
        }
        cut
    }
}

/// How long background work gets to end.
const DRAIN_MS: i64 = 10_000;
