//! What is streamed, as an AsyncAPI document has it. Which fields leave the platform is asked of [`convert`] itself, with an event
//! of each kind whose every field is filled, so that the document can promise no more and no less.

use serde_json::{Value, json};
use siegel_platform::log::{Described, type_of};
use siegel_proto::events::{KINDS, Kind, v1 as log};
use utoipa::PartialSchema as _;

use crate::convert::convert;

/// `GET /v1/events`.
pub fn describe() -> Described {
    let mut all = Described::default();
    all.schemas.insert("StreamedEvent".to_owned(), json!(siegel_api::events::Event::schema()));
    for (kind, event) in KINDS.iter().filter_map(|kind| Some((kind, streamed(kind)?))) {
        all.messages.insert(format!("Streamed{}", kind.message), message(kind, &event));
    }
    let refer = |name: &String| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }));
    let channel = json!({
        "address": "/v1/events",
        "description": "Server-sent events, each `data` being one of these. `id` is a position; send the last one back as `Last-Event-ID`. \
                        Who hears of what: docs/openapi.json, `streamEvents`.",
        "servers": [{ "$ref": "#/servers/public" }],
        "messages": all.messages.keys().map(refer).collect::<serde_json::Map<_, _>>(),
    });
    all.channels.insert("stream".to_owned(), channel);
    let operation = json!({
        "action": "send",
        "channel": { "$ref": "#/channels/stream" },
        "bindings": { "http": { "bindingVersion": "0.3.0", "method": "GET" } },
    });
    all.operations.insert("stream.tell".to_owned(), operation);
    all
}

/// What becomes of a kind, if it is streamed.
fn streamed(kind: &Kind) -> Option<siegel_api::events::Event> {
    let data = (kind.filled)();
    convert(&log::Event { r#type: type_of(&data).to_owned(), data: Some(data), ..log::Event::default() })
}

fn message(kind: &Kind, event: &siegel_api::events::Event) -> Value {
    let fields = event.data.keys().map(|name| (name.clone(), json!({ "type": "string" })));
    let data = json!({
        "type": "object",
        "properties": fields.collect::<serde_json::Map<_, _>>(),
        "additionalProperties": false,
    });
    let mut message = json!({
        "name": event.kind,
        "title": kind.message,
        "contentType": "application/json",
        "payload": { "allOf": [
            { "$ref": "#/components/schemas/StreamedEvent" },
            { "type": "object", "properties": { "type": { "const": event.kind }, "data": data } },
        ] },
    });
    if !kind.about.is_empty() {
        message["description"] = kind.about.into();
    }
    message
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::convert::TYPES;

    #[test]
    fn every_type_that_is_streamed_is_described_and_none_else() {
        let described = describe();
        let names: BTreeSet<_> = described.messages.values().map(|message| message["name"].as_str().unwrap()).collect();
        assert_eq!(names, BTreeSet::from(TYPES));
        let committed = &described.messages["StreamedRecordCommitted"]["payload"]["allOf"][1]["properties"]["data"];
        assert!(committed["properties"]["sender"].is_object());
        assert!(committed["properties"]["recipients"].is_null(), "other recipients do not leave the platform");
    }
}
