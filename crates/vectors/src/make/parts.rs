//! Broken parts. First with the manifest as it was signed: the digests catch everything. Then with a manifest that was
//! signed again over the broken parts: what the digests let pass, the keys, the tags and the flags still refuse.

use std::collections::BTreeMap;

use siegel_crypto::chunk::{Next, PartKey};
use siegel_domain::Party;
use siegel_domain::limits::{CHUNK_BYTES, DIGEST_BYTES, PART_PLAINTEXT_BYTES, TAG_BYTES};
use siegel_envelope::manifest::PartEntry;
use siegel_envelope::part::{PartShape, digest_of};

use super::world::{Sealed, World, bytes, seal_part, slice};
use super::{Book, refused_at};
use crate::Files;
use crate::case::{Body, Piece, RecordCase, Source};
use crate::rng::stream;
use crate::run::assemble;

const SEALED: usize = CHUNK_BYTES + TAG_BYTES;
/// Sealed bytes of the rest of 100 bytes behind two full chunks, and where each lies.
const C0: std::ops::Range<usize> = 32..32 + SEALED;
const C1: std::ops::Range<usize> = 32 + SEALED..32 + 2 * SEALED;
const C2: std::ops::Range<usize> = 32 + 2 * SEALED..32 + 2 * SEALED + 116;
const TRAILER: usize = C2.end;
const END: usize = TRAILER + 96;

struct Setting<'a> {
    world: &'a World,
    sealed: Sealed,
    sources: BTreeMap<String, Source>,
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
    signed_again(book, &setting);
    of_two_parts(book, world);
    of_wrong_flags(book, world);
    re_signed_by_another_sender(book, world);
}

/// A slice with one bit of its byte `at` flipped; `pieces` stay short because the rest is sliced.
fn flipped(setting: &Setting<'_>, range: std::ops::Range<usize>, at: usize) -> Vec<Piece> {
    let byte = setting.sealed.parts[0][at] ^ 1;
    [slice("part", range.start..at), bytes([byte]), slice("part", at + 1..range.end)]
        .into_iter()
        .filter(|piece| !matches!(piece, Piece::Slice { from, to, .. } if from == to))
        .collect()
}

fn p(range: std::ops::Range<usize>) -> Piece {
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

fn used(sources: &BTreeMap<String, Source>, pieces: &[Piece]) -> BTreeMap<String, Source> {
    let named = |name: &String| pieces.iter().any(|p| matches!(p, Piece::Slice { source, .. } if source == name));
    sources.iter().filter(|(name, _)| named(name)).map(|(name, source)| (name.clone(), source.clone())).collect()
}

/// Salt and chunks of a part, completed with a fitting trailer and signed into a new manifest by the true sender.
fn resigned(
    world: &World,
    sealed: &Sealed,
    sources: &BTreeMap<String, Source>,
    bodies: Vec<(Vec<Piece>, usize)>,
) -> RecordCase {
    let mut parts = Vec::new();
    let mut entries = Vec::new();
    let mut plain_bytes = 0;
    for (mut pieces, plain) in bodies {
        let shape = PartShape::of_plain(plain);
        let mut probe = world.case(sealed);
        probe.sources = used(sources, &pieces);
        probe.parts = vec![pieces.clone()];
        let mut part = assemble(&probe, &Files::new()).remove(0);
        assert_eq!(part.len(), shape.trailer_start(), "salt and chunks of the length that was said");
        let hashes: Vec<u8> =
            (0..shape.chunks).flat_map(|chunk| *blake3::hash(&part[shape.chunk_range(chunk)]).as_bytes()).collect();
        assert_eq!(hashes.len(), shape.chunks * DIGEST_BYTES);
        part.extend_from_slice(&hashes);
        let digest = digest_of(&part).expect("just completed");
        entries.push(PartEntry { digest, sealed_bytes: part.len() as u32 });
        plain_bytes += plain as u64;
        pieces.push(bytes(hashes));
        parts.push(pieces);
    }
    let manifest = world.resign(&sealed.manifest, |manifest| {
        manifest.parts = entries;
        manifest.plain_bytes = plain_bytes;
    });
    let mut case = world.case_with(sealed, &manifest);
    let all: Vec<Piece> = parts.concat();
    case.sources = used(sources, &all);
    case.parts = parts;
    case
}

fn signed_again(book: &mut Book, setting: &Setting<'_>) {
    let Setting { world, sealed, sources } = setting;
    let one = CHUNK_BYTES;
    let length = sealed.plain_bytes;
    let cases: Vec<(&str, &str, Vec<Piece>, usize, usize)> = vec![
        ("flip-salt", "With another salt there is another key.", flipped(setting, 0..TRAILER, 5), length, 0),
        ("flip-chunk", "The tag refuses a flipped bit.", flipped(setting, 0..TRAILER, C1.start + 7), length, one),
        ("flip-tag", "A flipped bit of the tag itself.", flipped(setting, 0..TRAILER, C0.end - 1), length, 0),
        (
            "chunks-swapped",
            "The index in the nonce refuses swapped chunks.",
            vec![p(0..32), p(C1), p(C0), p(C2)],
            length,
            0,
        ),
        ("chunk-doubled", "… and a doubled one.", vec![p(0..C0.end), p(C0), p(C2)], length, one),
        (
            "chunk-of-another-record",
            "The record in the key refuses a neighbour's chunk.",
            vec![p(0..C0.end), slice("neighbour", C1), p(C2)],
            length,
            one,
        ),
        (
            "chunk-of-another-tenant",
            "The tenant in the key refuses a foreign chunk.",
            vec![p(0..32), slice("foreign", C0), p(C1.start..TRAILER)],
            length,
            0,
        ),
        (
            "part-of-another-tenant",
            "A whole foreign part with its salt.",
            vec![slice("foreign", 0..TRAILER)],
            length,
            0,
        ),
        (
            "cut-at-a-chunk",
            "Two full chunks without the last: flag 0 where 2 is due.",
            vec![p(0..C1.end)],
            2 * one,
            one,
        ),
        (
            "salt-of-another-sealing",
            "Chunks under the salt of another sealing.",
            vec![slice("again", 0..32), p(32..TRAILER)],
            length,
            0,
        ),
        (
            "chunk-of-another-sealing",
            "A chunk of another sealing of the same part.",
            vec![p(0..C0.end), slice("again", C1), p(C2)],
            length,
            one,
        ),
    ];
    for (name, about, pieces, plain, released) in cases {
        let case = resigned(world, sealed, sources, vec![(pieces, plain)]);
        book.add("part-resigned", name, about, Body::Record(Box::new(case)), refused_at("part", released));
    }
}

/// Whole parts dropped, added, exchanged and wrongly ended, under a manifest signed over exactly that.
fn of_two_parts(book: &mut Book, world: &World) {
    let full = PART_PLAINTEXT_BYTES;
    let sealed = world.seal(world.context(22), "plain parts", full + 5);
    let mut sources = BTreeMap::from([("part0".to_owned(), sealed.recipe(0)), ("part1".to_owned(), sealed.recipe(1))]);
    let trailer0 = PartShape::of_plain(full).trailer_start();
    let trailer1 = PartShape::of_plain(5).trailer_start();
    let (first, second) = (vec![slice("part0", 0..trailer0)], vec![slice("part1", 0..trailer1)]);
    let before_last = 31 * CHUNK_BYTES;

    let mut add =
        |name: &str, about: &str, bodies: Vec<(Vec<Piece>, usize)>, released: usize, sources: &BTreeMap<_, _>| {
            let case = resigned(world, &sealed, sources, bodies);
            book.add("part-resigned", name, about, Body::Record(Box::new(case)), refused_at("part", released));
        };
    add(
        "last-part-dropped",
        "Without its last part the record does not end: flag 1 where 2 is due.",
        vec![(first.clone(), full)],
        before_last,
        &sources,
    );
    add(
        "part-in-another-place",
        "The second part alone, as the first: the number in its key refuses it.",
        vec![(second.clone(), 5)],
        0,
        &sources,
    );
    // A first part that claims to end the record, and a last one that does not.
    let Source::Seal(mut early) = sealed.recipe(0) else { return };
    early.last = true;
    sources.insert("early".to_owned(), Source::Seal(early));
    let body = vec![slice("early", 0..trailer0)];
    add(
        "ends-early",
        "The first of two parts ends with flag 2.",
        vec![(body, full), (second, 5)],
        before_last,
        &sources,
    );

    // One part added behind the true end.
    let whole = world.seal(world.context(23), "plain appended", full);
    let extra_salt = world.with_rng(|rng| rng.bytes());
    let (extra, _) = seal_part(&whole.sealer, "plain appended", 1, true, full + 5, &extra_salt);
    let shape = PartShape::of_plain(5);
    let sources = BTreeMap::from([("whole".to_owned(), whole.recipe(0))]);
    let bodies = vec![(vec![slice("whole", 0..trailer0)], full), (vec![bytes(&extra[..shape.trailer_start()])], 5)];
    let case = resigned(world, &whole, &sources, bodies);
    let about = "A part is appended behind the end: flag 2 where 1 is due.";
    book.add("part-resigned", "part-appended", about, Body::Record(Box::new(case)), refused_at("part", before_last));
}

/// A short last part that ends with another flag than 2; the sealer can't make one, so it is sealed by hand.
fn of_wrong_flags(book: &mut Book, world: &World) {
    let sealed = world.seal(world.context(25), "plain flags", 500);
    let cases = [
        ("flag-of-a-chunk", "The only chunk says that another chunk follows.", Next::Chunk, 0),
        ("flag-of-a-part", "The only chunk says that another part follows.", Next::Part, 0),
        ("index-of-another-chunk", "The only chunk is sealed as the second.", Next::Nothing, 1),
    ];
    for (name, about, next, index) in cases {
        let salt: [u8; 32] = world.with_rng(|rng| rng.bytes());
        let key = PartKey::derive(sealed.sealer.key(), sealed.sealer.context(), 0, &salt);
        let mut chunk = stream(&sealed.plain_seed, 0, 500);
        let tag = key.seal_chunk(index, next, &mut chunk);
        let body = vec![bytes([&salt[..], &chunk, &tag].concat())];
        let case = resigned(world, &sealed, &BTreeMap::new(), vec![(body, 500)]);
        book.add("part-resigned", name, about, Body::Record(Box::new(case)), refused_at("part", 0));
    }
}

/// Someone who may read a record passes its ciphertext off as their own.
fn re_signed_by_another_sender(book: &mut Book, world: &World) {
    let sealed = world.seal(world.context(24), "plain stolen", 500);
    let rival = Party::Sender(world.rival.id);
    let mut manifest = (*sealed.manifest).clone();
    manifest.sender = rival;
    manifest.sender_key = world.rival.keys.sign.fingerprint();
    let add = |book: &mut Book, name: &str, about: &str, manifest: &siegel_envelope::Manifest, stage: &str| {
        let mut case = world.case(&sealed);
        let signed = world.rival.keys.sign.sign(manifest.clone());
        let to = (Party::Tenant(world.tenant), &world.ring.current().inbox_key().public());
        let by = (rival, &world.rival.keys.sign);
        let grant = world.with_rng(|rng| siegel_crypto::grant::seal(manifest, sealed.sealer.key(), to, by, rng));
        case.sender = super::world::known(rival, &world.rival.keys.sign);
        case.granter = case.sender.clone();
        case.manifest = signed.to_bytes().into();
        case.grant = grant.expect("a good key").to_bytes().into();
        case.parts = sealed.inline();
        book.add("part-resigned", name, about, Body::Record(Box::new(case)), refused_at(stage, 0));
    };
    let about = "Another sender signs the manifest as their own: the commitment names the true one.";
    add(book, "stolen", about, &manifest, "commitment");

    let context = siegel_crypto::RecordContext::of(&manifest);
    manifest.commitment = context.commitment(sealed.sealer.key());
    let metadata = siegel_crypto::meta::Metadata::default();
    let metadata = world.with_rng(|rng| siegel_crypto::meta::seal(sealed.sealer.key(), &context, &metadata, rng));
    let metadata = metadata.expect("short");
    manifest.metadata_hash = siegel_envelope::Digest::of(&metadata);
    let signed = world.rival.keys.sign.sign(manifest.clone());
    let to = (Party::Tenant(world.tenant), &world.ring.current().inbox_key().public());
    let by = (rival, &world.rival.keys.sign);
    let grant = world.with_rng(|rng| siegel_crypto::grant::seal(&manifest, sealed.sealer.key(), to, by, rng));
    let mut case = world.case(&sealed);
    case.sender = super::world::known(rival, &world.rival.keys.sign);
    case.granter = case.sender.clone();
    case.manifest = signed.to_bytes().into();
    case.grant = grant.expect("a good key").to_bytes().into();
    case.metadata = metadata.into();
    case.parts = sealed.inline();
    let about = "The thief knows the key and commits anew: the chunks' key still binds the true sender.";
    book.add("part-resigned", "stolen-and-committed", about, Body::Record(Box::new(case)), refused_at("part", 0));
}
