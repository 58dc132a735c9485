//! A process of the platform: what it stands on, the services in it, and its life from opening to draining. All programs
//! go this way, `siegel-server` with every service in one process and `siegel-upload` and its siblings with one each.
//!
//! ```text
//! HostConfig ─► open: locks, secrets, databases, zones, certificates, listeners ─► Host
//!               start: each service gets the Host (peers, who calls, clock) and answers with a Service ─► Process
//!               serve: routes and gRPC until SIGTERM, then drain
//! ```
//!
//! Whether a [`Host::peer`] is the service beside it or a channel to another process is decided here, by what the process
//! hosts; a service can't tell.

mod beside;
mod config;
mod hold;
mod open;
mod openapi;
mod process;
mod ready;
mod service;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use axum::middleware::from_fn_with_state;
use siegel_proto::keydirectory::v1::key_directory_service_client::KeyDirectoryServiceClient;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::{self, Auth};
use crate::clock::ClockGuard;
use crate::clock::guard::MARK_FILE;
use crate::ctx::Ctx;
use crate::peer::{self, Late, Peer, RemoteOptions};
use crate::tasks::ShutdownGuard;
use crate::tls::{CertificateMetrics, ForOthers, InsideTls, Tls};

pub use beside::Beside;
pub use config::{HostConfig, Inside, PartsChoice, SETTINGS};
pub use open::{Given, MakeZones};
pub use process::{LOG_CALLERS, Process};
pub use service::{Grpc, Service};

/// What a service finds when it starts.
pub struct Host {
    /// The platform.
    pub ctx: Ctx,
    tls: Option<Arc<Tls>>,
    certificates: CertificateMetrics,
    inside: Option<Channels>,
    /// Certificates for the other programs, where they may not make them themselves.
    for_others: Option<Arc<ForOthers>>,
    beside: BTreeMap<&'static str, Late>,
    guard: OnceLock<Arc<ClockGuard>>,
    auth: OnceLock<Arc<Auth>>,
    /// What runs in the background ends with it, also if the process never came to serve.
    _ends: ShutdownGuard,
}

/// The way to services in other processes.
struct Channels {
    tls: Arc<InsideTls>,
    addresses: BTreeMap<String, String>,
}

impl Channels {
    /// A service in another process, if its address is known.
    fn peer(&self, name: &str) -> Result<Option<Peer>> {
        let Some(address) = self.addresses.get(name) else { return Ok(None) };
        Ok(Some(peer::inside(name, address, self.tls.clone(), RemoteOptions::default())?))
    }
}

impl Host {
    /// The service of that name: the one in this process, which may start later, or a channel to another process.
    pub fn peer(&self, name: &str) -> Result<Peer> {
        let counted = |peer| peer::measured(peer, self.ctx.metrics.clone(), self.ctx.clock.clone());
        if let Some(late) = self.beside.get(name) {
            return Ok(counted(late.peer()));
        }
        let away = || format!("{name} is not in this process, and there is no address of it in [peers]");
        Ok(counted(self.inside.as_ref().with_context(away)?.peer(name)?.with_context(away)?))
    }

    /// Says whether the wall clock may be believed: one for the process, so that whoever deletes for age asks the same.
    pub fn guard(&self) -> Result<Arc<ClockGuard>> {
        if let Some(guard) = self.guard.get() {
            return Ok(guard.clone());
        }
        let mark = self.ctx.state_dir.join(MARK_FILE);
        let guard = ClockGuard::open(&mark, self.ctx.clock.clone()).context("read the clock's mark")?;
        Ok(self.guard.get_or_init(|| Arc::new(guard)).clone())
    }

    /// Public routes that can ask who calls: a route is private by taking a [`Caller`](auth::Caller), and open without one
    /// ([`auth`]). Everybody but the key directory, where tokens come from.
    pub fn with_auth(&self, routes: OpenApiRouter) -> Result<OpenApiRouter> {
        Ok(routes.layer(from_fn_with_state(self.auth()?, auth::attach)))
    }

    /// The key directory is in this process and shares its own checks: a session that ends is dead here at once.
    pub fn share_auth(&self, auth: Arc<Auth>) {
        let _ = self.auth.set(auth); // it starts first, before anybody asks
    }

    /// Hash of the platform's own CA, which clients pin; none if this process speaks plain HTTP.
    pub fn ca_fingerprint(&self) -> Option<[u8; 32]> {
        self.tls.as_ref().map(|tls| *tls.ca_fingerprint().as_bytes())
    }

    /// Where its CA's certificate lies, unless it speaks plain HTTP.
    pub fn ca_file(&self) -> Option<PathBuf> {
        self.tls.as_ref().map(|_| self.ctx.state_dir.join("ca").join("ca.pem"))
    }

    /// Whether other processes stand on the same state directory.
    fn is_shared(&self) -> bool {
        self.inside.is_some()
    }

    fn auth(&self) -> Result<Arc<Auth>> {
        if let Some(auth) = self.auth.get() {
            return Ok(auth.clone());
        }
        let client = KeyDirectoryServiceClient::new(self.peer("key-directory")?);
        let ctx = &self.ctx;
        let auth = Auth::new(ctx.clock.clone(), &ctx.public_url, client, ctx.quotas.clone());
        auth.start(&ctx.tasks, &ctx.shutdown);
        Ok(self.auth.get_or_init(|| auth).clone())
    }
}
