//! Zones on real directories that misbehave on command. A slow zone is slow in its own time: what it loses does not pass
//! for the rest of the platform, so that no test waits and no other zone seems slow.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use futures::future::BoxFuture;
use siegel_domain::Timestamp;
use siegel_e2e::files_below;
use siegel_envelope::PartDigest;
use siegel_envelope::part;
use siegel_platform::clock::{Clock, ManualClock};
use siegel_platform::host::MakeZones;
use siegel_platform::zones::faults::{Faults, FaultyZone};
use siegel_platform::zones::{LocalZone, NAMES, Zone, Zones};

/// The directories' names.
pub const SHORT: [&str; 2] = ["a", "b"];

/// A zone's own time: the platform's, and what it was late by.
#[derive(Clone)]
struct Late {
    clock: ManualClock,
    late_ms: Arc<AtomicI64>,
    /// Whether waiting is being late (inside the zone) or waiting (outside).
    inside: bool,
}

impl Clock for Late {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn monotonic_ms(&self) -> i64 {
        self.clock.monotonic_ms() + self.late_ms.load(Ordering::Relaxed)
    }

    fn sleep(&self, ms: i64) -> BoxFuture<'static, ()> {
        if self.inside {
            self.late_ms.fetch_add(ms, Ordering::Relaxed);
            return Box::pin(std::future::ready(()));
        }
        self.clock.sleep(ms)
    }
}

/// Makes the platform's zones with these faults before them.
pub fn make(faults: [Faults; 2], clock: ManualClock) -> MakeZones {
    Box::new(move |config, bucket_secret, _, metrics| {
        let [a, b] = [0, 1].map(|at| -> Result<Zone> {
            let local = LocalZone::open(NAMES[at], &config.state_dir.join("zones").join(SHORT[at]))?;
            let outside = Late { clock: clock.clone(), late_ms: Arc::default(), inside: false };
            let inside = Late { inside: true, ..outside.clone() };
            let zone = FaultyZone::wrap(local.clone(), local, faults[at].clone(), Arc::new(inside));
            Ok(Zone::new(NAMES[at], &config.jurisdiction, zone.clone(), zone, Arc::new(outside), metrics.clone()))
        });
        Ok(Zones::new(a?, b?, bucket_secret))
    })
}

/// What lies on the two disks, read past the platform.
pub struct Disks {
    roots: [PathBuf; 2],
    dated: HashSet<PathBuf>,
    /// What arrived after it was given up, and no row knows of: it counts for nobody, and has to be gone in the end.
    pub strays: HashSet<PathBuf>,
}

impl Disks {
    /// Of the platform in `state`.
    pub fn of(state: &Path) -> Self {
        let roots = SHORT.map(|short| state.join("zones").join(short));
        Self { roots, dated: HashSet::new(), strays: HashSet::new() }
    }

    /// Every file but the zone's mark.
    pub fn files(&self, zone: usize) -> Vec<PathBuf> {
        let mut files = files_below(&self.roots[zone]);
        files.retain(|path| path.file_name().is_some_and(|name| name != "siegel-zone"));
        files
    }

    /// The whole parts in a zone, by their digest. Tombstones, damaged parts and strays are none.
    pub fn parts(&self, zone: usize) -> BTreeMap<[u8; 32], Vec<PathBuf>> {
        let mut parts: BTreeMap<[u8; 32], Vec<PathBuf>> = BTreeMap::new();
        for path in self.files(zone).into_iter().filter(|path| !self.strays.contains(path)) {
            let Ok(bytes) = std::fs::read(&path) else { continue };
            if let Ok(digest) = part::digest_of(&bytes) {
                parts.entry(*digest.as_bytes()).or_default().push(path);
            }
        }
        parts
    }

    /// Whether a zone holds all of these parts.
    pub fn holds(&self, zone: usize, parts: &[PartDigest]) -> bool {
        let there = self.parts(zone);
        parts.iter().all(|part| there.contains_key(part.as_bytes()))
    }

    /// Whether anything is dated later than this.
    pub fn any_after(&self, now: Timestamp) -> bool {
        let now = moment(now);
        let written = |path: PathBuf| std::fs::metadata(path).and_then(|file| file.modified());
        (0..2).flat_map(|zone| self.files(zone)).any(|path| written(path).is_ok_and(|written| written > now))
    }

    /// Dates new files by the story's clock, since the platform goes by their age.
    pub fn date(&mut self, now: Timestamp) -> Result<()> {
        let when = moment(now);
        for zone in 0..2 {
            for path in self.files(zone) {
                if self.dated.insert(path.clone())
                    && let Ok(file) = std::fs::File::options().append(true).open(&path)
                {
                    file.set_modified(when).with_context(|| format!("date {}", path.display()))?;
                }
            }
        }
        Ok(())
    }
}

fn moment(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or_default())
}
