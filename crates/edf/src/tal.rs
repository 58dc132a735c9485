//! Time-stamped annotation lists (TALs): how EDF+ puts text beside samples.
//!
//! `+onset[\x15duration]\x14text\x14\0`, UTF-8, the rest of the record's annotation bytes zero. The first list of every record has
//! an empty text: it is the record's own clock.

use crate::EdfError;

const DURATION: u8 = 0x15;
const END: u8 = 0x14;

/// Something that happened at a time, such as a patient pressing the event button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Seconds since the start of the recording.
    pub onset_s: u32,
    /// Seconds it lasted, if it did.
    pub duration_s: Option<u32>,
    /// What happened. Personal data.
    pub text: String,
}

/// Fills one record's annotation channel (`out`, fixed length) with its clock and `events`.
pub(crate) fn fill(out: &mut [u8], record_onset_s: u64, events: &[&Annotation]) -> Result<(), EdfError> {
    let mut bytes = format!("+{record_onset_s}").into_bytes();
    bytes.extend([END, END, 0]);
    for event in events {
        if event.text.bytes().any(|byte| matches!(byte, 0 | END | DURATION)) {
            return Err(EdfError::Field { field: "annotation", why: "it holds a control character" });
        }
        bytes.extend(format!("+{}", event.onset_s).bytes());
        if let Some(duration) = event.duration_s {
            bytes.push(DURATION);
            bytes.extend(duration.to_string().bytes());
        }
        bytes.push(END);
        bytes.extend(event.text.bytes());
        bytes.extend([END, 0]);
    }
    if bytes.len() > out.len() {
        return Err(EdfError::Field { field: "annotation", why: "too much text for one second" });
    }
    out.fill(0);
    out[..bytes.len()].copy_from_slice(&bytes);
    Ok(())
}
