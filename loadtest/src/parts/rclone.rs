//! rclone, as people use it today for what Siegel does: `rclone copy` through crypt, and `age | rclone rcat`, to both zones.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use siegel_client::time::Moment;

use super::Ground;
use crate::cpu;
use crate::pair::Sample;

/// A configuration of rclone, with the two zones, each plain and through crypt.
pub(crate) struct Rclone {
    config: PathBuf,
    ca: PathBuf,
    /// The bucket that everything goes to, in both zones.
    pub bucket: String,
}

impl Rclone {
    /// Writes the configuration into `place`, and makes the bucket.
    pub(crate) fn new(ground: &Ground, place: &Path) -> Result<Self> {
        let bucket = format!("raw-{}", super::word());
        let mut text = String::new();
        for (zone, part) in ["a", "b"].iter().zip(&ground.parts.s3) {
            let (access, secret) = part.admin().context("a zone has an administrator")?;
            let (endpoint, region, secret) = (&part.endpoint, &part.region, secret.expose());
            // No check before the first write, and no hash of the bytes in the request: as the service goes.
            text += &format!(
                "[{zone}]\ntype = s3\nprovider = Other\naccess_key_id = {access}\nsecret_access_key = {secret}\nendpoint = {endpoint}\nregion = {region}\nno_check_bucket = true\nno_head = true\ndisable_checksum = true\n\n"
            );
        }
        let obscured = Command::new("rclone").args(["obscure", &super::word()]).output().context("rclone obscure")?;
        let password = String::from_utf8(obscured.stdout)?;
        for zone in ["a", "b"] {
            text += &format!("[{zone}crypt]\ntype = crypt\nremote = {zone}:{bucket}\npassword = {password}\n\n");
        }
        let rclone = Self { config: place.join("rclone.conf"), ca: ground.parts.ca_file.clone(), bucket };
        std::fs::write(&rclone.config, text)?;
        for zone in ["a", "b"] {
            let made = rclone
                .command(&["mkdir", "--s3-no-check-bucket=false", &format!("{zone}:{}", rclone.bucket)])
                .status()?;
            ensure!(made.success(), "rclone mkdir ended with {made}");
        }
        Ok(rclone)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("rclone");
        command.arg("--config").arg(&self.config).arg("--ca-cert").arg(&self.ca).args(words);
        command.stdin(Stdio::null());
        without_surroundings(command)
    }

    /// Two copies through crypt, one for each zone, at once.
    pub(crate) fn copy_sealed(&self, input: &Path) -> Result<Sample> {
        let input = input.to_str().context("a scratch directory has a plain name")?;
        timed(["acrypt:", "bcrypt:"].map(|to| self.command(&["copy", input, to])))
    }

    /// `age` into `rclone rcat`, for each zone.
    pub(crate) fn age(&self, input: &Path, recipient: &str) -> Result<Sample> {
        let input = input.to_str().context("a scratch directory has a plain name")?;
        let (config, ca) = (self.config.display(), self.ca.display());
        timed(["a", "b"].map(|zone| {
            let to = format!("{zone}:{}/aged", self.bucket);
            let line = format!("age -r {recipient} '{input}' | rclone --config '{config}' --ca-cert '{ca}' rcat {to}");
            let mut command = Command::new("bash");
            command.args(["-o", "pipefail", "-c", &line]).stdin(Stdio::null());
            without_surroundings(command)
        }))
    }

    /// Takes away everything in the bucket.
    pub(crate) fn empty(&self) -> Result<()> {
        for zone in ["a", "b"] {
            let gone = self.command(&["delete", &format!("{zone}:{}", self.bucket)]).status()?;
            ensure!(gone.success(), "rclone delete ended with {gone}");
        }
        Ok(())
    }
}

/// What a machine says of Amazon's cloud is not meant for these zones.
fn without_surroundings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") || name.to_string_lossy().starts_with("RCLONE_") {
            command.env_remove(name);
        }
    }
    command
}

/// Both at once, to the end of the later one.
fn timed(commands: [Command; 2]) -> Result<Sample> {
    let before = cpu::of_finished_children()?;
    let start = Moment::now();
    let running = commands.into_iter().map(|mut command| command.spawn()).collect::<Result<Vec<_>, _>>()?;
    for mut child in running {
        let ended = child.wait()?;
        ensure!(ended.success(), "a copy by rclone ended with {ended}");
    }
    let wall_s = start.elapsed().as_secs_f64();
    Ok(Sample { wall_s, cpu_s: cpu::of_finished_children()? - before, tail_s: 0.0 })
}
