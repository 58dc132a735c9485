//! The centre: its owner makes its keys, sets up a sender, is told when something comes, opens it and reports (C02, C04,
//! C05, R02-R06).

use std::path::Path;
use std::time::Duration;

use siegel_client::api::tenants::Tenant;
use siegel_client::password::Password;
use siegel_client::profile::ProfileDir;
use siegel_client::time::{Moment, sleep};
use siegel_client::{Enrolment, Meter, Overwrite, RecordQuery, Session, SignIn};
use siegel_domain::{RecordId, RecordKind};
use zeroize::Zeroizing;

use super::super::recording::evaluate;
use super::super::story::{Cast, Play, Report, wrong};
use crate::error::Result;
use crate::ui::{Bar, bytes, human_rate};

/// How long the centre waits to be told.
const PATIENCE: Duration = Duration::from_secs(30);

/// The owner enrols with a password and makes the centre's first key.
pub(crate) async fn opens(play: &mut Play, tenant: &Tenant, code: &str) -> Result<Session> {
    play.tell.step("demo-act-owner", "C01 R02 R03 R04 R06 K03");
    let dir = play.stage.profile("centre");
    let (session, login) = owner(play, &dir, code).await?;
    play.tell.fact("demo-owner-in", &[("login", &login)]);
    let own = session.own_tenant().await?;
    if own.id != tenant.id || own.comment != tenant.comment {
        return Err(wrong("demo-wrong-tenant"));
    }
    play.tell.fact("demo-comment-seen", &[("comment", &own.comment)]);
    play.tell.fact("demo-root", &[("fingerprint", &session.profile().tenant()?.root)]);
    play.tell.done();
    Ok(session)
}

/// Enrols an owner under a login name and a password of this run, and signs in.
pub(super) async fn owner(play: &mut Play, dir: &ProfileDir, code: &str) -> Result<(Session, String)> {
    let name = play.canaries.word("anna.");
    let text = Zeroizing::new(format!("Kiesel-7 {}", play.canaries.word("am ")));
    play.canaries.secret("canary-password", text.as_bytes());
    let password = Password::new(text, &name).map_err(|_| wrong("demo-wrong-password"))?;
    Enrolment::begin(code, None, None).await?.owner(dir, &name, &password).await?;
    let session = SignIn::at(dir.clone()).password(password.as_str()).await?;
    keep_keys(play, &session)?;
    let login = dir.load()?.person.map(|person| person.login).unwrap_or_default();
    play.tell.fact("demo-keys-where", &[("path", &dir.path().display())]);
    Ok((session, login))
}

/// Everything secret that this person holds now must not be at the platform.
pub(super) fn keep_keys(play: &mut Play, session: &Session) -> Result<()> {
    let device = session.dir().device_keys()?.to_bytes();
    for seed in device.chunks_exact(32) {
        play.canaries.secret("canary-key", seed);
    }
    if let Some(unlocked) = session.keys() {
        // Version and session id (17), then the root; tenant (16), then a seed for each epoch.
        for secret in unlocked[17..].chunks(32).take(1).chain(unlocked[17 + 32 + 16..].chunks_exact(32)) {
            play.canaries.secret("canary-key", secret);
        }
    }
    Ok(())
}

/// Is told, lists, opens, reports, and sends the report back.
pub(crate) async fn reports(play: &mut Play, cast: &Cast, recording: &Path, sent: RecordId) -> Result<Report> {
    play.tell.step("demo-act-evaluate", "C04");
    let (listings, _) = cast.centre.listing(&RecordQuery::default()).await?;
    let listing = listings.into_iter().find(|listing| listing.record.id == sent).ok_or(wrong("demo-wrong-list"))?;
    let opened = listing.opened?;
    let note = opened.metadata.note.clone().unwrap_or_default();
    play.tell.fact("demo-listed", &[("file", &opened.file_name()), ("note", &note)]);

    let path = play.stage.of("centre").join(opened.file_name());
    let (meter, start) = (Meter::default(), Moment::now());
    {
        let what = play.tell.ui().text("demo-bar-download", &[]);
        let _bar = Bar::follow(play.tell.ui(), &what, opened.manifest().sealed_bytes(), meter.clone());
        opened.save(&path, Overwrite::No, &meter).await?;
    }
    let (ui, took) = (play.tell.ui(), start.elapsed());
    let (size, rate) = (bytes(ui.lang, opened.plain_bytes()), human_rate(ui.lang, opened.plain_bytes(), took));
    play.tell.fact("demo-opened", &[("path", &path.display()), ("size", &size), ("rate", &rate)]);
    let rate = opened.plain_bytes() as f64 / took.as_secs_f64();
    play.tell.figure("download_bytes_per_s", rate);
    if !same(recording, &path)? {
        return Err(wrong("demo-wrong-bytes"));
    }
    play.tell.fact("demo-same", &[]);
    let text = evaluate(play.tell.ui(), &path)?;
    play.tell.done();

    play.tell.step("demo-act-report", "C05");
    if !opened.record.return_report {
        return Err(wrong("demo-wrong-wish"));
    }
    for line in text.lines().filter(|line| line.contains(':')) {
        play.tell.fact("demo-report-line", &[("line", &line)]);
    }
    let report = play.stage.of("centre").join(format!("{}.txt", play.canaries.word("Befund-")));
    std::fs::write(&report, &text).map_err(crate::error::Failure::file(&report))?;
    let sent = cast
        .centre
        .upload(&report)
        .kind(RecordKind::Report)
        .answers(sent)
        .to(opened.from)
        .to(cast.centre.profile().tenant()?.id)
        .send()
        .await?;
    play.tell.fact("demo-report-sent", &[("record", &sent.record)]);
    play.tell.done();
    Ok(Report { record: sent.record, text })
}

/// Waits for the event that tells of `record`.
pub(super) async fn told(session: &Session, after: Option<String>, record: RecordId) -> Result<String> {
    let mut events = session.events(after);
    let listening = async {
        loop {
            let event = events.next().await?;
            if event.kind == "siegel.record.committed.v1" && event.subject == record.to_string() {
                return Ok(event.kind);
            }
        }
    };
    tokio::select! {
        told = listening => told,
        () = sleep(PATIENCE) => Err(wrong("demo-wrong-untold")),
    }
}

/// Two files, byte by byte.
fn same(one: &Path, other: &Path) -> Result<bool> {
    use std::io::Read as _;
    let open = |path: &Path| std::fs::File::open(path).map_err(crate::error::Failure::file(path));
    let (mut one_file, mut other_file) = (open(one)?, open(other)?);
    let (mut left, mut right) = (vec![0; 1 << 20], Vec::new());
    loop {
        let read = one_file.read(&mut left).map_err(crate::error::Failure::file(one))?;
        right.resize(read.max(1), 0);
        if read == 0 {
            return Ok(other_file.read(&mut right).map_err(crate::error::Failure::file(other))? == 0);
        }
        if other_file.read_exact(&mut right).is_err() || left[..read] != right[..] {
            return Ok(false);
        }
    }
}
