//! The state directory, the key file, the sealed secrets, and the room that is left.

use std::path::Path;
use std::sync::Arc;

use siegel_platform::clock::SystemClock;
use siegel_platform::rng::SystemRng;
use siegel_platform::secrets::Secrets;

use super::Finding;
use crate::place::Place;

/// Whether there is a state directory, and who may read it.
pub(super) fn state_dir(place: &Place) -> Vec<Finding> {
    const CHECK: &str = "state";
    let directory = place.state_dir();
    let shown = directory.display();
    if !directory.is_dir() {
        return vec![Finding::fail(
            CHECK,
            format!("{shown} is not there"),
            "name the server's state directory with --state",
        )];
    }
    if place.require_started().is_err() {
        let next = format!("start the server once: siegel-server --state {shown}");
        return vec![Finding::fail(CHECK, format!("no server has ever started in {shown}"), next)];
    }
    match others_may(directory) {
        Some(mode) => {
            let seen = format!("{shown} can be entered by other users (mode {mode:o})");
            vec![Finding::warn(CHECK, seen, format!("chmod 700 {shown}"))]
        }
        None => vec![Finding::ok(CHECK, format!("{shown}, for its owner only"))],
    }
}

/// The state directory of a program on real parts: locks and the clock's mark. Who looks at the parts may sit elsewhere.
#[cfg(feature = "real")]
pub(super) fn beside_parts(place: &Place) -> Vec<Finding> {
    if place.require_started().is_ok() {
        return state_dir(place);
    }
    let seen =
        format!("no program has started in {}: its clock and its disk are not looked at", place.state_dir().display());
    vec![Finding::warn("state", seen, "name the state directory of a program on this machine with --state")]
}

/// Opens the secrets as the server does; never makes them.
pub(super) fn secrets(place: &Place, found: &mut Vec<Finding>) -> Option<Secrets> {
    let (sealed, key) = (place.file("secrets.sealed"), place.config.key_file());
    found.push(key_file(place, &key));
    if !sealed.exists() || !key.exists() {
        let next = "restore both from the same backup: without them nobody can sign in, and nothing under the tenants' keys opens";
        found.push(Finding::fail("secrets", "the sealed file or its key is missing", next));
        return None;
    }
    match Secrets::open(&sealed, &key, SystemClock::shared(), Arc::new(SystemRng)) {
        Ok(secrets) => {
            found.push(Finding::ok("secrets", "they open with their key"));
            Some(secrets)
        }
        Err(error) => {
            found.push(Finding::fail("secrets", error.to_string(), "restore both from the same backup"));
            None
        }
    }
}

fn key_file(place: &Place, key: &Path) -> Finding {
    const CHECK: &str = "key-file";
    let shown = key.display();
    if !key.exists() {
        return Finding::fail(
            CHECK,
            format!("{shown} is missing"),
            "put the key file back, or name it with --key-file",
        );
    }
    if let Some(mode) = others_may(key) {
        let seen = format!("{shown} can be read by other users (mode {mode:o})");
        return Finding::fail(CHECK, seen, format!("chmod 600 {shown}"));
    }
    let inside = |directory: &Path| Some(key.canonicalize().ok()?.starts_with(directory.canonicalize().ok()?));
    if inside(place.state_dir()) == Some(true) {
        let next = "for production keep it elsewhere, so that a copy of the state directory alone opens nothing: siegel-server --key-file FILE";
        return Finding::warn(CHECK, format!("{shown} lies beside what it seals"), next);
    }
    Finding::ok(CHECK, format!("{shown}, for its owner only"))
}

/// The permission bits of others, if they have any.
#[cfg(unix)]
pub(super) fn others_may(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = path.metadata().ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
pub(super) fn others_may(_: &Path) -> Option<u32> {
    None
}

/// The room on the disks of the databases and both zones.
#[cfg(unix)]
pub(super) fn free_space(place: &Place) -> Vec<Finding> {
    const CHECK: &str = "space";
    const LEAST_BYTES: u64 = 512 << 20;
    const FEW_BYTES: u64 = 5 << 30;
    let zones = place.file("zones");
    let places = [place.state_dir().to_owned(), zones.join("a"), zones.join("b")];
    let mut found = Vec::new();
    let mut seen_disks = Vec::new();
    for path in places {
        let Ok(disk) = rustix::fs::statvfs(&path) else { continue }; // a zone that is away has its own line
        if seen_disks.contains(&disk.f_fsid) {
            continue;
        }
        seen_disks.push(disk.f_fsid);
        let (free, total) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        let seen = format!(
            "{} of {} free on the disk of {}",
            crate::words::size(free),
            crate::words::size(total),
            path.display()
        );
        found.push(if free < LEAST_BYTES {
            Finding::fail(CHECK, seen, "make room now: writes are refused when it is full")
        } else if free < FEW_BYTES && free < total / 10 {
            Finding::warn(CHECK, seen, "make room, or move the zones to larger disks")
        } else {
            Finding::ok(CHECK, seen)
        });
    }
    found
}

#[cfg(not(unix))]
pub(super) fn free_space(_: &Place) -> Vec<Finding> {
    Vec::new()
}
