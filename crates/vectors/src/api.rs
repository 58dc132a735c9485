//! The public API's JSON bodies as a decoder: what a stranger sends to the services, and what a hostile server answers to
//! the SDK. One input is tried as every body there is; the documentation's examples are its seeds.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use siegel_api::{auth, conversations, enrol, events, keys, members, problem, records, retention, tenants};

type Reader = fn(&[u8]) -> bool;

/// Every body of the API. Those that are never sent alone are part of another.
const BODIES: [Reader; 65] = [
    one::<auth::ServerInfo>,
    one::<auth::ChallengeRequest>,
    one::<auth::Challenge>,
    one::<auth::TokenRequest>,
    one::<auth::LoginStart>,
    one::<auth::LoginStarted>,
    one::<auth::LoginFinish>,
    one::<auth::LoginFinished>,
    one::<auth::TokenAnswer>,
    one::<auth::RenewRequest>,
    one::<auth::Who>,
    one::<conversations::OpenConversation>,
    one::<conversations::Conversation>,
    one::<conversations::ConversationPage>,
    one::<enrol::EnrolLookup>,
    one::<enrol::EnrolInvite>,
    one::<enrol::EnrolPassword>,
    one::<enrol::EnrolPasswordAnswer>,
    one::<enrol::EnrolOwner>,
    one::<enrol::EnrolMember>,
    one::<enrol::EnrolSender>,
    one::<enrol::EnrolDealer>,
    one::<enrol::Enrolled>,
    one::<events::Event>,
    one::<keys::KeyAnswer>,
    one::<keys::RosterPage>,
    one::<keys::EpochChange>,
    one::<keys::SealedBundle>,
    one::<members::InviteMember>,
    one::<members::InviteSender>,
    one::<members::InviteMade>,
    one::<members::Member>,
    one::<members::MemberPage>,
    one::<members::Sender>,
    one::<members::SenderPage>,
    one::<members::PatchSender>,
    one::<members::ConfirmMember>,
    one::<members::ConfirmSender>,
    one::<members::RemoveMember>,
    one::<members::RemoveSender>,
    one::<members::RevokeDevice>,
    one::<members::DevicePage>,
    one::<problem::ProblemBody>,
    one::<records::OpenUpload>,
    one::<records::UploadStatus>,
    one::<records::PartAck>,
    one::<records::CommitUpload>,
    one::<records::SmallRecord>,
    one::<records::CommitAnswer>,
    one::<records::Record>,
    one::<records::RecordPage>,
    one::<records::AddGrants>,
    one::<records::Fetched>,
    one::<retention::EraseTarget>,
    one::<retention::Erasure>,
    one::<retention::Deadline>,
    one::<retention::ReceiptPage>,
    one::<retention::AuditPage>,
    one::<tenants::CreateTenant>,
    one::<tenants::PatchTenant>,
    one::<tenants::Tenant>,
    one::<tenants::TenantPage>,
    one::<retention::Receipt>,
    one::<members::Device>,
    one::<members::Pending>,
];

/// As how many of the bodies these bytes are read.
pub fn read(bytes: &[u8]) -> usize {
    BODIES.iter().filter(|read| read(bytes)).count()
}

/// What is written of what was read is read as the same.
fn one<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<T>(bytes) else { return false };
    let first = serde_json::to_value(&value).expect("the API's types always encode");
    let again: T = serde_json::from_value(first.clone()).expect("what we write can be read");
    assert_eq!(serde_json::to_value(&again).ok(), Some(first), "a body says the same the second time");
    true
}

/// The bodies that an OpenAPI document gives as examples.
pub fn examples(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(document, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::Object(_) if name == "example" => drop(found.insert(value.to_string())),
                    _ => collect(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
