//! Broken parts under a manifest that was signed again over exactly them: what the digests then let pass, the keys, the
//! tags and the flags still refuse.

use std::collections::BTreeMap;

use siegel_crypto::chunk::{Next, PartKey};
use siegel_domain::Party;
use siegel_domain::limits::{CHUNK_BYTES, DIGEST_BYTES, PART_PLAINTEXT_BYTES};
use siegel_envelope::manifest::PartEntry;
use siegel_envelope::part::{PartShape, digest_of};

use super::parts::{C0, C1, C2, Setting, TRAILER, flipped, p, used};
use super::world::{Sealed, World, bytes, seal_part, slice};
use super::{Book, refused_at};
use crate::Files;
use crate::case::{Body, Piece, RecordCase, Source};
use crate::rng::stream;
use crate::run::assemble;

pub(super) fn add(book: &mut Book, setting: &Setting<'_>) {
    signed_again(book, setting);
    of_two_parts(book, setting.world);
    of_wrong_flags(book, setting.world);
    re_signed_by_another_sender(book, setting.world);
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
