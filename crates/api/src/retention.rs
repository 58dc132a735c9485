//! `/v1/retention`, `/v1/receipts`, `/v1/audit`: erasing at once, what falls due when, and who did what.

use serde::{Deserialize, Serialize};
use siegel_domain::{ConversationId, DeviceId, JobId, ReceiptId, RecordId};

use crate::Bytes;

/// `POST /v1/retention/erasures`: erase at once and for good (M06). Exactly one target.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum EraseTarget {
    /// One record.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    Record(RecordId),
    /// A conversation with all its records.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    Conversation(ConversationId),
}

/// An erasure and how far it is (AIP-151).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Erasure {
    /// The job.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: JobId,
    /// What is erased.
    pub target: EraseTarget,
    /// Where it stands.
    pub state: ErasureState,
    /// Records of it, and how many are erased.
    pub records_total: u32,
    /// Records whose receipts are there.
    pub records_erased: u32,
    /// What it waits for, for example a zone that is away.
    pub waiting_for: Option<String>,
    /// The receipts so far.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub receipts: Vec<ReceiptId>,
    /// When it was asked for.
    pub created_ms: i64,
}

/// Where an erasure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ErasureState {
    /// Accepted; the record can no longer be read.
    Running,
    /// Keys destroyed, objects absent in both zones, tombstones written, receipts signed.
    Done,
}

/// `GET /v1/retention/records/{record}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deadline {
    /// The record.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub record: RecordId,
    /// The policy, `unfetched-365d`.
    pub policy: String,
    /// When it falls due.
    pub due_ms: i64,
}

/// A receipt.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// The receipt.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: ReceiptId,
    /// `erase`.
    pub kind: String,
    /// The record.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub record: RecordId,
    /// When it was signed.
    pub created_ms: i64,
    /// The signed `EraseReceipt` (`Signed` bytes).
    pub receipt: Bytes,
}

/// Which receipts to list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
pub struct ReceiptQuery {
    /// Only of this record.
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordId>,
    /// Items wanted, 1-200; 50 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// The token of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

/// A page of receipts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptPage {
    /// The receipts, newest first.
    pub items: Vec<Receipt>,
    /// The next page's token.
    pub next_page_token: Option<String>,
}

/// Which lines of the audit trail to list; all filters have to match.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Only about this id, for example a record's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Only by this member, sender or dealer, or by `platform`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only this action, for example `record.commit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Items wanted, 1-200; 50 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// The token of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

/// One line of the audit trail: ids only.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditLine {
    /// Position in the tenant's trail.
    pub sequence: u64,
    /// When.
    pub time_ms: i64,
    /// Who: a member, a sender, a dealer or `platform`.
    pub actor: String,
    /// From which device.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub device: Option<DeviceId>,
    /// What, for example `record.commit`.
    pub action: String,
    /// On what: an id.
    pub object: String,
    /// `ok` or the code of the problem.
    pub outcome: String,
}

/// A page of the audit trail.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// The lines, newest first.
    pub items: Vec<AuditLine>,
    /// The next page's token.
    pub next_page_token: Option<String>,
}
