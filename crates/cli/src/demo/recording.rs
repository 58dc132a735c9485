//! What is sent: a made-up 24-hour ECG in EDF+, or any file. And what the centre makes of it: a report.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use siegel_edf::reader::Reader;
use siegel_edf::recording::Recording;
use siegel_edf::{pulse, report};

use super::canary::Canaries;
use crate::error::{Exit, Failure, Result};
use crate::ui::{Lang, Ui, bytes};

/// Writes the recording into `dir`, with a patient who must not be found anywhere afterwards.
pub(super) fn make(dir: &Path, canaries: &mut Canaries) -> Result<PathBuf> {
    let mut recording = Recording::example();
    let name = canaries.person("Mustermann");
    recording.patient.name.clone_from(&name);
    recording.patient.code = canaries.word("P-");
    recording.origin.technician = canaries.person("MTA");
    recording.origin.admin_code = canaries.word("LZ-");
    // EDF writes spaces of names as underscores.
    canaries.text(&name.replace(' ', "_"));
    let path = dir.join(canaries.word("EKG-") + ".edf");
    let mut out = BufWriter::new(File::create(&path).map_err(Failure::file(&path))?);
    recording.write(&mut out).map_err(unusable)?;
    out.flush().map_err(Failure::file(&path))?;
    Ok(path)
}

/// What the centre finds in it: the heart rate if it is an ECG, its size otherwise.
pub(super) fn evaluate(ui: &Ui, path: &Path) -> Result<String> {
    let file = File::open(path).map_err(Failure::file(path))?;
    let size = file.metadata().map_err(Failure::file(path))?.len();
    let Ok(mut reader) = Reader::open(BufReader::with_capacity(1 << 20, file)) else {
        return Ok(ui.text("demo-report-any", &[("size", &bytes(ui.lang, size))]));
    };
    let summary = pulse::evaluate(&mut reader).map_err(unusable)?;
    let language = match ui.lang {
        Lang::De => report::Language::German,
        Lang::En => report::Language::English,
    };
    Ok(report::text(reader.header(), &summary, language))
}

fn unusable(error: siegel_edf::EdfError) -> Failure {
    Failure::own(Exit::Unexpected, "demo-recording-failed").with("why", error)
}
