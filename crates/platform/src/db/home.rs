//! Where tenants' databases lie: a directory for each below the state directory, or a database for each in a cluster. A
//! tenant is *ready* once everything else it needs is there too; before, no service opens a database for it, so a request
//! with a made-up id never leaves anything behind.

use std::path::{Path, PathBuf};
#[cfg(feature = "real")]
use std::sync::Arc;

use siegel_domain::TenantId;

#[cfg(feature = "real")]
use super::Cluster;
use super::DbError;
use crate::files;

/// The mark in a tenant's directory that says it is ready.
pub const READY: &str = "ready";

/// Where all tenants' databases lie.
#[derive(Clone, Default)]
pub enum Home {
    /// In directories below the state directory.
    #[default]
    Files,
    /// In PostgreSQL.
    #[cfg(feature = "real")]
    Cluster(Arc<Cluster>),
}

/// The same, with the state directory.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    /// Below this directory.
    Files(&'a Path),
    /// In PostgreSQL.
    #[cfg(feature = "real")]
    Cluster(&'a Cluster),
}

/// What there is of a tenant's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// Made by us, and not ready.
    Made,
    /// Ready.
    Ready,
    /// Something that we did not make: ids are drawn at random, so it was left or put there by someone.
    Foreign,
}

impl Home {
    /// With the state directory.
    pub fn place<'a>(&'a self, state_dir: &'a Path) -> Place<'a> {
        match self {
            Self::Files => Place::Files(state_dir),
            #[cfg(feature = "real")]
            Self::Cluster(cluster) => Place::Cluster(cluster),
        }
    }
}

impl Place<'_> {
    /// What there is of a tenant.
    pub async fn found(self, tenant: TenantId) -> Result<Found, DbError> {
        match self {
            Self::Files(root) => found_directory(&tenant_directory(root, tenant)),
            #[cfg(feature = "real")]
            Self::Cluster(cluster) => cluster.found(tenant).await,
        }
    }

    /// Whether a tenant is ready.
    pub async fn is_ready(self, tenant: TenantId) -> Result<bool, DbError> {
        match self {
            Self::Files(root) => Ok(tenant_directory(root, tenant).join(READY).exists()),
            #[cfg(feature = "real")]
            Self::Cluster(cluster) => cluster.is_ready(tenant).await,
        }
    }

    /// Makes a tenant's place. May be repeated.
    pub async fn make(self, tenant: TenantId) -> Result<(), DbError> {
        match self {
            Self::Files(root) => {
                let directory = tenant_directory(root, tenant);
                let made = std::fs::create_dir_all(&directory)
                    .and_then(|()| directory.parent().map_or(Ok(()), files::sync_directory));
                made.map_err(|source| DbError::Directory { path: directory, source })
            }
            #[cfg(feature = "real")]
            Self::Cluster(cluster) => cluster.make(tenant).await,
        }
    }

    /// Marks a tenant ready, making its place if it is not there. May be repeated.
    pub async fn mark_ready(self, tenant: TenantId) -> Result<(), DbError> {
        match self {
            Self::Files(root) => provision_directory(root, tenant)
                .map_err(|source| DbError::Directory { path: tenant_directory(root, tenant), source }),
            #[cfg(feature = "real")]
            Self::Cluster(cluster) => cluster.mark_ready(tenant).await,
        }
    }

    /// Every tenant that is ready.
    pub async fn provisioned(self) -> Result<Vec<TenantId>, DbError> {
        match self {
            Self::Files(root) => {
                provisioned(root).map_err(|source| DbError::Directory { path: root.join("tenants"), source })
            }
            #[cfg(feature = "real")]
            Self::Cluster(cluster) => cluster.provisioned().await,
        }
    }
}

fn found_directory(directory: &Path) -> Result<Found, DbError> {
    if directory.join(READY).exists() {
        return Ok(Found::Ready);
    }
    match std::fs::read_dir(directory) {
        // With something in it and no mark it is not one we made.
        Ok(mut entries) => Ok(if entries.next().is_none() { Found::Made } else { Found::Foreign }),
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound => Ok(Found::Missing),
            std::io::ErrorKind::NotADirectory => Ok(Found::Foreign),
            _ => Err(DbError::Directory { path: directory.to_owned(), source: error }),
        },
    }
}

/// The directory of a tenant's databases.
pub fn tenant_directory(state_dir: &Path, tenant: TenantId) -> PathBuf {
    state_dir.join("tenants").join(tenant.to_string())
}

/// Makes a tenant's directory and marks it ready. Without the mark no service opens a database for the tenant, so a
/// request with a made-up id never leaves a file behind. May be repeated.
pub fn provision_directory(state_dir: &Path, tenant: TenantId) -> std::io::Result<()> {
    let directory = tenant_directory(state_dir, tenant);
    std::fs::create_dir_all(&directory)?;
    files::replace(&directory.join(READY), b"", files::Visibility::Private)?;
    files::sync_directory(&state_dir.join("tenants"))
}

/// Every tenant that was provisioned below `root`.
pub fn provisioned(root: &Path) -> std::io::Result<Vec<TenantId>> {
    let entries = match std::fs::read_dir(root.join("tenants")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut tenants = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Some(Ok(tenant)) = entry.file_name().to_str().map(str::parse)
            && entry.path().join(READY).exists()
        {
            tenants.push(tenant);
        }
    }
    tenants.sort_unstable();
    Ok(tenants)
}
