//! Rules that no compiler knows. Each is one file with one function that answers with a note, or with everything it
//! found wrong.

pub(crate) mod arrows;
pub(crate) mod deny;
pub(crate) mod explained;
pub(crate) mod files;
pub(crate) mod promises;
pub(crate) mod watch;
pub(crate) mod words;
