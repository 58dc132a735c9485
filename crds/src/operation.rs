//! One act upon a tenant, and the steps it takes. A kind joins [`Operation`] when the service half of it exists;
//! provisioning is the first. Steps are what the operator's plan consists of.

use serde::{Deserialize, Serialize};
use siegel_domain::TenantId;

/// An act upon a tenant. Its spec is never changed; its status grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantOperation {
    /// The tenant.
    pub tenant: TenantId,
    /// What is to be done.
    pub operation: Operation,
    /// How far it is.
    #[serde(default)]
    pub phase: OperationPhase,
    /// The steps, in the order they are taken.
    #[serde(default)]
    pub steps: Vec<StepStatus>,
}

/// What can be done to a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Make everything that its spec asks for.
    Provision,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationPhase {
    /// Steps are left.
    #[default]
    Running,
    /// All steps are done.
    Done,
}

/// One step and whether it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepStatus {
    /// The step.
    pub step: Step,
    /// Whether it is done.
    pub done: bool,
}

/// What is done to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Made, changed or taken away.
    pub action: Action,
    /// What.
    pub resource: Resource,
    /// The zone it lies in, if it lies in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Why, in a few words.
    pub reason: String,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Makes what is missing.
    Create,
    /// Changes what differs.
    Update,
    /// Takes away what is no longer wanted.
    Delete,
}

impl Action {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// The classes of things a tenant consists of, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Resource {
    /// The key that wraps its shred keys.
    TenantKey,
    /// Its bucket in a zone.
    Bucket,
    /// The place of its databases: a directory here, a database in PostgreSQL.
    Database,
    /// The mark that lets the services open the tenant: made last, since all else must be there.
    ReadyMark,
}

impl Resource {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantKey => "TenantKey",
            Self::Bucket => "Bucket",
            Self::Database => "Database",
            Self::ReadyMark => "ReadyMark",
        }
    }
}
