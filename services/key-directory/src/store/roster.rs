//! The signed chain, the epochs it names, and the newest bundle: bytes as they were received.

use siegel_domain::Party;
use siegel_envelope::{Digest, SignedBytes};
use siegel_platform::db::{self, DbError, Executor, Tx};

/// Number of entries, and the digest of the last one.
pub(crate) async fn head(executor: impl Executor<'_>) -> Result<Option<(u64, Digest)>, DbError> {
    let row: Option<(i64, Vec<u8>)> =
        db::query_as("SELECT sequence, digest FROM roster ORDER BY sequence DESC LIMIT 1")
            .fetch_optional(executor)
            .await?;
    row.map(|(sequence, digest)| {
        let corrupt = |column| DbError::corrupt("roster", column, sequence);
        let length = u64::try_from(sequence).map_err(|_| corrupt("sequence"))? + 1;
        Ok((length, Digest::from_slice(&digest).ok_or_else(|| corrupt("digest"))?))
    })
    .transpose()
}

/// Entries from `sequence` on, at most `limit`.
pub(crate) async fn entries(executor: impl Executor<'_>, from: u64, limit: i64) -> Result<Vec<Vec<u8>>, DbError> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    db::query_scalar("SELECT entry FROM roster WHERE sequence >= $1 ORDER BY sequence LIMIT $2")
        .bind(from)
        .bind(limit)
        .fetch_all(executor)
        .await
}

/// Whether this very entry is in the chain: the request was done before.
pub(crate) async fn contains(executor: impl Executor<'_>, entry: &SignedBytes) -> Result<bool, DbError> {
    let found: Option<i64> = db::query_scalar("SELECT sequence FROM roster WHERE digest = $1")
        .bind(&entry.digest().as_bytes()[..])
        .fetch_optional(executor)
        .await?;
    Ok(found.is_some())
}

/// The entry that brought in the newest keys of a member or sender.
pub(crate) async fn introducing(executor: impl Executor<'_>, party: Party) -> Result<Option<Vec<u8>>, DbError> {
    db::query_scalar("SELECT entry FROM roster WHERE introduces = $1 ORDER BY sequence DESC LIMIT 1")
        .bind(party.to_string())
        .fetch_optional(executor)
        .await
}

/// Appends. A second entry at the same place is a unique violation of `roster.sequence`.
pub(crate) async fn append(
    tx: &mut Tx<'_>,
    sequence: u64,
    entry: &SignedBytes,
    introduces: Option<Party>,
) -> Result<(), DbError> {
    db::query("INSERT INTO roster (sequence, entry, digest, introduces) VALUES ($1, $2, $3, $4)")
        .bind(i64::try_from(sequence).unwrap_or(i64::MAX))
        .bind(entry.to_bytes())
        .bind(&entry.digest().as_bytes()[..])
        .bind(introduces.map(|party| party.to_string()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The newest epoch as the other services need it.
pub(crate) struct EpochRow {
    pub(crate) number: i64,
    pub(crate) statement: Vec<u8>,
    pub(crate) kem_fingerprint: Vec<u8>,
}

pub(crate) async fn epoch(executor: impl Executor<'_>) -> Result<Option<EpochRow>, DbError> {
    let row: Option<(i64, Vec<u8>, Vec<u8>)> =
        db::query_as("SELECT number, statement, kem_fingerprint FROM epochs ORDER BY number DESC LIMIT 1")
            .fetch_optional(executor)
            .await?;
    Ok(row.map(|(number, statement, kem_fingerprint)| EpochRow { number, statement, kem_fingerprint }))
}

pub(crate) async fn insert_epoch(tx: &mut Tx<'_>, epoch: &EpochRow, now_ms: i64) -> Result<(), DbError> {
    db::query("INSERT INTO epochs (number, statement, kem_fingerprint, created_ms) VALUES ($1, $2, $3, $4)")
        .bind(epoch.number)
        .bind(&epoch.statement)
        .bind(&epoch.kem_fingerprint)
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Revision and digest of the newest bundle.
pub(crate) async fn bundle_head(executor: impl Executor<'_>) -> Result<Option<(u64, Digest)>, DbError> {
    let row: Option<(i64, Vec<u8>)> =
        db::query_as("SELECT revision, digest FROM bundles ORDER BY revision DESC LIMIT 1")
            .fetch_optional(executor)
            .await?;
    row.map(|(revision, digest)| {
        let corrupt = |column| DbError::corrupt("bundles", column, revision);
        let digest = Digest::from_slice(&digest).ok_or_else(|| corrupt("digest"))?;
        Ok((u64::try_from(revision).map_err(|_| corrupt("revision"))?, digest))
    })
    .transpose()
}

/// The newest bundle.
pub(crate) async fn bundle(executor: impl Executor<'_>) -> Result<Option<Vec<u8>>, DbError> {
    db::query_scalar("SELECT bundle FROM bundles ORDER BY revision DESC LIMIT 1").fetch_optional(executor).await
}

/// Replaces the bundle by the next one.
pub(crate) async fn set_bundle(tx: &mut Tx<'_>, revision: u64, bundle: &SignedBytes) -> Result<(), DbError> {
    db::query("DELETE FROM bundles").execute(&mut **tx).await?;
    db::query("INSERT INTO bundles (revision, digest, bundle) VALUES ($1, $2, $3)")
        .bind(i64::try_from(revision).unwrap_or(i64::MAX))
        .bind(&bundle.digest().as_bytes()[..])
        .bind(bundle.to_bytes())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
