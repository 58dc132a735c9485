//! How fast sealing and opening are on one core, beside the bare AEAD of the same library (goal G1):
//! `cargo run --release -p siegel-crypto --example speed`. Pairs A B A B; the median of the ratios counts.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a stopwatch that prints")]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use siegel_crypto::chunk::{Next, PartKey};
use siegel_crypto::rand_core::{TryCryptoRng, TryRng};
use siegel_crypto::seal::ManifestFields;
use siegel_crypto::{DeviceKeys, RecordContext, RecordOpener, RecordSealer};
use siegel_domain::limits::{CHUNK_BYTES, CHUNKS_PER_PART, PART_PLAINTEXT_BYTES};
use siegel_domain::{Party, RecordId, SenderId, TenantId, Timestamp};
use siegel_envelope::manifest::Recipient;
use siegel_envelope::{Digest, Fingerprint};

struct Fixed(u8);
impl TryRng for Fixed {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(7)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(7)
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        self.0 = self.0.wrapping_add(1);
        dest.fill(self.0);
        Ok(())
    }
}
impl TryCryptoRng for Fixed {}

/// Nanoseconds: of this thread on a processor where Linux tells (other work on the machine then counts less), else of
/// the wall clock.
fn nanoseconds(wall: Instant) -> f64 {
    let on_cpu = std::fs::read_to_string("/proc/thread-self/schedstat");
    let on_cpu = on_cpu.ok().and_then(|text| text.split(' ').next()?.parse().ok());
    on_cpu.unwrap_or_else(|| wall.elapsed().as_nanos() as f64)
}

/// GiB/s of `work` over `parts` full parts.
fn rate(parts: usize, mut work: impl FnMut()) -> f64 {
    let wall = Instant::now();
    let started = nanoseconds(wall);
    (0..parts).for_each(|_| work());
    (parts * PART_PLAINTEXT_BYTES) as f64 / (nanoseconds(wall) - started) * 1e9 / f64::from(1 << 30)
}

fn compare(name: &str, mut ours: impl FnMut(), mut bare: impl FnMut()) {
    let mut pairs: Vec<(f64, f64)> = (0..7).map(|_| (rate(64, &mut ours), rate(64, &mut bare))).collect();
    pairs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (ours, bare) = pairs[3];
    let (low, high) = (pairs[0].0 / pairs[0].1, pairs[6].0 / pairs[6].1);
    println!("{name:<28} {ours:6.2} GiB/s, bare {bare:6.2}: {:.3} ({low:.3}-{high:.3})", ours / bare);
}

fn main() {
    let device = DeviceKeys::generate(&mut Fixed(0));
    let context = RecordContext {
        tenant: TenantId::from_bytes([1; 16]),
        record: RecordId::from_bytes([2; 16]),
        sender: Party::Sender(SenderId::from_bytes([3; 16])),
        sender_key: device.sign.fingerprint(),
    };
    let sealer = RecordSealer::new(context, &mut Fixed(1));
    let bare = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[9; 32]).expect("32 bytes"));
    let nonce = || Nonce::assume_unique_for_key([0; 12]);
    let plain = vec![0x5a; PART_PLAINTEXT_BYTES];

    // The AEAD layer alone, in place, in one buffer of a part, on both sides.
    let (mut a, mut b) = (plain.clone(), plain.clone());
    let key = PartKey::derive(sealer.key(), &context, 0, &[4; 32]);
    let seal_ours = || {
        let key = PartKey::derive(sealer.key(), &context, 0, &[4; 32]);
        for (index, chunk) in a.chunks_mut(CHUNK_BYTES).enumerate() {
            black_box(key.seal_chunk(index as u32, Next::after(index, CHUNKS_PER_PART, true), chunk));
        }
    };
    let seal_bare = || {
        for chunk in b.chunks_mut(CHUNK_BYTES) {
            let _ = black_box(bare.seal_in_place_separate_tag(nonce(), Aad::empty(), chunk).expect("short"));
        }
    };
    compare("seal, AEAD layer (G1)", seal_ours, seal_bare);

    let mut chunk = plain[..CHUNK_BYTES].to_vec();
    let tag = key.seal_chunk(0, Next::Chunk, &mut chunk);
    let sealed = [&chunk[..], &tag[..]].concat();
    let mut raw = plain[..CHUNK_BYTES].to_vec();
    let raw_tag = bare.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut raw).expect("short");
    let (mut out, mut raw_out) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
    let open_ours = || {
        let key = PartKey::derive(sealer.key(), &context, 0, &[4; 32]);
        (0..CHUNKS_PER_PART).for_each(|_| key.open_chunk(0, Next::Chunk, &sealed, &mut out).expect("good"));
    };
    let open_bare = || {
        for _ in 0..CHUNKS_PER_PART {
            bare.open_separate_gather(nonce(), Aad::empty(), &raw, raw_tag.as_ref(), &mut raw_out).expect("good");
        }
    };
    compare("open, AEAD layer (G1)", open_ours, open_bare);

    // With hashing, from a reader into the part's buffer, and back into a buffer.
    let mut part = Vec::new();
    let entry = sealer.seal_part(0, true, &plain, &mut Fixed(5), &mut part).expect("a full part").entry();
    let mut buffer = Vec::new();
    let mut b = plain.clone();
    let seal_part = || {
        black_box(sealer.seal_part_from(0, true, plain.len(), &plain[..], &mut Fixed(6), &mut buffer).expect("full"));
    };
    let seal_bare = || {
        for chunk in b.chunks_mut(CHUNK_BYTES) {
            let _ = black_box(bare.seal_in_place_separate_tag(nonce(), Aad::empty(), chunk).expect("short"));
        }
    };
    compare("seal a part, hashed", seal_part, seal_bare);

    let fields = ManifestFields {
        conversation: None,
        recipients: vec![Recipient { party: context.sender, key: Fingerprint::from_bytes([0; 32]) }],
        plain_bytes: plain.len() as u64,
        parts: vec![entry],
        metadata_hash: Digest::of(b""),
        answers: None,
        client_time: Timestamp(0),
        checkpoint: None,
    };
    let manifest = sealer.finish(fields, &device.sign).expect("keeps the rules");
    let opener = RecordOpener::new(manifest, sealer.key().clone()).expect("committed");
    let mut out = Vec::with_capacity(PART_PLAINTEXT_BYTES);
    let open_part = || {
        opener.open_part_into(0, &part, &mut out).expect("good");
    };
    let open_bare = || {
        for _ in 0..CHUNKS_PER_PART {
            bare.open_separate_gather(nonce(), Aad::empty(), &raw, raw_tag.as_ref(), &mut raw_out).expect("good");
        }
    };
    compare("open a part, checked", open_part, open_bare);
    let digest = rate(64, || {
        black_box(siegel_envelope::part::digest_of(&part).expect("good"));
    });
    println!("{:<28} {digest:6.2} GiB/s", "digest of a part (service)");
}
