//! Errors as RFC 9457 problem documents.

use serde::{Deserialize, Serialize};

/// The body of every error, `application/problem+json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProblemBody {
    /// A stable address of this kind of problem: `https://siegel.health/problems/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The stable code programs branch on, for example `epoch-changed`.
    pub code: String,
    /// The kind of problem in a few English words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time and what to do next.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// Seconds to wait before trying again, as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_s: Option<u32>,
    /// The request's id, for support.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// What is wrong with which field of the request.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<FieldProblem>,
}

/// One field that was refused.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldProblem {
    /// The field, as a dotted path.
    pub field: String,
    /// What is wrong with it; never its value.
    pub reason: String,
}
