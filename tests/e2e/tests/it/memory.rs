//! This process's own memory, searched as a core file would be. What is searched for is kept masked, or the search would find
//! itself.

use std::io::{Read as _, Seek as _, SeekFrom};

const MASK: u8 = 0xa5;

/// A secret that does not lie in memory as it is.
pub(crate) struct Masked(Vec<u8>);

impl Masked {
    /// Masks a copy.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(secret.iter().map(|byte| byte ^ MASK).collect())
    }

    /// How often it lies in the writable memory of this process.
    pub(crate) fn found_in_memory(&self) -> usize {
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
