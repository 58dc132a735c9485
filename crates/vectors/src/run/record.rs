//! Opening a record as a recipient does: manifest, grant, commitment, metadata, parts, in this order.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use siegel_crypto::keys::KemSecretKey;
use siegel_crypto::secret::{RecordKey, Secret};
use siegel_crypto::{RecordContext, RecordOpener, RecordSealer, grant};
use siegel_domain::Party;
use siegel_envelope::part;
use siegel_envelope::{Fingerprint, Grant, Manifest, SigningPublicKey};

use crate::Files;
use crate::case::{PublicParty, RecordCase, SealSource, Source};
use crate::rng::{FixedRng, stream};

pub(super) fn run(case: &RecordCase, files: &Files) -> Value {
    match open(case, files) {
        Ok(verdict) => verdict,
        Err((stage, released)) => json!({ "verdict": "refused", "stage": stage, "released": released }),
    }
}

fn party(known: &PublicParty) -> Option<(Party, SigningPublicKey)> {
    let key = SigningPublicKey::from_bytes(known.key.0.as_slice().try_into().ok()?).ok()?;
    Some((known.party.parse().ok()?, key))
}

fn open(case: &RecordCase, files: &Files) -> Result<Value, (&'static str, usize)> {
    let (sender, sender_key) = party(&case.sender).ok_or(("manifest", 0))?;
    let manifest = Manifest::verify(&case.manifest.0, &sender_key).map_err(|_| ("manifest", 0))?;
    if manifest.sender != sender {
        return Err(("manifest", 0));
    }
    let opened = open_grant(case, &manifest).ok_or(("grant", 0))?;
    let opener = RecordOpener::new(manifest, opened).map_err(|_| ("commitment", 0))?;
    let metadata = opener.open_metadata(&case.metadata.0).map_err(|_| ("metadata", 0))?;
    let parts = assemble(case, files);
    match case.range {
        Some((from, to)) => open_range(&opener, &parts, from, to),
        None => {
            let mut plain = Vec::new();
            if parts.len() != opener.manifest().parts.len() {
                return Err(("part", 0));
            }
            for (number, sealed) in (0..).zip(&parts) {
                opener.open_part(number, sealed, &mut plain).map_err(|_| ("part", plain.len()))?;
            }
            Ok(json!({
                "verdict": "opens",
                "plain_bytes": plain.len(),
                "plain_blake3": blake3::hash(&plain).to_hex().as_str(),
                "metadata": {
                    "file_name": metadata.file_name,
                    "media_type": metadata.media_type,
                    "title": metadata.title,
                    "note": metadata.note,
                    "fields": metadata.fields,
                },
            }))
        }
    }
}

fn open_grant(case: &RecordCase, manifest: &Manifest) -> Option<RecordKey> {
    let (granter, granter_key) = party(&case.granter)?;
    let recipient: Party = case.recipient.party.parse().ok()?;
    let key = KemSecretKey::from_seed(Secret::from_slice(&case.recipient.kem_seed.0)?);
    let grant = Grant::from_bytes(&case.grant.0).ok()?;
    grant::open(&grant, (granter, &granter_key), manifest, (recipient, &key)).ok()
}

fn open_range(opener: &RecordOpener, parts: &[Vec<u8>], from: u64, to: u64) -> Result<Value, (&'static str, usize)> {
    let mut plain = Vec::new();
    for read in part::range(opener.manifest().plain_bytes, from..to).map_err(|_| ("part", 0))? {
        let sealed = parts.get(read.part as usize).ok_or(("part", plain.len()))?;
        let pieces = sealed.first_chunk().zip(sealed.get(read.sealed.clone())).zip(sealed.get(read.trailer.clone()));
        let ((salt, chunks), trailer) = pieces.ok_or(("part", plain.len()))?;
        opener.open_range(&read, salt, chunks, trailer, &mut plain).map_err(|_| ("part", plain.len()))?;
    }
    Ok(json!({ "verdict": "opens", "range_blake3": blake3::hash(&plain).to_hex().as_str() }))
}

/// The sealed parts of a case.
pub(crate) fn assemble(case: &RecordCase, files: &Files) -> Vec<Vec<u8>> {
    let sources: BTreeMap<&str, Vec<u8>> =
        case.sources.iter().map(|(name, source)| (name.as_str(), load(source, files))).collect();
    let piece = |piece: &crate::case::Piece| match piece {
        crate::case::Piece::Slice { source, from, to } => sources[source.as_str()][*from..*to].to_vec(),
        crate::case::Piece::Bytes { hex } => hex.0.clone(),
    };
    case.parts.iter().map(|pieces| pieces.iter().flat_map(piece).collect()).collect()
}

fn load(source: &Source, files: &Files) -> Vec<u8> {
    match source {
        Source::File(name) => files.get(name).unwrap_or_else(|| panic!("{name} belongs to the vectors")).clone(),
        Source::Seal(recipe) => reseal(recipe),
    }
}

/// Seals a part from its ingredients.
pub(crate) fn reseal(recipe: &SealSource) -> Vec<u8> {
    let good = "the recipe of a vector is well-formed";
    let context = RecordContext {
        tenant: recipe.tenant.parse().expect(good),
        record: recipe.record.parse().expect(good),
        sender: recipe.sender.parse().expect(good),
        sender_key: Fingerprint::from_slice(&recipe.sender_key.0).expect(good),
    };
    let key = RecordKey::from_secret(Secret::from_slice(&recipe.record_key.0).expect(good));
    let plain = stream(&recipe.plain_seed, recipe.plain_skip, recipe.plain_bytes);
    let mut out = Vec::new();
    RecordSealer::resume(context, key)
        .seal_part(recipe.part, recipe.last, &plain, &mut FixedRng(&recipe.salt.0), &mut out)
        .expect(good);
    out
}
