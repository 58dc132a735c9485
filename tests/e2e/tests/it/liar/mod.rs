//! The server is the attacker (FAULTS.md, "attack classes"; F29, F31, F32, F41): the real SDK against the real platform, with
//! a provider between them that changes one answer at a time. Whatever it says, the client refuses with an error that
//! names the reason, seals to nobody, and leaves no plaintext behind. docs/threat-model.md lists what each test shows.

mod enrolment;
mod keys;
mod line;
mod login;
mod parts;
mod receipts;
mod records;

use std::fmt::Debug;
use std::path::Path;

use siegel_api::Bytes;
use siegel_api::members::ReturnReport;
use siegel_client::{Error, Result, Session, SignIn};
use siegel_crypto::{DeviceKeys, SigningSecretKey};
use siegel_e2e::{Centre, Liar, PASSWORD, Person, World, canary_hits, files_below};

pub(crate) const KEYS: &str = "GET /v1/keys/*";
pub(crate) const ROSTER: &str = "GET /v1/keys/roster";
pub(crate) const RECORD: &str = "GET /v1/records/*";
pub(crate) const PART: &str = "GET /v1/records/*/parts/*";
pub(crate) const SMALL: &str = "POST /v1/records/small";

/// A centre and a sender, and the provider between them and their records.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) liar: Liar,
    pub(crate) centre: Centre,
    pub(crate) sender: Person,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let (world, liar) = World::behind_a_liar().await.unwrap();
        let centre = world.centre("herz").await.unwrap();
        let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
        Self { world, liar, centre, sender }
    }

    /// The owner, who does not bridge a bad line for long.
    pub(crate) async fn hasty_owner(&self) -> Session {
        let sign_in = SignIn::at(self.centre.owner.dir.clone()).bridge(std::time::Duration::from_millis(300));
        sign_in.password(PASSWORD).await.unwrap()
    }

    /// The sender in a new process, which keeps what is on disk.
    pub(crate) fn sender_again(&self) -> Session {
        SignIn::at(self.sender.dir.clone()).bridge(std::time::Duration::from_millis(300)).machine().unwrap()
    }

    /// Tries to send, small and large, and sees it refused with nothing sealed and nothing sent.
    pub(crate) async fn sends_nothing(&self, session: &Session, key: &str, why: &str) {
        let small = session.upload_bytes(b"Erika Mustermann, 24 h".to_vec(), "ecg.edf").send().await;
        refused(small, key, why);
        let path = self.world.outside("large.edf");
        std::fs::write(&path, crate::support::bytes(3, 1_200_000)).unwrap();
        refused(session.upload(&path).send().await, key, why);
        for route in ["POST /v1/records", SMALL, "PUT /v1/records/*/parts/*", "POST /v1/records/*/commit"] {
            assert_eq!(self.liar.asked(route).len(), 0, "{why}: {route} was sent all the same");
        }
    }

    pub(crate) async fn end(self) {
        self.liar.repent();
        self.world.stop().await.unwrap();
    }
}

/// `result` is an error of that kind, with a sentence and a next step that say more than "failed".
pub(crate) fn refused<T: Debug>(result: Result<T>, key: &str, why: &str) -> Error {
    let error = match result {
        Ok(value) => panic!("{why}: was believed: {value:?}"),
        Err(error) => error,
    };
    assert_eq!(error.key(), key, "{why}: {error}");
    assert!(error.to_string().len() > 15 && !error.next_step().is_empty(), "{why}: {error}");
    error
}

/// Nothing lies in the directory that a download was to go to, under whatever name.
pub(crate) fn nothing_left(dir: &Path, plain: &[u8], why: &str) {
    assert!(files_below(dir).is_empty(), "{why}: {:?}", files_below(dir));
    assert!(canary_hits(dir, plain).is_empty(), "{why}");
}

/// Someone's keys that belong to nobody here.
pub(crate) fn stranger() -> DeviceKeys {
    DeviceKeys::generate(&mut siegel_client::rng::system())
}

/// The key by which the platform signs its statements: what an attacker at the provider has.
pub(crate) async fn statement_key(world: &World) -> SigningSecretKey {
    let seed = world.secret(siegel_platform::sign::STATEMENTS).await.expect("made at the first start");
    SigningSecretKey::from_seed(&siegel_crypto::secret::Secret::from_slice(&seed).expect("a seed"))
}

/// The same with one bit changed in the middle.
pub(crate) fn flipped(bytes: &Bytes) -> Bytes {
    let mut changed = bytes.clone();
    let middle = changed.0.len() / 2;
    changed.0[middle] ^= 1;
    changed
}
