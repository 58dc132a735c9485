//! Someone who is signed in: a profile, its device keys, a token that renews itself, and (for members) the unlocked
//! keys. Cheap to clone; everything the platform can be asked hangs on it, a file a topic.

mod directory;
mod keys;
mod sign_in;
mod token;

use std::sync::{Arc, Mutex};

use siegel_crypto::DeviceKeys;
use siegel_domain::{MemberId, Party, Principal};

use crate::directory::{Directory, Recipient};
use crate::error::{Error, Result};
use crate::events::Events;
use crate::http::{Auth, Http, OnWait};
use crate::profile::{Profile, ProfileDir};
use crate::time::{Moment, WallClock};

pub use keys::Unlocked;
pub use sign_in::SignIn;
pub(crate) use sign_in::blocking;

/// A line to the platform with an identity.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    http: Http,
    dir: ProfileDir,
    profile: Profile,
    keys: DeviceKeys,
    token: tokio::sync::Mutex<token::Tokens>,
    unlocked: Mutex<Option<Unlocked>>,
    directory: tokio::sync::Mutex<Option<Arc<Directory>>>,
    /// The last one that was looked up, and when the directory was asked.
    recipient: tokio::sync::Mutex<Option<(Moment, Recipient)>>,
    /// Held while what was seen before is compared and replaced.
    memory: Mutex<()>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({} at {})", self.0.profile.principal, self.0.http.origin())
    }
}

impl Session {
    fn new(at: &SignIn, profile: Profile, keys: DeviceKeys, unlocked: Option<Unlocked>) -> Result<Self> {
        let token = token::Tokens::of(unlocked.as_ref().map(|unlocked| unlocked.session));
        Ok(Self(Arc::new(Inner {
            http: Http::new(at.config(&profile))?,
            dir: at.dir.clone(),
            profile,
            keys,
            token: tokio::sync::Mutex::new(token),
            unlocked: Mutex::new(unlocked),
            directory: tokio::sync::Mutex::new(None),
            recipient: tokio::sync::Mutex::new(None),
            memory: Mutex::new(()),
        })))
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.0.profile
    }

    /// Where it is kept.
    pub fn dir(&self) -> &ProfileDir {
        &self.0.dir
    }

    /// The line.
    pub fn http(&self) -> &Http {
        &self.0.http
    }

    /// What happens at the centre from now on, or from a position on.
    pub fn events(&self, after: Option<String>) -> Events {
        Events::new(self.clone(), after)
    }

    /// The device's time.
    pub(crate) fn now_ms(&self) -> i64 {
        (self.0.http.config().clock)()
    }

    /// As whom records are sent.
    pub fn party(&self) -> Result<Party> {
        match self.0.profile.principal {
            Principal::Member(id) => Ok(Party::Member(id)),
            Principal::Sender(id) => Ok(Party::Sender(id)),
            Principal::Dealer(_) => Err(Error::WrongRole("a dealer sends and receives no records")),
        }
    }

    pub(crate) fn device(&self) -> &DeviceKeys {
        &self.0.keys
    }

    pub(crate) fn auth(&self) -> Auth<'_> {
        Auth::Session(self)
    }

    pub(crate) fn member(&self) -> Result<MemberId> {
        match self.0.profile.principal {
            Principal::Member(id) => Ok(id),
            _ => Err(Error::WrongRole("only a member of the centre can do this")),
        }
    }
}

/// Options for signing in, with the usual ones filled in.
impl SignIn {
    /// Told before each wait of a retry.
    #[must_use]
    pub fn on_wait(mut self, on_wait: OnWait) -> Self {
        self.on_wait = Some(on_wait);
        self
    }

    /// Another clock than the system's: for tests that move time by hand.
    #[must_use]
    pub fn clock(mut self, clock: WallClock) -> Self {
        self.clock = clock;
        self
    }

    /// How long failures are bridged.
    #[must_use]
    pub const fn bridge(mut self, bridge: std::time::Duration) -> Self {
        self.bridge = bridge;
        self
    }
}
