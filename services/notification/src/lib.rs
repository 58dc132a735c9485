//! Notification tells what happened to those whom it concerns. For now by one way, `GET /v1/events` (server-sent events);
//! subscriptions, webhooks, mail and breach notices join it. Events carry ids only: whoever wants more asks for it and is
//! checked there.
//!
//! ```text
//! outboxes of all services ──► stream: read from a position ──► audience: may they hear it? ──► convert ──► SSE
//!        └── commit ──► hub: wakes the streams of that tenant
//! ```
//!
//! Owns no table yet: a stream's place is a vector of log positions that the client keeps (`Last-Event-ID`) and every
//! replica understands. A new kind of event is an arm in [`convert`] and one in [`audience`].

pub mod api;
pub mod app;
pub mod audience;
pub mod config;
pub mod convert;
mod describe;
pub mod hub;
pub mod position;
mod program;
pub mod stream;

pub use app::App;
pub use config::NotificationConfig;
pub use describe::describe;
pub use program::program;
