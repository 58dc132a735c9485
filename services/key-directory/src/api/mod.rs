//! What the key directory answers: REST to clients, gRPC to the other services. Both parse, call a use case and convert.

pub mod grpc;
pub(crate) mod rest;
