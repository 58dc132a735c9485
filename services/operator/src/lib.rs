//! The operator makes tenants what they were asked to be, and the dealer API ([`dealer`]), a program of its own, is how they
//! are asked for (C01, C08). Neither ever sees contents or keys (C09).
//!
//! ```text
//! dealer ─ /v1/tenants ─► provider.db (spec) ─► reconcile: dereference ► validate ► plan ► apply ► status
//!                                                          zones, secrets, directories ◄──┘
//! ```
//!
//! Owns: the table `tenants` of the provider database (the dealer API its specs, the operator their statuses), the tenants'
//! directories, buckets and keys, and `operator.db` of each tenant (what was done to it). The plan is pure and will run
//! over Kubernetes objects unchanged.
//!
//! A new resource class is a variant of [`siegel_crds::Resource`], a line in [`pipeline::plan::wanted`], a look in
//! [`pipeline::dereference`], a step in [`pipeline::apply`] and a condition in [`pipeline::status`].

pub mod app;
pub mod config;
pub mod dealer;
pub mod grpc;
pub mod owner;
pub mod pipeline;
mod program;
pub mod reconcile;
pub mod relay;
pub mod store;

pub use app::App;
pub use config::OperatorConfig;
pub use program::program;
