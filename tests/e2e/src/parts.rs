//! Where a world's data lie on the real parts, to be searched and damaged as files: the data directories of PostgreSQL, Kafka
//! and the S3 stores that `cargo xtask up` started, as far as they are this world's.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use siegel_domain::TenantId;
use siegel_platform::db::{self, Db};
use siegel_platform::host::PartsChoice;
use siegel_platform::rng::{Rng, SystemRng};

use crate::programs::NAMES;
use crate::search::files_below;

/// The parts, and the installation on them that is a world's own.
#[derive(Clone)]
pub(crate) struct Parts {
    shared: PathBuf,
    directory: PathBuf,
    file: PathBuf,
    installation: String,
    begun: SystemTime,
}

impl Parts {
    /// The parts that `SIEGEL_E2E_PARTS` names, if the tests are to run on them. The world in `dir` draws its name once.
    pub(crate) fn of_world(dir: &Path) -> Result<Option<Self>> {
        let Some(shared) = std::env::var_os("SIEGEL_E2E_PARTS").map(PathBuf::from) else { return Ok(None) };
        let file = dir.join("parts.toml");
        let services = dir.join("services");
        if !file.exists() {
            let installation = format!("e2e_{:012x}", (&SystemRng as &dyn Rng).below(1 << 47));
            let copy = |from: &Path, to: &Path| -> Result<()> {
                let text = std::fs::read_to_string(from).with_context(|| format!("read {}", from.display()))?;
                std::fs::write(to, of_its_own(&text, &installation)?).context("write a file of the world's parts")
            };
            std::fs::create_dir(&services).context("the services' own files")?;
            for name in NAMES {
                let name = format!("{name}.toml");
                copy(&shared.with_file_name("services").join(&name), &services.join(&name))?;
            }
            copy(&shared, &file)?;
        }
        let parts: toml::Table = std::fs::read_to_string(&file)?.parse().context("the world's parts file")?;
        let installation =
            parts.get("postgres").and_then(|part| part.get("installation")).and_then(|name| name.as_str());
        let installation = installation.context("the installation's name")?.to_owned();
        let begun = std::fs::metadata(&file)?.modified()?;
        let directory = shared.parent().context("the directory of the parts")?.to_owned();
        Ok(Some(Self { shared, directory, file, installation, begun }))
    }

    /// What one program is told: nothing of what others need, unless it provisions.
    pub(crate) fn of_service(&self, name: &str) -> PathBuf {
        self.file.with_file_name("services").join(format!("{name}.toml"))
    }

    /// For the server's configuration.
    pub(crate) fn choice(&self) -> PartsChoice {
        PartsChoice::File(self.file.clone())
    }

    /// The file that all worlds have theirs from.
    pub(crate) fn shared(&self) -> &Path {
        &self.shared
    }

    /// Where a zone (`a` or `b`) keeps objects, and versions of them that were kept.
    pub(crate) fn zone(&self, short: &str) -> PathBuf {
        self.directory.join(format!("s3-{short}"))
    }

    /// What PostgreSQL keeps of these tenants and of the provider, in both zones, with all it logged since the installation
    /// began (a row is there when its transaction is committed), and the installation's topics.
    pub(crate) async fn files(&self, provider: &Db, tenants: &[TenantId]) -> Result<Vec<PathBuf>> {
        let topics = std::fs::read_dir(self.directory.join("kafka").join("data")).context("Kafka's data")?;
        let ours = |path: &PathBuf| path.to_string_lossy().contains(&format!(".{}-", self.installation));
        let topics: Vec<PathBuf> = topics.flatten().map(|entry| entry.path()).filter(ours).collect();
        anyhow::ensure!(!topics.is_empty(), "no topic of {} in Kafka's data", self.installation);
        let mut files: Vec<PathBuf> = topics.iter().flat_map(|topic| files_below(topic)).collect();
        for tenant in tenants {
            files.extend(self.database(provider, &tenant.to_string()).await?);
        }
        files.extend(self.database(provider, &format!("{}_provider", self.installation)).await?);
        let recent = |path: &PathBuf| {
            std::fs::metadata(path).and_then(|meta| meta.modified()).is_ok_and(|changed| changed >= self.begun)
        };
        for zone in ["a", "b"] {
            files.extend(files_below(&self.data(zone).join("pg_wal")).into_iter().filter(recent));
        }
        Ok(files)
    }

    /// The messages of a service's topic as Kafka's segments hold them, oldest first.
    pub(crate) fn carried(&self, service: &str) -> Result<Vec<u8>> {
        let partition = format!("siegel.{service}.{}-0", self.installation); // there is one: see `of_its_own`
        let directory = self.directory.join("kafka").join("data").join(partition);
        let mut segments = files_below(&directory);
        segments.retain(|file| file.extension().is_some_and(|kind| kind == "log"));
        segments.sort();
        let mut messages = Vec::new();
        for segment in segments {
            messages.extend(std::fs::read(segment).context("a segment of Kafka's")?);
        }
        Ok(messages)
    }

    /// The files of a database, in both zones.
    pub(crate) async fn database(&self, provider: &Db, name: &str) -> Result<Vec<PathBuf>> {
        let number: Option<(i64,)> = db::query_as("SELECT CAST(oid AS BIGINT) FROM pg_database WHERE datname = $1")
            .bind(name)
            .fetch_optional(provider.reader())
            .await?;
        let (number,) = number.with_context(|| format!("no database {name}"))?;
        let of = |zone: &str| files_below(&self.data(zone).join("base").join(number.to_string()));
        Ok(["a", "b"].into_iter().flat_map(of).collect())
    }

    fn data(&self, zone: &str) -> PathBuf {
        self.directory.join("postgres").join(zone).join("data")
    }
}

/// A parts file for another installation on the same parts.
fn of_its_own(text: &str, installation: &str) -> Result<String> {
    let mut parts: toml::Table = text.parse().context("the parts file")?;
    let mut set = |part: &str, key: &str, value: toml::Value| {
        let table = parts.get_mut(part).and_then(toml::Value::as_table_mut);
        table.map(|table| table.insert(key.to_owned(), value)).with_context(|| format!("a section [{part}]"))
    };
    set("postgres", "installation", installation.into())?;
    // Up to four sets of programs run beside one another, on a cluster for one; those that break parts run alone.
    if std::env::var_os("SIEGEL_SOAK_ROUNDS").is_none() {
        set("postgres", "connections", 16.into())?;
    }
    set("kafka", "partitions", 1.into())?; // one broker keeps the topics of all worlds
    Ok(parts.to_string())
}
