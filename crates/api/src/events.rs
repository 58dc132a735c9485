//! `GET /v1/events`: server-sent events. `id` is a log position that any replica understands; send it back as
//! `Last-Event-ID` to go on where the line broke. A comment every 15 s keeps the line open.

use serde::{Deserialize, Serialize};

/// One event: ids only, CloudEvents 1.0 attribute names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// CloudEvents version, `1.0`.
    pub specversion: String,
    /// The event's id; the same event delivered twice has the same.
    pub id: String,
    /// For example `siegel.record.committed.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For example `/siegel/upload`.
    pub source: String,
    /// The id of what it is about.
    pub subject: String,
    /// When, milliseconds.
    pub time_ms: i64,
    /// Further ids, by name: `record`, `sender`, `conversation`, `answers`, `kind`, `receipt` …
    pub data: std::collections::BTreeMap<String, String>,
}

/// What to listen to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// Only these types, separated by commas, for example `siegel.record.committed.v1,siegel.receipt.issued.v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<String>,
}
