//! The AsyncAPI document: the events of the platform, at Kafka for who runs it, streamed for who uses it. What it says of them comes from
//! the code that writes them; here is only what stands around it.

use serde_json::{Map, Value, json};
use siegel_platform::log::Described;

/// The document, for one version of the platform.
pub fn asyncapi() -> Value {
    let all = [siegel_platform::log::describe(), siegel_notification::describe()];
    let gather = |part: fn(&Described) -> &Map<String, Value>| {
        all.iter().flat_map(part).map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>()
    };
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Siegel",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What happens, told once it is committed. Events carry ids and times only. The outbox in the database is the truth: \
                            what Kafka lost or repeats is seen by `ce_position` and `ce_after` (docs/decisions/0005). An installation whose name is \
                            not `siegel` has a dot and its name behind each topic.",
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka-secure",
                "description": "Apache Kafka, for the services and for operators' tools. Embedded parts do without: there, outboxes are the log.",
                "variables": { "bootstrap": { "description": "`host:port`, as `[kafka]` of the parts file says." } },
                "security": [{ "$ref": "#/components/securitySchemes/kafka" }],
            },
            "public": {
                "host": "{host}",
                "protocol": "https",
                "description": "The public API (docs/openapi.json).",
                "variables": { "host": { "description": "Of `public_url`." } },
                "security": [{ "$ref": "#/components/securitySchemes/dpop" }],
            },
        },
        "channels": gather(|part| &part.channels),
        "operations": gather(|part| &part.operations),
        "components": {
            "messages": gather(|part| &part.messages),
            "schemas": gather(|part| &part.schemas),
            "securitySchemes": {
                "kafka": { "type": "scramSha512", "description": "A user for each service, who writes its own topics only (infra/kafka/rules.txt)." },
                "dpop": {
                    "type": "httpApiKey", "name": "Authorization", "in": "header",
                    "description": "`DPoP <access token>`, with a `DPoP` header that proves the device key (RFC 9449).",
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every `$ref` below `value`.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_message_is_on_a_channel() {
        let document = asyncapi();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in &found {
            let place = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
        }
        let messages = document["components"]["messages"].as_object().unwrap();
        let alone: Vec<_> =
            messages.keys().filter(|name| !found.contains(&format!("#/components/messages/{name}"))).collect();
        assert!(messages.len() > 30 && alone.is_empty(), "{alone:?}");
        for service in ["key-directory", "upload", "retention", "operator"] {
            assert_eq!(document["channels"][service]["address"], format!("siegel.{service}"));
            assert!(document["channels"][service]["messages"]["Audit"].is_object(), "{service} writes an audit trail");
        }
    }
}
