//! What can go wrong between a caller and the platform, and what to do about it. One enum for the whole SDK: callers
//! match on the variant (or on [`Problem::code`]), people read [`Error`]'s text and [`Error::next_step`].
//! No error holds contents, keys, codes or passwords.

mod code;

use std::path::{Path, PathBuf};

use siegel_api::problem::{FieldProblem, ProblemBody};

pub use code::Code;

/// What every call of the SDK may answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The platform understood the request and refused it.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The platform did not answer within the time budget.
    #[error("{0}")]
    Unreachable(Box<Unreachable>),
    /// The connection is not with the host it should be with.
    #[error(transparent)]
    Tls(#[from] crate::http::TlsError),
    /// Something that has to verify does not: a signature, a proof, a fingerprint, a chunk. Nothing was opened or sealed.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The answer is not what this version of the SDK understands.
    #[error("the server's answer to {route} is not understood: {what}")]
    Answer {
        /// What was asked.
        route: &'static str,
        /// What does not fit.
        what: String,
    },
    /// The keys are not unlocked: a member has to sign in with the password first.
    #[error("not signed in")]
    Locked,
    /// This profile can't do that: a dealer has no records, a sender no members.
    #[error("{0}")]
    WrongRole(&'static str),
    /// A value the caller gave can't be right; nothing was sent.
    #[error("{what}: {why}")]
    Input {
        /// Which value.
        what: &'static str,
        /// What is wrong with it; never the value itself if it is secret.
        why: String,
    },
    /// A local file can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file changed while it was being sent; what was sent before does not belong to it any more.
    #[error("{} changed while it was being sent", .0.display())]
    FileChanged(PathBuf),
    /// A profile's files are missing or damaged.
    #[error("profile in {}: {why}", path.display())]
    Profile {
        /// The profile's directory or file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Something did not verify. Whoever sees this should not go on, and should tell the centre by another way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Untrusted {
    /// The roster does not start with the tenant root that was pinned, or an entry does not verify.
    #[error("the list of members does not verify: {0}")]
    Roster(String),
    /// The directory shows an older state than it showed before.
    #[error("the directory shows an older state than before ({0})")]
    Rollback(&'static str),
    /// A key that the directory hands out is not the one that was signed.
    #[error("a public key does not verify: {0}")]
    Key(String),
    /// The newcomer's keys were not made with the code, or were swapped on the way.
    #[error("the newcomer's keys do not fit the enrolment code")]
    Newcomer,
    /// The manifest, or who may have signed it.
    #[error("the record's manifest does not verify: {0}")]
    Manifest(String),
    /// The grant, or who may have made it.
    #[error("the record's grant does not verify: {0}")]
    Grant(String),
    /// The bytes of the record.
    #[error("the record's bytes do not verify: {0}")]
    Record(String),
    /// A receipt or a statement of the platform.
    #[error("a receipt does not verify: {0}")]
    Receipt(String),
    /// The tenant's sealed keys.
    #[error("the centre's sealed keys do not verify: {0}")]
    Bundle(String),
    /// The login: the server does not know the password's verifier, or is another one.
    #[error("the server's answer to the login does not verify")]
    Login,
}

/// A host that did not answer.
#[derive(Debug, thiserror::Error)]
#[error("{host} did not answer: {what}")]
pub struct Unreachable {
    /// Host and port, no path.
    pub host: String,
    /// The cause in a few words.
    pub what: String,
    /// Whether a proxy was in between, by the environment.
    pub proxy: Option<String>,
}

/// A refusal as the platform says it (RFC 9457).
#[derive(Debug, Clone)]
pub struct Problem {
    /// What to branch on.
    pub code: Code,
    /// The code as it came, for codes that are newer than this SDK.
    pub code_text: String,
    /// The HTTP status.
    pub status: u16,
    /// The kind of problem in a few English words.
    pub title: String,
    /// What happened this time.
    pub detail: Option<String>,
    /// Seconds to wait before trying again.
    pub retry_after_s: Option<u32>,
    /// Tell this to support.
    pub request_id: Option<String>,
    /// What is wrong with which field.
    pub fields: Vec<FieldProblem>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title)?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        for field in &self.fields {
            write!(f, " ({}: {})", field.field, field.reason)?;
        }
        Ok(())
    }
}

impl From<ProblemBody> for Problem {
    fn from(body: ProblemBody) -> Self {
        Self {
            code: Code::parse(&body.code),
            code_text: body.code,
            status: body.status,
            title: body.title,
            detail: body.detail,
            retry_after_s: body.retry_after_s,
            request_id: body.request_id,
            fields: body.fields,
        }
    }
}

impl Problem {
    /// A refusal found out on this side, in the platform's words.
    pub(crate) fn local(code: Code, title: &str) -> Error {
        Error::Refused(Box::new(Self {
            code,
            code_text: code.as_str().to_owned(),
            status: 0,
            title: title.to_owned(),
            detail: None,
            retry_after_s: None,
            request_id: None,
            fields: Vec::new(),
        }))
    }
}

impl Error {
    /// All words that [`Error::key`] answers beside `problem-…`, for catalogues to be complete.
    pub const KEYS: &'static [&'static str] = &[
        "problem-other",
        "unreachable",
        "tls-not-pinned",
        "tls-invalid",
        "untrusted-roster",
        "untrusted-rollback",
        "untrusted-key",
        "untrusted-newcomer",
        "untrusted-manifest",
        "untrusted-grant",
        "untrusted-record",
        "untrusted-receipt",
        "untrusted-bundle",
        "untrusted-login",
        "answer",
        "locked",
        "wrong-role",
        "input",
        "file",
        "file-changed",
        "profile",
    ];

    /// The code of the refusal, if the platform refused.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// Whether the same call may succeed later without a change.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.code.retryable(),
            Self::Unreachable(_) => true,
            _ => false,
        }
    }

    /// A stable word for each kind of error: message catalogues and scripts key on it.
    pub fn key(&self) -> String {
        match self {
            Self::Refused(problem) if problem.code != Code::Other => format!("problem-{}", problem.code.as_str()),
            Self::Refused(_) => "problem-other".to_owned(),
            Self::Unreachable(_) => "unreachable".to_owned(),
            Self::Tls(tls) => tls.key().to_owned(),
            Self::Untrusted(what) => what.key().to_owned(),
            Self::Answer { .. } => "answer".to_owned(),
            Self::Locked => "locked".to_owned(),
            Self::WrongRole(_) => "wrong-role".to_owned(),
            Self::Input { .. } => "input".to_owned(),
            Self::File { .. } => "file".to_owned(),
            Self::FileChanged(_) => "file-changed".to_owned(),
            Self::Profile { .. } => "profile".to_owned(),
        }
    }

    /// What to do next, in English; a program with people in front of it has its own words by [`Error::key`].
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Refused(problem) => problem.code.next_step(),
            Self::Unreachable(_) => {
                "Check the line and the proxy (`siegel doctor` does), then repeat; a broken upload resumes."
            }
            Self::Tls(_) => {
                "Do not go on over this connection: ask whoever runs the network or the platform (`siegel doctor`)."
            }
            Self::Untrusted(_) => "Do not go on. Tell the centre and the provider over the telephone what you saw.",
            Self::Answer { .. } => "Bring client and server to versions that fit; `siegel doctor` shows both.",
            Self::Locked => "Sign in with the password (`siegel login`).",
            Self::WrongRole(_) => "Use the profile of someone who may do it.",
            Self::Input { .. } => "Correct the value and repeat.",
            Self::File { .. } => "Check that the file exists, that you may use it and that there is room.",
            Self::FileChanged(_) => "Wait until the file is complete, then send it again; it becomes a new record.",
            Self::Profile { .. } => "Enrol again with a new code, or restore the profile's directory.",
        }
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    pub(crate) fn answer(route: &'static str, what: impl ToString) -> Self {
        Self::Answer { route, what: what.to_string() }
    }

    pub(crate) fn profile(path: &Path, why: impl ToString) -> Self {
        Self::Profile { path: path.to_owned(), why: why.to_string() }
    }

    pub(crate) fn input(what: &'static str, why: impl ToString) -> Self {
        Self::Input { what, why: why.to_string() }
    }
}

impl Untrusted {
    /// As [`Error::key`].
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Roster(_) => "untrusted-roster",
            Self::Rollback(_) => "untrusted-rollback",
            Self::Key(_) => "untrusted-key",
            Self::Newcomer => "untrusted-newcomer",
            Self::Manifest(_) => "untrusted-manifest",
            Self::Grant(_) => "untrusted-grant",
            Self::Record(_) => "untrusted-record",
            Self::Receipt(_) => "untrusted-receipt",
            Self::Bundle(_) => "untrusted-bundle",
            Self::Login => "untrusted-login",
        }
    }
}
