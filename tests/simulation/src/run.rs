//! Tells a story from its first process to its last, and makes a failing one shorter.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::runtime::Builder;

use crate::life::Life;
use crate::op::Op;
use crate::place::Place;
use crate::stage::Stage;
use crate::story::{Next, Story};

/// How long nothing may happen, in real time, before the story's clock moves by [`PULSE_MS`].
const PULSE: Duration = Duration::from_millis(150);
const PULSE_MS: i64 = 50;
/// Stories that are told again to make one shorter.
const TRIES: usize = 60;

/// A story that went wrong.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What happened, a line each, up to the failure.
    pub told: Vec<String>,
    /// What was expected and what was seen.
    pub why: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} failed after {} operations:", self.seed, self.told.len())?;
        for (at, line) in self.told.iter().enumerate() {
            writeln!(f, "  {at:>3}  {line}")?;
        }
        writeln!(f, "{}", self.why)?;
        write!(f, "replay: SIEGEL_SEED={} cargo test --workspace --test simulation -- --nocapture", self.seed)
    }
}

/// Tells the story of these operations; what happened, a line each.
pub fn tell(stage: &Stage, seed: u64, ops: &[Op]) -> Result<Vec<String>, Box<Failure>> {
    let mut told = Vec::new();
    match told_by(stage, seed, ops, &mut told) {
        Ok(()) => Ok(told),
        Err(error) => Err(Box::new(Failure { seed, told, why: format!("{error:#}") })),
    }
}

fn told_by(stage: &Stage, seed: u64, ops: &[Op], told: &mut Vec<String>) -> Result<()> {
    let mut place = Place::new(stage, seed)?;
    let result = told_in(&place, ops, told);
    if result.is_err() && std::env::var_os("SIEGEL_KEEP").is_some() {
        told.push(format!("everything lies in {}", place.keep().display()));
    }
    result
}

fn told_in(place: &Place, ops: &[Op], told: &mut Vec<String>) -> Result<()> {
    let mut story = Story::new(place);
    let mut left = ops.iter();
    let result = loop {
        // A runtime for each process: dropping it in the middle is its death, with whatever was under way.
        let runtime = Builder::new_current_thread().enable_all().build().context("a runtime")?;
        let lived = runtime.block_on(one_life(place, &mut story, &mut left));
        let lived = lived.map(|end| {
            // Its database connections end with it, as they would with a process.
            let _inside = runtime.enter();
            matches!(end, End::Story)
        });
        drop(runtime);
        match lived {
            Ok(true) => break Ok(()),
            Err(error) => break Err(error),
            Ok(false) => {}
        }
        story.model.held = None;
        for zone in 0..2 {
            place.faults[zone].set(story.model.faults[zone]);
        }
    };
    told.append(&mut story.told);
    result
}

/// How a process ended.
enum End {
    /// It stopped, and so did the story.
    Story,
    /// It stopped, to start again.
    Stop,
    /// It dies: what is left of it is to be dropped, in the middle of whatever it does.
    Death {
        /// Never looked at.
        _dead: Box<Life>,
    },
}

/// From a start to a stop or a death.
async fn one_life(place: &Place, story: &mut Story<'_>, left: &mut std::slice::Iter<'_, Op>) -> Result<End> {
    story.starts()?;
    let mut life = Life::begin(place).await.context("expected: the platform starts")?;
    for op in left.by_ref() {
        let (goes_on, next) = with_pulse(place, story.step(life, op)).await?;
        match (goes_on, next) {
            (Some(same), Next::GoOn) => life = same,
            (None, _) => return Ok(End::Stop),
            (Some(dead), _) => return Ok(End::Death { _dead: Box::new(dead) }),
        }
    }
    with_pulse(place, story.end(&mut life)).await?;
    life.stop().await?;
    Ok(End::Story)
}

/// Lets a little time pass whenever nothing happens for a while. What waits on the story's clock, such as a transaction
/// that finds the database still locked by the process that just died, would wait for ever otherwise.
async fn with_pulse<F: Future>(place: &Place, step: F) -> F::Output {
    let mut step = Box::pin(step);
    loop {
        match tokio::time::timeout(PULSE, &mut step).await {
            Ok(done) => return done,
            Err(_) => place.clock.advance_ms(PULSE_MS),
        }
    }
}

/// A shorter list that fails too, by leaving out halves, quarters and single operations; the failure that it ends with.
pub fn shrink(stage: &Stage, ops: &[Op], failure: Failure) -> (Vec<Op>, Failure) {
    let (mut shortest, mut why) = (ops.to_vec(), failure);
    let mut chunk = shortest.len().div_ceil(2);
    let mut tries = 0;
    while chunk > 0 {
        let mut from = 0;
        while from < shortest.len() && tries < TRIES {
            tries += 1;
            let mut fewer = shortest.clone();
            fewer.drain(from..(from + chunk).min(fewer.len()));
            match tell(stage, why.seed, &fewer) {
                Err(failure) => (shortest, why) = (fewer, *failure),
                Ok(_) => from += chunk,
            }
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    (shortest, why)
}
