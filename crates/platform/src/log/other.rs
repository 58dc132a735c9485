//! The outboxes of a service that runs as another process on the same state directory. They are read, never written: the
//! file and its version are its owner's.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use siegel_domain::TenantId;

use super::bell::{Ear, Heard};
use crate::db::{self, DbError, READY, Reader, tenant_directory};

/// One service's outboxes.
pub(super) struct Outboxes {
    state_dir: PathBuf,
    service: &'static str,
    /// A pool opens no connection before it is used and closes those that rest.
    pools: Mutex<HashMap<TenantId, Reader>>,
    ear: Mutex<Ear>,
}

impl Outboxes {
    pub(super) fn new(state_dir: &Path, service: &'static str) -> Self {
        let (pools, ear) = (Mutex::default(), Mutex::default());
        Self { state_dir: state_dir.to_owned(), service, pools, ear }
    }

    /// The database with a tenant's outbox; none if its owner has not opened it yet.
    pub(super) fn get(&self, tenant: TenantId) -> Result<Option<Reader>, DbError> {
        let directory = tenant_directory(&self.state_dir, tenant);
        if !directory.join(READY).exists() {
            return Err(DbError::NoSuchTenant);
        }
        let file = directory.join(format!("{}.db", self.service));
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(&tenant) {
            return Ok(Some(pool.clone()));
        }
        if !file.exists() {
            return Ok(None);
        }
        let pool = db::reading_pool(&file);
        pools.insert(tenant, pool.clone());
        Ok(Some(pool))
    }

    /// The tenants that may have news since the last call.
    pub(super) fn heard(&self) -> io::Result<Vec<TenantId>> {
        let heard = self.ear.lock().unwrap_or_else(PoisonError::into_inner).listen(&self.state_dir, self.service)?;
        match heard {
            Heard::Tenants(tenants) => Ok(tenants),
            Heard::Anything => self.provisioned(),
        }
    }

    pub(super) fn provisioned(&self) -> io::Result<Vec<TenantId>> {
        db::provisioned(&self.state_dir)
    }
}
