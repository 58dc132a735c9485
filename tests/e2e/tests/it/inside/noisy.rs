//! FAULTS F42: an institution that asks for ten times its share waits for itself, and nobody else does. The platform's clock
//! stands still, so that a share is a number and not a matter of how fast the machine is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use siegel_api::members::ReturnReport;
use siegel_api::tenants::Durability;
use siegel_client::{Code, Error, RecordQuery, Session, SignIn};
use siegel_e2e::{Centre, PASSWORD, Person, World, WorldOptions};
use siegel_platform::clock::{Clock as _, ManualClock, SystemClock};
use siegel_platform::quota::Quota;

use crate::support::{bytes, code, content};

/// What the standard lets through at once, and each second.
const STANDARD: u64 = 200;
/// The noisy institution's setting, and its share.
const PERCENT: u32 = 30;
const SHARE: usize = 60;

struct Case {
    world: World,
    clock: ManualClock,
    dealer: Person,
}

async fn case(settings: fn(&mut siegel_server::ServerConfig)) -> Case {
    let clock = ManualClock::new(SystemClock::new().now());
    let options =
        WorldOptions { clock: Some(Arc::new(clock.clone())), workers: false, settings, ..WorldOptions::default() };
    let world = World::with(options).await.unwrap();
    let dealer = world.dealer().await.unwrap();
    Case { world, clock, dealer }
}

/// The sender's machine, with a client that does not wait.
fn impatient(sender: &Person) -> Session {
    SignIn::at(sender.dir.clone()).bridge(Duration::ZERO).machine().unwrap()
}

/// Somebody with a client that waits as it is told, while the platform's clock moves as far; and how long it waited.
fn patient(person: &Person, clock: &ManualClock) -> (Arc<Mutex<Vec<Duration>>>, SignIn) {
    let waits = Arc::new(Mutex::new(Vec::new()));
    let (told, clock) = (waits.clone(), clock.clone());
    let sign_in = SignIn::at(person.dir.clone()).on_wait(Arc::new(move |wait, _| {
        told.lock().unwrap().push(wait);
        clock.advance_ms(wait.as_millis() as i64);
    }));
    (waits, sign_in)
}

#[tokio::test(flavor = "multi_thread")]
async fn f42_a_noisy_institution_waits_for_itself_and_nobody_else_does() {
    let Case { world, clock, dealer } = case(|config| {
        config.quota = Quota { requests_per_second: STANDARD, requests_burst: STANDARD, ..Quota::default() };
    })
    .await;
    let noisy = world.centre_with(&dealer, "laut", Durability::Available).await.unwrap();
    let quiet = world.centre_with(&dealer, "leise", Durability::Available).await.unwrap();
    let cart = world.sender(&noisy, ReturnReport::Always).await.unwrap();
    let other = world.sender(&quiet, ReturnReport::Always).await.unwrap();
    let set = dealer.session.set_quota(noisy.tenant, PERCENT).await.unwrap();
    assert_eq!(set.quota_percent, PERCENT);
    assert_eq!(code(dealer.session.set_quota(noisy.tenant, 401).await), "invalid-request", "the provider bounds it");
    // Machines sign in one after the other. At once, on PostgreSQL, some of them would be asked to try again in a moment, and no
    // moment passes while the clock stands still.
    let mut machines = Vec::new();
    for _ in 0..8 {
        let machine = impatient(&cart);
        machine.who().await.unwrap();
        machines.push(machine);
    }
    clock.advance_ms(2_000); // what setting up has used is there again

    // Ten times the share at once, from eight machines of one institution, while the other one does its work.
    let (let_in, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let flood = join_all(machines.iter().map(|session| async {
        for _ in 0..10 * SHARE / 8 {
            match session.who().await {
                Ok(_) => let_in.fetch_add(1, Ordering::Relaxed),
                Err(error) => {
                    assert_too_much(&error);
                    refused.fetch_add(1, Ordering::Relaxed)
                }
            };
        }
    }));
    let others = impatient(&other);
    futures::join!(flood, work(&world, &quiet, &others));
    assert_eq!((let_in.into_inner(), refused.into_inner()), (SHARE, 9 * SHARE), "its share, and not a request more");
    let metrics = world.ctx().metrics.render();
    assert!(metrics.contains(&format!("siegel_quota_refusals_total{{name=\"requests\"}} {}", 9 * SHARE)), "{metrics}");
    assert!(!metrics.contains(&noisy.tenant.to_string()), "numbers name nobody");

    // A client that waits as it is told gets through: its user sees a pause.
    let (waits, patient) = patient(&cart, &clock);
    let sent = patient.machine().unwrap().upload_bytes(b"after a while".to_vec(), "ecg.edf").send().await.unwrap();
    let waits = waits.lock().unwrap().clone();
    assert!(!waits.is_empty() && waits.iter().all(|wait| *wait >= Duration::from_secs(1)), "{waits:?}");
    assert_eq!(
        content(&noisy.owner.session, sent.record, &world.outside("sent")).await.unwrap(),
        b"after a while",
        "what was refused was refused whole"
    );
    world.stop().await.unwrap();
}

/// What an institution does on a day: every call has to succeed at the first attempt.
async fn work(world: &World, centre: &Centre, sender: &Session) {
    for round in 0..6 {
        let plain = bytes(round, 100_000);
        let sent = sender.upload_bytes(plain.clone(), "ecg.edf").send().await.unwrap();
        let arrived = content(&centre.owner.session, sent.record, &world.outside("quiet")).await.unwrap();
        assert!(arrived == plain, "round {round}");
        assert_eq!(
            centre.owner.session.records(&RecordQuery::default()).await.unwrap().items.len(),
            round as usize + 1
        );
    }
}

fn assert_too_much(error: &Error) {
    assert_eq!(error.code(), Some(Code::RateLimited), "{error}");
    assert!(matches!(error, Error::Refused(problem) if problem.status == 429 && problem.retry_after_s >= Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn f42_bytes_beyond_the_share_are_paid_for_before_more_are_let_in() {
    let Case { world, clock, dealer } = case(|config| {
        config.quota = Quota { bytes_per_second: 20_000_000, bytes_burst: 10_000_000, ..Quota::default() };
    })
    .await;
    let noisy = world.centre_with(&dealer, "laut", Durability::Available).await.unwrap();
    let quiet = world.centre_with(&dealer, "leise", Durability::Available).await.unwrap();
    let cart = world.sender(&noisy, ReturnReport::Always).await.unwrap();
    let other = world.sender(&quiet, ReturnReport::Always).await.unwrap();
    clock.advance_ms(10_000);
    let path = crate::support::file(&world, "long.edf", &bytes(1, 20_000_000));
    let session = impatient(&cart);
    let error = session.upload(&path).send().await.unwrap_err();
    assert_too_much(&error);
    assert_too_much(&session.who().await.unwrap_err());
    impatient(&other).upload_bytes(bytes(2, 500_000), "ecg.edf").send().await.unwrap();
    // The rest is let in as it is paid for; the upload goes on where it was.
    let sent = patient(&cart, &clock).1.machine().unwrap().upload(&path).send().await.unwrap();
    let owner = patient(&noisy.owner, &clock).1.password(PASSWORD).await.unwrap();
    let arrived = content(&owner, sent.record, &world.outside("sent")).await.unwrap();
    assert!(arrived == std::fs::read(&path).unwrap());
    world.stop().await.unwrap();
}
