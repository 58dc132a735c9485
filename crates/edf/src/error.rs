//! What can be wrong with a recording, told apart only as far as a caller acts on it.

/// Why a recording could not be written or read. No text here quotes a field's contents: they are personal data.
#[derive(Debug, thiserror::Error)]
pub enum EdfError {
    /// The bytes are not EDF or EDF+, or contradict themselves; the text names the field.
    #[error("not a readable EDF file: {0}")]
    Format(&'static str),
    /// A header field given by the caller does not fit its fixed width, or holds characters that EDF+ forbids.
    #[error("{field} does not fit into an EDF+ header: {why}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No channel of the recording is an ECG.
    #[error("the recording has no ECG channel")]
    NoEcg,
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
