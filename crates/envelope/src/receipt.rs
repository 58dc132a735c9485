//! Receipts and tombstones: what the platform saw, signed by it. A receipt states observations, never conclusions:
//! "this object was absent from that zone at that time", not "the record is gone for good".

use minicbor::{Decode, Encode};
use siegel_domain::{ReceiptId, RecordId, TenantId, Timestamp};

use crate::bytes::Digest;
use crate::signed::{Invalid, Signable};

/// Objects one receipt can list: all attempts of all parts in both zones.
pub const OBSERVATIONS: usize = 65_536;

/// What one zone held when a record was committed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ZoneHolds {
    /// The zone's name.
    #[n(0)]
    pub zone: String,
    /// Its jurisdiction (ISO 3166 country code).
    #[n(1)]
    pub jurisdiction: String,
    /// Parts of the record it had acknowledged.
    #[n(2)]
    pub parts: u32,
}

/// The platform took a record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UploadReceipt {
    /// The receipt.
    #[n(0)]
    pub receipt: ReceiptId,
    /// The tenant.
    #[n(1)]
    pub tenant: TenantId,
    /// The record.
    #[n(2)]
    pub record: RecordId,
    /// [`crate::SignedBytes::digest`] of its manifest.
    #[n(3)]
    pub manifest: Digest,
    /// When it was committed.
    #[n(4)]
    pub committed: Timestamp,
    /// Parts of the record.
    #[n(5)]
    pub parts: u32,
    /// Sealed bytes of all parts.
    #[n(6)]
    pub sealed_bytes: u64,
    /// What each zone held at that moment; a zone with fewer parts is first in line for repair.
    #[n(7)]
    pub zones: Vec<ZoneHolds>,
}

impl UploadReceipt {
    /// Whether every zone listed held every part.
    pub fn is_whole(&self) -> bool {
        self.zones.iter().all(|zone| zone.parts == self.parts)
    }
}

impl Signable for UploadReceipt {
    const DOMAIN: &'static str = "siegel/1/upload-receipt";
    const MAX_BYTES: usize = 4096;

    fn validate(&self) -> Result<(), Invalid> {
        if self.zones.is_empty() { Err(Invalid::Rule("no zone held the record")) } else { Ok(()) }
    }
}

/// Why something was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum EraseKind {
    /// Someone entitled asked for it (M06).
    #[n(0)]
    Request,
    /// Its retention policy ran out (C11).
    #[n(1)]
    Expiry,
    /// The tenant's contract ended (I10).
    #[n(2)]
    TenantEnd,
}

/// What was seen of one object in one zone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ObjectGone {
    /// The zone's name.
    #[n(0)]
    pub zone: String,
    /// The object's opaque name.
    #[n(1)]
    pub object: String,
    /// When the zone confirmed the deletion.
    #[n(2)]
    pub deleted: Timestamp,
    /// When a later read found it absent.
    #[n(3)]
    pub absent: Timestamp,
    /// Whether the zone keeps versions and its listing of them was empty; absent if it keeps none.
    #[n(4)]
    pub versions_empty: Option<bool>,
}

/// The platform erased a record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EraseReceipt {
    /// The receipt.
    #[n(0)]
    pub receipt: ReceiptId,
    /// The tenant.
    #[n(1)]
    pub tenant: TenantId,
    /// The record.
    #[n(2)]
    pub record: RecordId,
    /// Why.
    #[n(3)]
    pub kind: EraseKind,
    /// When erasing began: from then on nobody could read it.
    #[n(4)]
    pub requested: Timestamp,
    /// When the row of its second-layer key was found gone, and with it grants and metadata.
    #[n(5)]
    pub shred_key_gone: Timestamp,
    /// What was seen of each object in each zone.
    #[n(6)]
    pub objects: Vec<ObjectGone>,
    /// Zones that were given up for good with whatever they held, so nothing was seen there.
    #[n(7)]
    pub zones_given_up: Vec<String>,
    /// Until when a physical backup could still hold the second-layer key.
    #[n(8)]
    pub horizon: Timestamp,
    /// [`crate::SignedBytes::digest`] of the tombstone written before this receipt.
    #[n(9)]
    pub tombstone: Digest,
}

impl Signable for EraseReceipt {
    const DOMAIN: &'static str = "siegel/1/erase-receipt";
    const MAX_BYTES: usize = 16 * 1024 * 1024;

    fn validate(&self) -> Result<(), Invalid> {
        if self.objects.len() > OBSERVATIONS {
            return Err(Invalid::Rule("too many objects for one receipt"));
        }
        if self.objects.iter().any(|seen| seen.absent < seen.deleted) || self.horizon < self.shred_key_gone {
            return Err(Invalid::Rule("times that can't follow each other"));
        }
        Ok(())
    }
}

/// A record was erased; replayed before a restored service opens, so that no backup brings it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Tombstone {
    /// The tenant.
    #[n(0)]
    pub tenant: TenantId,
    /// The record.
    #[n(1)]
    pub record: RecordId,
    /// When erasing began.
    #[n(2)]
    pub time: Timestamp,
    /// Why.
    #[n(3)]
    pub kind: EraseKind,
}

impl Signable for Tombstone {
    const DOMAIN: &'static str = "siegel/1/tombstone";
    const MAX_BYTES: usize = 512;
}
