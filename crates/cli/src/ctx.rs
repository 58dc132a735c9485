//! What every command gets: the user interface, the directories, the configuration, and the way to a session.

use std::sync::Arc;
use std::time::Duration;

use siegel_client::profile::{Profile, ProfileDir};
use siegel_client::{Session, SignIn, Unlocked};
use siegel_domain::Principal;

use crate::agent::Agent;
use crate::config::Config;
use crate::error::{Exit, Failure, Result};
use crate::os::{Paths, is_profile_name};
use crate::ui::{Ui, duration};

/// Minutes without use after which the agent forgets.
const AGENT_IDLE_MINUTES: u64 = 15;

/// The command's surroundings.
pub(crate) struct Ctx {
    pub(crate) ui: Ui,
    pub(crate) paths: Paths,
    pub(crate) config: Config,
    profile: Option<String>,
}

impl Ctx {
    pub(crate) fn new(ui: Ui, paths: Paths, config: Config, profile: Option<String>) -> Result<Self> {
        if let Some(name) = profile.as_deref().filter(|name| !is_profile_name(name)) {
            return Err(Failure::usage("profile-name-invalid").with("name", name));
        }
        Ok(Self { ui, paths, config, profile })
    }

    /// The name that `--profile` gave.
    pub(crate) fn asked_profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The profile to use: what was asked for, what is configured, or the only one there is.
    pub(crate) fn profile_name(&self) -> Result<String> {
        if let Some(name) = self.profile.as_ref().or(self.config.profile.as_ref()) {
            return Ok(name.clone());
        }
        match self.paths.profiles().as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Failure::own(Exit::SignIn, "no-profile")),
            several => Err(Failure::usage("several-profiles").with("names", several.join(", "))),
        }
    }

    /// The directory of that profile.
    pub(crate) fn profile_dir(&self) -> Result<ProfileDir> {
        let name = self.profile_name()?;
        let dir = self.paths.profile(&name);
        if dir.exists() { Ok(dir) } else { Err(Failure::own(Exit::SignIn, "profile-missing").with("name", name)) }
    }

    /// How long the agent keeps the keys without being used.
    pub(crate) fn agent_idle(&self) -> Duration {
        Duration::from_secs(self.config.agent_idle_minutes.unwrap_or(AGENT_IDLE_MINUTES).clamp(1, 720) * 60)
    }

    /// How a profile signs in, with waits shown to whoever watches.
    pub(crate) fn sign_in(&self, dir: &ProfileDir) -> SignIn {
        let mut sign_in = SignIn::at(dir.clone());
        if let Some(seconds) = self.config.bridge_seconds {
            sign_in = sign_in.bridge(Duration::from_secs(seconds));
        }
        if self.ui.watched {
            let ui = self.ui.clone();
            sign_in = sign_in.on_wait(Arc::new(move |wait, error| {
                let wait = duration(ui.lang, wait);
                ui.note("waiting", &[("why", error), ("wait", &wait)]);
            }));
        }
        sign_in
    }

    /// Runs `work` in the profile's session: a machine signs in by its key, a member's keys come from the agent. Keys
    /// that changed meanwhile (a new epoch) go back to the agent.
    pub(crate) async fn session<T>(&self, work: impl AsyncFnOnce(&Session, &Profile) -> Result<T>) -> Result<T> {
        let dir = self.profile_dir()?;
        let profile = dir.load()?;
        let agent = Agent::of(&dir);
        let session = match profile.principal {
            Principal::Member(_) => {
                let keys = agent.get().await.ok_or_else(|| Failure::from(siegel_client::Error::Locked))?;
                let unlocked = Unlocked::from_bytes(&keys).ok_or(siegel_client::Error::Locked)?;
                self.sign_in(&dir).unlocked(unlocked)?
            }
            _ => self.sign_in(&dir).machine()?,
        };
        let outcome = Box::pin(work(&session, &profile)).await;
        if let Some(changed) = session.changed_keys() {
            agent.put(&changed).await;
        }
        outcome
    }
}
