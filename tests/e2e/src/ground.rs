//! The ground under the platform: the real parts that `cargo xtask up` started, to be cut, slowed, stopped and killed.
//!
//! A fault here is one that an administrator would see: a line that is down (toxiproxy), a process that is gone (`kill -9`),
//! a file that rots. Nothing of the platform is asked to play along. What a test broke is whole again with [`Ground::heal`].

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use siegel_domain::TenantId;
use siegel_platform::parts::Parts;

use crate::room;
use crate::search::files_below;

/// The zones' letters.
pub const ZONES: [&str; 2] = ["a", "b"];

/// The parts' directory, and the proxies in front of them.
pub struct Ground {
    directory: PathBuf,
    parts: Parts,
    api: String,
    http: reqwest::Client,
}

impl Ground {
    /// The parts that `SIEGEL_E2E_PARTS` names; faults are made there and nowhere else.
    pub fn of_tests() -> Result<Self> {
        let file = std::env::var_os("SIEGEL_E2E_PARTS").map(PathBuf::from);
        let file = file.context("faults need real parts: cargo xtask soak --once")?;
        let parts = Parts::read(&file)?;
        let api =
            parts.toxiproxy.as_ref().context("the parts file names no toxiproxy: nothing can be cut")?.api.clone();
        let directory = file.parent().context("the directory of the parts")?.to_owned();
        Ok(Self { directory, parts, api, http: reqwest::Client::builder().no_proxy().build()? })
    }

    /// Cuts a line: connections end, new ones are refused.
    pub async fn cut(&self, proxy: &str) -> Result<()> {
        self.post(&format!("proxies/{proxy}"), json!({ "enabled": false })).await
    }

    /// Whatever travels on a line takes so much longer.
    pub async fn slow(&self, proxy: &str, by: Duration) -> Result<()> {
        let attributes = json!({ "latency": u64::try_from(by.as_millis())? });
        self.post(&format!("proxies/{proxy}/toxics"), json!({ "type": "latency", "attributes": attributes })).await
    }

    /// What is said back on a line is swallowed, and so much later the line breaks: whoever asked knows nothing of what was
    /// done. So it goes with new connections, until lines are mended.
    pub async fn swallow(&self, proxy: &str, after: Duration) -> Result<()> {
        let attributes = json!({ "timeout": u64::try_from(after.as_millis())? });
        self.post(&format!("proxies/{proxy}/toxics"), json!({ "type": "timeout", "attributes": attributes })).await
    }

    /// Makes every line whole.
    pub async fn mend_lines(&self) -> Result<()> {
        self.post("reset", json!({})).await
    }

    /// Makes everything whole: lines, and processes that are gone are started again. Minutes, if PostgreSQL has to follow.
    pub async fn heal(&self) -> Result<()> {
        self.mend_lines().await?;
        let directory = self.directory.clone();
        tokio::task::spawn_blocking(move || room::up(&directory)).await?
    }

    /// Where the parts keep what they keep.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// `kill -9` of a process of a part, such as `vault-a`.
    pub fn kill(&self, process: &str) -> Result<()> {
        signal("-KILL", &self.pid(process)?)
    }

    /// The number of a process of a part, which runs.
    pub(crate) fn pid(&self, process: &str) -> Result<String> {
        let record = std::fs::read_to_string(self.directory.join("run").join(format!("{process}.pid")))?;
        let mut words = record.split_whitespace();
        let pid = words.next().context("the process' number")?;
        let started = words.next().context("its start")?;
        // Numbers are given anew: only the one that was started as this part is ended.
        ensure!(started_at(pid).as_deref() == Some(started), "{process} does not run");
        Ok(pid.to_owned())
    }

    /// Until a process that was killed holds nothing any more.
    pub(crate) async fn gone(&self, pid: &str) -> Result<()> {
        for _ in 0..1_000 {
            if fields(pid).is_none_or(|fields| fields.starts_with('Z')) {
                return Ok(());
            }
            crate::moment(Duration::from_millis(5)).await;
        }
        anyhow::bail!("process {pid} is still there after five seconds")
    }

    /// The zone where PostgreSQL's primary is.
    pub fn primary(&self) -> Result<&'static str> {
        let leads = |zone: &&str| {
            let data = self.postgres(zone);
            data.join("postmaster.pid").is_file() && !data.join("standby.signal").exists()
        };
        ZONES.into_iter().find(leads).context("no PostgreSQL leads")
    }

    /// `kill -9` of PostgreSQL in a zone, under its supervisor's hands.
    pub fn kill_postgres(&self, zone: &str) -> Result<()> {
        let record = std::fs::read_to_string(self.postgres(zone).join("postmaster.pid"))?;
        signal("-KILL", record.lines().next().context("the process' number")?)
    }

    /// Lets connections into the database of one institution, or ends them and refuses new ones.
    pub fn let_into(&self, tenant: TenantId, open: bool) -> Result<()> {
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{tenant}'");
        let change = format!("ALTER DATABASE \"{tenant}\" ALLOW_CONNECTIONS {open}");
        self.psql(&[&change, &end]).map(drop)
    }

    /// Connections that are open to institutions' databases: how many, to how many databases.
    pub fn connections(&self) -> Result<(usize, usize)> {
        let ask = "SELECT count(*), count(DISTINCT datname) FROM pg_stat_activity WHERE datname LIKE 'tnt\\_%'";
        let said = self.psql(&[ask])?;
        let (all, databases) = said.trim().split_once('|').context("two numbers")?;
        Ok((all.parse()?, databases.parse()?))
    }

    /// What PostgreSQL's administrator says at the primary, and what it answers, without headings.
    fn psql(&self, statements: &[&str]) -> Result<String> {
        let part = &self.parts.postgres;
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
        psql.args(["--dbname", "postgres", "--host", &part.host, "--port", &part.port.to_string()]);
        let (user, password) = part.admin().context("the parts of tests name an administrator")?;
        psql.args(["--username", user]).env("PGPASSWORD", password.expose());
        psql.env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", &self.parts.ca_file);
        for statement in statements {
            psql.args(["--command", statement]);
        }
        let done = psql.stdin(Stdio::null()).output().context("psql")?;
        ensure!(done.status.success(), "psql: {}", String::from_utf8_lossy(&done.stderr));
        Ok(String::from_utf8(done.stdout)?)
    }

    /// A zone is gone at once, with its stores, its supervisor, its vote and its lines.
    pub async fn lose_zone(&self, zone: &str) -> Result<()> {
        for proxy in ["s3", "pg", "vault"] {
            self.cut(&format!("{proxy}-{zone}")).await?;
        }
        self.kill(&format!("postgres-{zone}"))?;
        self.kill_postgres(zone)?;
        for process in ["etcd", "vault", "s3"] {
            self.kill(&format!("{process}-{zone}"))?;
        }
        Ok(())
    }

    /// Sealed objects in a zone that were written since `begun`: those of a test that runs alone.
    pub fn objects_since(&self, zone: &str, begun: std::time::SystemTime) -> Vec<PathBuf> {
        let all = files_below(&self.directory.join(format!("s3-{zone}")).join("objects"));
        let recent =
            |path: &PathBuf| std::fs::metadata(path).and_then(|meta| meta.modified()).is_ok_and(|at| at >= begun);
        all.into_iter().filter(recent).collect()
    }

    fn postgres(&self, zone: &str) -> PathBuf {
        self.directory.join("postgres").join(zone).join("data")
    }

    async fn post(&self, path: &str, body: Value) -> Result<()> {
        let answer = self.http.post(format!("{}/{path}", self.api)).json(&body).send().await?;
        ensure!(answer.status().is_success(), "toxiproxy: {path}: {}", answer.text().await?);
        Ok(())
    }
}

fn signal(name: &str, pid: &str) -> Result<()> {
    ensure!(Command::new("kill").args([name, pid]).status()?.success(), "process {pid} could not be signalled");
    Ok(())
}

/// Ticks after the start of the machine: field 22 of proc(5), counted after the name, which may hold anything.
fn started_at(pid: &str) -> Option<String> {
    fields(pid)?.split_whitespace().nth(19).map(str::to_owned)
}

/// What stands behind the name: the state first.
fn fields(pid: &str) -> Option<String> {
    let text = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).ok()?;
    Some(text.rsplit_once(')')?.1.trim_start().to_owned())
}
