//! What people and scripts see: sentences in their language on a terminal, one JSON value in a script, progress where
//! someone watches, and errors that say what to do next.

mod format;
mod lang;
mod progress;
mod prompt;
mod table;

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

pub(crate) use format::{bytes, date, duration, human_rate};
pub(crate) use lang::{Args, Lang};
pub(crate) use progress::Bar;
pub(crate) use table::Table;

/// Where a command's output goes, and in which form.
#[derive(Debug, Clone)]
pub(crate) struct Ui {
    /// The language.
    pub(crate) lang: Lang,
    /// One JSON value on standard output instead of sentences.
    pub(crate) json: bool,
    /// Only results and errors.
    pub(crate) quiet: bool,
    /// Whether someone watches: standard error is a terminal.
    pub(crate) watched: bool,
}

impl Ui {
    /// As the options and the terminal have it.
    pub(crate) fn new(lang: Lang, json: bool, quiet: bool) -> Self {
        Self { lang, json, quiet, watched: std::io::stderr().is_terminal() && !quiet }
    }

    /// A text of the catalogue.
    pub(crate) fn text(&self, key: &str, args: Args<'_>) -> String {
        self.lang.text(key, args)
    }

    /// A result: to standard output, or nothing when a JSON value takes its place.
    pub(crate) fn say(&self, key: &str, args: Args<'_>) {
        if !self.json {
            self.line(&self.text(key, args));
        }
    }

    /// A remark beside the result: to standard error, so that a pipe gets the result alone.
    pub(crate) fn note(&self, key: &str, args: Args<'_>) {
        if !self.json && !self.quiet {
            complain(&self.text(key, args));
        }
    }

    /// Something a person should see even in a script's log.
    pub(crate) fn warn(&self, key: &str, args: Args<'_>) {
        complain(&format!("{} {}", self.text("warning", &[]), self.text(key, args)));
    }

    /// A line of the result as it is.
    pub(crate) fn line(&self, line: &str) {
        // A reader that went away (`siegel ls | head`) is no error of ours.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }

    /// The result for scripts.
    pub(crate) fn json(&self, value: &impl Serialize) {
        if self.json {
            let text = serde_json::to_string_pretty(value).expect("our result types always encode");
            self.line(&text);
        }
    }

    /// One of many results, each on a line of its own (JSON lines), for commands that go on.
    pub(crate) fn json_line(&self, value: &impl Serialize) {
        if self.json {
            self.line(&serde_json::to_string(value).expect("our result types always encode"));
        }
    }
}

/// A line to standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
