//! What went wrong with a call, in the few words that matter here. The library's own errors carry whole answers in their
//! `Debug`: they end in this file, and nothing of them is kept but a status and, of what the server says, one known phrase.

use rustify::errors::ClientError as HttpError;
use vaultrs::error::ClientError;

use super::super::{SecretsError, Unavailable};

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// This node can't answer; another may.
    Node(Unavailable),
    /// Asked too often: every node counts the same.
    Throttled,
    /// The token is dead, or its policy does not allow it: the server does not say which.
    Denied,
    /// There is nothing at that path.
    Absent,
    /// Somebody else wrote first.
    Conflict,
    /// The transit key is not there, or too old a version of it.
    NoKey,
    /// Any other answer.
    Refused(u16),
    /// An answer that can't be read.
    Malformed,
}

impl Fault {
    pub(super) fn of(error: &ClientError) -> Self {
        match error {
            ClientError::APIError { code, errors } => Self::answer(*code, &errors.join(" ")),
            ClientError::RestClientError { source: HttpError::ServerResponseError { code, content } } => {
                Self::answer(*code, content.as_deref().unwrap_or_default())
            }
            ClientError::RestClientError {
                source: HttpError::RequestError { .. } | HttpError::ResponseError { .. },
            } => Self::Node(Unavailable::Unreachable),
            _ => Self::Malformed,
        }
    }

    fn answer(status: u16, said: &str) -> Self {
        match status {
            400 if said.contains("check-and-set") => Self::Conflict,
            400 if said.contains("key not found") || said.contains("no existing key") => Self::NoKey,
            // A standby that has not heard of a rotation yet.
            400 if said.contains("version is too new") => Self::Node(Unavailable::Unreachable),
            403 => Self::Denied,
            404 => Self::Absent,
            429 => Self::Throttled,
            503 if said.contains("sealed") => Self::Node(Unavailable::Sealed),
            // A standby that finds no leader redirects to nowhere, or says 500.
            307 | 308 | 412 | 500..=599 => Self::Node(Unavailable::Unreachable),
            status => Self::Refused(status),
        }
    }

    /// Whether another node may answer.
    pub(super) fn is_of_the_node(self) -> bool {
        matches!(self, Self::Node(_))
    }

    /// Whether it is the answer to a question rather than a failure.
    pub(super) fn is_usual(self) -> bool {
        matches!(self, Self::Absent | Self::Conflict | Self::NoKey)
    }

    /// Whether a node may say so that has not heard of a key or token that is there.
    pub(super) fn may_be_late(self) -> bool {
        self.is_usual() || self == Self::Denied
    }

    /// The label of the metric.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Node(why) => why.word(),
            Self::Throttled => Unavailable::Throttled.word(),
            Self::Denied => "denied",
            Self::Absent | Self::Conflict | Self::NoKey | Self::Refused(_) | Self::Malformed => "refused",
        }
    }
}

impl From<Fault> for SecretsError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Node(why) => why.into(),
            Fault::Throttled => Unavailable::Throttled.into(),
            Fault::Denied => Self::Denied,
            Fault::Absent => Self::Refused(404),
            Fault::NoKey => Self::NoTenantKey,
            Fault::Conflict => Self::Refused(400),
            Fault::Refused(status) => Self::Refused(status),
            Fault::Malformed => Self::Malformed,
        }
    }
}
