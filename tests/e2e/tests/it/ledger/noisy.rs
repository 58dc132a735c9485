//! FAULTS F42: an institution that asks for ten times its share waits for itself. The one next door keeps its rate, which is
//! measured before and meanwhile, in the same run. Shares are small, so that what is compared is the platform and not how much of
//! a small machine is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use siegel_client::{Code, Error, RecordQuery, Session, SignIn};
use siegel_platform::clock::{Clock as _, SystemClock};

use super::{Case, House, rounds};
use crate::support::bytes;

/// What everybody has, each second and at once.
const QUOTA: &str = "[quota]\nrequests_per_second = 100\nrequests_burst = 100\n";
/// Of it the noisy institution has so many hundredths: as many requests a second.
const SHARE: usize = 5;
/// Machines that send so many requests a second each: ten times the share.
const MACHINES: usize = 10;
const EACH_MS: i64 = 1_000 * MACHINES as i64 / (10 * SHARE as i64);
/// What the quiet institution does in one measurement, one after the other: a record is sent and read.
const VISITS: u64 = 12;
const VISIT_EVERY_MS: i64 = 600;
/// The part of its rate that it has to keep.
const KEEPS: f64 = 0.95;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f42_ten_times_the_share_of_one_institution_does_not_slow_the_other() {
    let case = Case::set(QUOTA).await;
    let (noisy, quiet) = (&case.available, &case.strict);
    let told_to_wait = Arc::new(AtomicUsize::new(0));
    let told = told_to_wait.clone();
    let sender = SignIn::at(quiet.sender.dir.clone()).on_wait(Arc::new(move |_, error| {
        told.fetch_add(usize::from(error.code() == Some(Code::RateLimited)), Ordering::Relaxed);
    }));
    let sender = sender.machine().unwrap();
    sender.who().await.unwrap();
    let mut machines = Vec::new();
    for _ in 0..MACHINES {
        let machine = noisy.impatient();
        machine.who().await.unwrap(); // signed in, one after the other
        machines.push(machine);
    }
    for round in 0..rounds() as u64 {
        let before = visits(quiet, &sender, 1_000 * round).await;
        case.dealer.session.set_quota(noisy.centre.tenant, SHARE as u32).await.unwrap();
        let (noise, during) = {
            let ended = AtomicBool::new(false);
            let measured = async {
                let during = visits(quiet, &sender, 1_000 * round + 500).await;
                ended.store(true, Ordering::Relaxed);
                during
            };
            futures::join!(flood(&machines, &ended), measured)
        };
        before.tell("F42, next door at rest");
        during.tell("F42, next door to ten times its share");
        assert!(noise.seconds * 8.0 * (SHARE as f64) < (noise.let_in + noise.refused) as f64, "no flood: {noise:?}");
        // What it had saved up, and its share; a request that came between two looks at the clock.
        assert!((noise.let_in as f64) <= (noise.seconds + 1.0) * SHARE as f64 + 1.0, "{noise:?}");
        assert!(noise.refused > noise.let_in, "{noise:?}");
        assert!(during.rate >= KEEPS * before.rate, "{} visits a second of {}", during.rate, before.rate);
        assert_eq!(told_to_wait.load(Ordering::Relaxed), 0, "nobody next door was told to wait");
        // A client that waits as it is told gets through: its users see pauses and no error.
        let refused = async || case.programs().number("upload", "siegel_quota_refusals_total{").await.unwrap();
        let (at_first, load) = (refused().await, noisy.work());
        load.goes_on(1, Duration::from_secs(120)).await.unwrap();
        noisy.finish("F42, noisy", load).await;
        assert!(refused().await > at_first, "its clients were told to wait");
        case.dealer.session.set_quota(noisy.centre.tenant, 100).await.unwrap();
    }
    case.ends_whole().await;
}

/// What the noisy institution got.
#[derive(Debug)]
struct Noise {
    let_in: usize,
    refused: usize,
    seconds: f64,
}

/// Requests of all machines at their pace, until `ended`. Each is answered: let in, or told when to come back.
async fn flood(machines: &[Session], ended: &AtomicBool) -> Noise {
    let (let_in, refused, clock) = (AtomicUsize::new(0), AtomicUsize::new(0), SystemClock::new());
    let begun_ms = clock.monotonic_ms();
    join_all(machines.iter().map(|machine| async {
        for number in 0.. {
            until(&clock, begun_ms + number * EACH_MS).await;
            if ended.load(Ordering::Relaxed) {
                return;
            }
            match machine.records(&RecordQuery::default()).await {
                Ok(_) => let_in.fetch_add(1, Ordering::Relaxed),
                Err(error) => {
                    let Error::Refused(problem) = &error else { panic!("{error:?}") };
                    assert_eq!((problem.status, problem.code), (429, Code::RateLimited), "{error}");
                    assert!(problem.retry_after_s >= Some(1), "{error:?}");
                    refused.fetch_add(1, Ordering::Relaxed)
                }
            };
        }
    }))
    .await;
    let seconds = (clock.monotonic_ms() - begun_ms) as f64 / 1_000.0;
    Noise { let_in: let_in.into_inner(), refused: refused.into_inner(), seconds }
}

/// How the quiet institution fared.
struct Visits {
    /// A second.
    rate: f64,
    /// What each took, shortest first.
    took_ms: Vec<i64>,
}

/// Records sent and read at a steady pace. Each is acknowledged, and written down.
async fn visits(house: &House, sender: &Session, first: u64) -> Visits {
    let (clock, mut took_ms) = (SystemClock::new(), Vec::new());
    let begun_ms = clock.monotonic_ms();
    for number in 0..VISITS {
        until(&clock, begun_ms + number as i64 * VISIT_EVERY_MS).await;
        let (plain, at_ms) = (bytes(first + 2 * number, 30_000), clock.monotonic_ms());
        let sent = sender.upload_bytes(plain.clone(), "ecg.edf").send().await.unwrap();
        house.ledger.acknowledged(&sent, &plain).unwrap();
        house.ledger.read(house.owner(), sent.record).await.unwrap();
        took_ms.push(clock.monotonic_ms() - at_ms);
    }
    let rate = VISITS as f64 * 1_000.0 / (clock.monotonic_ms() - begun_ms) as f64;
    took_ms.sort_unstable();
    Visits { rate, took_ms }
}

impl Visits {
    #[expect(clippy::print_stdout, reason = "the figures that `cargo xtask soak` shows")]
    fn tell(&self, what: &str) {
        let nearly_all = self.took_ms[(self.took_ms.len() * 95).div_ceil(100) - 1];
        let longest = self.took_ms.last().copied().unwrap_or_default() as f64 / 1_000.0;
        println!(
            "{what}: {} uploads and downloads, 0 failed, longest {longest:.1} s, 95 of 100 within {nearly_all} ms",
            self.took_ms.len()
        );
    }
}

/// Until a time on the clock, if it is not there yet.
async fn until(clock: &SystemClock, at_ms: i64) {
    let left_ms = at_ms - clock.monotonic_ms();
    if left_ms > 0 {
        siegel_e2e::moment(Duration::from_millis(left_ms.unsigned_abs())).await;
    }
}
