//! This process's own memory (F40), searched as a core file would be. What is searched for is kept masked, or the search would
//! find itself.

use std::io::{Read as _, Seek as _, SeekFrom};

use siegel_api::members::ReturnReport;
use siegel_client::SignIn;
use siegel_e2e::{PASSWORD, World};

use crate::support::{content, user_root};

const MASK: u8 = 0xa5;

/// A secret that does not lie in memory as it is.
struct Masked(Vec<u8>);

impl Masked {
    /// Masks a copy.
    fn new(secret: &[u8]) -> Self {
        Self(secret.iter().map(|byte| byte ^ MASK).collect())
    }

    /// How often it lies in the writable memory of this process.
    fn found_in_memory(&self) -> usize {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux has it");
        let mut memory = std::fs::File::open("/proc/self/mem").expect("our own");
        let mut found = 0;
        let mut piece = vec![0; 1 << 20];
        for line in maps.lines().filter(|line| line.contains(" rw") && !line.contains("[v")) {
            let range = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
            let [mut at, end] = [range.0, range.1].map(|text| u64::from_str_radix(text, 16).expect("hexadecimal"));
            while at < end {
                // Pieces overlap by the secret's length, so that none is missed on a border.
                let length = piece.len().min((end - at) as usize);
                let read = memory.seek(SeekFrom::Start(at)).and_then(|_| memory.read(&mut piece[..length]));
                let Ok(read @ 1..) = read else { break };
                found += self.count(&piece[..read]);
                at +=
                    if read > self.0.len() && at + (read as u64) < end { read - self.0.len() + 1 } else { read } as u64;
            }
        }
        // The buffer held what it read.
        piece.fill(0);
        std::hint::black_box(&piece);
        found
    }

    fn count(&self, hay: &[u8]) -> usize {
        let first = self.0[0] ^ MASK;
        let mut found = 0;
        let mut from = 0;
        while let Some(at) = hay[from..].iter().position(|byte| *byte == first) {
            let start = from + at;
            let same = hay[start..].iter().zip(&self.0).take_while(|(real, masked)| **real == **masked ^ MASK).count();
            found += usize::from(same == self.0.len());
            from = start + 1;
        }
        found
    }
}

/// When the last session is gone, so are its keys: this process's memory is read as a thief with a core file would.
#[tokio::test(flavor = "multi_thread")]
async fn f40_the_users_root_and_the_epochs_seed_leave_the_clients_memory() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let sent = sender.session.upload_bytes(b"something to open".to_vec(), "a.txt").send().await.unwrap();
    content(&centre.owner.session, sent.record, &world.outside("got")).await.unwrap();
    let (dir, owner) = (centre.owner.dir.clone(), centre.owner.session);
    let root = Masked::new(&user_root(&owner));
    let seed = Masked::new(owner.ring().await.unwrap().current().secret().expose());
    assert!(root.found_in_memory() > 0 && seed.found_in_memory() > 0, "the search finds what is there");
    owner.sign_out().await.unwrap();
    drop(owner);
    let left = || [("user root", root.found_in_memory()), ("epoch seed", seed.found_in_memory())];
    assert_eq!(left(), [("user root", 0), ("epoch seed", 0)]);
    // A second login and its end.
    let session = SignIn::at(dir.clone()).password(PASSWORD).await.unwrap();
    drop(session);
    assert_eq!(left(), [("user root", 0), ("epoch seed", 0)]);
    world.stop().await.unwrap();
}
