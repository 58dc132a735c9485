//! Seeds for fuzzing, taken from the vectors (every wire object, good or broken, by the decoder it belongs to) and from
//! the examples of the API's document. Named by content, so that the same object is there once and a crash adds a file without touching others.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::case::{Body, Case, Piece};
use crate::{Files, api};

/// Longer ones teach a fuzzer nothing and slow it down.
const LONGEST: usize = 16 * 1024;

/// Seeds by `decoder/hash`, from the vectors and the OpenAPI document.
pub fn seeds(files: &Files, document: &Value) -> Files {
    let mut seeds = BTreeMap::new();
    let mut add = |decoder: &str, bytes: &[u8]| {
        if bytes.len() <= LONGEST {
            let hash = blake3::hash(bytes).to_hex();
            seeds.insert(format!("{decoder}/{}", &hash[..16]), bytes.to_vec());
        }
    };
    for (_, bytes) in files.iter().filter(|(name, _)| name.ends_with(".json")) {
        let Ok(case) = serde_json::from_slice::<Case>(bytes) else { continue };
        match &case.body {
            Body::Record(case) => {
                add("manifest", &case.manifest.0);
                add("grant", &case.grant.0);
                for pieces in &case.parts {
                    if let [Piece::Bytes { hex }] = &pieces[..] {
                        add("part", &hex.0);
                    }
                }
            }
            Body::Signed(case) => match case.object.as_str() {
                "upload-receipt" | "erase-receipt" | "tombstone" => add("receipt", &case.bytes.0),
                "key-statement" | "checkpoint" | "challenge" => add("directory", &case.bytes.0),
                object => add(object, &case.bytes.0),
            },
            Body::Code { text } => add("code", text.as_bytes()),
            Body::Mac { offer, .. } => add("offer", &offer.0),
            Body::Derive(case) if case.secret_kind == "recovery-key" => add("recovery", &case.secret.0),
            Body::Derive(_) | Body::Label { .. } => {}
            Body::Slot(case) => add("slot", &case.slot.0),
            Body::Bundle { bundle, .. } => add("bundle", &bundle.0),
            Body::Roster { entries, .. } => entries.iter().for_each(|entry| add("roster", &entry.0)),
        }
    }
    api::examples(document).iter().for_each(|example| add("api", example.as_bytes()));
    seeds
}
