//! Opens everything a process stands on, from a state directory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};

use super::hold::{self, Holds};
use super::{Channels, Host, HostConfig, PartsChoice};
use crate::clock::{SharedClock, SystemClock};
use crate::ctx::Ctx;
#[cfg(feature = "real")]
use crate::db::{self, Cluster};
use crate::db::{DbOptions, Home};
use crate::health::Health;
use crate::http::{HttpEnv, HttpServer, Transport};
use crate::log::{ConsumerMetrics, Log};
#[cfg(feature = "real")]
use crate::log::{Kafka, KafkaSettings};
use crate::metrics::Metrics;
use crate::parts::{PartEnv, Parts, provisions};
use crate::peer::{Callers, SERVICES};
use crate::provider;
use crate::quota::Quotas;
use crate::rng::{Rng, SystemRng};
#[cfg(feature = "real")]
use crate::secrets::VaultSettings;
use crate::secrets::{Secrets, SecretsError, SecretsMetrics};
use crate::tasks::{Shutdown, Tasks};
use crate::tenants::Tenants;
use crate::tls::{CertificateMetrics, ForOthers, InsideTls, Tls, TlsError};
#[cfg(feature = "real")]
use crate::wait::NotYet;
use crate::zones::{ZoneMetrics, Zones};

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
pub type MakeZones = Box<dyn FnOnce(&HostConfig, [u8; 32], SharedClock, ZoneMetrics) -> Result<Zones> + Send>;

impl Default for Given {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock::default()), rng: Arc::new(SystemRng), zones: None }
    }
}

/// What was opened: bound to its addresses, and serving nothing yet.
pub(super) struct Opened {
    pub(super) host: Host,
    pub(super) server: HttpServer,
    /// The internal listener and who may call what.
    pub(super) inside: Option<(HttpServer, Callers)>,
    pub(super) holds: Holds,
}

/// Opens everything, making what a first start needs.
pub(super) async fn open(config: &HostConfig, given: Given) -> Result<Opened> {
    let state_dir = &config.state_dir;
    make_private_dir(state_dir).with_context(|| format!("can't make the state directory {}", state_dir.display()))?;
    let holds = hold::services(state_dir, &config.services)?;
    let _alone = hold::opening(state_dir)?;
    let Given { clock, rng, zones } = given;
    let (metrics, health, tasks, shutdown) = (Arc::new(Metrics::new()), Health::new(), Tasks::new(), Shutdown::new());
    let ends = shutdown.guard();
    let on = PartEnv {
        clock: clock.clone(),
        rng: rng.clone(),
        tasks: tasks.clone(),
        shutdown: shutdown.clone(),
        metrics: metrics.clone(),
        health: health.clone(),
    };
    let place = SecretsPlace {
        state_dir,
        key_file: &config.key_file,
        parts: &config.parts,
        program: config.inside.as_ref().map_or("server", |inside| inside.name),
    };
    let secrets = Arc::new(secrets(place, &on).await.context("can't open the secrets")?);
    let parts = match &config.parts {
        PartsChoice::Embedded => None,
        PartsChoice::File(file) => Some(Parts::read_as(file, place.program)?),
    };
    let home = home(parts.as_ref(), &secrets, place.program, &metrics).await?;
    let options = DbOptions {
        home: home.clone(),
        secure_delete: false,
        clock: clock.clone(),
        rng: rng.clone(),
        metrics: metrics.clone(),
        health: health.clone(),
    };
    let provider = provider::open(state_dir, options).await.context("can't open the provider's database")?;
    let tenants = Arc::new(Tenants::open(Arc::new(provider)).await.context("can't read the tenants")?);
    let bucket_secret =
        secrets.get_or_create("zones/buckets", 32).await?.as_slice().try_into().context("a secret is damaged")?;
    let zone_metrics = ZoneMetrics::new(&metrics);
    let zones = match zones {
        Some(make) => make(config, bucket_secret, clock.clone(), zone_metrics)?,
        None => zones_of(config, parts.as_ref(), bucket_secret, &secrets, &on, zone_metrics)
            .context("can't open the zones")?,
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
    let tls = public_tls(config, &secrets, &clock).await?;
    let transport = tls.clone().map_or(Transport::PlainOnLoopback, Transport::Tls);
    let server = HttpServer::bind(config.listen, transport, env.clone()).await?;
    let (inside, channels) = match &config.inside {
        None => (None, None),
        Some(inside) => {
            let tls = InsideTls::open(inside.name, secrets.clone(), clock.clone()).await;
            let tls = Arc::new(tls.context("can't make the certificate for the other services")?);
            let listener = HttpServer::bind(inside.listen, Transport::Inside(tls.clone()), env).await?;
            (Some((listener, inside.callers)), Some(Channels { tls, addresses: inside.peers.clone() }))
        }
    };
    let for_others = for_others(config, channels.as_ref()).await.context("can't make certificates for the others")?;
    let certificates = CertificateMetrics::new(&metrics);
    certificates.show(tls.as_deref(), channels.as_ref().map(|channels| &*channels.tls));
    let public_url = config.public_url.clone().unwrap_or_else(|| local_url(server.address(), config.plain_http));
    let log = Arc::new(log(config, &on, &home, channels.as_ref())?);
    let consumers = ConsumerMetrics::new(&metrics);
    #[cfg(feature = "real")]
    if let Some(parts) = &parts {
        let kafka = Kafka::new(KafkaSettings::from_parts(parts), on.clone(), consumers.clone());
        kafka.renew_by(secrets.clone());
        log.on_kafka(kafka);
    }
    let percent = tenants.clone();
    let quotas = Quotas::new(config.quota, move |id| percent.quota_percent(id), clock.clone(), &metrics);
    let ctx = Ctx {
        log,
        clock,
        rng,
        tasks,
        shutdown,
        secrets,
        zones: Arc::new(zones),
        tenants,
        quotas: Arc::new(quotas),
        home,
        consumers,
        metrics,
        health,
        state_dir: state_dir.clone(),
        public_url,
    };
    let beside: BTreeMap<_, _> = config.services.iter().map(|name| (*name, Default::default())).collect();
    let (guard, auth) = (OnceLock::new(), OnceLock::new());
    let host = Host { ctx, tls, certificates, inside: channels, for_others, beside, guard, auth, _ends: ends };
    Ok(Opened { host, server, inside, holds })
}

/// Where secrets lie, and as whom they are asked for.
#[derive(Clone, Copy)]
pub(super) struct SecretsPlace<'a> {
    pub(super) state_dir: &'a Path,
    pub(super) key_file: &'a Path,
    #[cfg_attr(not(feature = "real"), expect(dead_code, reason = "without real parts there is the sealed file only"))]
    pub(super) parts: &'a PartsChoice,
    pub(super) program: &'a str,
}

/// The sealed file, or the store of secrets that the parts name.
pub(super) async fn secrets(place: SecretsPlace<'_>, on: &PartEnv) -> Result<Secrets, SecretsError> {
    #[cfg(feature = "real")]
    if let PartsChoice::File(file) = place.parts {
        return Secrets::open_vault(VaultSettings::from_parts(file, place.program)?, on.clone()).await;
    }
    let sealed = place.state_dir.join("secrets.sealed");
    let secrets = Secrets::open(&sealed, place.key_file, on.clock.clone(), on.rng.clone())?;
    SecretsMetrics::new(&on.metrics).one_that_is_open();
    Ok(secrets)
}

/// The two directories, or the two S3 stores that the parts name.
#[cfg_attr(not(feature = "real"), expect(unused_variables, reason = "directories need no credentials"))]
fn zones_of(
    config: &HostConfig,
    parts: Option<&Parts>,
    bucket_secret: [u8; 32],
    secrets: &Arc<Secrets>,
    on: &PartEnv,
    metrics: ZoneMetrics,
) -> Result<Zones> {
    let clock = on.clock.clone();
    #[cfg(feature = "real")]
    if let Some(parts) = parts {
        let rng = on.rng.clone();
        let zones = Zones::open_s3(&parts.s3, &parts.ca_file, secrets.clone(), bucket_secret, clock, rng, metrics);
        return Ok(zones?);
    }
    Ok(Zones::open_local(&config.state_dir, &config.jurisdiction, bucket_secret, clock, metrics)?)
}

/// Where tenants' databases lie.
#[cfg(not(feature = "real"))]
pub(super) async fn home(_: Option<&Parts>, _: &Arc<Secrets>, _: &str, _: &Metrics) -> Result<Home> {
    Ok(Home::Files)
}

/// Where tenants' databases lie. The passwords of roles are drawn once, by whoever provisions, and kept with the secrets; a
/// service may read those of its own roles, and waits for them at a first start.
#[cfg(feature = "real")]
pub(super) async fn home(
    parts: Option<&Parts>,
    secrets: &Arc<Secrets>,
    program: &str,
    metrics: &Metrics,
) -> Result<Home> {
    let Some(parts) = parts else { return Ok(Home::Files) };
    let (part, ca_file) = (&parts.postgres, &parts.ca_file);
    let cluster = if provisions(program) {
        let password = async |schema: &str| -> Result<db::Password> {
            Ok(db::password(&secrets.get_or_create(&Secrets::of_role(schema), 32).await?))
        };
        Cluster::open(part, ca_file, password).await
    } else {
        as_service(parts, secrets, program).await
    };
    let cluster = cluster.with_context(|| format!("can't open PostgreSQL at {}", part.host))?;
    cluster.show(metrics);
    let secrets = secrets.clone();
    cluster.renew_by(Arc::new(move |schema| {
        let secrets = secrets.clone();
        Box::pin(async move { Some(db::password(&secrets.get(&Secrets::of_role(schema)).await.ok()??)) })
    }));
    Ok(Home::Cluster(Arc::new(cluster)))
}

/// With the roles of one service, which the operator has made.
#[cfg(feature = "real")]
async fn as_service(parts: &Parts, secrets: &Secrets, program: &str) -> Result<Cluster> {
    let mut passwords = BTreeMap::new();
    for schema in db::schemas_of(program) {
        let drawn = secrets.get(&Secrets::of_role(schema)).await?;
        let drawn = drawn.ok_or(NotYet("the operator has drawn the password of our role"))?;
        passwords.insert(schema, db::password(&drawn));
    }
    let cluster = Cluster::of_service(&parts.postgres, &parts.ca_file, passwords)?;
    match cluster.is_there().await {
        Ok(()) => Ok(cluster),
        Err(error) if db::is_away(&error) && !error.is_wrong_password() => Err(error.into()),
        // The server says no more to whom it does not know: whatever else is wrong may be that we came too early.
        Err(error) => {
            let made = NotYet("the operator has made our role and the provider's database");
            Err(anyhow::Error::new(error).context(made))
        }
    }
}

/// The outboxes: our own services register theirs when they start. Those of other processes are read where they lie, if all
/// share a state directory, and else asked for.
fn log(config: &HostConfig, on: &PartEnv, home: &Home, channels: Option<&Channels>) -> Result<Log> {
    let Some(channels) = channels else { return Ok(Log::new()) };
    let others = SERVICES.into_iter().filter(|service| !config.services.contains(service));
    if config.parts == PartsChoice::Embedded {
        let log = Log::shared(&config.state_dir, on.rng.clone());
        others.for_each(|service| log.follow(&config.state_dir, service));
        return Ok(log);
    }
    let log = Log::new();
    for service in others {
        if let Some(peer) = channels.peer(service)? {
            log.ask(service, peer, home.clone(), on.clock.clone());
        }
    }
    Ok(log)
}

/// The certificate of the public address: one of its own for each program, unless it is the whole platform.
async fn public_tls(config: &HostConfig, secrets: &Arc<Secrets>, clock: &SharedClock) -> Result<Option<Arc<Tls>>> {
    if config.plain_http {
        return Ok(None);
    }
    let (state_dir, names) = (&config.state_dir, &config.host_names);
    let tls = match &config.inside {
        None => Tls::open(state_dir, secrets.clone(), names, clock.clone()).await,
        Some(inside) => {
            let place = format!("tls/{}", inside.name);
            Tls::open_as(&place, state_dir, secrets.clone(), names, clock.clone()).await
        }
    };
    Ok(Some(Arc::new(tls.context("can't make certificates")?)))
}

/// On one state directory everybody may read the CA's key; on real parts the operator alone.
async fn for_others(config: &HostConfig, channels: Option<&Channels>) -> Result<Option<Arc<ForOthers>>, TlsError> {
    let (Some(inside), Some(channels)) = (&config.inside, channels) else { return Ok(None) };
    if config.parts == PartsChoice::Embedded || !provisions(inside.name) {
        return Ok(None);
    }
    let Some(for_others) = channels.tls.for_others(inside.name).await? else { return Ok(None) };
    for_others.make().await?; // they may be waiting
    Ok(Some(Arc::new(for_others)))
}

fn local_url(address: SocketAddr, plain: bool) -> String {
    let scheme = if plain { "http" } else { "https" };
    let host = if address.ip().is_loopback() { "localhost".to_owned() } else { address.ip().to_string() };
    format!("{scheme}://{host}:{}", address.port())
}

/// Makes the directory, readable by its owner only.
fn make_private_dir(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
