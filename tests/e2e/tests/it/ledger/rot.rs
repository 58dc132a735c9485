//! FAULTS F5, F6 and F7: copies that rot, are cut short, lost or exchanged, in one zone or in both.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use siegel_api::retention::EraseTarget;

use super::{Case, now, rounds};
use crate::support::{bytes, code, content};

/// A scrubber that looks at every copy in every round.
const SCRUB: &[(&str, &str)] = &[("upload", "scrub_every_days = 0\n")];

/// Sealed parts in a zone that came after `begun`. Manifests lie beside them, and are smaller.
fn parts(case: &Case, zone: &str, begun: SystemTime) -> Vec<PathBuf> {
    let mut parts = case.ground.objects_since(zone, begun);
    parts.retain(|path| std::fs::metadata(path).is_ok_and(|object| object.len() > 39_000));
    parts
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f05_f06_copies_that_differ_are_healed_from_the_good_one() {
    // Every copy is looked at in every round.
    let case = Case::with(SCRUB).await;
    for round in 0..rounds() as u64 {
        let before = damaged(&case).await;
        let begun = now();
        for number in 0..6 {
            case.available.send(&bytes(10 * round + number, 50_000 + 1_000 * number as usize)).await;
        }
        let parts = |zone: &str| parts(&case, zone, begun);
        let (a, b) = (parts("a"), parts("b"));
        assert_eq!((a.len(), b.len()), (6, 6));
        let mut wanted = bytes_of(&a);
        wanted.sort();
        // Of each record at most one copy is damaged, or it would be F7. Names differ by zone; the bytes say what belongs together.
        let other = |path: &Path| {
            let bytes = std::fs::read(path).unwrap();
            b.iter().find(|copy| std::fs::read(copy).unwrap() == bytes).unwrap().clone()
        };
        let others: Vec<PathBuf> = a.iter().map(|path| other(path)).collect();
        let damage = |path: &Path, change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = std::fs::read(path).unwrap();
            change(&mut bytes);
            std::fs::write(path, bytes).unwrap();
        };
        damage(&a[0], &|bytes| bytes[20_000] ^= 1);
        damage(&others[1], &|bytes| bytes.truncate(4_096));
        damage(&a[2], &|bytes| bytes.truncate(12 * 4_096));
        std::fs::remove_file(&others[3]).unwrap();
        let foreign = std::fs::read(&a[5]).unwrap();
        damage(&a[4], &|bytes| bytes.clone_from(&foreign));
        case.available.check().await.unwrap();
        // The scrubber reads what nobody reads, also the zone that answered no question.
        let healed = |zone: &str| {
            let mut now = bytes_of(&parts(zone));
            now.sort();
            now == wanted
        };
        until(&case, || healed("a") && healed("b")).await;
        assert!(damaged(&case).await >= before + 5.0, "and counted");
        case.repaired().await;
    }
    case.ends_whole().await;
}

/// Copies that were found damaged by now.
async fn damaged(case: &Case) -> f64 {
    case.programs().number("upload", "siegel_copies_damaged_total").await.unwrap()
}

/// Until what was damaged is whole.
async fn until(case: &Case, healed: impl Fn() -> bool) {
    for _ in 0..1_200 {
        if healed() {
            return;
        }
        siegel_e2e::moment(Duration::from_millis(50)).await;
    }
    panic!("not healed within a minute:\n{}", case.programs().log("upload"));
}

fn bytes_of(paths: &[PathBuf]) -> Vec<Vec<u8>> {
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f07_damage_in_both_zones_is_said_and_healed_only_from_what_was_sent() {
    let case = Case::with(SCRUB).await;
    for round in 0..rounds() as u64 {
        let begun = now();
        let sent = case.available.send(&bytes(10 * round + 70, 50_000)).await;
        let [a, b] = siegel_e2e::ZONES.map(|zone| parts(&case, zone, begun).pop().unwrap());
        let good = std::fs::read(&a).unwrap();
        let mut bad = good.clone();
        bad[20_000] ^= 1;
        for copy in [&a, &b] {
            std::fs::write(copy, &bad).unwrap();
        }
        // Nothing of it is shown, and the reason is; others come and go while the scrubber looks at it again and again.
        let opened = content(case.available.owner(), sent.record, &case.world.outside("damaged.edf")).await;
        assert_eq!(code(opened), "damaged");
        let waiting = async || case.programs().number("upload", "siegel_copies_to_repair{").await.unwrap();
        while waiting().await < 2.0 {
            siegel_e2e::moment(Duration::from_millis(50)).await;
        }
        let gone =
            case.available.sender.session.upload_bytes(bytes(10 * round + 71, 50_000), "ecg.edf").send().await.unwrap();
        let erasure = case.available.owner().erase(EraseTarget::Record(gone.record)).await.unwrap();
        case.available.owner().await_erasure(erasure, Duration::from_secs(30)).await.unwrap();
        for number in 72..75 {
            case.available.send(&bytes(10 * round + number, 50_000)).await;
        }
        assert_eq!(
            bytes_of(&[a.clone(), b.clone()]),
            [bad.clone(), bad.clone()],
            "neither copy was taken for the good one"
        );
        // One of them comes back from a backup: it is recognised, and heals the other.
        std::fs::write(&b, &good).unwrap();
        // A healed copy is a new object: its name may be another one.
        let healed = |zone: &str| {
            let now = bytes_of(&parts(&case, zone, begun));
            now.contains(&good) && !now.contains(&bad)
        };
        until(&case, || healed("a") && healed("b")).await;
        case.repaired().await;
    }
    // The erased ones stay erased: the ledgers know nothing of them.
    case.ends_whole().await;
}
