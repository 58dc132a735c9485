//! Good records of every shape, whole and in ranges.

use serde_json::{Value, json};
use siegel_domain::limits::{CHUNK_BYTES, PART_PLAINTEXT_BYTES};

use super::Book;
use super::world::{Sealed, World, slice};
use crate::case::{Body, Source};
use crate::rng::stream;

/// The verdict on a record that opens.
pub(super) fn opens(sealed: &Sealed) -> Value {
    let plain = stream(&sealed.plain_seed, 0, sealed.plain_bytes);
    json!({
        "verdict": "opens",
        "plain_bytes": plain.len(),
        "plain_blake3": blake3::hash(&plain).to_hex().as_str(),
        "metadata": {
            "file_name": "langzeit-ekg.edf",
            "media_type": "application/octet-stream",
            "title": "Langzeit-EKG, 24 h",
            "note": null,
            "fields": [["device", "demo"]],
        },
    })
}

pub(super) fn add(book: &mut Book, world: &World) {
    let whole: [(&str, &str, usize); 5] = [
        ("empty", "A record without content: one part, one empty chunk, flag 2.", 0),
        ("one-byte", "The shortest content.", 1),
        ("small", "One chunk that is not full.", 1000),
        ("one-chunk", "Exactly one full chunk: no empty chunk follows.", CHUNK_BYTES),
        ("three-chunks", "Two full chunks and a rest.", 2 * CHUNK_BYTES + 100),
    ];
    for (number, (name, about, length)) in (1..).zip(whole) {
        let sealed = world.seal(world.context(number), &format!("plain {name}"), length);
        let mut case = world.case(&sealed);
        if length > 4096 {
            case.sources.insert("part".to_owned(), sealed.recipe(0));
            case.parts = vec![vec![slice("part", 0..sealed.parts[0].len())]];
        } else {
            case.parts = sealed.inline();
        }
        book.add("record", name, about, Body::Record(Box::new(case)), opens(&sealed));
    }
    from_a_file(book, world);
    of_two_parts(book, world);
}

fn from_a_file(book: &mut Book, world: &World) {
    let sealed = world.seal(world.context(6), "plain two-chunks", CHUNK_BYTES + 100);
    book.files.insert("record/two-chunks.part".to_owned(), sealed.parts[0].clone());
    let mut case = world.case(&sealed);
    case.sources.insert("part".to_owned(), Source::File("record/two-chunks.part".to_owned()));
    case.parts = vec![vec![slice("part", 0..sealed.parts[0].len())]];
    let about = "A full chunk and a rest, as a file: needs no sealer to be tried.";
    book.add("record", "two-chunks", about, Body::Record(Box::new(case)), opens(&sealed));
}

fn of_two_parts(book: &mut Book, world: &World) {
    let length = PART_PLAINTEXT_BYTES + 5;
    let sealed = world.seal(world.context(7), "plain two-parts", length);
    let mut case = world.case(&sealed);
    for number in 0..2 {
        let name = format!("part{number}");
        case.parts.push(vec![slice(&name, 0..sealed.parts[number].len())]);
        case.sources.insert(name, sealed.recipe(number));
    }
    let about = "A full part and five bytes: flag 1 ends the first part, flag 2 the record.";
    book.add("record", "two-parts", about, Body::Record(Box::new(case.clone())), opens(&sealed));

    let plain = stream(&sealed.plain_seed, 0, length);
    let ranges = [
        ("range-first-byte", "The first byte alone.", 0, 1),
        ("range-within-a-chunk", "Bytes within one chunk.", CHUNK_BYTES + 10, CHUNK_BYTES + 20),
        ("range-across-chunks", "Across a border of chunks.", 3 * CHUNK_BYTES - 1, 3 * CHUNK_BYTES + 1),
        ("range-across-parts", "Across the border of parts.", PART_PLAINTEXT_BYTES - 1, PART_PLAINTEXT_BYTES + 2),
        ("range-whole", "All of it, as a range.", 0, length),
    ];
    for (name, about, from, to) in ranges {
        let mut case = case.clone();
        case.range = Some((from as u64, to as u64));
        let hash = blake3::hash(&plain[from..to]).to_hex();
        let expect = json!({ "verdict": "opens", "range_blake3": hash.as_str() });
        book.add("record", name, about, Body::Record(Box::new(case)), expect);
    }
    for (name, from, to) in [("range-outside", 0, length + 1), ("range-empty", 5, 5)] {
        let mut case = case.clone();
        case.range = Some((from as u64, to as u64));
        let about = "A range the record does not have.";
        book.add("record", name, about, Body::Record(Box::new(case)), super::refused_at("part", 0));
    }
}
