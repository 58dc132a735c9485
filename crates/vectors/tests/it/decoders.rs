//! Decoders under bad input: the fuzzing corpus replayed, every cut and every flipped bit of a dozen seeds each,
//! lengths that lie, and random changes (proptest). The properties are in `siegel_vectors::decoders`.

use std::fs;

use proptest::prelude::*;
use siegel_vectors::decoders::{Check, DECODERS};

fn corpus(decoder: &str) -> Vec<Vec<u8>> {
    let folder = super::folder().join("../../fuzz/corpus").join(decoder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| fs::read(entry.expect("readable").path()).expect("readable")).collect()
}

#[test]
fn the_corpus_is_replayed() {
    for (name, check) in DECODERS {
        let seeds = corpus(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        seeds.iter().for_each(|seed| check(seed));
    }
}

/// Also what keeps the list of bodies complete: an example of a body that nobody reads is found here.
#[test]
fn every_example_of_the_document_is_a_body_of_the_api() {
    let document = include_str!("../../../../docs/openapi.json");
    let examples = siegel_vectors::api::examples(&serde_json::from_str(document).expect("a document"));
    assert!(examples.len() > 20, "{}", examples.len());
    let wrong: Vec<_> = examples.iter().filter(|example| siegel_vectors::api::read(example.as_bytes()) == 0).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_cut_and_every_flipped_bit_of_a_frame() {
    for (name, check) in DECODERS {
        for seed in corpus(name).iter().filter(|seed| seed.len() < 4096).take(12) {
            (0..seed.len()).for_each(|cut| check(&seed[..cut]));
            for at in 0..seed.len().min(600) {
                for bit in 0..8 {
                    let mut bad = seed.clone();
                    bad[at] ^= 1 << bit;
                    check(&bad);
                }
            }
        }
    }
}

#[test]
fn lengths_that_lie() {
    let heads: [&[u8]; 8] = [
        &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x7b, 0x80, 0, 0, 0, 0, 0, 0, 0],
        &[0x9a, 0x80, 0, 0, 0],
        &[0x5a, 0xff, 0xff, 0xff, 0xff],
        &[0xa4, 0x00, 0x01, 0x01, 0x5a, 0xff, 0xff, 0xff, 0xff],
        &[0x83, 0x7a, 0xff, 0xff, 0xff, 0xff],
    ];
    for (_, check) in DECODERS {
        heads.iter().for_each(|head| check(head));
        check(&vec![0x81; 300_000]);
        check(&vec![0xa1; 300_000]);
        check(&vec![0xc1; 300_000]);
    }
}

fn decoder() -> impl Strategy<Value = (&'static str, Check)> {
    prop::sample::select(DECODERS.to_vec())
}

/// A change to a seed: bytes replaced, removed, inserted or doubled.
#[derive(Debug, Clone)]
enum Change {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Double(prop::sample::Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 1..64usize).prop_map(|(at, length)| Change::Remove(at, length)),
        (at(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (at(), 1..64usize).prop_map(|(at, length)| Change::Double(at, length)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    match change {
        Change::Set(at, byte) => *at.get_mut(bytes) = *byte,
        Change::Remove(at, length) => {
            let at = at.index(bytes.len());
            bytes.drain(at..(at + length).min(bytes.len()));
        }
        Change::Insert(at, new) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, new.iter().copied());
        }
        Change::Double(at, length) => {
            let at = at.index(bytes.len());
            let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(decoder in decoder(), bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        decoder.1(&bytes);
    }

    #[test]
    fn changed_seeds_never_panic_and_keep_one_spelling(
        decoder in decoder(),
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..5),
    ) {
        let seeds = corpus(decoder.0);
        let mut bytes = seed.get(&seeds).clone();
        changes.iter().for_each(|change| apply(&mut bytes, change));
        decoder.1(&bytes);
    }
}
