//! Zones whose disks can be full (FAULTS F8). The two S3 stores that `cargo xtask up` started are started again by the test,
//! each over a file system in memory that can be made as small as what is in it: then the next write finds no space, as on a
//! disk. It is mounted where nobody but that store sees it and goes with its process, so nothing stays mounted whatever
//! becomes of the test.
//!
//! What other tests left in the zones is not seen meanwhile; their platforms are gone.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::ground::{Ground, ZONES};

/// As much as a zone may take while it has room; what nobody writes takes no memory.
const ROOM: &str = "8g";
/// Makes the file system as small as what is in it. Zero would mean no bound at all.
const FILL: &str = "used=$(($(df -k --output=used \"$0\" | tail -n 1))); \
                    test \"$used\" -gt 0 && mount -o \"remount,size=${used}k\" \"$0\"";

/// Both zones, on disks of the test's own. Dropped, they are what they were before.
pub struct Room {
    directory: PathBuf,
    zones: Vec<Zone>,
    /// Whether `cargo xtask up` has to start stores that were ended here.
    owes: bool,
}

struct Zone {
    letter: &'static str,
    objects: PathBuf,
    server: Child,
}

impl Room {
    /// Ends the zones' stores and starts them on disks of their own. Before the platform of the test starts.
    pub async fn of_its_own(ground: &Ground) -> Result<Self> {
        let mut room = Self { directory: ground.directory().to_owned(), zones: Vec::new(), owes: true };
        for letter in ZONES {
            let process = format!("s3-{letter}");
            let pid = ground.pid(&process)?;
            let (words, variables) = (list(&pid, "cmdline")?, list(&pid, "environ")?);
            ground.kill(&process)?;
            ground.gone(&pid).await?;
            let objects = room.directory.join(&process).join("objects");
            let log = room.directory.join("log").join(format!("{process}.log"));
            let log = File::options().create(true).append(true).open(log)?;
            let mut server = Command::new("unshare");
            let mount = format!("mount -t tmpfs -o size={ROOM} tmpfs \"$0\" && exec \"$@\"");
            server.args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount]).arg(&objects).args(words);
            server.env_clear().envs(variables.iter().filter_map(|variable| variable.split_once('=')));
            server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            let server = server.spawn().context("start a zone's store")?;
            room.zones.push(Zone { letter, objects, server });
            let address = variables.iter().find_map(|variable| variable.strip_prefix("VGW_PORT="));
            room.answers(address.context("the store's address")?).await?;
        }
        Ok(room)
    }

    /// Until the store that was started last answers.
    async fn answers(&mut self, address: &str) -> Result<()> {
        let http = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build()?;
        let zone = self.zones.last_mut().context("a zone")?;
        for _ in 0..2_000 {
            if let Some(status) = zone.server.try_wait()? {
                anyhow::bail!("zone {} ended with {status} instead of starting", zone.letter);
            }
            let answer = http.get(format!("https://{address}/health")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            crate::moment(Duration::from_millis(10)).await;
        }
        anyhow::bail!("zone {} does not answer at {address}", zone.letter)
    }

    /// No byte more fits into a zone.
    pub fn fill(&self, letter: &str) -> Result<()> {
        self.inside(letter, FILL)
    }

    /// There is room again.
    pub fn free(&self, letter: &str) -> Result<()> {
        self.inside(letter, &format!("mount -o remount,size={ROOM} \"$0\""))
    }

    /// Runs a script where the zone's file system is seen.
    fn inside(&self, letter: &str, script: &str) -> Result<()> {
        let zone = self.zones.iter().find(|zone| zone.letter == letter).context("no such zone")?;
        let mut enter = Command::new("nsenter");
        enter.args(["--target", &zone.server.id().to_string(), "--user", "--mount", "--preserve-credentials"]);
        enter.args(["--", "sh", "-c", script]).arg(&zone.objects).stdin(Stdio::null());
        let done = enter.output().context("nsenter")?;
        ensure!(done.status.success(), "zone {letter}: {script}: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }

    /// Gives the zones back to `cargo xtask up`.
    pub async fn end(mut self) -> Result<()> {
        self.end_stores();
        self.owes = false;
        let directory = self.directory.clone();
        tokio::task::spawn_blocking(move || up(&directory)).await?
    }

    fn end_stores(&mut self) {
        for mut zone in self.zones.drain(..) {
            let _ = zone.server.kill();
            let _ = zone.server.wait();
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.owes {
            self.end_stores();
            let _ = up(&self.directory); // the test has failed already, and says why
        }
    }
}

/// Starts what does not run, as whoever looks after the parts would.
pub(crate) fn up(directory: &Path) -> Result<()> {
    let xtask = std::env::var_os("SIEGEL_XTASK").context("SIEGEL_XTASK names the program of cargo xtask")?;
    let mut up = Command::new(xtask);
    let done = up.arg("up").env("SIEGEL_PARTS_DIR", directory).stdin(Stdio::null()).output()?;
    ensure!(done.status.success(), "cargo xtask up: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// What a process was started with: its words or its variables (proc(5)).
fn list(pid: &str, file: &str) -> Result<Vec<String>> {
    let bytes = std::fs::read(Path::new("/proc").join(pid).join(file))?;
    let text = String::from_utf8(bytes).context("a store's words are text")?;
    Ok(text.split_terminator('\0').map(str::to_owned).collect())
}
