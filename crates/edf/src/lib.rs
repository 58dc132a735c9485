//! A long-term ECG as a medical device would write it, without a patient: the demo's input.
//!
//! Siegel moves files it cannot read, so what is in them matters to people only. A demo that uploads zeros convinces
//! nobody; this crate writes 24 hours of three-channel ECG in EDF+ (the format long-term ECG recorders export), with a
//! name in the header that must never be found on the server, and evaluates it again at the receiving end, as an
//! evaluation centre would.
//!
//! - [`header`]: the fixed-width ASCII header of EDF+, written and parsed; [`identity`]: who, when and with what.
//! - [`ecg`]: the signal, a sum of Gaussians per heartbeat, deterministic by seed.
//! - [`recording`]: header and signal streamed into any `Write` in constant memory.
//! - [`reader`]: record by record out of any `Read`, with bounds on everything the header claims.
//! - [`pulse`]: an R-peak detector; [`report`]: what it found, in plain German or English.
//!
//! ```
//! use siegel_edf::{pulse, reader::Reader, recording::Recording, report};
//!
//! let mut file = Vec::new();
//! let written = Recording { duration_s: 120, ..Recording::example() }.write(&mut file)?;
//! assert_eq!(written.bytes, file.len() as u64);
//!
//! let mut reader = Reader::open(file.as_slice())?;
//! let summary = pulse::evaluate(&mut reader)?;
//! println!("{}", report::text(reader.header(), &summary, report::Language::English));
//! # Ok::<(), siegel_edf::EdfError>(())
//! ```
//!
//! Format: EDF+ (Kemp and Olivan 2003, <https://www.edfplus.info/specs/edfplus.html>). It is not a medical device and
//! its detector is good for demonstrations only.

pub mod ecg;
mod error;
pub mod header;
pub mod identity;
pub mod pulse;
pub mod reader;
pub mod recording;
pub mod report;
mod tal;

pub use error::EdfError;
pub use tal::Annotation;
