//! The state of one class of resources, as Kubernetes shows states. Without `lastTransitionTime`: the object a cluster
//! keeps gets it when the condition is written, so that comparing two of them tells whether anything changed.

use serde::{Deserialize, Serialize};

/// One condition of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    /// Of what.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// How it is.
    pub status: Status,
    /// A stable word from [`reason`].
    pub reason: String,
    /// A sentence; never a value from a backend's error.
    pub message: String,
    /// The spec's generation it speaks of.
    pub observed_generation: i64,
}

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConditionType {
    /// Everything below is as asked for.
    Ready,
    /// The spec keeps the rules, and the platform's zones suit it.
    SpecValid,
    /// The place of its databases is there.
    DatabaseReady,
    /// Its key is in the secrets.
    SecretsReady,
    /// Its bucket in zone a is there.
    BucketReadyA,
    /// Its bucket in zone b is there.
    BucketReadyB,
}

impl ConditionType {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::SpecValid => "SpecValid",
            Self::DatabaseReady => "DatabaseReady",
            Self::SecretsReady => "SecretsReady",
            Self::BucketReadyA => "BucketReadyA",
            Self::BucketReadyB => "BucketReadyB",
        }
    }
}

/// Yes, no, or not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// It can't be seen from here, for example while a zone is away.
    Unknown,
}

impl Status {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// The reasons that conditions give. Stable: administrators' scripts and alerts compare with them.
pub mod reason {
    /// It is there and it is ours.
    pub const IN_PLACE: &str = "InPlace";
    /// It is missing and will be made.
    pub const MISSING: &str = "Missing";
    /// It could not be made; tried again with growing pauses.
    pub const APPLY_FAILED: &str = "ApplyFailed";
    /// The backend did not answer.
    pub const UNREACHABLE: &str = "Unreachable";
    /// Something of that name is there that is not marked as this tenant's: it is neither adopted nor deleted.
    pub const FOREIGN: &str = "Foreign";
    /// The key of a tenant that was ready is gone: what was sealed under it can't be read any more. Never made anew.
    pub const KEY_LOST: &str = "KeyLost";
    /// A field of the spec breaks a rule.
    pub const INVALID: &str = "Invalid";
    /// A zone lies outside the tenant's jurisdiction (C12).
    pub const JURISDICTION: &str = "OutsideJurisdiction";
    /// The spec keeps every rule.
    pub const VALID: &str = "Valid";
    /// Everything is there.
    pub const ALL_IN_PLACE: &str = "AllInPlace";
    /// Something is not; the other conditions say what.
    pub const INCOMPLETE: &str = "Incomplete";
}
