//! Broken parts under the manifest as it was signed: the digests catch everything. `resigned` has the same under a
//! manifest that was signed again.

use std::collections::BTreeMap;

use siegel_domain::limits::{CHUNK_BYTES, TAG_BYTES};

use super::world::{Sealed, World, bytes, slice};
use super::{Book, refused_at};
use crate::case::{Body, Piece, Source};

pub(super) const SEALED: usize = CHUNK_BYTES + TAG_BYTES;
/// Sealed bytes of the rest of 100 bytes behind two full chunks, and where each lies.
pub(super) const C0: std::ops::Range<usize> = 32..32 + SEALED;
pub(super) const C1: std::ops::Range<usize> = 32 + SEALED..32 + 2 * SEALED;
pub(super) const C2: std::ops::Range<usize> = 32 + 2 * SEALED..32 + 2 * SEALED + 116;
pub(super) const TRAILER: usize = C2.end;
const END: usize = TRAILER + 96;

pub(super) struct Setting<'a> {
    pub(super) world: &'a World,
    pub(super) sealed: Sealed,
    pub(super) sources: BTreeMap<String, Source>,
}

pub(super) fn add(book: &mut Book, world: &World) {
    let length = 2 * CHUNK_BYTES + 100;
    let sealed = world.seal(world.context(20), "plain broken", length);
    let neighbour = world.seal(world.context(21), "plain neighbour", length);
    let mut foreign = world.context(20);
    foreign.tenant = world.other_tenant;
    let foreign = world.seal(foreign, "plain foreign", length);
    let salt = world.with_rng(|rng| rng.bytes());
    let again = Sealed { salts: vec![salt], ..world.seal(world.context(20), "plain broken", length) };

    let mut sources = BTreeMap::from([
        ("part".to_owned(), sealed.recipe(0)),
        ("neighbour".to_owned(), neighbour.recipe(0)),
        ("foreign".to_owned(), foreign.recipe(0)),
    ]);
    if let (Source::Seal(mut fresh), Source::Seal(first)) = (again.recipe(0), sealed.recipe(0)) {
        fresh.record_key = first.record_key;
        sources.insert("again".to_owned(), Source::Seal(fresh));
    }
    let setting = Setting { world, sealed, sources };
    as_signed(book, &setting);
    super::resigned::add(book, &setting);
}

/// A slice with one bit of its byte `at` flipped; `pieces` stay short because the rest is sliced.
pub(super) fn flipped(setting: &Setting<'_>, range: std::ops::Range<usize>, at: usize) -> Vec<Piece> {
    let byte = setting.sealed.parts[0][at] ^ 1;
    [slice("part", range.start..at), bytes([byte]), slice("part", at + 1..range.end)]
        .into_iter()
        .filter(|piece| !matches!(piece, Piece::Slice { from, to, .. } if from == to))
        .collect()
}

/// A slice of the part itself.
pub(super) fn p(range: std::ops::Range<usize>) -> Piece {
    slice("part", range)
}

fn as_signed(book: &mut Book, setting: &Setting<'_>) {
    let one = CHUNK_BYTES;
    let cases: Vec<(&str, &str, Vec<Piece>, usize)> = vec![
        ("flip-salt", "A bit of the salt is flipped.", flipped(setting, 0..END, 5), 0),
        ("flip-first-chunk", "A bit of the first chunk.", flipped(setting, 0..END, 40), 0),
        (
            "flip-second-chunk",
            "A bit of the second: the first comes out, nothing more.",
            flipped(setting, 0..END, C1.start + 7),
            one,
        ),
        ("flip-last-chunk", "A bit of the last.", flipped(setting, 0..END, C2.start), 2 * one),
        ("flip-tag", "A bit of the first chunk's tag.", flipped(setting, 0..END, C0.end - 1), 0),
        ("flip-trailer", "A bit of the trailer.", flipped(setting, 0..END, TRAILER + 40), 0),
        ("cut-one-byte", "The last byte is missing.", vec![p(0..END - 1)], 0),
        ("cut-trailer", "The trailer is missing.", vec![p(0..TRAILER)], 0),
        ("cut-last-chunk", "The last chunk and its hash are missing.", vec![p(0..C1.end), p(TRAILER..TRAILER + 64)], 0),
        ("cut-to-salt", "Only the salt is there.", vec![p(0..32)], 0),
        ("cut-to-nothing", "Nothing is there.", vec![], 0),
        ("one-byte-more", "A byte behind the end.", vec![p(0..END), bytes([0])], 0),
        (
            "chunk-more",
            "A chunk and its hash more.",
            vec![p(0..C1.end), p(C1), p(C2), p(TRAILER..TRAILER + 64), p(TRAILER + 32..END)],
            0,
        ),
        ("chunks-swapped", "Two chunks changed places.", vec![p(0..32), p(C1), p(C0), p(C2.start..END)], 0),
        (
            "chunks-and-hashes-swapped",
            "Two chunks and their hashes changed places.",
            vec![
                p(0..32),
                p(C1),
                p(C0),
                p(C2),
                p(TRAILER + 32..TRAILER + 64),
                p(TRAILER..TRAILER + 32),
                p(TRAILER + 64..END),
            ],
            0,
        ),
        (
            "chunk-doubled",
            "The first chunk stands in the second's place too.",
            vec![p(0..C0.end), p(C0), p(C2.start..END)],
            one,
        ),
        (
            "chunk-of-another-record",
            "A chunk from the same place of another record.",
            vec![p(0..C0.end), slice("neighbour", C1), p(C2.start..END)],
            one,
        ),
        (
            "chunk-of-another-tenant",
            "A chunk from the same place in another tenant.",
            vec![p(0..32), slice("foreign", C0), p(C1.start..END)],
            0,
        ),
        ("part-of-another-record", "The whole part of another record.", vec![slice("neighbour", 0..END)], 0),
        (
            "part-of-another-sealing",
            "The same part, sealed another time: not what was signed.",
            vec![slice("again", 0..END)],
            0,
        ),
        (
            "salt-of-another-sealing",
            "Salt of one sealing, chunks of another.",
            vec![slice("again", 0..32), p(32..END)],
            0,
        ),
    ];
    for (name, about, pieces, released) in cases {
        let mut case = setting.world.case(&setting.sealed);
        case.sources = used(&setting.sources, &pieces);
        case.parts = vec![pieces];
        book.add("part", name, about, Body::Record(Box::new(case)), refused_at("part", released));
    }
    let mut missing = setting.world.case(&setting.sealed);
    missing.parts = vec![];
    book.add("part", "part-missing", "The part is not there.", Body::Record(Box::new(missing)), refused_at("part", 0));
    let mut range = setting.world.case(&setting.sealed);
    let pieces = flipped(setting, 0..END, TRAILER + 40);
    range.sources = used(&setting.sources, &pieces);
    range.parts = vec![pieces];
    range.range = Some((0, 10));
    let about = "A range is read with a trailer that is not the signed one.";
    book.add("part", "range-flip-trailer", about, Body::Record(Box::new(range)), refused_at("part", 0));
}

/// Those of `sources` that `pieces` need.
pub(super) fn used(sources: &BTreeMap<String, Source>, pieces: &[Piece]) -> BTreeMap<String, Source> {
    let named = |name: &String| pieces.iter().any(|p| matches!(p, Piece::Slice { source, .. } if source == name));
    sources.iter().filter(|(name, _)| named(name)).map(|(name, source)| (name.clone(), source.clone())).collect()
}
