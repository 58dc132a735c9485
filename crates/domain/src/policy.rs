//! What a record is, and how long it stays. A policy is data beside the record (kind + policy id), so that
//! later issues add policies without touching records that exist.

use serde::{Deserialize, Serialize};

use crate::time::{DAY_MS, Timestamp};

/// What a record is to the people who exchange it. Carries no medical meaning: that lies in the sealed metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// Sent in to be evaluated.
    Recording,
    /// Answers a recording (C05).
    Report,
    /// Part of a conversation (M04).
    Message,
}

impl RecordKind {
    /// The word in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Report => "report",
            Self::Message => "message",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Recording, Self::Report, Self::Message].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// When a record is erased by itself. The id is stored with each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RetentionPolicy {
    /// Erased when nobody fetched it for 365 days; the year runs from the commit and starts anew with each
    /// complete fetch by a party (C11).
    #[serde(rename = "unfetched-365d")]
    Unfetched365d,
}

impl RetentionPolicy {
    /// Every policy there is.
    pub const ALL: &[Self] = &[Self::Unfetched365d];

    /// The id in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unfetched365d => "unfetched-365d",
        }
    }

    /// The policy of that id.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|policy| policy.as_str() == text)
    }

    /// When the record falls due, given its last commit or complete fetch.
    pub const fn due_after(self, last_touched: Timestamp) -> Timestamp {
        match self {
            Self::Unfetched365d => last_touched.plus_ms(365 * DAY_MS),
        }
    }
}
