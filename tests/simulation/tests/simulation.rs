//! Stories of many seeds. `SIEGEL_SEEDS=200` tells so many, `SIEGEL_SEED=1234` one, with everything that happened in it.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use siegel_simulation::{Stage, draw, shrink, tell};

/// Seeds of a plain `cargo test`: some seconds.
const FEW: u64 = 16;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn every_seed_keeps_every_promise() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::set()).unwrap();
    let (first, seeds) = match number("SIEGEL_SEED") {
        Some(seed) => (seed, 1),
        None => (number("SIEGEL_FIRST").unwrap_or(1), number("SIEGEL_SEEDS").unwrap_or(FEW)),
    };
    let (next, told, failed) = (AtomicU64::new(first), AtomicU64::new(0), Mutex::new(Vec::new()));
    let tellers = std::thread::available_parallelism().map_or(1, NonZero::get).min(4);
    std::thread::scope(|scope| {
        for _ in 0..tellers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds || !failed.lock().unwrap().is_empty() {
                        return; // the first failure is enough
                    }
                    told.fetch_add(1, Ordering::Relaxed);
                    match tell(&stage, seed, &draw(seed)) {
                        Ok(story) if seeds == 1 => story.iter().for_each(|line| println!("{line}")),
                        Ok(_) => {}
                        Err(failure) => failed.lock().unwrap().push(*failure),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    for failure in &failed {
        println!("{failure}\n");
    }
    println!("{} seeds told, {} failed", told.into_inner(), failed.len());
    assert!(failed.is_empty() || number("SIEGEL_SHRINK") != Some(0), "not made shorter, as was asked");
    if let Some(failure) = failed.into_iter().min_by_key(|failure| failure.told.len()) {
        let (count, seed) = (draw(failure.seed).len(), failure.seed);
        let (shortest, why) = shrink(&stage, &draw(seed), failure);
        panic!("seed {seed}, of {count} operations {} are enough:\n{shortest:#?}\n{why}", shortest.len());
    }
}
