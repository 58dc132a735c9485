//! Field by field against <https://www.edfplus.info/specs/edfplus.html>; the offsets are written out, not taken from
//! the code.

use std::io::Write;

use siegel_edf::identity::Date;
use siegel_edf::reader::{Reader, samples};
use siegel_edf::recording::Recording;
use siegel_edf::{Annotation, EdfError};

use crate::{short, written};

fn field(file: &[u8], offset: usize, width: usize) -> &str {
    std::str::from_utf8(&file[offset..offset + width]).expect("the header is ASCII")
}

#[test]
fn the_header_is_laid_out_as_the_specification_says() {
    let (file, _) = written(&short(3));
    assert_eq!(field(&file, 0, 8), "0       ");
    assert_eq!(field(&file, 8, 80).trim_end(), "P-0815 F 14-MAR-1958 Mustermann_Erika");
    assert_eq!(field(&file, 88, 80).trim_end(), "Startdate 02-NOV-2026 LZ-4711 MTA_Beispiel Siegel_synthetic_recorder");
    assert_eq!(field(&file, 168, 16), "02.11.2608.00.00");
    assert_eq!(field(&file, 184, 8), "1280    ", "256 × (1 + 4 signals)");
    assert_eq!(field(&file, 192, 44).trim_end(), "EDF+C");
    assert_eq!(field(&file, 236, 8), "3       ", "data records");
    assert_eq!(field(&file, 244, 8), "1       ", "seconds each");
    assert_eq!(field(&file, 252, 4), "4   ");
    assert!(file[..1280].iter().all(|byte| (32..127).contains(byte)), "printable ASCII only");
}

#[test]
fn the_signals_are_described_field_by_field() {
    let (file, _) = written(&short(1));
    let labels: Vec<_> = (0..4).map(|signal| field(&file, 256 + 16 * signal, 16).trim_end()).collect();
    assert_eq!(labels, ["ECG I", "ECG II", "ECG V5", "EDF Annotations"]);
    // After 4 × (16 label + 80 transducer) bytes: unit, physical range, digital range, prefilter, samples, reserved.
    let eights = 256 + 4 * 96;
    let column = |which: usize| [0, 1, 2, 3].map(|signal| field(&file, eights + 32 * which + 8 * signal, 8).trim_end());
    assert_eq!(column(0), ["uV", "uV", "uV", ""]);
    assert_eq!(column(1), ["-3276.8", "-3276.8", "-3276.8", "-1"]);
    assert_eq!(column(2), ["3276.7", "3276.7", "3276.7", "1"]);
    assert_eq!(column(3), ["-32768"; 4]);
    assert_eq!(column(4), ["32767"; 4]);
    let samples = eights + 5 * 32 + 4 * 80;
    assert_eq!(
        [0, 1, 2, 3].map(|signal| field(&file, samples + 8 * signal, 8).trim_end()),
        ["256", "256", "256", "64"]
    );
    assert_eq!(samples + 4 * (8 + 32), 1280, "and the header ends after the reserved fields");
}

#[test]
fn every_record_begins_with_its_own_clock_and_carries_its_events() {
    let events = vec![Annotation { onset_s: 2, duration_s: Some(30), text: "Überschlag".into() }];
    let (file, _) = written(&Recording { events, ..short(3) });
    let annotations = |record: usize| &file[1280 + record * 1664 + 1536..1280 + (record + 1) * 1664];
    assert!(annotations(0).starts_with(b"+0\x14\x14\0\0"));
    assert!(annotations(2).starts_with("+2\x14\x14\0+2\x1530\x14Überschlag\x14\0\0".as_bytes()));
    assert!(annotations(1)[5..].iter().all(|&byte| byte == 0), "unused bytes are zero");
}

#[test]
fn the_size_is_known_beforehand() {
    for seconds in [0, 1, 63, 64, 65, 200] {
        let recording = short(seconds);
        let (file, written) = written(&recording);
        assert_eq!(file.len() as u64, recording.size_bytes());
        assert_eq!(file.len() as u64, written.bytes);
    }
    assert_eq!(Recording::example().size_bytes(), 1280 + 86_400 * (3 * 256 + 64) * 2);
}

#[test]
fn one_seed_one_file() {
    let recording = short(70);
    assert_eq!(written(&recording).0, written(&recording).0);
    assert_ne!(written(&recording).0, written(&Recording { seed: 2, ..recording }).0);
}

#[test]
fn the_reader_gives_back_what_was_written() {
    let (file, _) = written(&short(5));
    let mut reader = Reader::open(file.as_slice()).expect("our own file");
    let header = reader.header().clone();
    assert_eq!(header.to_bytes().expect("it was parsed from such bytes"), file[..1280]);
    let (mut records, mut highest) = (0, f64::MIN);
    while let Some(record) = reader.next_record().expect("complete") {
        records += 1;
        highest = samples(&header, record, 1).fold(highest, f64::max);
    }
    assert_eq!(records, 5);
    assert!((1000.0..1500.0).contains(&highest), "an R peak on lead II is about 1.15 mV, not {highest} µV");
}

#[test]
fn names_that_edf_cannot_hold_are_refused_before_a_byte_is_written() {
    let refused = |change: fn(&mut Recording)| {
        let mut recording = short(1);
        change(&mut recording);
        let mut sink = Counting(0);
        let error = recording.write(&mut sink).expect_err("must be refused");
        assert!(matches!(error, EdfError::Field { .. }), "{error}");
        assert!(!error.to_string().contains("Müller"), "errors quote no personal data");
        assert_eq!(sink.0, 0);
    };
    refused(|recording| recording.patient.name = "Müller".into());
    refused(|recording| recording.patient.name = "x".repeat(81));
    refused(|recording| recording.patient.sex = 'D');
    refused(|recording| recording.patient.born = Some(Date { year: 1958, month: 13, day: 1 }));
    refused(|recording| recording.origin.date.year = 1984);
    refused(|recording| recording.origin.time_s = 86_400);
}

struct Counting(usize);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
