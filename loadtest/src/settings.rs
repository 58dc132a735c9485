//! How much is measured.

/// What all goals are told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Pairs of each comparison.
    pub pairs: usize,
    /// Size of a large file, in bytes.
    pub bytes: u64,
    /// The larger of the two sizes whose memory is compared, and the record that a range is read from, in bytes.
    pub large_bytes: u64,
    /// Small records of one measurement.
    pub small_records: usize,
}
