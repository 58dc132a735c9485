//! The stage that every story begins on: two institutions with owners and senders, made once and copied for each seed.
//! Enrolling takes seconds (a password hash is meant to be slow), a copy takes milliseconds.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use siegel_api::members::ReturnReport;
use siegel_api::tenants::Durability;
use siegel_domain::{SenderId, TenantId, Timestamp};
use siegel_e2e::{Person, World, WorldOptions};
use siegel_platform::clock::{Clock as _, SystemClock};
use tempfile::TempDir;

/// Senders of each institution.
pub const SENDERS: usize = 3;

/// Somebody's profile and, for owners, unlocked keys.
#[derive(Debug, Clone)]
pub struct Somebody {
    /// The profile's directory, relative to the stage's.
    pub profile: PathBuf,
    /// What an agent would hold.
    pub keys: Option<Vec<u8>>,
}

/// An institution and its people.
#[derive(Debug, Clone)]
pub struct House {
    /// Its id.
    pub tenant: TenantId,
    /// Whether both zones have to hold everything before it is acknowledged.
    pub strict: bool,
    /// Its owner.
    pub owner: Somebody,
    /// Its senders: the first gets reports, the second does not, the third is not confirmed yet.
    pub senders: Vec<(SenderId, Somebody)>,
}

/// Where it lies, and who is on it.
pub struct Stage {
    dir: TempDir,
    url: String,
    /// Both institutions.
    pub houses: Vec<House>,
    /// When it was made.
    pub now: Timestamp,
}

impl Stage {
    /// Enrols everybody.
    pub async fn set() -> Result<Self> {
        let world =
            World::with(WorldOptions { settings: |config| config.plain_http = true, ..Default::default() }).await?;
        let dealer = world.dealer().await?;
        let mut houses = Vec::new();
        for (handle, durability) in [("verfuegbar", Durability::Available), ("streng", Durability::Strict)] {
            let centre = world.centre_with(&dealer, handle, durability).await?;
            let mut senders = Vec::new();
            for (at, wish) in [ReturnReport::Always, ReturnReport::Never, ReturnReport::Always].into_iter().enumerate()
            {
                let sender = if at < SENDERS - 1 {
                    world.sender(&centre, wish).await?
                } else {
                    world.enrol_sender(&centre.owner.session.invite_sender("Praxis Dr. Neu", wish, None).await?).await?
                };
                senders.push((sender.sender_id()?, somebody(&sender)));
            }
            let strict = durability == Durability::Strict;
            houses.push(House { tenant: centre.tenant, strict, owner: somebody(&centre.owner), senders });
        }
        let (url, state) = (world.url().to_owned(), world.state());
        let from = state.parent().context("the world's directory")?.to_owned();
        let dir = directory()?;
        let now = SystemClock::default().now();
        // The directory goes with the world, and its databases are closed a moment after it: a copy made meanwhile would
        // have a database from before its log was folded in, and a log from after.
        let keep = world.keep();
        world.stop().await?;
        for _ in 0..2_000 {
            if !in_use(&from) {
                break;
            }
            siegel_e2e::moment(Duration::from_millis(5)).await;
        }
        ensure!(!in_use(&from), "a platform that has stopped keeps files open");
        copy(&from, dir.path())?;
        drop(keep);
        Ok(Self { dir, url, houses, now })
    }

    /// A copy for one story, at another address.
    pub fn copy(&self, url: &str) -> Result<TempDir> {
        let dir = directory()?;
        copy(self.dir.path(), dir.path())?;
        let people = self
            .houses
            .iter()
            .flat_map(|house| std::iter::once(&house.owner).chain(house.senders.iter().map(|(_, somebody)| somebody)));
        for somebody in people {
            let file = dir.path().join(&somebody.profile).join("profile.toml");
            let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
            std::fs::write(&file, text.replace(&self.url, url))?;
        }
        Ok(dir)
    }
}

fn somebody(person: &Person) -> Somebody {
    let profile = person.dir.path().file_name().map(PathBuf::from).unwrap_or_default();
    Somebody { profile, keys: person.session.keys().map(|keys| keys.to_vec()) }
}

/// Whether this process has a file below `root` open. Where there is no `/proc`, nobody knows, and it is taken for closed.
fn in_use(root: &Path) -> bool {
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    open.filter_map(|fd| std::fs::read_link(fd.path()).ok()).any(|file| file.starts_with(root))
}

/// In memory where that is possible: what is tested here is order, and a story syncs a thousand times.
fn directory() -> Result<TempDir> {
    let builder = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix("siegel-simulation-");
        builder
    };
    builder().tempdir_in("/dev/shm").or_else(|_| builder().tempdir()).context("a directory for the story")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            std::fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
