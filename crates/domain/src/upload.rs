//! The life of a record on the platform. A state is a value and a transition consumes it, so that a record that is
//! both committed and swept can't be written down; the service makes each step a compare-and-set on the row.

use serde::{Deserialize, Serialize};

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordState {
    /// Parts are arriving.
    Open,
    /// The manifest was accepted and is being settled.
    Committing,
    /// Whole, acknowledged, readable by its recipients.
    Committed,
    /// Abandoned; its objects may be deleted.
    Sweeping,
    /// Abandoned and its objects are deleted.
    Gone,
    /// Its key is being destroyed and its objects deleted; nobody reads it any more.
    Erasing,
    /// Erased in both zones; only the tombstone is left.
    Erased,
}

/// A step that this state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record that is {from:?} can't become {to:?}")]
pub struct NotAllowed {
    /// Where it stands.
    pub from: RecordState,
    /// Where it was to go.
    pub to: RecordState,
}

impl RecordState {
    /// The word in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Committing => "committing",
            Self::Committed => "committed",
            Self::Sweeping => "sweeping",
            Self::Gone => "gone",
            Self::Erasing => "erasing",
            Self::Erased => "erased",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        use RecordState::*;
        [Open, Committing, Committed, Sweeping, Gone, Erasing, Erased].into_iter().find(|s| s.as_str() == text)
    }

    /// The next state, if the step exists. Committing falls back to open when the commit is refused.
    pub fn step(self, to: RecordState) -> Result<RecordState, NotAllowed> {
        use RecordState::*;
        match (self, to) {
            (Open, Committing)
            | (Committing, Committed)
            | (Committing, Open)
            | (Open, Sweeping)
            | (Sweeping, Gone)
            | (Committed, Erasing)
            | (Erasing, Erased) => Ok(to),
            (from, to) => Err(NotAllowed { from, to }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RecordState::{self, *};

    #[test]
    fn nothing_comes_back_from_sweeping_or_erasing() {
        let all = [Open, Committing, Committed, Sweeping, Gone, Erasing, Erased];
        for end in [Gone, Erased] {
            assert!(all.iter().all(|to| end.step(*to).is_err()));
        }
        assert!(Sweeping.step(Open).is_err() && Sweeping.step(Committing).is_err());
        assert!(Erasing.step(Committed).is_err());
        assert!(all.iter().all(|s| RecordState::parse(s.as_str()) == Some(*s)));
    }
}
