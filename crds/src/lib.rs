//! The two objects that describe institutions: [`Tenant`] says what one should be and how it stands, and
//! [`TenantOperation`] is one act upon it with its steps. The operator's plan, the dealer API and the local store of
//! `siegel-server` work on these types; in a cluster the same types become custom resources of group [`GROUP`]
//! (`#[derive(kube::CustomResource)]` goes onto the two specs, and nothing else changes its shape).
//!
//! Field names are camelCase in JSON, as Kubernetes has them. What a field may hold is said once, in [`rules`].

pub mod condition;
pub mod operation;
pub mod rules;
pub mod tenant;

pub use condition::{Condition, ConditionType, Status};
pub use operation::{Action, Operation, OperationPhase, Resource, Step, StepStatus, TenantOperation};
pub use rules::{Violation, validate, validate_change};
pub use tenant::{Durability, Phase, Tenant, TenantSpec, TenantStatus};

/// The API group of both objects.
pub const GROUP: &str = "siegel.health";
/// Their version.
pub const VERSION: &str = "v1alpha1";
