//! The second layer: what clients sealed already lies in our database sealed once more, under a key of the record's own.
//! That key lies in `keys.db`, wrapped by the tenant's key; deleting its row is what erases (PROTOCOL "Second layer").

use std::sync::Arc;

use siegel_domain::{TenantId, Timestamp};
use siegel_platform::Problem;
use siegel_platform::db::{self, DbError, TenantDbs};
use siegel_platform::rng::Rng;
use siegel_platform::secrets::{KEY_BYTES, SecondLayer, Secret, Secrets};
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
    /// of the first attempt. Asking makes it young, so that nobody takes it for left behind while it is about to be used.
    pub async fn get_or_create(&self, tenant: TenantId, owner: &str, now: Timestamp) -> Result<ShredKey, Problem> {
        let key: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(self.rng.bytes());
        let wrapped = &self.secrets.wrap(tenant, &place(&tenant.to_string(), owner), &*key).await?;
        let db = self.dbs.get(tenant).await?;
        let kept: Vec<u8> = db
            .tx_by_row("keys.create", |tx| {
                Box::pin(async move {
                    let kept = db::query_scalar(
                        "INSERT INTO shred_keys (id, wrapped, created_ms) VALUES ($1, $2, $3)
                         ON CONFLICT (id) DO UPDATE SET created_ms = excluded.created_ms RETURNING wrapped",
                    );
                    kept.bind(owner).bind(wrapped).bind(now.0).fetch_one(&mut **tx).await
                })
            })
            .await?;
        if kept == *wrapped { Ok(self.open_with(tenant, key)) } else { self.unwrap(tenant, owner, &kept).await }
    }

    /// The key of `owner`, if it was not destroyed.
    pub async fn get(&self, tenant: TenantId, owner: &str) -> Result<Option<ShredKey>, Problem> {
        let db = self.dbs.get(tenant).await?;
        let wrapped: Option<Vec<u8>> = db::query_scalar("SELECT wrapped FROM shred_keys WHERE id = $1")
            .bind(owner)
            .fetch_optional(db.reader())
            .await?;
        match wrapped {
            Some(wrapped) => self.unwrap(tenant, owner, &wrapped).await.map(Some),
            None => Ok(None),
        }
    }

    /// Owners behind `after`, in order, whose keys nobody asked to make since `before`.
    pub async fn older(
        &self,
        tenant: TenantId,
        before: Timestamp,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>, Problem> {
        let db = self.dbs.get(tenant).await?;
        let owners =
            db::query_scalar("SELECT id FROM shred_keys WHERE created_ms < $1 AND id > $2 ORDER BY id LIMIT $3")
                .bind(before.0)
                .bind(after)
                .bind(limit)
                .fetch_all(db.reader())
                .await?;
        Ok(owners)
    }

    /// Nobody asked for a key later than now: one that a clock ahead has dated counts as asked for now.
    pub async fn bring_back(&self, tenant: TenantId, now: Timestamp) -> Result<(), Problem> {
        let db = self.dbs.get(tenant).await?;
        let ahead: Option<(i64,)> = db::query_as("SELECT 1 FROM shred_keys WHERE created_ms > $1 LIMIT 1")
            .bind(now.0)
            .fetch_optional(db.reader())
            .await?;
        if ahead.is_none() {
            return Ok(());
        }
        let brought = db.tx("keys.bring-back", |tx| {
            Box::pin(async move {
                let update = db::query("UPDATE shred_keys SET created_ms = $1 WHERE created_ms > $1");
                update.bind(now.0).execute(&mut **tx).await?;
                Ok::<_, DbError>(())
            })
        });
        Ok(brought.await?)
    }

    /// Destroys the key of `owner`, unless somebody asked for it since `before`.
    pub async fn destroy_older(&self, tenant: TenantId, owner: &str, before: Timestamp) -> Result<bool, Problem> {
        self.delete(tenant, owner, before).await
    }

    /// Deletes the key of `owner` and looks again: true when its row is gone, which it also is if there was none.
    pub async fn destroy(&self, tenant: TenantId, owner: &str) -> Result<bool, Problem> {
        self.delete(tenant, owner, Timestamp(i64::MAX)).await
    }

    async fn delete(&self, tenant: TenantId, owner: &str, before: Timestamp) -> Result<bool, Problem> {
        let db = self.dbs.get(tenant).await?;
        db.tx("keys.destroy", |tx| {
            Box::pin(async move {
                let delete = db::query("DELETE FROM shred_keys WHERE id = $1 AND created_ms < $2");
                delete.bind(owner).bind(before.0).execute(&mut **tx).await?;
                Ok::<_, DbError>(())
            })
        })
        .await?;
        // Out of the write-ahead log too. While somebody reads that can't be done: the next key that is destroyed takes this
        // one's bytes along, or the file's closing, which comes when nobody has used it for a while.
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

    async fn unwrap(&self, tenant: TenantId, owner: &str, wrapped: &[u8]) -> Result<ShredKey, Problem> {
        let key: Secret = self.secrets.unwrap(tenant, &place(&tenant.to_string(), owner), wrapped).await?;
        let key = key.as_slice().try_into().map_err(|_| DbError::corrupt("shred_keys", "wrapped", owner))?;
        Ok(self.open_with(tenant, Zeroizing::new(key)))
    }

    fn open_with(&self, tenant: TenantId, key: Zeroizing<[u8; KEY_BYTES]>) -> ShredKey {
        ShredKey { key, layer: self.layer.clone(), tenant: tenant.to_string() }
    }
}

/// What a wrapped key is bound to.
fn place<'a>(tenant: &'a str, owner: &'a str) -> [&'a str; 4] {
    [tenant, "shred_keys", owner, "wrapped"]
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
