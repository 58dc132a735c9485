//! Test vectors of Siegel's formats, shared by every implementation: Rust natively, the same Rust on wasm32, and the
//! Python opener. A vector is a JSON file under `tests/vectors/`: a name, a sentence about it, the input and the
//! expected verdict. Most are broken on purpose.
//!
//! [`make`] builds them from a fixed seed (`siegel-vectors generate`), [`run`] judges them, and the tests fail if a
//! verdict differs or the files drift from what is built. Add one where its kind is made, regenerate, and look at
//! the difference: verdicts are written by hand beside each case, never recorded from a run.

pub mod api;
pub mod case;
pub mod corpus;
pub mod decoders;
pub mod make;
pub mod rng;
pub mod run;

use std::collections::BTreeMap;

/// Vector files by path below `tests/vectors/`.
pub type Files = BTreeMap<String, Vec<u8>>;

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The files that were compiled in; empty except on wasm32.
pub fn embedded() -> Files {
    FILES.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect()
}

/// Runs every case in `files`; returns how many ran, and a sentence for each that differs from its verdict.
pub fn run_all(files: &Files) -> (usize, Vec<String>) {
    let mut ran = 0;
    let mut wrong = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".json")) {
        ran += 1;
        match serde_json::from_slice::<case::Case>(bytes) {
            Err(error) => wrong.push(format!("{name}: not a vector: {error}")),
            Ok(case) => {
                let seen = run::run(&case.body, files);
                if seen != case.expect {
                    wrong.push(format!("{name}: expected {}, saw {seen}", case.expect));
                }
            }
        }
    }
    (ran, wrong)
}
