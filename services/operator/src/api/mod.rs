//! What the operator answers: the dealer API to dealers and tenants, and the plan to the other services.

pub mod grpc;
pub mod tenants;
