//! What a tool works on beside running programs: `siegel-admin`, and tests. It serves nothing and runs no background work of a
//! service; databases let several processes in, and so does a store of secrets.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::PartsChoice;
use super::open;
use crate::clock::SharedClock;
use crate::db::{Db, DbOptions};
use crate::parts::{PartEnv, Parts};
use crate::provider;
use crate::secrets::Secrets;
use crate::tasks::{Shutdown, Tasks};

/// How long what keeps secrets open gets to end.
const DRAIN_MS: i64 = 1_000;

/// Secrets and databases of an installation.
pub struct Beside {
    /// Its secrets.
    pub secrets: Arc<Secrets>,
    /// The provider's database.
    pub provider: Db,
    /// How its databases are opened.
    pub options: DbOptions,
    clock: SharedClock,
    tasks: Tasks,
    shutdown: Shutdown,
}

impl Beside {
    /// Opens an installation that has started once: on the state directory and its key file, or on the parts that a file names.
    pub async fn open(state_dir: &Path, key_file: &Path, choice: &PartsChoice) -> Result<Self> {
        let on = PartEnv::of_its_own();
        let place = open::SecretsPlace { state_dir, key_file, parts: choice, program: "server" };
        let secrets = Arc::new(open::secrets(place, &on).await.context("can't open the secrets")?);
        let parts = match choice {
            PartsChoice::Embedded => None,
            PartsChoice::File(file) => Some(Parts::read(file)?),
        };
        let home = open::home(parts.as_ref(), &secrets, "server", &on.metrics).await?;
        let PartEnv { clock, rng, metrics, health, tasks, shutdown } = on;
        let options = DbOptions { home, secure_delete: false, clock: clock.clone(), rng, metrics, health };
        let provider =
            provider::open(state_dir, options.clone()).await.context("can't open the provider's database")?;
        Ok(Self { secrets, provider, options, clock, tasks, shutdown })
    }

    /// Lets go of everything.
    pub async fn close(self) {
        self.provider.close().await;
        self.shutdown.begin();
        let _ = self.tasks.drain(&*self.clock, DRAIN_MS).await; // what does not end now ends with the process
    }
}
