//! What a zone can answer other than the thing asked for, as far as callers tell it apart.

use std::io::ErrorKind;

/// Why a zone did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// The zone failed lately and is not asked at the moment.
    #[error("the zone is cut off after failures")]
    CutOff,
    /// No answer within the deadline. A write may still arrive: an orphan under a name that is never used again.
    #[error("the zone did not answer in time")]
    Late,
    /// No room. A full zone is a lost zone for writing (FAULTS F8).
    #[error("the zone is full")]
    Full(#[source] object_store::Error),
    /// There is no such object.
    #[error("the zone has no such object")]
    Absent,
    /// There is such an object already. Names are never reused, so this is a repeated write of the same attempt.
    #[error("the zone has an object of that name")]
    Exists,
    /// The zone answers and won't: credentials or a bucket are not as provisioning left them. Says nothing of the zone
    /// itself, so one tenant's trouble cuts nobody else off. In a sentence for the administrator who has to change it.
    #[error("the zone refused: {0}")]
    Refused(String),
    /// Anything else.
    #[error("the zone failed")]
    Failed(#[source] object_store::Error),
}

impl ZoneError {
    /// Whether the zone itself is in trouble, as opposed to having answered.
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::Absent | Self::Exists | Self::Refused(_))
    }

    /// One word for metrics and events.
    pub fn word(&self) -> &'static str {
        match self {
            Self::CutOff => "cut-off",
            Self::Late => "late",
            Self::Full(_) => "full",
            Self::Absent => "absent",
            Self::Exists => "exists",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }
}

impl From<object_store::Error> for ZoneError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Absent,
            object_store::Error::AlreadyExists { .. } => Self::Exists,
            error if is_full(&error) => Self::Full(error),
            error => match refusal(&error) {
                Some(sentence) => Self::Refused(sentence),
                None => Self::Failed(error),
            },
        }
    }
}

impl From<std::io::Error> for ZoneError {
    fn from(source: std::io::Error) -> Self {
        let kind = source.kind();
        let error = object_store::Error::Generic { store: "zone", source: source.into() };
        match kind {
            ErrorKind::NotFound => Self::Absent,
            _ => error.into(),
        }
    }
}

/// Why a zone that answers won't.
#[cfg(feature = "real")]
fn refusal(error: &object_store::Error) -> Option<String> {
    causes(error).find_map(|cause| cause.downcast_ref::<super::s3::Unfit>()).map(ToString::to_string)
}

/// A local zone never does.
#[cfg(not(feature = "real"))]
fn refusal(_: &object_store::Error) -> Option<String> {
    None
}

/// Looks for a full disk or quota among the causes.
fn is_full(error: &object_store::Error) -> bool {
    let full = |io: &std::io::Error| matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    causes(error).any(|cause| cause.downcast_ref().is_some_and(full))
}

/// An error and what it came from.
pub(super) fn causes(error: &object_store::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source())
}
