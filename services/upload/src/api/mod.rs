//! What upload answers: REST to members and senders, gRPC to the other services. Both only parse, call and convert.

pub mod grpc;
pub mod rest;
