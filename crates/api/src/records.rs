//! `/v1/records`: upload, commit, list, open.
//!
//! Open → parts → commit. A part can be sent again until it is acknowledged; the same digest twice is fine, another
//! digest for an acknowledged part is `part-conflict`. Small records (≤ 1 MiB) travel in one request.

use serde::{Deserialize, Serialize};
use siegel_domain::upload::RecordState;
use siegel_domain::{ConversationId, Party, ReceiptId, RecordId, RecordKind};

use crate::Bytes;

/// `POST /v1/records`: opens an upload. Repeating it with the same values is answered alike.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenUpload {
    /// The record, drawn at random by the client: sealing binds it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub record: RecordId,
    /// What it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub kind: RecordKind,
    /// The conversation it belongs to.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub conversation: Option<ConversationId>,
    /// The record it answers (C05).
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answers: Option<RecordId>,
    /// Whether the sender wishes the report back; only asked for senders set to `ask`, overrides `always`/`never`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub return_report: Option<bool>,
}

/// How an upload stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadStatus {
    /// The record.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub record: RecordId,
    /// Its state.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state: RecordState,
    /// Acknowledged parts in order of number.
    pub parts: Vec<PartAck>,
    /// When it is swept if no further part comes.
    pub sweep_due_ms: Option<i64>,
}

/// `PUT /v1/records/{record}/parts/{number}`: the answer says which zones hold the part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartAck {
    /// Number of the part, from 0.
    pub number: u32,
    /// Its digest.
    pub digest: Bytes,
    /// Its sealed size.
    pub sealed_bytes: u64,
    /// The zones that hold it durably.
    pub zones: Vec<String>,
}

/// A grant as it travels: who it is for, and the grant itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GrantItem {
    /// Whom it is sealed to.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub recipient: Party,
    /// Canonical CBOR of `siegel_envelope::grant::Grant`.
    pub grant: Bytes,
}

/// `POST /v1/records/{record}/commit`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CommitUpload {
    /// The signed manifest (`Signed` bytes).
    pub manifest: Bytes,
    /// The sealed metadata: names, file name, notes, type.
    pub sealed_metadata: Bytes,
    /// One grant for each named recipient.
    pub grants: Vec<GrantItem>,
}

/// `POST /v1/records/small`: everything in one request, for at most 1 MiB of plaintext.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SmallRecord {
    /// As for a large record.
    pub open: OpenUpload,
    /// As for a large record.
    pub commit: CommitUpload,
    /// The one sealed part.
    pub part: Bytes,
}

/// What the platform saw, signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CommitAnswer {
    /// The record.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub record: RecordId,
    /// The receipt's id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_id: ReceiptId,
    /// The signed `UploadReceipt` (`Signed` bytes).
    pub receipt: Bytes,
    /// True while a zone lacks a copy; healing is under way.
    pub degraded: bool,
}

/// Which records to list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
pub struct RecordQuery {
    /// `inbox` (granted to me or my tenant; the default) or `sent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
    /// Only this conversation.
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// Only of this kind.
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<RecordKind>,
    /// Only what answers this record.
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<RecordId>,
    /// Items wanted, 1-200; 50 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// The token of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

/// A record with everything its recipient needs to open it, but the parts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Record {
    /// The record.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: RecordId,
    /// What it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub kind: RecordKind,
    /// Who sent it, as the server has it; the signed manifest decides.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub sender: Party,
    /// The conversation.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub conversation: Option<ConversationId>,
    /// What it answers.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub answers: Option<RecordId>,
    /// Whether a report on it may go back to its sender (C05).
    pub return_report: bool,
    /// Sealed size of all parts.
    pub sealed_bytes: u64,
    /// When it was committed.
    pub committed_ms: i64,
    /// When it is erased if nobody fetches it (C11).
    pub expires_ms: Option<i64>,
    /// How many complete fetches by the one who asks.
    pub fetched: u32,
    /// The signed manifest.
    pub manifest: Bytes,
    /// The sealed metadata.
    pub sealed_metadata: Bytes,
    /// The grants for the one who asks, newest first.
    pub grants: Vec<GrantItem>,
    /// False while the sender is not in the roster: "not yet confirmed".
    pub sender_confirmed: bool,
}

/// A page of records. Manifests are left out of lists (`GET /v1/records/{record}` has them), so `manifest` is empty.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordPage {
    /// The records, newest first.
    pub items: Vec<Record>,
    /// The next page's token.
    pub next_page_token: Option<String>,
}

/// `POST /v1/records/{record}/grants`: passing a record on, or sealing it anew after a change of epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddGrants {
    /// The grants.
    pub grants: Vec<GrantItem>,
}

/// `POST /v1/records/{record}/fetched`: the client opened the last chunk; the year starts anew (C11).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Fetched {
    /// Hash of the manifest that was opened, so that the server can't be told of another.
    pub manifest_hash: Bytes,
}
