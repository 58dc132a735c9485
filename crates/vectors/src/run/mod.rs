//! Judging a vector: the input goes through the same public functions a client uses, and what comes out is put in
//! the words of the verdict. Nothing here knows what is expected.

mod keys;
mod record;

pub(crate) use record::assemble;

use serde_json::Value;

use crate::Files;
use crate::case::Body;

/// The verdict on `body`.
pub fn run(body: &Body, files: &Files) -> Value {
    match body {
        Body::Record(case) => record::run(case, files),
        Body::Signed(case) => word(keys::signed(case)),
        Body::Code { text } => or_refused(keys::code(text)),
        Body::Mac { secret, offer, mac } => word(keys::mac(secret, offer, mac)),
        Body::Derive(case) => or_refused(keys::derive(case)),
        Body::Slot(case) => or_refused(keys::slot(case)),
        Body::Bundle { signer, bundle, member, root } => or_refused(keys::bundle(signer, bundle, member, root)),
        Body::Label { tenant, seeds, subject, label } => or_refused(keys::label(tenant, seeds, subject, label)),
        Body::Roster { root, entries } => keys::roster(root, entries),
    }
}

fn word(accepted: Option<()>) -> Value {
    Value::from(if accepted.is_some() { "accepted" } else { "refused" })
}

fn or_refused(value: Option<Value>) -> Value {
    value.unwrap_or_else(|| "refused".into())
}
