//! Writes the demo's recording to a file and evaluates it: `cargo run -p siegel-edf --example make -- ecg.edf`

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};

use siegel_edf::{EdfError, pulse, reader::Reader, recording::Recording, report};

fn main() -> Result<(), EdfError> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "ecg.edf".into());
    let mut file = BufWriter::new(File::create(&path)?);
    let written = Recording::example().write(&mut file)?;
    file.flush()?;
    println!("{path}: {} bytes, {} heartbeats\n", written.bytes, written.beats);

    let mut reader = Reader::open(BufReader::with_capacity(1 << 20, File::open(&path)?))?;
    let summary = pulse::evaluate(&mut reader)?;
    println!("{}", report::text(reader.header(), &summary, report::Language::German));
    Ok(())
}
