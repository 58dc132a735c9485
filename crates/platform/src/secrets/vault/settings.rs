//! How the store is reached and as whom.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::SecretsError;
use crate::parts::{AppRole, DEFAULT_INSTALLATION, Parts};

/// Gives the role and its secret, anew at each sign-in: who replaces a secret id replaces it in the file, and no process has
/// to start again.
pub type SignIn = Arc<dyn Fn() -> Result<AppRole, SecretsError> + Send + Sync>;

/// How the store is reached and as whom.
#[derive(Clone)]
pub struct VaultSettings {
    /// Its nodes, `https://host:port`; asked in turn. Standbys pass on what only the leader may do.
    pub nodes: Vec<String>,
    /// The CA that signed their certificates (PEM); no other is believed.
    pub ca_file: PathBuf,
    /// As whom.
    pub sign_in: SignIn,
    /// In front of all names, for several installations on one store: empty, or ending with a slash.
    pub folder: String,
}

impl VaultSettings {
    /// From the parts file, as the program of this name. `operator` is the one that makes and destroys tenant keys.
    pub fn from_parts(file: &Path, program: &str) -> Result<Self, SecretsError> {
        let read = |file: &Path| Parts::read(file).map_err(|mistakes| SecretsError::Settings(mistakes.to_string()));
        let parts = read(file)?;
        let nodes = if parts.vault.nodes.is_empty() { vec![parts.vault.address] } else { parts.vault.nodes };
        let (file, program) = (file.to_owned(), program.to_owned());
        let sign_in: SignIn = Arc::new(move || {
            let vault = read(&file)?.vault;
            let nobody = || SecretsError::Settings(format!("{} has no [vault.services.{program}]", file.display()));
            vault.role(&program).ok_or_else(nobody)
        });
        let folder = match parts.postgres.installation.as_str() {
            DEFAULT_INSTALLATION => String::new(), // the names that the policies of infra/ are written for
            other => format!("{other}/"),
        };
        Ok(Self { nodes, ca_file: parts.ca_file, sign_in, folder })
    }
}
