//! `siegel get RECORD`: fetches a record, verifies and opens it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::json;
use siegel_client::time::Moment;
use siegel_client::{Meter, Opened, Overwrite};
use siegel_domain::RecordId;

use crate::ctx::Ctx;
use crate::error::{Exit, Failure, Result};
use crate::names::Names;
use crate::ui::{Bar, bytes, duration, human_rate};

/// Names that are tried before we give up.
const NAMES: u32 = 1_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    record: RecordId,
    #[arg(long, short = 'o', value_name = "PATH")]
    output: Option<PathBuf>,
    #[arg(long, short = 'f')]
    force: bool,
    #[arg(long, value_name = "FROM-TO")]
    range: Option<Bytes>,
}

/// `FROM-TO`, both inclusive, as HTTP writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes {
    from: u64,
    to: u64,
}

impl FromStr for Bytes {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once('-').ok_or("FROM-TO")?;
        let (from, to) = (from.parse().map_err(|_| "FROM-TO")?, to.parse().map_err(|_| "FROM-TO")?);
        if from <= to && to < u64::MAX { Ok(Self { from, to }) } else { Err("FROM-TO, FROM <= TO") }
    }
}

impl From<Bytes> for Range<u64> {
    fn from(bytes: Bytes) -> Self {
        bytes.from..bytes.to + 1
    }
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.session(async |session, _| {
            let opened = session.open_record(self.record).await?;
            if let Some(range) = self.range {
                return self.piece(&opened, range).await;
            }
            if self.output.as_deref() == Some(Path::new("-")) {
                opened.stream(std::io::stdout(), Path::new("stdout"), &Meter::default()).await?;
                return Ok(opened.fetched().await?);
            }
            let (path, overwrite) = self.target(&opened)?;
            let meter = Meter::default();
            let start = Moment::now();
            {
                let total = opened.manifest().sealed_bytes();
                let _bar = Bar::follow(&ctx.ui, &opened.file_name(), total, meter.clone());
                opened.save(&path, overwrite, &meter).await?;
            }
            let names = Names::load(session).await?;
            show(ctx, &names, &opened, &path, start.elapsed());
            Ok(())
        })
        .await
    }

    async fn piece(&self, opened: &Opened, range: Bytes) -> Result<()> {
        let plain = opened.range(range.into(), &Meter::default()).await?;
        match self.output.as_deref().filter(|path| *path != Path::new("-")) {
            None => std::io::Write::write_all(&mut std::io::stdout().lock(), &plain).map_err(Failure::terminal),
            Some(path) if path.exists() && !self.force => Err(exists(path)),
            Some(path) => siegel_client::os::replace(path, &plain).map_err(Failure::file(path)),
        }
    }

    /// Where it goes: the path that was named, or the sender's name for it, in the directory that was named or here.
    fn target(&self, opened: &Opened) -> Result<(PathBuf, Overwrite)> {
        let overwrite = if self.force { Overwrite::Yes } else { Overwrite::No };
        match &self.output {
            Some(path) if !path.is_dir() => match path.exists() && !self.force {
                true => Err(exists(path)),
                false => Ok((path.clone(), overwrite)),
            },
            dir => {
                let dir = dir.clone().unwrap_or_else(|| PathBuf::from("."));
                let name = opened.file_name();
                let path = if self.force { dir.join(&name) } else { free(&dir, &name)? };
                Ok((path, overwrite))
            }
        }
    }
}

fn exists(path: &Path) -> Failure {
    Failure::own(Exit::Conflict, "get-exists").with("path", path.display())
}

/// The first of `name.edf`, `name-2.edf`, … that is not there yet.
pub(crate) fn free(dir: &Path, name: &str) -> Result<PathBuf> {
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let numbered = (2..NAMES).map(|number| dir.join(format!("{stem}-{number}{ending}")));
    std::iter::once(dir.join(name)).chain(numbered).find(|path| !path.exists()).ok_or_else(|| exists(&dir.join(name)))
}

fn show(ctx: &Ctx, names: &Names, opened: &Opened, path: &Path, took: std::time::Duration) {
    let ui = &ctx.ui;
    let (size, rate) = (bytes(ui.lang, opened.plain_bytes()), human_rate(ui.lang, opened.plain_bytes(), took));
    let from = names.from(ui, opened);
    let took_text = duration(ui.lang, took);
    ui.say("get-done", &[("path", &path.display()), ("size", &size), ("took", &took_text), ("rate", &rate)]);
    ui.say("get-from", &[("from", &from)]);
    if let Some(note) = &opened.metadata.note {
        ui.say("get-note", &[("note", note)]);
    }
    ui.json(&json!({
        "record": opened.record.id, "path": path, "bytes": opened.plain_bytes(), "from": opened.from,
        "from_name": names.of(opened.from), "passed_on_by": opened.passed_on_by,
        "file_name": opened.metadata.file_name, "note": opened.metadata.note, "title": opened.metadata.title,
        "media_type": opened.metadata.media_type, "return_report": opened.record.return_report,
        "answers": opened.record.answers, "seconds": took.as_secs_f64(),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_writes_them() {
        assert_eq!("0-9".parse::<Bytes>().map(Range::from), Ok(0..10));
        for bad in ["", "-", "5", "9-0", "-5", "a-b", "0-18446744073709551615"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(free(dir.path(), "a.edf").unwrap(), dir.path().join("a.edf"));
        std::fs::write(dir.path().join("a.edf"), "").unwrap();
        std::fs::write(dir.path().join("a-2.edf"), "").unwrap();
        assert_eq!(free(dir.path(), "a.edf").unwrap(), dir.path().join("a-3.edf"));
        std::fs::write(dir.path().join("report"), "").unwrap();
        assert_eq!(free(dir.path(), "report").unwrap(), dir.path().join("report-2"));
    }
}
