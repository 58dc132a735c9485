//! The embedded parts: everything a service stands on, opened from a state directory.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use siegel_platform::Ctx;
use siegel_platform::clock::{SharedClock, SystemClock};
use siegel_platform::db::DbOptions;
use siegel_platform::health::Health;
use siegel_platform::http::{HttpEnv, HttpServer, Transport};
use siegel_platform::log::Log;
use siegel_platform::metrics::Metrics;
use siegel_platform::provider;
use siegel_platform::rng::{Rng, SystemRng};
use siegel_platform::secrets::Secrets;
use siegel_platform::tasks::{Shutdown, Tasks};
use siegel_platform::tenants::Tenants;
use siegel_platform::tls::Tls;
use siegel_platform::zones::{ZoneMetrics, Zones};

use crate::config::ServerConfig;

/// What tests replace.
pub struct Given {
    /// Time.
    pub clock: SharedClock,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// The zones, made by a function of what is open so far; the two local directories if absent.
    pub zones: Option<MakeZones>,
}

/// Makes other zones than the two local directories.
pub type MakeZones = Box<dyn FnOnce(&ServerConfig, [u8; 32], SharedClock, ZoneMetrics) -> Result<Zones> + Send>;

impl Default for Given {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock::default()), rng: Arc::new(SystemRng), zones: None }
    }
}

/// A platform that is open and bound to its address, and serves nothing yet.
pub struct Parts {
    /// What services get.
    pub ctx: Ctx,
    /// The listener.
    pub server: HttpServer,
    /// The certificates, unless it speaks plain HTTP.
    pub tls: Option<Arc<Tls>>,
}

/// Opens everything, making what a first start needs.
pub async fn open(config: &ServerConfig, given: Given) -> Result<Parts> {
    let state_dir = &config.state_dir;
    make_private_dir(state_dir).with_context(|| format!("can't make the state directory {}", state_dir.display()))?;
    let Given { clock, rng, zones } = given;
    let (metrics, health, tasks, shutdown) = (Arc::new(Metrics::new()), Health::new(), Tasks::new(), Shutdown::new());
    let secrets = Secrets::open(&state_dir.join("secrets.sealed"), &config.key_file(), clock.clone(), rng.clone())
        .context("can't open the secrets")?;
    let secrets = Arc::new(secrets);
    let options = DbOptions {
        secure_delete: false,
        clock: clock.clone(),
        rng: rng.clone(),
        metrics: metrics.clone(),
        health: health.clone(),
    };
    let provider = provider::open(state_dir, options).await.context("can't open the provider's database")?;
    let tenants = Tenants::open(Arc::new(provider)).await.context("can't read the tenants")?;
    let bucket_secret =
        secrets.get_or_create("zones/buckets", 32)?.as_slice().try_into().context("a secret is damaged")?;
    let zone_metrics = ZoneMetrics::new(&metrics);
    let zones = match zones {
        Some(make) => make(config, bucket_secret, clock.clone(), zone_metrics)?,
        None => Zones::open_local(state_dir, &config.jurisdiction, bucket_secret, clock.clone(), zone_metrics)
            .context("can't open the zones")?,
    };
    let (tls, transport) = if config.plain_http {
        (None, Transport::PlainOnLoopback)
    } else {
        let tls = Tls::open(state_dir, secrets.clone(), &config.host_names, clock.clone())
            .context("can't make certificates")?;
        let tls = Arc::new(tls);
        (Some(tls.clone()), Transport::Tls(tls))
    };
    let env = HttpEnv {
        clock: clock.clone(),
        rng: rng.clone(),
        metrics: metrics.clone(),
        health: health.clone(),
        tasks: tasks.clone(),
        shutdown: shutdown.clone(),
        limits: config.limits,
    };
    let server = HttpServer::bind(config.listen, transport, env).await?;
    let public_url = config.public_url.clone().unwrap_or_else(|| local_url(server.address(), config.plain_http));
    let ctx = Ctx {
        clock,
        rng,
        tasks,
        shutdown,
        secrets,
        zones: Arc::new(zones),
        log: Arc::new(Log::new()),
        tenants: Arc::new(tenants),
        metrics,
        health,
        state_dir: state_dir.clone(),
        public_url,
    };
    Ok(Parts { ctx, server, tls })
}

fn local_url(address: SocketAddr, plain: bool) -> String {
    let scheme = if plain { "http" } else { "https" };
    let host = if address.ip().is_loopback() { "localhost".to_owned() } else { address.ip().to_string() };
    format!("{scheme}://{host}:{}", address.port())
}

/// Makes the directory, readable by its owner only.
fn make_private_dir(path: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
