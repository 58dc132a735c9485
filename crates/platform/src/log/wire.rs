//! What a message at Kafka looks like: CloudEvents 1.0 in Kafka's binary mode (Kafka Protocol Binding 1.0.2 § 3.2), its data a
//! whole `siegel.events.v1.Event`. A dead letter is the same message with three more headers. `docs/asyncapi.json` is made from
//! the lists here and in [`super::describe`]; nothing here knows a client library, so that it is read, tested and fuzzed without one.

use prost::Message as _;
use siegel_domain::{TenantId, Timestamp};
use siegel_proto::events::v1::Event;

use super::feed::Stored;

/// A message beyond this was not made by a service of ours: events carry ids only.
const LARGEST_BYTES: usize = 64 * 1024;
/// Where the event stands in its outbox.
const POSITION: &str = "ce_position";
/// Where the tenant's event before it stands; 0 before the first.
const AFTER: &str = "ce_after";

/// A service's events.
pub(super) fn topic(service: &str) -> String {
    format!("siegel.{service}")
}

/// What a service's consumers could not understand.
pub(super) fn dead_topic(service: &str) -> String {
    format!("siegel.dead.{service}")
}

/// How long Kafka keeps a copy, in topics that we make. Whoever was away for longer reads the outboxes themselves.
pub(super) const RETENTION_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// One header of a message about a `T`.
pub(super) struct Header<T> {
    /// Its name.
    pub(super) name: &'static str,
    /// What it says.
    pub(super) about: &'static str,
    /// The regular expression that its text follows; none if any does.
    pub(super) pattern: Option<&'static str>,
    text: fn(&T) -> String,
}

impl<T> Header<T> {
    const fn new(
        name: &'static str,
        about: &'static str,
        pattern: Option<&'static str>,
        text: fn(&T) -> String,
    ) -> Self {
        Self { name, about, pattern, text }
    }
}

const NUMBER: Option<&str> = Some("^[0-9]{1,19}$");
const MOMENT: Option<&str> = Some(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z$");

/// The headers of every event.
pub(super) const HEADERS: [Header<Message>; 10] = [
    Header::new("ce_specversion", "The version of CloudEvents.", Some("^1[.]0$"), |_| "1.0".to_owned()),
    Header::new("ce_id", "The event's id; the same event sent twice has the same.", Some("^evt_"), |it| {
        it.stored.event.id.clone()
    }),
    Header::new("ce_source", "The service that tells of it.", Some("^/siegel/[a-z-]+$"), |it| {
        it.stored.event.source.clone()
    }),
    Header::new("ce_type", "The kind of event.", Some("^siegel[.][a-z.]+[.]v[0-9]+$"), |it| {
        it.stored.event.r#type.clone()
    }),
    Header::new("ce_subject", "The id of what it is about.", None, |it| it.stored.event.subject.clone()),
    Header::new("ce_time", "When (RFC 3339).", MOMENT, |it| rfc3339(Timestamp(it.stored.event.time_ms))),
    Header::new("ce_traceparent", "The W3C trace context of the request that caused it; may be empty.", None, |it| {
        it.stored.event.traceparent.clone()
    }),
    Header::new(
        POSITION,
        "Where it stands in its tenant's part of the service's outbox: grows, with gaps.",
        NUMBER,
        |it| it.stored.position.to_string(),
    ),
    Header::new(
        AFTER,
        "Where the tenant's event before it stands, 0 before the first: who has not had that one has missed something.",
        NUMBER,
        |it| it.after.to_string(),
    ),
    Header::new("content-type", "What the payload is.", Some("^application/protobuf$"), |_| {
        "application/protobuf".to_owned()
    }),
];

/// The headers that a dead letter has beside its event's.
pub(super) const DEAD_HEADERS: [Header<Dead>; 3] = [
    Header::new("ce_consumer", "Who could not make sense of it.", Some("^[a-z.-]+$"), |it| it.consumer.clone()),
    Header::new("ce_reason", "Why: a constant of the consumer's code.", None, |it| it.reason.clone()),
    Header::new("ce_parked", "When it was put aside (RFC 3339).", MOMENT, |it| rfc3339(it.parked)),
];

/// An event on its way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    /// Whose it is.
    pub(super) tenant: TenantId,
    /// The position of the tenant's event before it in the same outbox.
    pub(super) after: i64,
    /// The event and its position.
    pub(super) stored: Stored,
}

/// What was put aside, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dead {
    pub(super) consumer: String,
    pub(super) reason: String,
    pub(super) parked: Timestamp,
}

/// Why bytes are no message of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum WireError {
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
    #[cfg(any(feature = "real", test))]
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.tenant, self.stored.event.subject)
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        self.stored.event.encode_to_vec()
    }

    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        texts(&HEADERS, self)
    }

    /// Reads a message, whoever wrote it.
    pub(super) fn decode<'h>(
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

impl Dead {
    #[cfg(any(feature = "real", test))]
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        texts(&DEAD_HEADERS, self)
    }
}

fn texts<T>(headers: &[Header<T>], of: &T) -> Vec<(&'static str, String)> {
    headers.iter().map(|header| (header.name, (header.text)(of))).collect()
}

/// Empty for a moment that no calendar has.
fn rfc3339(moment: Timestamp) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.0) * 1_000_000);
    let text = time.ok().and_then(|time| time.format(&time::format_description::well_known::Rfc3339).ok());
    text.unwrap_or_default()
}

/// What holds for any bytes, for fuzzing and tests: nothing panics, and a message that is read reads the same when it is written
/// again.
#[doc(hidden)]
pub fn check(bytes: &[u8]) {
    let Ok(message) = read(bytes) else { return };
    let (headers, payload) = (message.headers(), message.payload());
    let again = Message::decode(headers.iter().map(|(name, value)| (*name, value.as_bytes())), &payload);
    // Ours may be a little longer than another's that was just short enough.
    if payload.len() <= LARGEST_BYTES {
        assert_eq!(again, Ok(message), "a message reads as it is written");
    }
}

/// A message as a text: lines `name: value` up to an empty one are headers, what follows is the payload.
fn read(mut bytes: &[u8]) -> Result<Message, WireError> {
    let mut headers = Vec::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
        bytes = rest;
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let name = String::from_utf8_lossy(&line[..colon]).into_owned();
        headers.push((name, value.strip_prefix(b" ").unwrap_or(value)));
    }
    Message::decode(headers.iter().map(|(name, value)| (name.as_str(), *value)), bytes)
}

#[cfg(test)]
mod tests;
