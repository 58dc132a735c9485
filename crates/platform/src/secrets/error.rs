//! Why secrets can't be had, and which problem that is to a caller.

use std::io;
use std::path::PathBuf;

use super::SealError;
use crate::problem::{Problem, Reason};

/// What a caller waits while the store of secrets is away.
const RETRY_AFTER_S: u32 = 5;

/// Why secrets can't be had. The sentences say what to do.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file system said no.
    #[error("{path} can't be read or written: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key file holds something else.
    #[error("{path} is not a key file of Siegel (32 bytes in base64url): restore it from where you keep it", path = path.display())]
    NotAKey {
        /// The key file.
        path: PathBuf,
    },
    /// The sealed file is there, its key is not.
    #[error("{secrets} is sealed, and its key {key} is missing: put the key file back", secrets = secrets.display(), key = key.display())]
    KeyMissing {
        /// The sealed file.
        secrets: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The sealed file does not open.
    #[error(
        "{secrets} does not open with the key {key}: one of them was changed or belongs to another installation. \
         Nothing was overwritten; restore both from the same backup",
        secrets = secrets.display(),
        key = key.display()
    )]
    DoesNotOpen {
        /// The sealed file.
        secrets: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// A platform without its secrets.
    #[error(
        "{secrets} is missing although {beside} exists: without it nobody can sign in. Restore it from a backup, or start \
         with an empty state directory",
        secrets = secrets.display(),
        beside = beside.display()
    )]
    Lost {
        /// The sealed file.
        secrets: PathBuf,
        /// What shows that this platform ran before.
        beside: PathBuf,
    },
    /// The tenant's key was destroyed or never made.
    #[error("the tenant has no key")]
    NoTenantKey,
    /// A wrapped value does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store of secrets is away for now. What is open goes on for its five minutes; nothing else is had.
    #[error("{0}")]
    Unavailable(#[from] Unavailable),
    /// The store of secrets does not let this program do that.
    #[error("the store of secrets refuses this program that: compare its policy with infra/openbao/policies")]
    Denied,
    /// The store of secrets answers as it should not; its own words may hold anything and are not told.
    #[error("the store of secrets answered with status {0}, which nothing here expects: see its own log")]
    Refused(u16),
    /// What the store of secrets holds under a name is not what Siegel put there.
    #[error("the store of secrets holds something else under a name of Siegel's: restore it from a snapshot")]
    Malformed,
    /// How the store of secrets is reached can't be read.
    #[error("how to reach the store of secrets can't be read: {0}")]
    Settings(String),
}

/// Why a store of secrets is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// It runs and is sealed.
    #[error("the store of secrets is sealed: unseal it")]
    Sealed,
    /// None of its nodes answers.
    #[error("no node of the store of secrets answers: look whether it runs, and at the network")]
    Unreachable,
    /// It refuses for being asked too often.
    #[error("the store of secrets is asked too often: raise its rate limit for this program")]
    Throttled,
    /// It does not take what this program signs in with.
    #[error("the store of secrets does not let this program sign in: give it a new secret id")]
    SignedOut,
}

impl Unavailable {
    /// The word for metrics and for `/health/ready`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Unreachable => "unreachable",
            Self::Throttled => "throttled",
            Self::SignedOut => "signed-out",
        }
    }
}

/// 503 for what passes by itself, so that clients try again; anything else is ours to look at.
impl From<SecretsError> for Problem {
    fn from(error: SecretsError) -> Self {
        match error {
            SecretsError::Unavailable(_) => Self::new(Reason::NotReady)
                .detail("The platform's keys can't be had at the moment; ask again.")
                .retry_after_s(RETRY_AFTER_S)
                .caused_by(error),
            error => Self::internal(error),
        }
    }
}
