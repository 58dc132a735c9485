//! Receipts: signed bytes, and who may read them.

use siegel_api::retention::Receipt;
use siegel_domain::{Party, ReceiptId, RecordId, Timestamp};
use siegel_platform::db::{self, Db, DbError, Tx};

use super::read;

/// The kind of receipt that an erasure ends in.
pub const ERASE: &str = "erase";

/// A receipt to be kept.
#[derive(Debug, Clone)]
pub struct NewReceipt {
    /// Its id.
    pub id: ReceiptId,
    /// Of which record.
    pub record: RecordId,
    /// Now.
    pub created: Timestamp,
    /// The signed bytes.
    pub bytes: Vec<u8>,
    /// Who may read it beside the tenant.
    pub parties: Vec<Party>,
}

/// Keeps a receipt of an erasure. A record has one: if it is there already its id is the answer, with `false`.
pub async fn keep(tx: &mut Tx<'_>, new: &NewReceipt) -> Result<(ReceiptId, bool), DbError> {
    let inserted = db::query(
        "INSERT INTO receipts (id, kind, record, created_ms, receipt) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (record, kind) DO NOTHING",
    )
    .bind(new.id.to_string())
    .bind(ERASE)
    .bind(new.record.to_string())
    .bind(new.created.0)
    .bind(&new.bytes)
    .execute(&mut **tx)
    .await?;
    let (id,): (String,) = db::query_as("SELECT id FROM receipts WHERE record = $1 AND kind = $2")
        .bind(new.record.to_string())
        .bind(ERASE)
        .fetch_one(&mut **tx)
        .await?;
    for party in &new.parties {
        db::query("INSERT INTO receipt_parties (receipt, party) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(&id)
            .bind(party.to_string())
            .execute(&mut **tx)
            .await?;
    }
    Ok((read(&id, "receipts", "id")?, inserted.rows_affected() == 1))
}

/// A receipt, if `viewer` may read it; `None` as the viewer is the tenant itself.
pub async fn get(db: &Db, id: ReceiptId, viewer: Option<Party>) -> Result<Option<Receipt>, DbError> {
    let row: Option<Row> = db::query_as(
        "SELECT id, kind, record, created_ms, receipt FROM receipts WHERE id = $1
         AND ($2 IS NULL OR EXISTS (SELECT 1 FROM receipt_parties WHERE receipt = id AND party = $2))",
    )
    .bind(id.to_string())
    .bind(viewer.map(|party| party.to_string()))
    .fetch_optional(db.reader())
    .await?;
    row.map(receipt).transpose()
}

/// Receipts that `viewer` may read, newest first, before the place where the last page ended.
pub async fn page(
    db: &Db,
    record: Option<RecordId>,
    viewer: Option<Party>,
    before: Option<(i64, ReceiptId)>,
    limit: u32,
) -> Result<Vec<Receipt>, DbError> {
    let (before_ms, before_id) = before.map_or((i64::MAX, String::new()), |(ms, id)| (ms, id.to_string()));
    let rows: Vec<Row> = db::query_as(
        "SELECT id, kind, record, created_ms, receipt FROM receipts
         WHERE (created_ms < $1 OR (created_ms = $1 AND id < $2)) AND ($3 IS NULL OR record = $3)
         AND ($4 IS NULL OR EXISTS (SELECT 1 FROM receipt_parties WHERE receipt = id AND party = $4))
         ORDER BY created_ms DESC, id DESC LIMIT $5",
    )
    .bind(before_ms)
    .bind(before_id)
    .bind(record.map(|record| record.to_string()))
    .bind(viewer.map(|party| party.to_string()))
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    rows.into_iter().map(receipt).collect()
}

type Row = (String, String, String, i64, Vec<u8>);

fn receipt((id, kind, record, created_ms, bytes): Row) -> Result<Receipt, DbError> {
    Ok(Receipt {
        id: read(&id, "receipts", "id")?,
        kind,
        record: read(&record, "receipts", "record")?,
        created_ms,
        receipt: bytes.into(),
    })
}
