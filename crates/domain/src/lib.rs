//! The words of Siegel as types: ids, time, roles, states and rules. No I/O, no clock, no randomness:
//! everything here runs unchanged in the server, the client, the browser and the tests.
//!
//! A new id is one line in [`id`]; a new lifecycle is an enum whose transitions consume the old state.

pub mod id;
pub mod jurisdiction;
pub mod limits;
pub mod policy;
pub mod role;
pub mod text;
pub mod time;
pub mod upload;

pub use id::{
    ConversationId, DealerId, DeviceId, EventId, InviteId, JobId, MemberId, Party, Principal, ReceiptId, RecordId,
    SenderId, SessionId, TenantId,
};
pub use policy::{RecordKind, RetentionPolicy};
pub use role::{Permission, Role};
pub use time::Timestamp;
