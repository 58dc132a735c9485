//! The second layer: what clients sealed already lies in our database sealed once more, under a key of the record's own.
//! That key lies in `keys.db`, wrapped by the tenant's key; deleting its row is what erases (PROTOCOL "Second layer").

use std::sync::Arc;

use siegel_domain::{TenantId, Timestamp};
use siegel_platform::db::{self, DbError, TenantDbs};
use siegel_platform::rng::Rng;
use siegel_platform::secrets::{KEY_BYTES, SecondLayer, Secret, Secrets};
use siegel_platform::{Problem, Reason};
use zeroize::Zeroizing;

use crate::error::DoesNotOpen;

/// The shred keys of all tenants.
pub struct ShredKeys {
    dbs: Arc<TenantDbs>,
    secrets: Arc<Secrets>,
    rng: Arc<dyn Rng>,
    layer: SecondLayer,
}

/// An open shred key, and where what it seals lies.
pub struct ShredKey {
    key: Zeroizing<[u8; KEY_BYTES]>,
    layer: SecondLayer,
    tenant: String,
}

impl ShredKeys {
    /// Keys in `dbs`, wrapped by `secrets`.
    pub fn new(dbs: Arc<TenantDbs>, secrets: Arc<Secrets>, rng: Arc<dyn Rng>) -> Self {
        Self { dbs, secrets, layer: SecondLayer::new(rng.clone()), rng }
    }

    /// The key of `owner` (a record or a conversation), made if there is none. A commit that is tried again finds the one
    /// of the first attempt.
    pub async fn get_or_create(&self, tenant: TenantId, owner: &str, now: Timestamp) -> Result<ShredKey, Problem> {
        let key: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(self.rng.bytes());
        let place = [&tenant.to_string(), "shred_keys", owner, "wrapped"];
        let wrapped = &self.secrets.wrap(tenant, &place, &*key).await?;
        let db = self.dbs.get(tenant).await?;
        let made = db.tx("keys.create", |tx| {
            Box::pin(async move {
                let done = db::query(
                    "INSERT INTO shred_keys (id, wrapped, created_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                )
                .bind(owner)
                .bind(wrapped)
                .bind(now.0)
                .execute(&mut **tx)
                .await?;
                Ok::<_, DbError>(done.rows_affected() == 1)
            })
        });
        if made.await? {
            return Ok(self.open_with(tenant, key));
        }
        self.get(tenant, owner).await?.ok_or_else(|| Reason::Conflict.into()) // deleted in between: erased or swept
    }

    /// The key of `owner`, if it was not destroyed.
    pub async fn get(&self, tenant: TenantId, owner: &str) -> Result<Option<ShredKey>, Problem> {
        let db = self.dbs.get(tenant).await?;
        let wrapped: Option<Vec<u8>> = db::query_scalar("SELECT wrapped FROM shred_keys WHERE id = $1")
            .bind(owner)
            .fetch_optional(db.reader())
            .await?;
        let Some(wrapped) = wrapped else { return Ok(None) };
        let place = [&tenant.to_string(), "shred_keys", owner, "wrapped"];
        let key: Secret = self.secrets.unwrap(tenant, &place, &wrapped).await?;
        let key = key.as_slice().try_into().map_err(|_| DbError::corrupt("shred_keys", "wrapped", owner))?;
        Ok(Some(self.open_with(tenant, Zeroizing::new(key))))
    }

    /// Deletes the key of `owner` and looks again: true when its row is gone, which it also is if there was none.
    pub async fn destroy(&self, tenant: TenantId, owner: &str) -> Result<bool, Problem> {
        let db = self.dbs.get(tenant).await?;
        db.tx("keys.destroy", |tx| {
            Box::pin(async move {
                db::query("DELETE FROM shred_keys WHERE id = $1").bind(owner).execute(&mut **tx).await?;
                Ok::<_, DbError>(())
            })
        })
        .await?;
        // Out of the write-ahead log too. Busy: the next one folds it, or the log's own turn does.
        if let Err(error) = db.fold_log().await {
            tracing::debug!(%error, "the log of the shred keys is folded later");
        }
        let left: i64 = db::query_scalar("SELECT count(*) FROM shred_keys WHERE id = $1")
            .bind(owner)
            .fetch_one(db.reader())
            .await?;
        Ok(left == 0)
    }

    /// Closes the files that nobody used for a while.
    pub async fn close_idle(&self) {
        self.dbs.close_idle().await;
    }

    /// Closes the files, at the end of the process; the write-ahead log is folded in.
    pub async fn close(&self) {
        self.dbs.close_all().await;
    }

    fn open_with(&self, tenant: TenantId, key: Zeroizing<[u8; KEY_BYTES]>) -> ShredKey {
        ShredKey { key, layer: self.layer.clone(), tenant: tenant.to_string() }
    }
}

impl ShredKey {
    /// Seals a column's value: nobody can move it to another row, column or tenant.
    pub fn seal(&self, (table, row, column): (&'static str, &str, &'static str), plain: &[u8]) -> Vec<u8> {
        self.layer.seal(&self.key, &[&self.tenant, table, row, column], plain)
    }

    /// Opens a column's value.
    pub fn open(
        &self,
        (table, row, column): (&'static str, &str, &'static str),
        sealed: &[u8],
    ) -> Result<Vec<u8>, Problem> {
        match self.layer.open(&self.key, &[&self.tenant, table, row, column], sealed) {
            Ok(plain) => Ok(plain.to_vec()),
            Err(source) => Err(Problem::internal(DoesNotOpen { table, row: row.to_owned(), source })),
        }
    }
}
