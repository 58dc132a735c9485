//! The faults of real parts, with a ledger: whatever breaks, what was acknowledged is there once, and people at work see a
//! pause and no error. Six programs on all real parts; each test begins and ends with parts that are whole.
//!
//! They break what other tests stand on, so they run alone, one after another: `cargo xtask soak --once`,
//! `cargo xtask soak` ten times over and with 200 deaths.

mod answers;
mod disk;
mod kills;
mod listener;
mod log;
mod many;
mod noisy;
mod rebalance;
mod rot;
mod secrets;
mod store;
mod zones;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use siegel_api::members::ReturnReport;
use siegel_api::tenants::Durability;
use siegel_client::{BRIDGE, Code, Error, Session, SignIn};
use siegel_domain::RecordId;
use siegel_e2e::{Centre, Done, Ground, Ledger, Line, Load, Person, Programs, World, ZONES};
use siegel_platform::clock::{Clock as _, SystemClock};

/// What a user may have to wait beyond the bridge: the attempt that ends it.
const LONGEST: Duration = Duration::from_secs(BRIDGE.as_secs() + 15);

/// Programs on whole parts, and two institutions at work.
struct Case {
    ground: Ground,
    world: World,
    dealer: Person,
    /// Takes what one zone holds.
    available: House,
    /// Takes what both zones hold.
    strict: House,
}

/// An institution, one who sends to it, and what was acknowledged to them.
struct House {
    centre: Centre,
    sender: Person,
    ledger: Arc<Ledger>,
    files: PathBuf,
}

impl Case {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// Differing in settings of programs.
    async fn with(own: &[(&str, &str)]) -> Self {
        let ground = whole().await;
        Self::on(ground, World::of_programs_with("", own).await.unwrap()).await
    }

    /// Differing in sections of the configuration of all programs.
    async fn set(settings: &str) -> Self {
        let ground = whole().await;
        Self::on(ground, World::of_programs_with(settings, &[]).await.unwrap()).await
    }

    /// People come by a line that loses answers.
    async fn behind(line: &Line) -> Self {
        let ground = whole().await;
        Self::on(ground, World::of_programs_on(line).await.unwrap()).await
    }

    async fn on(ground: Ground, world: World) -> Self {
        let dealer = world.dealer().await.unwrap();
        let available = House::new(&world, &dealer, "available", Durability::Available).await;
        let strict = House::new(&world, &dealer, "strict", Durability::Strict).await;
        Self { ground, world, dealer, available, strict }
    }

    fn programs(&self) -> &Programs {
        self.world.programs()
    }

    fn programs_mut(&mut self) -> &mut Programs {
        self.world.programs_mut()
    }

    /// Both institutions at work.
    fn work(&self) -> [Load; 2] {
        [self.available.work(), self.strict.work()]
    }

    /// Lets both finish; nobody waited longer than a client bridges.
    async fn finish(&self, what: &str, loads: [Load; 2]) {
        for (load, house) in loads.into_iter().zip([&self.available, &self.strict]) {
            let longest = house.finish(what, load).await;
            assert!(longest.iter().all(|longest| *longest < LONGEST), "{}: {longest:?}", house.centre.handle);
        }
    }

    /// Until upload has no copy left to repair, in either zone.
    async fn repaired(&self) {
        for _ in 0..1_200 {
            if self.programs().number("upload", "siegel_copies_to_repair{").await.unwrap() == 0.0 {
                return;
            }
            siegel_e2e::moment(Duration::from_millis(50)).await;
        }
        panic!("copies are left to repair after a minute:\n{}", self.programs().log("upload"));
    }

    /// The end of every test: nothing is left to repair, both ledgers hold, and each zone alone has everything.
    async fn ends_whole(self) {
        self.repaired().await;
        for away in ZONES {
            self.ground.cut(&format!("s3-{away}")).await.unwrap();
            for house in [&self.available, &self.strict] {
                house.check().await.unwrap_or_else(|error| panic!("without zone {away}: {error:#}"));
            }
            self.ground.mend_lines().await.unwrap();
        }
        self.world.stop().await.unwrap();
    }
}

impl House {
    async fn new(world: &World, dealer: &Person, handle: &str, durability: Durability) -> Self {
        let centre = world.centre_with(dealer, handle, durability).await.unwrap();
        let sender = world.sender(&centre, ReturnReport::Never).await.unwrap();
        Self { centre, sender, ledger: Arc::default(), files: world.outside(&format!("{handle}-files")) }
    }

    fn owner(&self) -> &Session {
        &self.centre.owner.session
    }

    fn work(&self) -> Load {
        self.work_at(Duration::ZERO)
    }

    /// The same, each at most once in a time of `pace`.
    fn work_at(&self, pace: Duration) -> Load {
        let (sender, files) = (&self.sender.session, self.files.clone());
        Load::begin(&self.ledger, sender, self.owner(), files, pace).unwrap()
    }

    /// The sender's machine with a client that does not wait.
    fn impatient(&self) -> Session {
        SignIn::at(self.sender.dir.clone()).bridge(Duration::ZERO).machine().unwrap()
    }

    /// Sends bytes and writes down what was acknowledged.
    async fn send(&self, plain: &[u8]) -> siegel_client::Sent {
        let sent = self.sender.session.upload_bytes(plain.to_vec(), "ecg.edf").send().await.unwrap();
        self.ledger.acknowledged(&sent, plain).unwrap();
        sent
    }

    /// What was acknowledged is there, and nothing beside it.
    async fn check(&self) -> anyhow::Result<()> {
        self.ledger.check(self.owner()).await
    }

    /// Retention's effect, in its own time: each record has its deadline.
    async fn has_deadlines(&self) {
        for record in self.ledger.records() {
            self.has_a_deadline(record).await;
        }
    }

    async fn has_a_deadline(&self, record: RecordId) {
        for _ in 0..600 {
            match self.owner().deadline(record).await {
                Ok(_) => return,
                Err(error) if error.code() == Some(Code::NotFound) => {}
                Err(error) => panic!("{record}: {error}"),
            }
            siegel_e2e::moment(Duration::from_millis(50)).await;
        }
        panic!("{record} has no deadline after half a minute");
    }

    /// Lets everybody finish; nobody saw an error. Says what was seen. The longest that an upload and a download took.
    #[expect(clippy::print_stdout, reason = "the figures that `cargo xtask soak` shows")]
    async fn finish(&self, what: &str, load: Load) -> [Duration; 2] {
        let (uploads, downloads) = load.end().await.unwrap();
        [("uploads", uploads), ("downloads", downloads)].map(|(kind, Done { done, failed, longest })| {
            let (who, seconds) = (&self.centre.handle, longest.as_secs_f64());
            println!("{what}, {who}: {done} {kind}, {} failed, longest {seconds:.1} s", failed.len());
            assert!(failed.is_empty(), "{who}: {} {kind} failed: {}", failed.len(), failed.join("\n"));
            longest
        })
    }
}

/// The parts, their lines whole: what a test that failed has left cut or slow is mended.
async fn whole() -> Ground {
    let ground = Ground::of_tests().unwrap();
    ground.mend_lines().await.unwrap();
    ground
}

/// Refused for now, with a word on when to come back.
fn turned_away(error: &Error) {
    assert!(
        matches!(error, Error::Refused(problem) if problem.status == 503 && problem.retry_after_s >= Some(1)),
        "{error:?}"
    );
}

/// Now, as the files of the zones are dated.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(SystemClock::new().now().0.unsigned_abs())
}

/// How often a test's fault is repeated: once, or as `cargo xtask soak` says.
fn rounds() -> usize {
    std::env::var("SIEGEL_SOAK_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap())
}
