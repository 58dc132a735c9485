//! The detector against hearts whose rate is known.

use siegel_edf::ecg::Model;
use siegel_edf::pulse::evaluate;
use siegel_edf::reader::Reader;
use siegel_edf::recording::Recording;
use siegel_edf::report::{self, Language};

use crate::{short, written};

#[test]
fn the_programmed_heart_rate_is_found_within_two_beats_a_minute() {
    for mean_bpm in [38.0, 50.0, 68.0, 90.0, 130.0, 160.0] {
        for seed in 1..4 {
            let model = Model { mean_bpm, day_swing: 0.0, ..Model::default() };
            let (file, _) = written(&Recording { model, seed, ..short(600) });
            let found = evaluate(&mut Reader::open(file.as_slice()).expect("our own file")).expect("an ECG");
            assert!((found.mean_bpm - mean_bpm).abs() < 2.0, "{mean_bpm} programmed, {found:?}");
        }
    }
}

#[test]
fn no_beat_is_missed_or_invented_over_an_hour() {
    let (file, written) = written(&short(3600));
    let found = evaluate(&mut Reader::open(file.as_slice()).expect("our own file")).expect("an ECG");
    // One may lie on either edge of the recording.
    assert!(found.beats.abs_diff(written.beats) <= 2, "{} made, {} found", written.beats, found.beats);
    assert!(found.longest_pause_s < 1.5, "{found:?}");
    assert!(found.min_bpm < found.mean_bpm && found.mean_bpm < found.max_bpm);
}

#[test]
fn noise_alone_is_no_regular_heart() {
    let model = Model { noise_uv: 250.0, ..Model::default() };
    let (file, _) = written(&Recording { model, ..short(60) });
    let found = evaluate(&mut Reader::open(file.as_slice()).expect("our own file")).expect("an ECG");
    assert_eq!(found.duration_s, 60.0, "a bad signal is evaluated to its end all the same: {found:?}");
}

#[test]
fn the_report_names_the_patient_and_the_rate_in_both_languages() {
    let (file, _) = written(&short(300));
    let mut reader = Reader::open(file.as_slice()).expect("our own file");
    let found = evaluate(&mut reader).expect("an ECG");
    for (language, words) in [(Language::German, "im Mittel"), (Language::English, "on average")] {
        let text = report::text(reader.header(), &found, language);
        assert!(text.contains("Mustermann_Erika"));
        assert!(text.contains(&format!("{:.0}/min {words}", found.mean_bpm)), "{text}");
    }
}
