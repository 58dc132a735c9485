//! Passwords of our users at Kafka. They are replaced while programs run (`users`), and a user has one at a time: clients whose line
//! breaks have it looked up whether there is another one by now, and whoever works with an old one makes a new client.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use zeroize::Zeroizing;

use super::client::PAUSE_MS;
use crate::clock::Clock;
use crate::parts::Credential;
use crate::secrets::{Secret, Secrets};

/// Doubts that wait; who has to go does so when the next line breaks.
const DOUBTS: usize = 64;

/// What is kept among the secrets, as JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) password: Zeroizing<String>,
    /// The one that is being replaced, until Kafka has been told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) former: Option<Zeroizing<String>>,
}

impl Kept {
    /// None if it is damaged: what serde_json says would quote it.
    pub(super) fn read(kept: &[u8]) -> Option<Self> {
        serde_json::from_slice(kept).ok()
    }

    pub(super) fn to_json(&self) -> Option<Secret> {
        serde_json::to_vec(self).ok().map(Zeroizing::new)
    }

    /// The new one.
    pub(super) fn credential(&self) -> Credential {
        Credential::of(&self.password)
    }

    /// The first that is another one than `refused`, the new one first.
    fn other_than(&self, refused: &Credential) -> Option<Credential> {
        let all = [Some(&self.password), self.former.as_ref()].into_iter().flatten();
        all.map(|password| Credential::of(password)).find(|password| !password.is(refused))
    }
}

/// The passwords in use, by user.
pub(super) type Known = BTreeMap<String, Credential>;

/// A line of a user broke, and the password may be why.
pub(super) struct Doubt {
    user: String,
    password: Credential,
}

/// Tells of doubts. Clones share the receiver.
#[derive(Clone)]
pub(super) struct Doubter {
    user: String,
    password: Credential,
    sender: mpsc::Sender<Doubt>,
}

impl Doubter {
    /// A line broke.
    pub(super) fn doubt(&self) {
        let Self { user, password, sender } = self.clone();
        let _ = sender.try_send(Doubt { user, password });
    }
}

/// What a process knows.
pub(super) struct Passwords {
    /// As the parts file has them: what counts until there are others among the secrets.
    file: Known,
    secrets: OnceLock<Arc<Secrets>>,
    known: watch::Sender<Known>,
    sender: mpsc::Sender<Doubt>,
    receiver: Mutex<Option<mpsc::Receiver<Doubt>>>,
}

impl Passwords {
    pub(super) fn new(file: Known) -> Arc<Self> {
        let (sender, receiver) = mpsc::channel(DOUBTS);
        let (known, receiver) = (watch::Sender::new(Known::new()), Mutex::new(Some(receiver)));
        Arc::new(Self { file, secrets: OnceLock::new(), known, sender, receiver })
    }

    /// Says where newer ones are to be had. The doubts, to be looked after, the first time.
    pub(super) fn renew_by(&self, secrets: Arc<Secrets>) -> Option<mpsc::Receiver<Doubt>> {
        self.secrets.set(secrets).ok()?;
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A user's. If the secrets can't be read, the parts file's: it is doubted soon enough.
    pub(super) async fn of(&self, user: &str) -> Option<Credential> {
        if let Some(known) = self.known.borrow().get(user) {
            return Some(known.clone());
        }
        let found = match self.kept(user).await {
            Some(kept) => kept.credential(),
            None => self.file.get(user)?.clone(),
        };
        // Whoever came first has clients by now.
        let mut used = found.clone();
        self.known.send_if_modified(|known| {
            let before = known.len();
            used = known.entry(user.to_owned()).or_insert(found).clone();
            known.len() > before
        });
        Some(used)
    }

    /// Tells of doubts of somebody who uses this password.
    pub(super) fn doubter(&self, user: &str, password: &Credential) -> Doubter {
        Doubter { user: user.to_owned(), password: password.clone(), sender: self.sender.clone() }
    }

    /// The passwords in use, now and whenever they change.
    pub(super) fn known(&self) -> watch::Receiver<Known> {
        self.known.subscribe()
    }

    /// Looks up what is doubted, not more often than once in [`PAUSE_MS`].
    pub(super) async fn look_after(&self, mut doubts: mpsc::Receiver<Doubt>, clock: &dyn Clock) {
        while let Some(doubt) = doubts.recv().await {
            if self.is_in_use(&doubt) {
                self.look_up(&doubt).await;
                clock.sleep(PAUSE_MS).await;
            }
        }
    }

    fn is_in_use(&self, doubt: &Doubt) -> bool {
        self.known.borrow().get(&doubt.user).is_some_and(|known| known.is(&doubt.password))
    }

    async fn look_up(&self, doubt: &Doubt) {
        let Some(kept) = self.kept(&doubt.user).await else { return };
        let Some(other) = kept.other_than(&doubt.password) else { return };
        tracing::info!(user = doubt.user, "there is another password for Kafka");
        self.known.send_modify(|known| {
            known.insert(doubt.user.clone(), other);
        });
    }

    async fn kept(&self, user: &str) -> Option<Kept> {
        match self.secrets.get()?.get(&Secrets::of_kafka_user(user)).await {
            Ok(kept) => Kept::read(&kept?),
            Err(error) => {
                tracing::warn!(user, %error, "can't look up whether there is a newer password for Kafka");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::rng::SystemRng;

    fn secrets(dir: &std::path::Path) -> Arc<Secrets> {
        let [sealed, key] = ["sealed", "key"].map(|file| dir.join(file));
        Arc::new(Secrets::open(&sealed, &key, SystemClock::shared(), Arc::new(SystemRng)).unwrap())
    }

    #[tokio::test]
    async fn a_password_that_is_doubted_is_looked_up_and_the_other_one_tried() {
        let dir = tempfile::tempdir().unwrap();
        let (secrets, name) = (secrets(dir.path()), Secrets::of_kafka_user("upload"));
        let passwords = Passwords::new(Known::from([("upload".to_owned(), Credential::of("of the file"))]));
        let _doubts = passwords.renew_by(secrets.clone()).unwrap();
        assert!(passwords.renew_by(secrets.clone()).is_none(), "said once");
        let doubt = |password: &str| Doubt { user: "upload".to_owned(), password: Credential::of(password) };
        let now = async || passwords.of("upload").await.unwrap().expose().to_owned();
        assert_eq!(now().await, "of the file");
        passwords.look_up(&doubt("of the file")).await;
        assert_eq!(now().await, "of the file", "there is no other");

        secrets.put(&name, br#"{"password":"new","former":"of the file"}"#).await.unwrap();
        assert_eq!(now().await, "of the file", "nobody is disturbed whose line stands");
        passwords.look_up(&doubt("of the file")).await;
        assert_eq!(now().await, "new");
        passwords.look_up(&doubt("new")).await;
        assert_eq!(now().await, "of the file", "Kafka was not told yet");
        assert!(!passwords.is_in_use(&doubt("new")), "one that is old already is not doubted again");
        passwords.look_up(&doubt("of the file")).await;
        secrets.put(&name, br#"{"password":"new"}"#).await.unwrap();
        passwords.look_up(&doubt("new")).await;
        assert_eq!(now().await, "new", "there is no other");
        assert!(passwords.of("retention").await.is_none());
    }
}
