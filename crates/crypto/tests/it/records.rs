//! Sealing and opening as a client does it: from readers, in pieces, again after a lost acknowledgement.

use std::io::{self, Read};

use siegel_crypto::keys::DeviceKeys;
use siegel_crypto::meta::{BUCKETS, Metadata};
use siegel_crypto::seal::{ManifestFields, SealError};
use siegel_crypto::state::{self, Resume, ResumePart};
use siegel_crypto::{OpenError, RecordOpener, RecordSealer, grant};
use siegel_domain::limits::{CHUNK_BYTES, PART_PLAINTEXT_BYTES, PART_SEALED_BYTES, SEALED_METADATA_BYTES};
use siegel_domain::{Party, RecordId};
use siegel_envelope::manifest::{PartEntry, Recipient};
use siegel_envelope::part::{self, digest_of};
use siegel_envelope::{Digest, Manifest, Signed};

use crate::world::{NOW, SENDER, TENANT, context, rng, tenant};

fn plain(length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    blake3::Hasher::new().update(b"plain").finalize_xof().fill(&mut out);
    out
}

fn manifest(sealer: &RecordSealer, device: &DeviceKeys, length: u64, parts: Vec<PartEntry>) -> Signed<Manifest> {
    let key = tenant().ring.current().inbox_key().public().fingerprint();
    let fields = ManifestFields {
        conversation: None,
        recipients: vec![Recipient { party: Party::Tenant(TENANT), key }],
        plain_bytes: length,
        parts,
        metadata_hash: Digest::of(b"none here"),
        answers: None,
        client_time: NOW,
        checkpoint: None,
    };
    sealer.finish(fields, &device.sign).expect("keeps the rules")
}

/// Gives out a few bytes at a time, like a slow pipe.
struct Dripping<R>(R);

impl<R: Read> Read for Dripping<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let few = out.len().min(4093);
        self.0.read(&mut out[..few])
    }
}

#[test]
fn a_record_travels_from_a_reader_to_a_recipient_in_one_buffer() {
    let rng = &mut rng("travel");
    let (device, centre) = (DeviceKeys::generate(rng), tenant());
    let sealer = RecordSealer::new(context(&device), rng);
    let text = plain(PART_PLAINTEXT_BYTES + CHUNK_BYTES + 3);
    let layout = part::layout(text.len() as u64).expect("short");
    let mut source = Dripping(text.as_slice());
    let (mut buffer, mut sealed, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..layout.parts {
        let length = layout.part(number).expect("there").plain_bytes;
        let done = sealer
            .seal_part_from(number, layout.is_last(number), length, source.by_ref(), rng, &mut buffer)
            .expect("sealed");
        assert_eq!(digest_of(&buffer), Ok(done.digest), "services compute the same digest");
        assert!(buffer.capacity() <= PART_SEALED_BYTES, "one part's memory and no more");
        entries.push(done.entry());
        sealed.push(buffer.clone());
    }
    let manifest = manifest(&sealer, &device, text.len() as u64, entries);
    let inbox = centre.ring.current().inbox_key();
    let to = (Party::Tenant(TENANT), &inbox.public());
    let granted = grant::seal(&manifest, sealer.key(), to, (Party::Sender(SENDER), &device.sign), rng).expect("a key");

    let arrived = Manifest::verify(&manifest.to_bytes(), &device.sign.public()).expect("signed");
    let by = (Party::Sender(SENDER), &device.sign.public());
    let key = grant::open(&granted, by, &arrived, (Party::Tenant(TENANT), &inbox)).expect("granted");
    let opener = RecordOpener::new(arrived, key).expect("committed");
    let mut opened = Vec::new();
    for (number, bytes) in (0..).zip(&sealed) {
        opener.open_part(number, bytes, &mut opened).expect("good");
    }
    assert_eq!(opened, text);

    let (from, to) = (PART_PLAINTEXT_BYTES as u64 - 10, PART_PLAINTEXT_BYTES as u64 + 10);
    let mut wanted = Vec::new();
    for read in part::range(text.len() as u64, from..to).expect("inside") {
        let bytes = &sealed[read.part as usize];
        let salt = bytes.first_chunk().expect("a salt");
        let (chunks, trailer) = (&bytes[read.sealed.clone()], &bytes[read.trailer.clone()]);
        opener.open_range(&read, salt, chunks, trailer, &mut wanted).expect("good");
    }
    assert_eq!(wanted, &text[from as usize..to as usize]);
}

#[test]
fn nothing_of_a_bad_chunk_comes_out_and_what_was_there_stays() {
    let rng = &mut rng("bad chunk");
    let device = DeviceKeys::generate(rng);
    let sealer = RecordSealer::new(context(&device), rng);
    let text = plain(3 * CHUNK_BYTES);
    let mut sealed = Vec::new();
    let entry = sealer.seal_part(0, true, &text, rng, &mut sealed).expect("sealed").entry();
    let opener = RecordOpener::new(manifest(&sealer, &device, text.len() as u64, vec![entry]), sealer.key().clone());
    let opener = opener.expect("committed");
    sealed[32 + CHUNK_BYTES + 16 + 5] ^= 1;
    let mut out = b"before".to_vec();
    assert_eq!(opener.open_part(0, &sealed, &mut out), Err(OpenError::Authentication));
    assert_eq!(out, [b"before", &text[..CHUNK_BYTES]].concat());
    assert_eq!(opener.open_part_into(0, &sealed, &mut out), Err(OpenError::Authentication));
    assert_eq!(out, &text[..CHUNK_BYTES], "overwritten, and cut behind the last good chunk");
    sealed[0] ^= 1;
    assert_eq!(opener.open_part_into(0, &sealed, &mut out), Err(OpenError::Authentication));
    assert!(out.is_empty());
    (sealed[0], sealed[32 + CHUNK_BYTES + 16 + 5]) = (sealed[0] ^ 1, sealed[32 + CHUNK_BYTES + 16 + 5] ^ 1);
    assert_eq!(opener.open_part_into(0, &sealed, &mut out), Ok(()));
    assert_eq!(out, text);
    assert_eq!(opener.open_part(1, &sealed, &mut out), Err(OpenError::Range));
}

#[test]
fn sealing_a_part_again_shares_nothing_with_the_first_time() {
    let rng = &mut rng("again");
    let device = DeviceKeys::generate(rng);
    let sealer = RecordSealer::new(context(&device), rng);
    let resumed = RecordSealer::resume(context(&device), sealer.key().clone());
    let (mut first, mut second) = (Vec::new(), Vec::new());
    sealer.seal_part(0, true, &plain(1000), rng, &mut first).expect("sealed");
    resumed.seal_part(0, true, &plain(1000), rng, &mut second).expect("sealed");
    assert_ne!(first[..32], second[..32], "a salt of its own");
    let same = first[32..1032].iter().zip(&second[32..1032]).filter(|(a, b)| a == b).count();
    assert!(same < 50, "{same} of 1000 ciphertext bytes are equal: one key stream was used twice");
}

#[test]
fn parts_that_no_record_has_are_not_sealed() {
    let rng = &mut rng("lengths");
    let sealer = RecordSealer::new(context(&DeviceKeys::generate(rng)), rng);
    let mut out = Vec::new();
    for (number, last, length) in [(0, false, 10), (0, true, PART_PLAINTEXT_BYTES + 1), (1, true, 0), (16_384, true, 1)]
    {
        let sealed = sealer.seal_part(number, last, &plain(length), rng, &mut out);
        assert!(matches!(sealed, Err(SealError::Length)), "part {number} of {length}");
    }
    // The source ends early: an error, and no plaintext is left in the buffer.
    let short = sealer.seal_part_from(0, true, 500, &plain(400)[..], rng, &mut out);
    assert!(matches!(short, Err(SealError::Read(_))));
    assert!(out.iter().all(|byte| *byte == 0));
}

#[test]
fn a_changed_file_is_noticed_when_an_upload_resumes() {
    let rng = &mut rng("resume");
    let device = DeviceKeys::generate(rng);
    let sealer = RecordSealer::new(context(&device), rng).with_plain_hashes();
    let mut out = Vec::new();
    let part = sealer.seal_part(0, true, &plain(100), rng, &mut out).expect("sealed");
    let state = Resume {
        record: RecordId::from_bytes([9; 16]),
        key: sealer.key().clone(),
        plain_bytes: 100,
        parts: vec![ResumePart { entry: part.entry(), plain_hash: part.plain_hash.expect("asked for") }],
    };
    let kept = state.seal(&device, rng);
    let read = Resume::open(&device.kem, &kept).expect("our own");
    assert_eq!(read, state);
    assert_eq!(read.parts[0].plain_hash, Digest::of(&plain(100)));
    assert_ne!(read.parts[0].plain_hash, Digest::of(&plain(101)));

    let stranger = DeviceKeys::generate(rng);
    assert_eq!(Resume::open(&stranger.kem, &kept), Err(OpenError::Authentication));
    assert!(state::open(&device.kem, "another purpose", &kept).is_err());
    assert!(Resume::open(&device.kem, &kept[..kept.len() - 1]).is_err());
    let needle = sealer.key().secret().expose();
    assert!(!kept.windows(32).any(|window| window == needle), "the record key lies in the clear");
}

#[test]
fn metadata_says_little_by_its_length() {
    let rng = &mut rng("metadata");
    let sealer = RecordSealer::new(context(&DeviceKeys::generate(rng)), rng);
    let mut sealed = |note: usize| {
        let metadata = Metadata { note: Some("n".repeat(note)), ..Metadata::default() };
        sealer.seal_metadata(&metadata, rng).map(|bytes| bytes.len())
    };
    assert_eq!(sealed(0), Ok(BUCKETS[0] + 48));
    assert_eq!(sealed(200), sealed(0));
    assert_eq!(sealed(300), Ok(BUCKETS[1] + 48));
    assert_eq!(sealed(60_000), Ok(SEALED_METADATA_BYTES));
    assert!(sealed(70_000).is_err());
}
