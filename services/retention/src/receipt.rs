//! The receipt of an erasure: what was seen, signed. Nothing is added to what upload saw, and nothing is signed that it
//! did not see.

use siegel_domain::time::DAY_MS;
use siegel_domain::{ReceiptId, TenantId, Timestamp};
use siegel_envelope::receipt::{EraseKind, EraseReceipt, ObjectGone};
use siegel_envelope::{Digest, Signable};
use siegel_proto::upload::v1::EraseRecordResponse;

use crate::app::App;
use crate::store::erasures::{Cause, Held};

/// The signed bytes of a receipt, or nothing if the account is not complete or contradicts itself.
pub fn sign(app: &App, tenant: TenantId, id: ReceiptId, held: &Held, seen: &EraseRecordResponse) -> Option<Vec<u8>> {
    let objects = seen.objects.iter().map(|object| ObjectGone {
        zone: object.zone.clone(),
        object: object.object.clone(),
        deleted: Timestamp(object.deleted_ms),
        absent: Timestamp(object.absent_ms),
        versions_empty: None,
    });
    let gone = Timestamp(seen.shred_key_destroyed_ms);
    let receipt = EraseReceipt {
        receipt: id,
        tenant,
        record: held.record,
        kind: match held.job.cause {
            Cause::Asked => EraseKind::Request,
            Cause::Expired => EraseKind::Expiry,
        },
        requested: Timestamp(seen.erasing_ms),
        shred_key_gone: gone,
        objects: objects.collect(),
        zones_given_up: Vec::new(),
        // Until then a physical backup may still hold the key's row.
        horizon: gone.plus_ms(i64::from(app.config.backup_days) * DAY_MS),
        tombstone: Digest::from_slice(&seen.tombstone_digest)?,
    };
    let complete = seen.erasing_ms > 0 && seen.shred_key_destroyed_ms >= seen.erasing_ms && !seen.tombstones.is_empty();
    (complete && receipt.validate().is_ok()).then(|| app.signer.sign(receipt).to_bytes())
}
