//! Where a world's data lie on the real parts, to be searched and damaged as files: the data directories of PostgreSQL, Kafka
//! and the S3 stores that `cargo xtask up` started, as far as they are this world's.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use siegel_platform::Ctx;
use siegel_platform::db;
use siegel_platform::host::PartsChoice;
use siegel_platform::rng::{Rng, SystemRng};

use crate::search::files_below;

/// The parts, and the installation on them that is a world's own.
#[derive(Clone)]
pub(crate) struct Parts {
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
        if !file.exists() {
            let text = std::fs::read_to_string(&shared).context("read the file that SIEGEL_E2E_PARTS names")?;
            std::fs::write(&file, of_its_own(&text)?).context("write the world's parts file")?;
        }
        let parts: toml::Table = std::fs::read_to_string(&file)?.parse().context("the world's parts file")?;
        let installation =
            parts.get("postgres").and_then(|part| part.get("installation")).and_then(|name| name.as_str());
        let installation = installation.context("the installation's name")?.to_owned();
        let begun = std::fs::metadata(&file)?.modified()?;
        let directory = shared.parent().context("the directory of the parts")?.to_owned();
        Ok(Some(Self { directory, file, installation, begun }))
    }

    /// For the server's configuration.
    pub(crate) fn choice(&self) -> PartsChoice {
        PartsChoice::File(self.file.clone())
    }

    /// Objects, and versions of them that were kept, in a zone (`a` or `b`).
    pub(crate) fn objects(&self, ctx: &Ctx, short: &str) -> Vec<PathBuf> {
        let zone = self.directory.join(format!("s3-{short}"));
        let bucket = |tenant| ctx.zones.bucket(tenant).as_str().to_owned();
        let buckets: Vec<String> = ctx.tenants.list().iter().map(|tenant| bucket(tenant.id)).collect();
        let both = ["objects", "versions"].map(|kind| zone.join(kind));
        let of = |kind: &PathBuf| buckets.iter().flat_map(|bucket| files_below(&kind.join(bucket))).collect::<Vec<_>>();
        both.iter().flat_map(of).collect()
    }

    /// Every file in which something of this world may lie: its databases in both zones and what PostgreSQL logged since the
    /// world began (a row is there when its transaction is committed), its topics, its objects.
    pub(crate) async fn files(&self, ctx: &Ctx) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = ["a", "b"].into_iter().flat_map(|short| self.objects(ctx, short)).collect();
        let topics = std::fs::read_dir(self.directory.join("kafka").join("data")).context("Kafka's data")?;
        let ours = |path: &PathBuf| path.to_string_lossy().contains(&format!(".{}-", self.installation));
        let topics: Vec<PathBuf> = topics.flatten().map(|entry| entry.path()).filter(ours).collect();
        anyhow::ensure!(!topics.is_empty(), "no topic of {} in Kafka's data", self.installation);
        files.extend(topics.iter().flat_map(|topic| files_below(topic)));
        let named: Vec<(i64, String)> =
            db::query_as("SELECT CAST(oid AS BIGINT), CAST(datname AS TEXT) FROM pg_database")
                .fetch_all(ctx.tenants.db().reader())
                .await?;
        let numbers: Vec<i64> =
            named.into_iter().filter(|(_, name)| name.starts_with(&self.installation)).map(|(oid, _)| oid).collect();
        anyhow::ensure!(!numbers.is_empty(), "no database of {}", self.installation);
        let recent = |path: &PathBuf| {
            std::fs::metadata(path).and_then(|meta| meta.modified()).is_ok_and(|changed| changed >= self.begun)
        };
        for zone in ["a", "b"] {
            let data = self.directory.join("postgres").join(zone).join("data");
            files.extend(numbers.iter().flat_map(|oid| files_below(&data.join("base").join(oid.to_string()))));
            files.extend(files_below(&data.join("pg_wal")).into_iter().filter(recent));
        }
        Ok(files)
    }
}

/// The parts file of an installation of its own.
fn of_its_own(text: &str) -> Result<String> {
    let mut parts: toml::Table = text.parse().context("the parts file")?;
    let name = format!("e2e_{:012x}", (&SystemRng as &dyn Rng).below(1 << 47));
    let mut set = |part: &str, key: &str, value: toml::Value| {
        let table = parts.get_mut(part).and_then(toml::Value::as_table_mut);
        table.map(|table| table.insert(key.to_owned(), value)).with_context(|| format!("a section [{part}]"))
    };
    set("postgres", "installation", name.into())?;
    set("kafka", "partitions", 1.into())?; // one broker keeps the topics of all worlds
    Ok(parts.to_string())
}
