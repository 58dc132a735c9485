//! What a message looks like: CloudEvents 1.0 in Kafka's binary mode (Kafka Protocol Binding 1.0.2 § 3.2), its data a whole
//! `siegel.events.v1.Event`. docs/asyncapi.yaml is made from what is said here.

use prost::Message as _;
use rdkafka::message::{Header, OwnedHeaders};
use siegel_domain::TenantId;
use siegel_proto::events::v1::Event;

use super::super::Stored;

/// A message beyond this was not made by a service of ours: events carry ids only.
const LARGEST_BYTES: usize = 64 * 1024;
/// Where the event stands in its outbox.
const POSITION: &str = "ce_position";
/// Where the tenant's event before it stands; 0 before the first.
const AFTER: &str = "ce_after";

/// An event on its way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    /// Whose it is.
    pub(crate) tenant: TenantId,
    /// The position of the tenant's event before it in the same outbox.
    pub(crate) after: i64,
    /// The event and its position.
    pub(crate) stored: Stored,
}

/// Why bytes are no message of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum WireError {
    /// Larger than any event.
    #[error("larger than any event")]
    TooLarge,
    /// Its data are no event.
    #[error("not an event")]
    NotAnEvent,
    /// It does not say where it stands, or not so that it can be true.
    #[error("no position that can be true")]
    NoPosition,
    /// Its tenant is no tenant's id.
    #[error("no tenant")]
    NoTenant,
}

impl Message {
    /// `tenant/subject`: what happens to one record has one key.
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.tenant, self.stored.event.subject)
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        self.stored.event.encode_to_vec()
    }

    pub(super) fn headers(&self) -> OwnedHeaders {
        let event = &self.stored.event;
        let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(event.time_ms) * 1_000_000);
        let rfc3339 = time.ok().and_then(|time| time.format(&time::format_description::well_known::Rfc3339).ok());
        let texts = [
            ("ce_specversion", "1.0"),
            ("ce_id", &event.id),
            ("ce_source", &event.source),
            ("ce_type", &event.r#type),
            ("ce_subject", &event.subject),
            ("ce_time", rfc3339.as_deref().unwrap_or_default()),
            ("ce_traceparent", &event.traceparent),
            (POSITION, &self.stored.position.to_string()),
            (AFTER, &self.after.to_string()),
            ("content-type", "application/protobuf"),
        ];
        let headers = OwnedHeaders::new_with_capacity(texts.len());
        texts.into_iter().fold(headers, |all, (key, value)| all.insert(Header { key, value: Some(value) }))
    }

    /// Reads a message, whoever wrote it.
    pub(crate) fn decode<'h>(
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
        payload: &[u8],
    ) -> Result<Self, WireError> {
        if payload.len() > LARGEST_BYTES {
            return Err(WireError::TooLarge);
        }
        let (mut position, mut after) = (None, None);
        for (name, value) in headers {
            let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok());
            match name {
                POSITION => position = number(),
                AFTER => after = number(),
                _ => {}
            }
        }
        let (Some(position), Some(after)) = (position, after) else { return Err(WireError::NoPosition) };
        if after < 0 || position <= after {
            return Err(WireError::NoPosition);
        }
        let event = Event::decode(payload).map_err(|_| WireError::NotAnEvent)?;
        let tenant = event.tenant.parse().map_err(|_| WireError::NoTenant)?;
        Ok(Self { tenant, after, stored: Stored { position, event } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::message::Headers as _;

    fn message() -> Message {
        let tenant = TenantId::from_bytes([7; 16]);
        let event = Event { tenant: tenant.to_string(), subject: "rec_1".into(), time_ms: 1_000, ..Event::default() };
        Message { tenant, after: 3, stored: Stored { position: 5, event } }
    }

    fn again(headers: &OwnedHeaders, payload: &[u8]) -> Result<Message, WireError> {
        let pairs = headers.iter().map(|header| (header.key, header.value.unwrap_or_default()));
        Message::decode(pairs, payload)
    }

    #[test]
    fn what_was_written_is_read() {
        let message = message();
        assert_eq!(again(&message.headers(), &message.payload()), Ok(message.clone()));
        assert_eq!(message.key(), format!("{}/rec_1", message.tenant));
        let time = message.headers().iter().find(|header| header.key == "ce_time").unwrap().value.unwrap().to_vec();
        assert_eq!(time, b"1970-01-01T00:00:01Z");
    }

    #[test]
    fn what_we_did_not_write_is_refused() {
        let message = message();
        assert_eq!(again(&message.headers(), &vec![0; LARGEST_BYTES + 1]), Err(WireError::TooLarge));
        assert_eq!(again(&message.headers(), b"\xff\xff"), Err(WireError::NotAnEvent));
        assert_eq!(again(&message.headers(), &Event::default().encode_to_vec()), Err(WireError::NoTenant));
        assert_eq!(again(&OwnedHeaders::new(), &message.payload()), Err(WireError::NoPosition));
        let backwards = Message { after: 5, ..message.clone() };
        assert_eq!(again(&backwards.headers(), &message.payload()), Err(WireError::NoPosition));
        let before_all = Message { after: -1, ..message.clone() };
        assert_eq!(again(&before_all.headers(), &message.payload()), Err(WireError::NoPosition));
    }
}
