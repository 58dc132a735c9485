//! The faults of real parts, with a ledger: whatever breaks, what was acknowledged is there once, and people at work see a
//! pause and no error. Six programs on all real parts; each test begins and ends with parts that are whole.
//!
//! They break what other tests stand on, so they run alone, one after another: `cargo xtask soak --once`,
//! `cargo xtask soak` ten times over and with 200 deaths.

mod kills;
mod log;
mod many;
mod secrets;
mod store;
mod zones;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_api::tenants::Durability;
use siegel_client::profile::ProfileDir;
use siegel_client::{BRIDGE, Enrolment, NewTenant, Session, SignIn};
use siegel_domain::{Principal, TenantId};
use siegel_e2e::{Done, Ground, Ledger, Load, PASSWORD, Programs, ZONES, add_dealer_beside, password};
use zeroize::Zeroizing;

/// What a user may have to wait beyond the bridge: the attempt that ends it.
const LONGEST: Duration = Duration::from_secs(BRIDGE.as_secs() + 15);

/// Programs on whole parts, and two institutions at work.
struct Case {
    ground: Ground,
    programs: Programs,
    dealer: Session,
    /// Takes what one zone holds.
    available: House,
    /// Takes what both zones hold.
    strict: House,
}

/// An institution and one who sends to it.
struct House {
    tenant: TenantId,
    owner: Session,
    sender: Session,
    /// Where its sender's profile lies.
    profile: ProfileDir,
    ledger: Arc<Ledger>,
    files: PathBuf,
}

impl Case {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// Differing in settings of programs.
    async fn with(own: &[(&str, &str)]) -> Self {
        let ground = Ground::of_tests().unwrap();
        ground.mend_lines().await.unwrap();
        let binaries = Path::new(env!("CARGO_BIN_EXE_platform")).parent().unwrap();
        let programs = Programs::start_as(binaries, "", own).await.unwrap();
        let code = add_dealer_beside(&programs.url(), &programs.state(), programs.parts()).await.unwrap();
        let dir = ProfileDir::at(programs.outside("dealer"));
        Enrolment::begin(&code, None, None).await.unwrap().dealer(&dir).await.unwrap();
        let dealer = SignIn::at(dir).machine().unwrap();
        let available = House::new(&programs, &dealer, "available", Durability::Available).await;
        let strict = House::new(&programs, &dealer, "strict", Durability::Strict).await;
        Self { ground, programs, dealer, available, strict }
    }

    /// Both institutions at work.
    fn work(&self) -> [Load; 2] {
        [self.available.work(), self.strict.work()]
    }

    /// Until upload has no copy left to repair, in either zone.
    async fn repaired(&self) {
        for _ in 0..1_200 {
            if self.programs.number("upload", "siegel_copies_to_repair{").await.unwrap() == 0.0 {
                return;
            }
            siegel_e2e::moment(Duration::from_millis(50)).await;
        }
        panic!("copies are left to repair after a minute:\n{}", self.programs.log("upload"));
    }

    /// The end of every test: nothing is left to repair, both ledgers hold, and each zone alone has everything.
    async fn ends_whole(self) {
        self.repaired().await;
        for away in ZONES {
            self.ground.cut(&format!("s3-{away}")).await.unwrap();
            for house in [&self.available, &self.strict] {
                house.ledger.check(&house.owner).await.unwrap_or_else(|error| panic!("without zone {away}: {error:#}"));
            }
            self.ground.mend_lines().await.unwrap();
        }
        self.programs.stop().await.unwrap();
    }
}

impl House {
    async fn new(programs: &Programs, dealer: &Session, handle: &str, durability: Durability) -> Self {
        let dir = |name: &str| ProfileDir::at(programs.outside(&format!("{handle}-{name}")));
        let new = institution(handle, durability);
        let (tenant, code) = made(dealer, new).await;
        let enrolment = Enrolment::begin(&code, None, None).await.unwrap();
        enrolment.owner(&dir("owner"), "inhaberin", &password()).await.unwrap();
        let owner = SignIn::at(dir("owner")).password(PASSWORD).await.unwrap();
        let invitation = owner.invite_sender("Wagen 7", ReturnReport::Never, None).await.unwrap();
        Enrolment::begin(&invitation.code, None, None).await.unwrap().sender(&dir("sender")).await.unwrap();
        let Principal::Sender(id) = invitation.principal else { panic!("a sender's code") };
        owner.confirm_sender(id).await.unwrap();
        let sender = SignIn::at(dir("sender")).machine().unwrap();
        let files = programs.outside(&format!("{handle}-files"));
        Self { tenant, owner, sender, profile: dir("sender"), ledger: Arc::default(), files }
    }

    fn work(&self) -> Load {
        Load::begin(&self.ledger, &self.sender, &self.owner, self.files.clone()).unwrap()
    }

    /// The sender's machine with a client that does not wait.
    fn impatient(&self) -> Session {
        SignIn::at(self.profile.clone()).bridge(Duration::ZERO).machine().unwrap()
    }

    /// Sends bytes and writes down what was acknowledged.
    async fn send(&self, plain: &[u8]) -> siegel_client::Sent {
        let sent = self.sender.upload_bytes(plain.to_vec(), "ecg.edf").send().await.unwrap();
        self.ledger.acknowledged(&sent, plain).unwrap();
        sent
    }
}

fn institution(handle: &str, durability: Durability) -> NewTenant {
    NewTenant {
        handle: handle.to_owned(),
        display_name: handle.to_owned(),
        comment: String::new(),
        jurisdiction: "EU".to_owned(),
        durability,
    }
}

/// Makes an institution, its databases and buckets; its owner's code.
async fn made(dealer: &Session, new: NewTenant) -> (TenantId, Zeroizing<String>) {
    let (tenant, code) = dealer.create_tenant(new).await.unwrap();
    while dealer.tenant(tenant.id).await.unwrap().phase != "ready" {
        siegel_e2e::moment(Duration::from_millis(50)).await;
    }
    (tenant.id, code)
}

/// Lets everybody finish; nobody saw an error, and nobody waited longer than a client bridges. Says what was seen.
#[expect(clippy::print_stdout, reason = "the figures that `cargo xtask soak` shows")]
async fn finish(what: &str, loads: [Load; 2]) {
    for (load, house) in loads.into_iter().zip(["available", "strict"]) {
        let (uploads, downloads) = load.end().await.unwrap();
        for (kind, Done { done, failed, longest }) in [("uploads", uploads), ("downloads", downloads)] {
            println!("{what}, {house}: {done} {kind}, {} failed, longest {:.1} s", failed.len(), longest.as_secs_f64());
            assert!(failed.is_empty(), "{house}: {} {kind} failed: {}", failed.len(), failed.join("\n"));
            assert!(longest < LONGEST, "{house}: {kind}: {longest:?}");
        }
    }
}

/// How often a test's fault is repeated: once, or as `cargo xtask soak` says.
fn rounds() -> usize {
    std::env::var("SIEGEL_SOAK_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap())
}
