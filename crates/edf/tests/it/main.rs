//! What is written must be EDF+ as the specification says, and what is read must be what was written.

mod format;
mod hostile;
mod pulse;

use siegel_edf::recording::Recording;

/// A short recording's bytes, and what the writer said of it.
fn written(recording: &Recording) -> (Vec<u8>, siegel_edf::recording::Written) {
    let mut file = Vec::new();
    let written = recording.write(&mut file).expect("writing to memory");
    (file, written)
}

fn short(duration_s: u32) -> Recording {
    Recording { duration_s, ..Recording::example() }
}
