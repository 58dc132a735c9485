//! The sender, a practice: comes in by the centre's code, compares the fingerprint, sends (and resumes), reads the report
//! (C02, C03, C05, C06).

use std::path::{Path, PathBuf};
use std::time::Duration;

use siegel_client::api::members::ReturnReport;
use siegel_client::time::{Moment, sleep};
use siegel_client::{Enrolment, Meter, Session, SignIn};
use siegel_domain::{Principal, RecordId};

use super::super::recording;
use super::super::story::{Cast, Play, Report, wrong};
use super::centre::{keep_keys, told};
use crate::error::{Failure, Result};
use crate::ui::{Bar, bytes, human_rate};

/// The line is cut when so much of the recording has left.
const CUT_AT: f64 = 0.4;
/// Files smaller than this leave no time to cut the line.
const CUT_FROM: u64 = 32 * 1024 * 1024;

/// The centre adds a sender; the sender enrols with the code and compares; the centre confirms.
pub(crate) async fn comes_in(play: &mut Play, centre: &Session) -> Result<Session> {
    play.tell.step("demo-act-sender", "C02 C06");
    let name = play.canaries.person("Praxis Dr.");
    let invitation = centre.invite_sender(&name, ReturnReport::Ask, None).await?;
    play.canaries.secret("canary-code", invitation.code.as_bytes());
    play.tell.fact("demo-sender-invited", &[("name", &name)]);

    let dir = play.stage.profile("practice");
    let enrolment = Enrolment::begin(&invitation.code, None, None).await?;
    let (seen, expected) = (enrolment.fingerprint(), centre.profile().tenant()?.root);
    if seen != Some(expected) {
        return Err(wrong("demo-wrong-fingerprint"));
    }
    play.tell.fact("demo-fingerprint-same", &[("fingerprint", &expected)]);
    enrolment.sender(&dir).await?;
    let session = SignIn::at(dir).machine()?;
    keep_keys(play, &session)?;

    let Principal::Sender(id) = session.profile().principal else { return Err(wrong("demo-wrong-role")) };
    centre.confirm_sender(id).await?;
    if !session.who().await?.confirmed {
        return Err(wrong("demo-wrong-role"));
    }
    play.tell.fact("demo-sender-confirmed", &[]);
    play.tell.done();
    Ok(session)
}

/// The recording, made up or brought along.
pub(crate) fn records(play: &mut Play, file: Option<&Path>) -> Result<PathBuf> {
    play.tell.step("demo-act-record", "C03");
    let dir = play.stage.of("practice");
    let path = match file {
        None => recording::make(&dir, &mut play.canaries)?,
        Some(file) => {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let path = dir.join(format!("{}{name}", play.canaries.word("")));
            std::fs::copy(file, &path).map_err(Failure::file(file))?;
            path
        }
    };
    play.canaries.file(&path)?;
    let size = std::fs::metadata(&path).map_err(Failure::file(&path))?.len();
    let size = bytes(play.tell.ui().lang, size);
    play.tell.fact("demo-recorded", &[("path", &path.display()), ("size", &size)]);
    play.tell.done();
    Ok(path)
}

/// Sends it; a large one over a line that breaks on the way. The centre is told.
pub(crate) async fn uploads(play: &mut Play, cast: &Cast, path: &Path) -> Result<RecordId> {
    play.tell.step("demo-act-upload", "C03 C06 R01 M02");
    let size = std::fs::metadata(path).map_err(Failure::file(path))?.len();
    let note = play.canaries.word("bitte die Nacht ansehen ");
    let what = play.tell.ui().text("demo-bar-upload", &[]);
    let start = Moment::now();
    if size >= CUT_FROM {
        let meter = Meter::default();
        let _bar = Bar::follow(play.tell.ui(), &what, size, meter.clone());
        let watch = meter.clone();
        let line_breaks = async move {
            while (watch.bytes() as f64) < size as f64 * CUT_AT {
                sleep(Duration::from_millis(2)).await;
            }
        };
        let upload = cast.practice.upload(path).note(&note).return_report(true).meter(meter);
        tokio::select! {
            sent = upload.send() => { sent?; return Err(wrong("demo-wrong-uncut")) }
            () = line_breaks => {}
        }
        play.tell.fact("demo-line-cut", &[("percent", &(CUT_AT * 100.0))]);
    }
    let meter = Meter::default();
    let sent = {
        let _bar = Bar::follow(play.tell.ui(), &what, size, meter.clone());
        cast.practice.upload(path).note(&note).return_report(true).meter(meter).send().await?
    };
    if size >= CUT_FROM && sent.resumed_bytes == 0 {
        return Err(wrong("demo-wrong-resume"));
    }
    let (ui, took) = (play.tell.ui(), start.elapsed());
    let resumed = bytes(ui.lang, sent.resumed_bytes);
    let (size_text, rate) = (bytes(ui.lang, size), human_rate(ui.lang, size, took));
    if sent.resumed_bytes > 0 {
        play.tell.fact("demo-resumed", &[("size", &resumed)]);
    }
    play.tell.fact("demo-uploaded", &[("record", &sent.record), ("size", &size_text), ("rate", &rate)]);
    for zone in &sent.receipt.zones {
        play.tell.fact("demo-zone", &[("zone", &zone.zone), ("parts", &zone.parts), ("of", &sent.receipt.parts)]);
    }
    play.tell.figure("upload_bytes_per_s", size as f64 / took.as_secs_f64());
    play.tell.fact("demo-receipt", &[("path", &sent.receipt_path.display())]);
    let kind = told(&cast.centre, Some(String::new()), sent.record).await?;
    play.tell.fact("demo-told", &[("kind", &kind)]);
    play.tell.done();
    Ok(sent.record)
}

/// The report comes back to the practice, which alone (beside the centre) can open it.
pub(crate) async fn reads_report(play: &mut Play, cast: &Cast, report: &Report) -> Result<()> {
    play.tell.step("demo-act-back", "C05 C06");
    told(&cast.practice, Some(String::new()), report.record).await?;
    let opened = cast.practice.open_record(report.record).await?;
    let path = play.stage.of("practice").join(opened.file_name());
    opened.save(&path, siegel_client::Overwrite::No, &Meter::default()).await?;
    if std::fs::read_to_string(&path).map_err(Failure::file(&path))? != report.text {
        return Err(wrong("demo-wrong-bytes"));
    }
    play.tell.fact("demo-report-read", &[("path", &path.display())]);
    play.tell.done();
    Ok(())
}
