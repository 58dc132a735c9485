//! G1: sealing and opening chunks on one core, the AEAD layer alone beside the bare library; hashing on a line of its own.

use std::hint::black_box;

use anyhow::{Context as _, Result, anyhow};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use siegel_client::time::Moment;
use siegel_crypto::RecordSealer;
use siegel_crypto::chunk::{Next, PartKey, RecordContext};
use siegel_crypto::secret::RecordKey;
use siegel_domain::limits::{CHUNK_BYTES, CHUNKS_PER_PART, PART_PLAINTEXT_BYTES, TAG_BYTES};
use siegel_domain::{Party, RecordId, SenderId, TenantId};
use siegel_envelope::Fingerprint;

use crate::cpu;
use crate::outcome::{Outcome, Target};
use crate::pair::{Comparison, Reading, Sample};
use siegel_client::rng::system;

/// Parts of 8 MiB a measurement works through: 4 GiB, half a second.
const PARTS: usize = 512;

/// A context for bytes that nobody will ever open.
pub(crate) fn context() -> RecordContext {
    RecordContext {
        tenant: TenantId::from_bytes([1; 16]),
        record: RecordId::from_bytes([2; 16]),
        sender: Party::Sender(SenderId::from_bytes([3; 16])),
        sender_key: Fingerprint::from_bytes([4; 32]),
    }
}

/// All lines of G1.
pub(crate) async fn run(pairs: usize) -> Result<Vec<Outcome>> {
    Ok(vec![seal(pairs).await?, open(pairs).await?, seal_with_hash(pairs).await?])
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Sample> {
    let (start, before) = (Moment::now(), cpu::of_this_thread()?);
    work()?;
    Ok(Sample { wall_s: start.elapsed().as_secs_f64(), cpu_s: cpu::of_this_thread()? - before, tail_s: 0.0 })
}

fn comparison(what: &str, target: Target, pairs: usize) -> Comparison {
    Comparison {
        goal: "G1",
        what: what.to_owned(),
        baseline: "aws-lc-rs alone, AES-256-GCM, 1 core".to_owned(),
        reading: Reading::Speed,
        target,
        bytes: (PARTS * PART_PLAINTEXT_BYTES) as u64,
        pairs,
    }
}

fn bare_key() -> Result<LessSafeKey> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).map_err(|_| anyhow!("bare key"))?))
}

fn bare_nonce(counter: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// The bare library in slots of the same size, over the same ring of 8 MiB.
fn bare_seal(buffer: &mut [u8]) -> Result<()> {
    let key = bare_key()?;
    for part in 0..PARTS {
        for (index, slot) in buffer.chunks_exact_mut(CHUNK_BYTES + TAG_BYTES).enumerate() {
            let (data, tag) = slot.split_at_mut(CHUNK_BYTES);
            let nonce = bare_nonce((part * CHUNKS_PER_PART + index) as u64);
            let sealed = key.seal_in_place_separate_tag(nonce, Aad::empty(), data).map_err(|_| anyhow!("seal"))?;
            tag.copy_from_slice(sealed.as_ref());
        }
        black_box(&buffer);
    }
    Ok(())
}

fn our_seal(buffer: &mut [u8], key: &RecordKey) -> Result<()> {
    for part in 0..PARTS {
        let part_key = PartKey::derive(key, &context(), part as u32, &[part as u8; 32]);
        for (index, slot) in buffer.chunks_exact_mut(CHUNK_BYTES + TAG_BYTES).enumerate() {
            let (data, tag) = slot.split_at_mut(CHUNK_BYTES);
            tag.copy_from_slice(&part_key.seal_chunk(index as u32, Next::after(index, CHUNKS_PER_PART, false), data));
        }
        black_box(&buffer);
    }
    Ok(())
}

async fn seal(pairs: usize) -> Result<Outcome> {
    let key = RecordKey::generate(&mut system());
    let slots = || vec![0x5a; CHUNKS_PER_PART * (CHUNK_BYTES + TAG_BYTES)];
    let (mut a, mut b) = (slots(), slots());
    comparison("seal chunks of 256 KiB, AEAD layer", Target::AtLeast(0.97), pairs)
        .run(
            || std::future::ready(timed(|| bare_seal(&mut a))),
            || std::future::ready(timed(|| our_seal(&mut b, &key))),
        )
        .await
}

async fn open(pairs: usize) -> Result<Outcome> {
    let key = RecordKey::generate(&mut system());
    let mut ours = vec![0x5a; CHUNKS_PER_PART * (CHUNK_BYTES + TAG_BYTES)];
    let part_key = PartKey::derive(&key, &context(), 0, &[0; 32]);
    for (index, slot) in ours.chunks_exact_mut(CHUNK_BYTES + TAG_BYTES).enumerate() {
        let (data, tag) = slot.split_at_mut(CHUNK_BYTES);
        tag.copy_from_slice(&part_key.seal_chunk(index as u32, Next::Chunk, data));
    }
    let bare = bare_key()?;
    let mut theirs = ours.clone();
    for (index, slot) in theirs.chunks_exact_mut(CHUNK_BYTES + TAG_BYTES).enumerate() {
        let (data, tag) = slot.split_at_mut(CHUNK_BYTES);
        let sealed = bare.seal_in_place_separate_tag(bare_nonce(index as u64), Aad::empty(), data);
        tag.copy_from_slice(sealed.map_err(|_| anyhow!("seal"))?.as_ref());
    }
    let (mut out_a, mut out_b) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
    let bare_open = |out: &mut [u8]| -> Result<()> {
        for _ in 0..PARTS {
            for (index, slot) in theirs.chunks_exact(CHUNK_BYTES + TAG_BYTES).enumerate() {
                let (data, tag) = slot.split_at(CHUNK_BYTES);
                bare.open_separate_gather(bare_nonce(index as u64), Aad::empty(), data, tag, out)
                    .map_err(|_| anyhow!("open"))?;
            }
            black_box(&out);
        }
        Ok(())
    };
    let our_open = |out: &mut [u8]| -> Result<()> {
        for _ in 0..PARTS {
            let part_key = PartKey::derive(&key, &context(), 0, &[0; 32]);
            for (index, slot) in ours.chunks_exact(CHUNK_BYTES + TAG_BYTES).enumerate() {
                part_key.open_chunk(index as u32, Next::Chunk, slot, out).context("open")?;
            }
            black_box(&out);
        }
        Ok(())
    };
    comparison("open chunks of 256 KiB, AEAD layer", Target::AtLeast(0.95), pairs)
        .run(
            || std::future::ready(timed(|| bare_open(&mut out_a))),
            || std::future::ready(timed(|| our_open(&mut out_b))),
        )
        .await
}

async fn seal_with_hash(pairs: usize) -> Result<Outcome> {
    let sealer = RecordSealer::new(context(), &mut system());
    let plain = vec![0x5a; PART_PLAINTEXT_BYTES];
    let mut a = vec![0x5a; CHUNKS_PER_PART * (CHUNK_BYTES + TAG_BYTES)];
    let mut out = Vec::new();
    let whole_parts = |out: &mut Vec<u8>| -> Result<()> {
        for part in 0..PARTS {
            sealer.seal_part(part as u32, false, &plain, &mut system(), out)?;
            black_box(&out);
        }
        Ok(())
    };
    comparison("seal whole parts, hashing and copy included", Target::Informative, pairs)
        .run(|| std::future::ready(timed(|| bare_seal(&mut a))), || std::future::ready(timed(|| whole_parts(&mut out))))
        .await
}
