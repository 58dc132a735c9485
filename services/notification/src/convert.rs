//! From the log's events to the public ones: the only place where it is decided which ids leave the platform. Parties
//! other than the one who acted are left out; the audit trail and what only the provider's people need is not streamed.

use std::collections::BTreeMap;

use siegel_platform::log::type_of;
use siegel_proto::events::v1 as log;
use siegel_proto::events::v1::event::Data;

/// Every type of event that is streamed, for `?types=`. A test holds it against [`convert`].
pub const TYPES: [&str; 18] = [
    "siegel.conversation.opened.v1",
    "siegel.copy.healed.v1",
    "siegel.copy.missing.v1",
    "siegel.device.revoked.v1",
    "siegel.epoch.changed.v1",
    "siegel.expiry.held.v1",
    "siegel.grants.added.v1",
    "siegel.principal.confirmed.v1",
    "siegel.principal.enrolled.v1",
    "siegel.principal.removed.v1",
    "siegel.receipt.issued.v1",
    "siegel.record.committed.v1",
    "siegel.record.erased.v1",
    "siegel.record.erasing.v1",
    "siegel.record.fetched.v1",
    "siegel.sender.changed.v1",
    "siegel.tenant.changed.v1",
    "siegel.upload.swept.v1",
];

/// The event as clients see it; nothing if it is not for them, or of a kind this version does not know.
pub fn convert(event: &log::Event) -> Option<siegel_api::events::Event> {
    let data = event.data.as_ref()?;
    let fields = fields(data)?;
    Some(siegel_api::events::Event {
        specversion: "1.0".to_owned(),
        id: event.id.clone(),
        kind: type_of(data).to_owned(),
        source: event.source.clone(),
        subject: event.subject.clone(),
        time_ms: event.time_ms,
        data: fields,
    })
}

/// The ids of an event by name; empty ones are left out.
fn fields(data: &Data) -> Option<BTreeMap<String, String>> {
    let pairs: Vec<(&str, String)> = match data {
        Data::RecordCommitted(event) => vec![
            ("record", event.record.clone()),
            ("sender", event.sender.clone()),
            ("conversation", event.conversation.clone()),
            ("answers", event.answers.clone()),
            ("kind", event.kind.clone()),
            ("policy", event.policy.clone()),
            ("sealed_bytes", event.sealed_bytes.to_string()),
            ("degraded", event.degraded.to_string()),
        ],
        Data::RecordFetched(event) => vec![("record", event.record.clone()), ("party", event.party.clone())],
        Data::RecordErasing(event) => vec![("record", event.record.clone())],
        Data::RecordErased(event) => vec![("record", event.record.clone())],
        Data::UploadSwept(event) => vec![("record", event.record.clone())],
        Data::GrantsAdded(event) => vec![("record", event.record.clone()), ("granter", event.granter.clone())],
        Data::ConversationOpened(event) => {
            vec![("conversation", event.conversation.clone()), ("with", event.with.clone())]
        }
        Data::CopyMissing(event) => {
            vec![("record", event.record.clone()), ("zone", event.zone.clone()), ("reason", event.reason.clone())]
        }
        Data::CopyHealed(event) => vec![("record", event.record.clone()), ("zone", event.zone.clone())],
        Data::Enrolled(event) => {
            vec![("principal", event.principal.clone()), ("role", event.role.clone()), ("device", event.device.clone())]
        }
        Data::Confirmed(event) => vec![("principal", event.principal.clone()), ("role", event.role.clone())],
        Data::Removed(event) => vec![("principal", event.principal.clone())],
        Data::DeviceRevoked(event) => {
            vec![("principal", event.principal.clone()), ("device", event.device.clone())]
        }
        Data::EpochChanged(event) => vec![("number", event.number.to_string())],
        Data::SenderChanged(event) => {
            vec![("sender", event.sender.clone()), ("return_report", event.return_report.clone())]
        }
        Data::ReceiptIssued(event) => {
            vec![("receipt", event.receipt.clone()), ("kind", event.kind.clone()), ("record", event.record.clone())]
        }
        Data::ExpiryHeld(event) => {
            vec![("wall_ms", event.wall_ms.to_string()), ("expected_ms", event.expected_ms.to_string())]
        }
        Data::TenantChanged(event) => vec![("phase", event.phase.clone())],
        Data::Audit(_) => return None, // `GET /v1/audit`, for those who may see it
    };
    let filled = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    Some(filled.map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// One of each kind, about record, party and whatever else is named alike.
    pub(crate) fn one_of_each(record: &str, party: &str, other: &str) -> Vec<Data> {
        let (record, party, others) = (record.to_owned(), party.to_owned(), vec![other.to_owned()]);
        vec![
            Data::RecordCommitted(log::RecordCommitted {
                record: record.clone(),
                sender: party.clone(),
                recipients: others.clone(),
                ..Default::default()
            }),
            Data::RecordFetched(log::RecordFetched {
                record: record.clone(),
                party: other.to_owned(),
                sender: party.clone(),
                recipients: others.clone(),
                ..Default::default()
            }),
            Data::RecordErasing(log::RecordErasing { record: record.clone() }),
            Data::RecordErased(log::RecordErased { record: record.clone(), sender: party.clone(), recipients: others }),
            Data::UploadSwept(log::UploadSwept { record: record.clone() }),
            Data::GrantsAdded(log::GrantsAdded {
                record: record.clone(),
                recipients: vec![party.clone()],
                granter: other.to_owned(),
            }),
            Data::ConversationOpened(log::ConversationOpened { conversation: "cnv".into(), with: party.clone() }),
            Data::CopyMissing(log::CopyMissing { record: record.clone(), ..Default::default() }),
            Data::CopyHealed(log::CopyHealed { record: record.clone(), ..Default::default() }),
            Data::Enrolled(log::Enrolled { principal: party.clone(), ..Default::default() }),
            Data::Confirmed(log::Confirmed { principal: party.clone(), ..Default::default() }),
            Data::Removed(log::Removed { principal: party.clone() }),
            Data::DeviceRevoked(log::DeviceRevoked { principal: party.clone(), ..Default::default() }),
            Data::EpochChanged(log::EpochChanged { number: 2 }),
            Data::SenderChanged(log::SenderChanged { sender: party.clone(), ..Default::default() }),
            Data::ReceiptIssued(log::ReceiptIssued { record, sender: party, ..Default::default() }),
            Data::ExpiryHeld(log::ExpiryHeld::default()),
            Data::TenantChanged(log::TenantChanged::default()),
            Data::Audit(log::Audit::default()),
        ]
    }

    fn event(data: Data) -> log::Event {
        log::Event { id: "evt_1".into(), data: Some(data), ..Default::default() }
    }

    #[test]
    fn the_types_are_those_that_are_converted() {
        let all = one_of_each("rec", "snd", "tnt");
        let converted: BTreeSet<String> =
            all.into_iter().filter_map(|data| convert(&event(data))).map(|e| e.kind).collect();
        assert_eq!(converted.iter().map(String::as_str).collect::<Vec<_>>(), TYPES);
    }

    #[test]
    fn the_audit_trail_and_what_is_not_known_stay_inside() {
        assert_eq!(convert(&event(Data::Audit(log::Audit::default()))), None);
        assert_eq!(convert(&log::Event { id: "evt_1".into(), ..Default::default() }), None);
    }

    #[test]
    fn whom_else_a_record_went_to_is_not_told() {
        for data in one_of_each("rec", "snd_me", "snd_other") {
            let kind = type_of(&data);
            let Some(event) = convert(&event(data)) else { continue };
            let other = event
                .data
                .iter()
                .find(|(name, value)| *value == "snd_other" && !["party", "granter"].contains(&name.as_str()));
            assert_eq!(other, None, "{kind}");
        }
    }
}
