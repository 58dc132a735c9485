//! Every vector has the verdict that was written for it, the files are what the generator makes, and most are broken.

mod decoders;

use std::path::PathBuf;

use siegel_vectors::case::Case;
use siegel_vectors::{make, run_all};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

#[test]
fn every_vector_has_its_verdict() {
    let files = make::read(&folder()).expect("the vectors are part of the repository");
    let (ran, wrong) = run_all(&files);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran >= 200, "only {ran} vectors were found");
}

#[test]
fn the_files_are_what_the_generator_makes() {
    let drift = make::drift(&folder()).expect("readable");
    assert!(drift.is_empty(), "run `cargo run -p siegel-vectors -- generate tests/vectors`:\n{}", drift.join("\n"));
}

#[test]
fn what_python_sealed_opens_here() {
    let files = make::read(&folder()).expect("readable");
    let made: Vec<&String> = files.keys().filter(|name| name.starts_with("python/")).collect();
    assert!(made.len() >= 3, "Python's vectors are missing: {made:?}");
}

#[test]
fn most_vectors_are_broken_on_purpose() {
    let files = make::read(&folder()).expect("readable");
    let cases: Vec<Case> = files
        .iter()
        .filter(|(name, _)| name.ends_with(".json"))
        .map(|(name, bytes)| serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{name}: {error}")))
        .collect();
    let broken = cases.iter().filter(|case| case.expect.to_string().contains("refused")).count();
    assert!(broken * 2 > cases.len(), "{broken} of {}", cases.len());
}
