//! How a command fails: a sentence of the catalogue, what to do next, and a stable exit code (`docs/cli.md` lists them).

use std::fmt::Display;
use std::process::ExitCode;

use serde::Serialize;
use siegel_client::{Code, Error};

use crate::ui::{Ui, complain};

/// What every command answers.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Exit codes. Scripts rely on them: a number never gets another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Something unexpected: an error inside the platform, an answer that is not understood.
    Unexpected = 1,
    /// Wrong options, or a value that can't be right.
    Usage = 2,
    /// Sign in first.
    SignIn = 3,
    /// Not allowed, or the wrong password.
    Refused = 4,
    /// There is no such thing, or it was erased, used or has expired.
    NotFound = 5,
    /// It exists already, or someone changed it meanwhile.
    Conflict = 6,
    /// Something did not verify: do not go on.
    Untrusted = 7,
    /// The host did not answer.
    Unreachable = 8,
    /// The platform is busy or full, or a limit is reached.
    Busy = 9,
    /// A local file or profile.
    Local = 10,
}

/// Why a command did not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The SDK's error.
    Sdk(Box<Error>),
    /// One of this program's own.
    Own { exit: Exit, key: &'static str, values: Vec<(&'static str, String)> },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sdk(Box::new(error))
    }
}

impl From<siegel_client::Untrusted> for Failure {
    fn from(untrusted: siegel_client::Untrusted) -> Self {
        Error::from(untrusted).into()
    }
}

/// What a script reads.
#[derive(Serialize)]
struct Shown<'a> {
    error: String,
    message: &'a str,
    next: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    exit_code: u8,
}

impl Failure {
    /// A mistake of the caller: text `key` of the catalogue.
    pub(crate) fn usage(key: &'static str) -> Self {
        Self::own(Exit::Usage, key)
    }

    /// Text `key` of the catalogue and an exit code.
    pub(crate) fn own(exit: Exit, key: &'static str) -> Self {
        Self::Own { exit, key, values: Vec::new() }
    }

    /// Fills a place of the text.
    pub(crate) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        if let Self::Own { values, .. } = &mut self {
            values.push((name, value.to_string()));
        }
        self
    }

    /// The terminal does not answer.
    pub(crate) fn terminal(error: std::io::Error) -> Self {
        Self::own(Exit::Local, "terminal-failed").with("why", error)
    }

    /// A local file.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Error::File { path, source }.into()
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Own { exit, .. } => *exit,
            Self::Sdk(error) => match &**error {
                Error::Refused(problem) => of_code(problem.code),
                Error::Unreachable(_) => Exit::Unreachable,
                Error::Tls(_) | Error::Untrusted(_) => Exit::Untrusted,
                Error::Locked => Exit::SignIn,
                Error::WrongRole(_) => Exit::Refused,
                Error::Input { .. } => Exit::Usage,
                Error::File { .. } | Error::Profile { .. } => Exit::Local,
                Error::FileChanged(_) => Exit::Conflict,
                _ => Exit::Unexpected,
            },
        }
    }

    /// Says it, and answers with the exit code.
    pub(crate) fn show(&self, ui: &Ui) -> ExitCode {
        let exit = self.exit();
        let (key, message, next, detail, request_id) = match self {
            Self::Own { key, values, .. } => {
                let args: Vec<(&'static str, &dyn Display)> =
                    values.iter().map(|(name, value)| (*name, value as &dyn Display)).collect();
                let next = ui.lang.find(&format!("next-{key}"), &args).unwrap_or_default();
                ((*key).to_owned(), ui.text(key, &args), next, None, None)
            }
            Self::Sdk(error) => {
                let key = error.key();
                let (message, detail, request_id) = describe(ui, error);
                (key.clone(), message, ui.text(&format!("next-{key}"), &[]), detail, request_id)
            }
        };
        if ui.json {
            let shown = Shown { error: key, message: &message, next: &next, detail, request_id, exit_code: exit as u8 };
            complain(&serde_json::to_string(&shown).expect("strings always encode"));
        } else {
            complain(&format!("{} {message}", ui.text("error", &[])));
            if let Some(detail) = detail {
                complain(&format!("  ({detail})"));
            }
            if !next.is_empty() {
                complain(&format!("  → {next}"));
            }
            if let Some(id) = request_id {
                complain(&format!("  {}", ui.text("error-request-id", &[("id", &id)])));
            }
        }
        ExitCode::from(exit as u8)
    }
}

/// The sentence, the platform's own words, and the request's id.
fn describe<'a>(ui: &Ui, error: &'a Error) -> (String, Option<String>, Option<&'a str>) {
    let sentence = |args: &[(&'static str, &dyn Display)]| ui.text(&format!("error-{}", error.key()), args);
    match error {
        Error::Refused(problem) => {
            let fields = problem.fields.iter().map(|field| format!("{}: {}", field.field, field.reason));
            let words: Vec<_> = problem.detail.clone().into_iter().chain(fields).collect();
            let wait = problem.retry_after_s.map(|s| ui.text("error-wait", &[("seconds", &s)]));
            let words: Vec<_> = words.into_iter().chain(wait).collect();
            let detail = (!words.is_empty()).then(|| words.join("; "));
            (sentence(&[("title", &problem.title)]), detail, problem.request_id.as_deref())
        }
        Error::Unreachable(host) => {
            let proxy = host.proxy.as_ref().map(|proxy| ui.text("error-via-proxy", &[("proxy", proxy)]));
            let detail = [Some(host.what.clone()), proxy].into_iter().flatten().collect::<Vec<_>>().join("; ");
            (sentence(&[("host", &host.host)]), Some(detail), None)
        }
        Error::File { path, source } => (sentence(&[("path", &path.display())]), Some(source.to_string()), None),
        Error::FileChanged(path) => (sentence(&[("path", &path.display())]), None, None),
        Error::Profile { path, why } => (sentence(&[("path", &path.display())]), Some(why.clone()), None),
        Error::Input { what, why } => (sentence(&[("what", what)]), Some(why.clone()), None),
        Error::Locked => (sentence(&[]), None, None),
        other => (sentence(&[]), Some(other.to_string()), None),
    }
}

const fn of_code(code: Code) -> Exit {
    use Code::*;
    match code {
        Unauthenticated | TokenExpired | SessionRevoked | UseDpopNonce => Exit::SignIn,
        LoginFailed | Forbidden | TenantSuspended | NotConfirmed | RosterRefused | SignatureRefused => Exit::Refused,
        NotFound | Gone | InviteUsed | InviteExpired | RecipientUnknown => Exit::NotFound,
        AlreadyExists | HandleTaken | Conflict | PreconditionFailed | PreconditionRequired | EpochChanged
        | RosterConflict | PartConflict | RecordState => Exit::Conflict,
        RateLimited | Quota | LimitReached | OverCapacity | ZoneUnavailable | StorageFull | ClockHeld | NotReady
        | Timeout | RequestTimeout => Exit::Busy,
        InvalidRequest | TooLarge | RangeNotSatisfiable => Exit::Usage,
        Damaged => Exit::Untrusted,
        _ => Exit::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are a promise to scripts: this list only grows.
    #[test]
    fn exit_codes_stay_what_they_are_and_are_documented() {
        use Exit::*;
        let all = [
            (Unexpected, 1),
            (Usage, 2),
            (SignIn, 3),
            (Refused, 4),
            (NotFound, 5),
            (Conflict, 6),
            (Untrusted, 7),
            (Unreachable, 8),
            (Busy, 9),
            (Local, 10),
        ];
        let page = include_str!("../../../docs/cli.md");
        for (exit, number) in all {
            assert_eq!(exit as u8, number);
            assert!(page.contains(&format!("| {number} | ")), "docs/cli.md does not list exit code {number}");
        }
    }
}
