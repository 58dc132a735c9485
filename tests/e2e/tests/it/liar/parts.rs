//! A record's bytes as a dishonest or rotten store may hand them out (F29): nothing past the last good chunk, and no file.

use std::sync::{Arc, Mutex};

use siegel_client::Meter;
use siegel_e2e::{Answer, Asked};

use super::{PART, Stage, nothing_left, refused};
use crate::support::{bytes, file, save};

/// One sealed chunk in the middle of a part.
const CHUNK: usize = 256 * 1024 + 16;
const SALT: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn f29_cut_stretched_swapped_and_reordered_bytes_become_no_file() {
    let stage = Stage::set().await;
    let owner = stage.hasty_owner().await;
    let plain = bytes(11, 17_000_000);
    let sent = stage.sender.session.upload(file(&stage.world, "ecg.edf", &plain)).send().await.unwrap();
    let twin =
        stage.sender.session.upload(file(&stage.world, "twin.edf", &bytes(12, 17_000_000))).send().await.unwrap();
    // What the store holds of both records, by part.
    let parts = Arc::new(Mutex::new(std::collections::BTreeMap::new()));
    let kept = parts.clone();
    stage.liar.lie(PART, move |asked, answer| {
        kept.lock().unwrap().insert(asked.what.clone(), answer.body.clone());
    });
    let got = stage.world.outside("got");
    std::fs::create_dir(&got).unwrap();
    for record in [twin.record, sent.record] {
        let opened = owner.open_record(record).await.unwrap();
        save(&opened, &got.join("honest")).await.unwrap();
    }
    assert!(std::fs::read(got.join("honest")).unwrap() == plain);
    std::fs::remove_file(got.join("honest")).unwrap();
    let opened = owner.open_record(sent.record).await.unwrap();
    let parts = parts.lock().unwrap().clone();
    let of = move |record: siegel_domain::RecordId, number: u32| {
        parts[&format!("GET /v1/records/{record}/parts/{number}")].clone()
    };
    let (one, two, theirs) = (of(sent.record, 0), of(sent.record, 1), of(twin.record, 1));
    let chunk = |at: usize| SALT + at * CHUNK..SALT + (at + 1) * CHUNK;

    type Lie = Box<dyn FnMut(&mut Answer) + Send>;
    let second = |body: Vec<u8>| -> Lie { Box::new(move |answer| answer.body.clone_from(&body)) };
    let lies: Vec<(&str, Lie, &str)> = vec![
        ("another record's part", second(theirs.clone()), "untrusted-record"),
        ("another part of the record", second(one.clone()), "untrusted-record"),
        ("one bit flipped in the middle", second(flip(&two, two.len() / 2)), "untrusted-record"),
        ("one bit flipped in the salt", second(flip(&two, 3)), "untrusted-record"),
        ("one bit flipped at the end", second(flip(&two, two.len() - 1)), "untrusted-record"),
        ("two chunks in another order", second(swap(&two, chunk(3), chunk(4))), "untrusted-record"),
        ("a chunk of another record", second(put(&two, chunk(5), &theirs[chunk(5)])), "untrusted-record"),
        ("a chunk twice", second(put(&two, chunk(6), &two[chunk(5)])), "untrusted-record"),
        (
            "another record's salt and chunks with this one's trailer",
            second(put(&two, 0..two.len() - 1024, &theirs[..two.len() - 1024])),
            "untrusted-record",
        ),
        ("more bytes than the part has", second([&two[..], &[0; 16]].concat()), "answer"),
        ("a chunk less", second([&two[..SALT + 31 * CHUNK], &two[SALT + 32 * CHUNK..]].concat()), "answer"),
        ("half of it", second(two[..two.len() / 2].to_vec()), "untrusted-record"),
        ("nothing", second(Vec::new()), "unreachable"),
    ];
    for (why, mut lie, key) in lies {
        stage.liar.repent();
        stage.liar.lie(PART, move |asked: &Asked, answer| {
            if asked.what.ends_with("/parts/1") {
                lie(answer);
            }
        });
        refused(save(&opened, &got.join("ecg.edf")).await, key, why);
        nothing_left(&got, &plain[..64], why);
        assert!(stage.liar.asked("POST /v1/records/*/fetched").is_empty(), "{why}: nobody said it was fetched");
        // A sink gets the good beginning and an error, never a short whole.
        if key == "untrusted-record" {
            let sink = Shared::default();
            let streamed = opened.stream(sink.clone(), "sink".as_ref(), &Meter::default()).await.map(drop);
            refused(streamed, key, why);
            let written = sink.0.lock().unwrap().clone();
            assert!(written.len() < plain.len() && plain.starts_with(&written), "{why}: a verified beginning only");
        }
    }
    stage.liar.repent();
    assert!(save(&opened, &got.join("ecg.edf")).await.unwrap() == plain);
    stage.end().await;
}

fn flip(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at] ^= 1;
    changed
}

fn put(bytes: &[u8], at: std::ops::Range<usize>, piece: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at].copy_from_slice(piece);
    changed
}

fn swap(bytes: &[u8], a: std::ops::Range<usize>, b: std::ops::Range<usize>) -> Vec<u8> {
    put(&put(bytes, a.clone(), &bytes[b.clone()]), b, &bytes[a])
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
