//! Goals that are about the real parts: PostgreSQL, Kafka and two S3 zones that `cargo xtask bench --parts` has started. Both
//! sides of a comparison speak to the same servers over the same TLS; the fault proxies are left out unless a zone is cut.

pub(crate) mod commits;
pub(crate) mod heal;
pub(crate) mod large;
pub(crate) mod log;
pub(crate) mod rclone;
pub(crate) mod small;
pub(crate) mod zones;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use siegel_client::rng;
use siegel_domain::TenantId;
use siegel_platform::db::{Cluster, DbError, DbOptions, Home};
use siegel_platform::parts::Parts;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// The parts, as one measurement sees them.
pub(crate) struct Ground {
    /// What is where, with administrators.
    pub parts: Parts,
    /// The file that says so.
    pub file: PathBuf,
    /// Where the parts keep what they hold.
    directory: PathBuf,
}

impl Ground {
    /// An installation of its own on the parts of `shared`; its file is written into `place`. `proxied`: through the proxies,
    /// which can cut a zone off.
    pub(crate) fn on(shared: &Path, place: &Path, proxied: bool) -> Result<Self> {
        let text = std::fs::read_to_string(shared).with_context(|| format!("read {}", shared.display()))?;
        let mut own: toml::Table = text.parse().context("the parts file")?;
        let installation = format!("bench_{}", word());
        table(&mut own, "postgres")?.insert("installation".to_owned(), installation.into());
        table(&mut own, "kafka")?.insert("partitions".to_owned(), 1.into()); // one relay, one reader
        if !proxied {
            let zones = own.get_mut("s3").and_then(toml::Value::as_array_mut).context("[[s3]]")?;
            for (zone, host) in zones.iter_mut().zip(DIRECT) {
                let zone = zone.as_table_mut().context("[[s3]]")?;
                zone.insert("endpoint".to_owned(), host.into());
            }
        }
        let file = place.join("parts.toml");
        std::fs::write(&file, own.to_string()).context("write the measurement's parts file")?;
        let mut ground = Self::open(&file)?;
        ground.directory = shared.parent().context("the parts file lies somewhere")?.to_owned();
        Ok(ground)
    }

    /// What such a file says, for a worker.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let parts = Parts::read(file).with_context(|| format!("read {}", file.display()))?;
        ensure!(parts.s3.len() == 2, "there are two zones");
        Ok(Self { parts, file: file.to_owned(), directory: PathBuf::new() })
    }

    /// Where each zone keeps its objects, as files.
    pub(crate) fn zones(&self) -> [PathBuf; 2] {
        ["s3-a", "s3-b"].map(|zone| self.directory.join(zone).join("objects"))
    }

    /// PostgreSQL as its administrator, as the driver takes it.
    pub(crate) fn postgres(&self, database: &str) -> Result<PgConnectOptions> {
        let part = &self.parts.postgres;
        let (user, password) = part.admin().context("the parts file has an administrator")?;
        Ok(PgConnectOptions::new_without_pgpass()
            .host(&part.host)
            .port(part.port)
            .username(user)
            .password(password.expose())
            .ssl_mode(PgSslMode::VerifyFull)
            .ssl_root_cert(&self.parts.ca_file)
            .database(database))
    }

    /// A new database for a baseline.
    pub(crate) async fn database(&self) -> Result<PgConnectOptions> {
        let name = format!("raw_{}", word());
        let mut admin = sqlx::ConnectOptions::connect(&self.postgres("postgres")?).await?;
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await?;
        self.postgres(&name)
    }

    /// Tenants' databases of this installation, with one tenant that is ready.
    pub(crate) async fn cluster(&self) -> Result<(DbOptions, TenantId)> {
        let password = async |schema: &str| Ok::<_, DbError>(format!("bench-{schema}").into());
        let cluster = Cluster::open(&self.parts.postgres, &self.parts.ca_file, password).await?;
        let options = DbOptions { home: Home::Cluster(Arc::new(cluster)), ..DbOptions::default() };
        let tenant = TenantId::from_bytes(rng::bytes());
        options.home.place(NOWHERE.as_ref()).mark_ready(tenant).await?;
        Ok((options, tenant))
    }

    /// Cuts the second zone off, or gives it back.
    pub(crate) async fn zone_b(&self, there: bool) -> Result<()> {
        let toxiproxy = self.parts.toxiproxy.as_ref().context("the parts have proxies")?;
        let url = format!("{}/proxies/s3-b", toxiproxy.api);
        let body = serde_json::json!({ "enabled": there }).to_string();
        let sent = reqwest::Client::builder().no_proxy().build()?.post(url).body(body).send().await?;
        sent.error_for_status().context("toxiproxy")?;
        Ok(())
    }
}

/// Databases that lie in PostgreSQL lie in no directory.
pub(crate) const NOWHERE: &str = "/nowhere";
/// The zones themselves, behind the proxies (crates/xtask/src/parts/addresses.rs).
const DIRECT: [&str; 2] = ["https://127.0.1.1:7070", "https://127.0.2.1:7070"];

fn table<'t>(parts: &'t mut toml::Table, name: &str) -> Result<&'t mut toml::Table> {
    parts.get_mut(name).and_then(toml::Value::as_table_mut).with_context(|| format!("a section [{name}]"))
}

/// A name that nothing on these parts has yet.
pub(crate) fn word() -> String {
    u32::from_le_bytes(rng::bytes()).to_string()
}
