//! Signing in: a machine by its key, a member by password (OPAQUE), or with keys that an agent kept.

use std::path::PathBuf;
use std::time::Duration;

use siegel_api::auth::{LoginFinish, LoginFinished, LoginStart, LoginStarted};
use siegel_crypto::login::{ClientLogin, Ksf, LoginError, LoginIds};
use siegel_crypto::slot::{self, SlotSecret};
use siegel_domain::Principal;
use siegel_envelope::epoch::Bundle;
use siegel_envelope::login::KsfParams;
use siegel_envelope::slot::{Slot, SlotContext, SlotKind};
use siegel_envelope::{SignedBytes, Suite};
use zeroize::Zeroizing;

use super::{Session, Unlocked};
use crate::error::{Code, Error, Problem, Result, Untrusted};
use crate::http::{Auth, BRIDGE, Config, Http, OnWait, Request};
use crate::profile::{Profile, ProfileDir};
use crate::rng;
use crate::time::{WallClock, now_ms};

/// How to sign in; ends with [`SignIn::machine`], [`SignIn::password`] or [`SignIn::unlocked`].
#[derive(Clone)]
pub struct SignIn {
    pub(super) dir: ProfileDir,
    pub(super) on_wait: Option<OnWait>,
    pub(super) bridge: Duration,
    pub(super) clock: WallClock,
}

impl SignIn {
    /// With the profile of that directory.
    pub fn at(dir: ProfileDir) -> Self {
        Self { dir, on_wait: None, bridge: BRIDGE, clock: std::sync::Arc::new(now_ms) }
    }

    /// As a sender or dealer: the device's key is enough, nobody has to type. Nothing is sent yet.
    pub fn machine(self) -> Result<Session> {
        let (profile, keys) = (self.dir.load()?, self.dir.device_keys()?);
        match profile.principal {
            Principal::Member(_) => Err(Error::Locked),
            _ => Session::new(&self, profile, keys, None),
        }
    }

    /// As a member, with keys that an earlier login unlocked. Nothing is sent yet.
    pub fn unlocked(self, unlocked: Unlocked) -> Result<Session> {
        let (profile, keys) = (self.dir.load()?, self.dir.device_keys()?);
        Session::new(&self, profile, keys, Some(unlocked))
    }

    /// As a member, with the password. It does not leave this device; the server learns only whether it was right.
    pub async fn password(self, password: &str) -> Result<Session> {
        let (profile, keys) = (self.dir.load()?, self.dir.device_keys()?);
        let http = Http::new(self.config(&profile))?;
        let (finished, unlocked) = login(&http, &profile, &keys, password).await?;
        let session = Session::new(&self, profile, keys, Some(unlocked))?;
        session.0.token.lock().await.set(finished.token);
        if let Some(sealed) = finished.bundle {
            let bundle = SignedBytes::from_bytes_of::<Bundle>(&sealed.bundle)
                .map_err(|error| Error::answer("POST /v1/auth/login/finish", error))?;
            let directory = session.directory().await?;
            session.open_bundle(&directory, &bundle)?;
        }
        Ok(session)
    }
}

impl SignIn {
    /// The profile's settings, and what was said here.
    pub(super) fn config(&self, profile: &Profile) -> Config {
        Config { on_wait: self.on_wait.clone(), bridge: self.bridge, clock: self.clock.clone(), ..profile.config() }
    }
}

/// Wrong name, wrong password, or a server that never knew this member: OPAQUE can't tell, and nobody else should.
fn refused() -> Error {
    Problem::local(Code::LoginFailed, "Name or password is wrong, or the device is not known")
}

async fn login(
    http: &Http,
    profile: &Profile,
    keys: &siegel_crypto::DeviceKeys,
    password: &str,
) -> Result<(LoginFinished, Unlocked)> {
    let (Principal::Member(member), Some(person)) = (profile.principal, profile.person.as_ref()) else {
        return Err(Error::WrongRole("only members have a password"));
    };
    let tenant = profile.tenant()?.id;
    let password = Zeroizing::new(password.as_bytes().to_vec());
    let auth = Auth::Key(&keys.sign);

    let (client, ke1) = ClientLogin::start(&password, &mut rng::system()).map_err(|_| refused())?;
    let body = LoginStart { login: person.login.clone(), device: profile.device, request: ke1.into() };
    let started: LoginStarted = http.json(&Request::new("POST /v1/auth/login/start", &[], auth).json(&body)).await?;
    if started.identifiers.tenant != tenant || started.identifiers.member != member {
        return Err(refused());
    }
    let ids = LoginIds { tenant, member, setup: started.identifiers.setup };
    let ke2 = started.response.to_vec();
    let done = blocking(move || {
        // The server can't talk the client down: the floor is what is used.
        let ksf = Ksf::accept(KsfParams::FLOOR)?;
        client.finish(&password, &ke2, &ids, &ksf, &mut rng::system())
    })
    .await
    .map_err(|error| match error {
        LoginError::Refused => refused(),
        LoginError::Malformed | LoginError::Ksf => Untrusted::Login.into(),
    })?;
    let body = LoginFinish { attempt: started.attempt, finalization: done.finalization.into() };
    let finished: LoginFinished =
        http.json(&Request::new("POST /v1/auth/login/finish", &[], auth).json(&body).once()).await?;

    let context = SlotContext {
        suite: Suite::ONE,
        tenant,
        member,
        device: Some(profile.device),
        kind: SlotKind::Password,
        version: person.slot_version,
        user_key: person.user_key,
    };
    let slot = Slot::from_bytes(&finished.slot).map_err(|error| Error::answer("POST /v1/auth/login/finish", error))?;
    let root = slot::open(&slot, &context, SlotSecret::Password(&done.export_key), Some(&keys.kem))
        .map_err(|error| Untrusted::Bundle(format!("your own key slot: {error}")))?;
    let unlocked = Unlocked { session: finished.token.session, root, ring: None, changed: true };
    Ok((finished, unlocked))
}

/// Work that keeps a core busy for a while, off the threads that serve the line. It begins now, whether what is returned is
/// awaited or not.
pub(crate) fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> + Send + 'static {
    let running = tokio::task::spawn_blocking(work);
    async move { running.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic())) }
}

impl Session {
    /// A sender's or dealer's session with the profile in that directory: the short way for a program of one's own.
    pub fn open(profile_dir: impl Into<PathBuf>) -> Result<Self> {
        SignIn::at(ProfileDir::at(profile_dir)).machine()
    }
}
