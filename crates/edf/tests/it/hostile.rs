//! Files that lie: an evaluation centre opens what strangers send.

use siegel_edf::pulse::evaluate;
use siegel_edf::reader::Reader;
use siegel_edf::{EdfError, recording::Recording};

use crate::{short, written};

fn outcome(file: &[u8]) -> Result<u64, EdfError> {
    Ok(evaluate(&mut Reader::open(file)?)?.beats)
}

#[test]
fn a_file_cut_at_any_byte_is_an_error_and_never_a_panic() {
    let (file, _) = written(&short(2));
    for length in (0..1300).chain((1300..file.len()).step_by(97)) {
        assert!(outcome(&file[..length]).is_err(), "cut to {length} bytes");
    }
    assert!(outcome(&file).is_ok());
}

#[test]
fn any_header_byte_changed_to_anything_nasty_is_survived() {
    let (file, _) = written(&short(2));
    for offset in 0..1280 {
        for byte in [0, b' ', b'-', b'9', 0xff] {
            let mut broken = file.clone();
            broken[offset] = byte;
            // Most of these still open (a name may be anything); what counts is that none panics or allocates without
            // bound.
            let _ = outcome(&broken);
        }
    }
}

#[test]
fn a_header_that_claims_the_moon_is_refused() {
    let (file, _) = written(&short(2));
    let refused = |offset: usize, claim: &str| {
        let mut broken = file.clone();
        broken[offset..offset + claim.len()].copy_from_slice(claim.as_bytes());
        assert!(matches!(outcome(&broken), Err(EdfError::Format(_))), "{claim} at {offset}");
    };
    refused(0, "1       ");
    refused(184, "99999999"); // header length
    refused(252, "9999"); // signals
    refused(252, "0   ");
    refused(236, "99999999"); // more records than there are
    refused(244, "NaN     ");
    refused(244, "-1      ");
    refused(244, "0       "); // an infinite sampling rate
    refused(1280 - 4 * 40, "99999999"); // samples per record
    refused(1280 - 4 * 40, "-1      ");
}

#[test]
fn a_recording_that_was_cut_off_between_records_still_opens() {
    let (mut file, _) = written(&Recording { duration_s: 30, ..Recording::example() });
    file[236..244].copy_from_slice(b"-1      ");
    let whole = outcome(&file).expect("records are counted by reading");
    assert!(whole > 25);
    file.truncate(file.len() - 1);
    assert!(outcome(&file).is_err(), "but not inside one");
}

#[test]
fn a_recording_without_an_ecg_says_so() {
    let (mut file, _) = written(&short(2));
    for signal in 0..3 {
        file[256 + 16 * signal..][..3].copy_from_slice(b"EEG");
    }
    assert!(matches!(outcome(&file), Err(EdfError::NoEcg)));
}
