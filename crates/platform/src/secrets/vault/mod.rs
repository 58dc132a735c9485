//! Secrets in Vault or OpenBao.
//!
//! ```text
//! KV v2  siegel/<name>                    {"value": base64}
//!        siegel/tenant/<id>/data-key      the tenant's data key, as transit sealed it
//! transit  tenant-keys/<id>               the tenant's key: never leaves the store
//! ```
//!
//! `session` asks one node after the other, `token` signs in, `keeper` looks after both in the background, `named` and `tenants`
//! are what the port asks for.
//!
//! The operator alone makes, rotates and destroys tenant keys, and can open nothing under them; services open data keys and
//! can make none (`infra/openbao/policies`). A tenant has a key when its data key lies in KV: it is written last and deleted
//! last, so that whoever is killed in between starts over and ends the same.

mod fault;
mod keeper;
mod metrics;
mod named;
mod session;
mod settings;
mod tenants;
mod token;

use std::sync::Arc;

use session::Session;

pub use settings::{SignIn, VaultSettings};

use super::SecretsError;
use crate::parts::PartEnv;

/// Where named secrets lie (KV v2).
const KV: &str = "siegel";
/// Where tenant keys lie (transit).
const TRANSIT: &str = "tenant-keys";

/// The adapter.
pub(super) struct Vault {
    session: Arc<Session>,
    folder: String,
}

impl Vault {
    /// Signs in, and stays signed in until shutdown.
    pub(super) async fn open(settings: VaultSettings, env: PartEnv) -> Result<Self, SecretsError> {
        let metrics = metrics::VaultMetrics::new(&env.metrics);
        let folder = settings.folder.clone();
        let session = Arc::new(Session::open(settings, env.clock.clone(), metrics).await?);
        env.tasks.spawn("secrets.token", keeper::keep(session.clone(), env.clock, env.health, env.shutdown));
        Ok(Self { session, folder })
    }
}
