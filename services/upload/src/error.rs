//! The refusals of this service, each said once. What they are called outside stands in the platform's table of problems.

use siegel_domain::upload::RecordState;
use siegel_platform::secrets::SealError;
use siegel_platform::zones::ZoneError;
use siegel_platform::{Problem, Reason};

/// There is no such thing, or it is not for the one who asks: the answers are the same.
pub(crate) fn not_found() -> Problem {
    Reason::NotFound.into()
}

/// The record stands where this can't be done.
pub(crate) fn wrong_state(state: RecordState) -> Problem {
    match state {
        RecordState::Erasing | RecordState::Erased => Reason::Gone.into(),
        RecordState::Committing => {
            Problem::new(Reason::Conflict).detail("The record is being committed; ask again.").retry_after_s(1)
        }
        RecordState::Committed => {
            Problem::new(Reason::RecordState).detail("The record is committed; it does not change any more.")
        }
        RecordState::Sweeping | RecordState::Gone => Problem::new(Reason::RecordState)
            .detail("The upload was abandoned and swept. Seal the file anew, as a new record."),
        RecordState::Open => Problem::new(Reason::RecordState).detail("The record is not committed yet."),
    }
}

/// The manifest does not fit; says what of it.
pub(crate) fn manifest(what: &'static str) -> Problem {
    Problem::new(Reason::ManifestRefused).field("manifest", what)
}

/// A grant does not fit; says which and what of it.
pub(crate) fn grant(number: usize, what: &'static str) -> Problem {
    Problem::new(Reason::GrantRefused).field(format!("grants[{number}]"), what)
}

/// A zone that has to hold the bytes does not.
pub(crate) fn zone(error: &ZoneError, zone: &'static str) -> Problem {
    let reason = if matches!(error, ZoneError::Full(_)) { Reason::StorageFull } else { Reason::ZoneUnavailable };
    tracing::warn!(zone, reason = error.word(), "a write was refused for want of a zone");
    Problem::new(reason).retry_after_s(5)
}

/// A value in our own database does not open under its key: named by table and row, never shown.
#[derive(Debug, thiserror::Error)]
#[error("{table} {row} does not open under the second layer")]
pub struct DoesNotOpen {
    /// The table.
    pub table: &'static str,
    /// The row's id.
    pub row: String,
    /// What the cipher said.
    pub source: SealError,
}
