//! What stands at Kafka, as an AsyncAPI document has it: made from the lists by which events are told and messages are written,
//! so that it can't say anything else. `siegel-server asyncapi` puts it together with what the public API streams.

use serde_json::{Map, Value, json};
use siegel_proto::events::{KINDS, Kind, PROTO};

use super::event::{told_by, type_of};
use super::wire::{self, DEAD_HEADERS, HEADERS, Header, RETENTION_MS};
use crate::parts;
use crate::peer::SERVICES;

/// The version of AsyncAPI's description of Kafka.
const BINDING: &str = "0.5.0";

/// The log's parts of the document.
#[derive(Debug, Default)]
pub struct Described {
    /// `channels`: the topics.
    pub channels: Map<String, Value>,
    /// `operations`: who sends there.
    pub operations: Map<String, Value>,
    /// `components.messages`: the kinds of events.
    pub messages: Map<String, Value>,
    /// `components.schemas`: headers and payload.
    pub schemas: Map<String, Value>,
}

/// Everything that services write to Kafka.
pub fn describe() -> Described {
    let mut all = Described::default();
    all.schemas.insert("Headers".to_owned(), headers(&HEADERS));
    all.schemas.insert(
        "DeadHeaders".to_owned(),
        json!({ "allOf": [{ "$ref": "#/components/schemas/Headers" }, headers(&DEAD_HEADERS)] }),
    );
    all.schemas.insert(
        "Event".to_owned(),
        json!({ "schemaFormat": "application/vnd.google.protobuf;version=3", "schema": PROTO }),
    );
    for kind in KINDS {
        all.messages.insert(kind.message.to_owned(), message(kind));
    }
    all.messages.insert("DeadLetter".to_owned(), dead_letter());
    for service in SERVICES {
        let told: Vec<_> = KINDS.iter().filter(|kind| told_by(&(kind.filled)()).contains(&service)).collect();
        if !told.is_empty() {
            let names: Vec<_> = told.iter().map(|kind| kind.message).collect();
            let about = format!("What {service} tells of: each event once it is committed, in the order of commits.");
            all.topic(service, &wire::topic(service), &about, &names);
        }
    }
    let about = "Events that a consumer of the service could not make sense of, copied from its databases, where `siegel-admin dlq` \
                 shows them and has them handled anew. The same letter may come again: after a kill, and when it is put aside once more.";
    all.topic("dead", &wire::dead_topic("{service}"), about, &["DeadLetter"]);
    all.channels["dead"]["parameters"] = json!({
        "service": { "description": "Whose consumer it was.", "enum": SERVICES },
    });
    all
}

impl Described {
    fn topic(&mut self, name: &str, address: &str, about: &str, messages: &[&str]) {
        let refer = |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/messages/{name}") }));
        let channel = json!({
            "address": address,
            "description": about,
            "servers": [{ "$ref": "#/servers/kafka" }],
            "messages": messages.iter().map(refer).collect::<Map<_, _>>(),
            "bindings": { "kafka": {
                "bindingVersion": BINDING,
                "partitions": parts::PARTITIONS,
                "topicConfiguration": { "cleanup.policy": ["delete"], "retention.ms": RETENTION_MS },
            } },
        });
        self.channels.insert(name.to_owned(), channel);
        let operation = json!({ "action": "send", "channel": { "$ref": format!("#/channels/{name}") } });
        self.operations.insert(format!("{name}.tell"), operation);
    }
}

fn headers<T>(headers: &[Header<T>]) -> Value {
    let property = |header: &Header<T>| {
        let mut property = json!({ "type": "string", "description": header.about });
        if let Some(pattern) = header.pattern {
            property["pattern"] = pattern.into();
        }
        (header.name.to_owned(), property)
    };
    json!({
        "type": "object",
        "required": headers.iter().map(|header| header.name).collect::<Vec<_>>(),
        "properties": headers.iter().map(property).collect::<Map<_, _>>(),
    })
}

fn message(kind: &Kind) -> Value {
    let mut message = carries("Headers");
    message["name"] = type_of(&(kind.filled)()).into();
    message["title"] = kind.message.into();
    message["summary"] = format!("`Event.data` is `{}`.", kind.field).into();
    if !kind.about.is_empty() {
        message["description"] = kind.about.into();
    }
    message
}

fn dead_letter() -> Value {
    let mut message = carries("DeadHeaders");
    message["name"] = "DeadLetter".into();
    message["title"] = "DeadLetter".into();
    message["summary"] =
        "The event as it was put aside, whatever its kind; `ce_after` is 0, since it follows nothing.".into();
    message
}

fn carries(headers: &str) -> Value {
    json!({
        "contentType": "application/protobuf",
        "headers": { "$ref": format!("#/components/schemas/{headers}") },
        "payload": { "$ref": "#/components/schemas/Event" },
        "bindings": { "kafka": {
            "bindingVersion": BINDING,
            "key": { "type": "string", "description": "`tenant/subject`. The partition follows from the tenant alone." },
        } },
    })
}
