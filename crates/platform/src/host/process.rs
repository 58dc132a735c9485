//! A process and its services, from start to end.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use siegel_proto::log::v1::log_service_server::SERVICE_NAME;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::hold::Holds;
use super::open::{self, Opened};
use super::{Given, Host, HostConfig, Service, openapi};
use crate::http::HttpServer;
use crate::peer::{self, Callers};
use crate::problem::Problem;
use crate::program::Program;
use crate::tasks::Shutdown;
use crate::tenants::Tenants;
use crate::worker::{Worker, WorkerEnv};

/// A day, for looking whether a certificate is due.
const CERTIFICATE_EVERY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long a program waits for its first certificate at most, and for one with other names.
const OTHERS_EVERY_MS: i64 = 2_000;
/// How often a zone that perhaps nobody uses is looked at.
const ZONES_EVERY_MS: i64 = 15_000;
/// How often the bells of other processes are listened to: what an event takes longer than in one process.
const BELLS_EVERY_MS: i64 = 100;
/// How often background work learns of tenants that another process changed. Requests look themselves.
const TENANTS_EVERY_MS: i64 = 200;
/// Who hears the others' events, and so may read their outboxes.
const READERS: &[&str] = &["retention", "notification", "operator"];
/// Who may ask any program about its outbox, which all of them answer alike.
pub const LOG_CALLERS: Callers = Callers { of: SERVICE_NAME, methods: &[("Read", READERS), ("GetEnd", READERS)] };
/// How long background work gets to end.
const DRAIN_MS: i64 = 10_000;

/// A process that is open and bound. Its background work does not run before [`Process::spawn_workers`].
pub struct Process {
    host: Host,
    server: HttpServer,
    inside: Option<(HttpServer, Callers)>,
    services: Vec<Service>,
    /// Let go last: until then no other process may write what ours may still be writing.
    holds: Holds,
}

impl Process {
    /// Opens what `config` names. No service runs yet.
    pub async fn open(config: &HostConfig, given: Given) -> Result<Self> {
        let Opened { host, server, inside, holds } = open::open(config, given).await?;
        Ok(Self { host, server, inside, services: Vec::new(), holds })
    }

    /// What services are started with.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Starts a service here; whoever asked for it as a peer reaches it from now on.
    pub async fn start<S>(&mut self, program: &Program<S>, config: S) -> Result<()> {
        let started = (program.start)(&self.host, config).await;
        let service = started.with_context(|| format!("start {}", program.service()))?;
        if let (Some(late), Some(grpc)) = (self.host.beside.get(service.name), &service.grpc) {
            late.is(grpc.direct.clone());
        }
        self.services.push(service);
        Ok(())
    }

    /// Whether the service is one of ours.
    pub fn hosts(&self, name: &str) -> bool {
        self.services.iter().any(|service| service.name == name)
    }

    /// The public address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The address for other services, if they are other processes.
    pub fn internal_address(&self) -> Option<SocketAddr> {
        self.inside.as_ref().map(|(server, _)| server.address())
    }

    /// The OpenAPI document of its public routes.
    pub fn openapi(&self) -> OpenApi {
        self.routes().into_openapi()
    }

    fn routes(&self) -> OpenApiRouter {
        let head = OpenApiRouter::with_openapi(openapi::head());
        self.services.iter().fold(head, |all, service| all.merge(service.rest.clone()))
    }

    /// All background work: of the services, in the order of their start, and of the process.
    pub fn workers(&self) -> Vec<Worker> {
        let mut all: Vec<Worker> = self.services.iter().flat_map(|service| service.workers.iter().cloned()).collect();
        all.push(self.certificates());
        if let Some(for_others) = self.host.for_others.clone() {
            all.push(Worker::new("server.certificates-of-others", OTHERS_EVERY_MS, move || {
                let for_others = for_others.clone();
                async move { for_others.make().await.map(|()| 0) }
            }));
        }
        all.extend(self.host.ctx.log.workers());
        if self.host.is_shared() {
            let log = self.host.ctx.log.clone();
            all.push(Worker::new("log.bells", BELLS_EVERY_MS, move || std::future::ready(log.listen())));
            let tenants = self.host.ctx.tenants.clone();
            all.push(Worker::new("tenants.refresh", TENANTS_EVERY_MS, move || {
                let tenants = tenants.clone();
                async move { tenants.refresh().await.map(usize::from) }
            }));
        }
        all
    }

    /// Renews certificates when two thirds of their lives are over.
    fn certificates(&self) -> Worker {
        let (tls, inside) = (self.host.tls.clone(), self.host.inside.as_ref().map(|inside| inside.tls.clone()));
        let shown = self.host.certificates.clone();
        Worker::new("server.certificate", CERTIFICATE_EVERY_MS, move || {
            let (tls, inside, shown) = (tls.clone(), inside.clone(), shown.clone());
            async move {
                let mut renewed = 0;
                if let Some(tls) = &tls {
                    renewed += usize::from(tls.renew_if_due().await?);
                }
                if let Some(tls) = &inside {
                    renewed += usize::from(tls.renew_if_due().await?);
                }
                shown.show(tls.as_deref(), inside.as_deref());
                Ok::<_, crate::tls::TlsError>(renewed)
            }
        })
    }

    /// Lets background work run by itself.
    pub fn spawn_workers(&self) {
        let ctx = &self.host.ctx;
        let env = WorkerEnv {
            clock: ctx.clock.clone(),
            rng: ctx.rng.clone(),
            metrics: ctx.metrics.clone(),
            shutdown: ctx.shutdown.clone(),
        };
        for worker in self.workers().into_iter().chain([self.zones_watched()]) {
            worker.spawn(env.clone(), &ctx.tasks);
        }
    }

    /// Looks whether both zones are there. It changes nothing, so it is none of the [`workers`](Process::workers) that are
    /// run by hand.
    fn zones_watched(&self) -> Worker {
        let zones = self.host.ctx.zones.clone();
        Worker::new("zones.look", ZONES_EVERY_MS, move || {
            let zones = zones.clone();
            async move {
                futures::join!(zones.a.look(), zones.b.look());
                Ok::<_, std::convert::Infallible>(0)
            }
        })
    }

    /// Begins to stop at SIGTERM or ctrl-c.
    pub fn stop_on_signal(&self) {
        let shutdown = self.host.ctx.shutdown.clone();
        self.host.ctx.tasks.spawn("server.signal", async move {
            if Shutdown::signal().await.is_ok() {
                shutdown.begin();
            }
        });
    }

    /// Answers requests until shutdown begins, lets what runs end, and closes. `beside` adds routes that belong to no
    /// service. Returns how many connections were cut.
    pub async fn serve(self, beside: impl FnOnce(Router, OpenApi) -> Router) -> usize {
        let (public, document) = self.routes().split_for_parts();
        let Self { host, server, inside, services, holds } = self;
        let routes = services.into_iter().filter_map(|service| service.grpc).map(|grpc| grpc.routes);
        let internal = routes.fold(Router::new(), Router::merge);
        let internal = match inside.as_ref() {
            Some((_, callers)) => {
                let logs = host.beside.keys().filter_map(|service| host.ctx.log.serve(service));
                logs.fold(peer::only(*callers, internal), |all, grpc| all.merge(peer::only(LOG_CALLERS, grpc.routes)))
            }
            None => internal, // nobody else asks
        };
        let internal = peer::in_time(host.ctx.clock.clone(), fresh(&host, internal));
        let public = fresh(&host, public);
        let cut = match inside {
            Some((listener, _)) => {
                let both = futures::join!(server.serve(beside(public, document)), listener.serve(internal));
                both.0 + both.1
            }
            None => server.serve(beside(public, document)).await,
        };
        if let Err(left) = host.ctx.tasks.drain(&*host.ctx.clock, DRAIN_MS).await {
            tracing::warn!(tasks = ?left, "some background work did not end in time");
        }
        drop(holds);
        cut
    }
}

/// Where tenants are changed by other processes, each request sees what was committed before it was sent.
fn fresh(host: &Host, routes: Router) -> Router {
    if !host.is_shared() {
        return routes;
    }
    routes.layer(from_fn_with_state(host.ctx.tenants.clone(), look_first))
}

async fn look_first(State(tenants): State<Arc<Tenants>>, request: Request, next: Next) -> Response {
    match tenants.refresh().await {
        Ok(_) => next.run(request).await,
        Err(error) => Problem::from(error).into_response(),
    }
}
