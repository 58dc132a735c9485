//! The few settings of upload, each with its unit in its name.

use serde::{Deserialize, Serialize};

/// How upload works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UploadConfig {
    /// Memory for parts on their way, in MiB; beyond it, or beyond their share of it, clients are asked to wait.
    pub part_buffer_mib: u32,
    /// How long a request waits for its share of the process' byte budget before it is sent away.
    pub budget_wait_ms: u32,
    /// An upload without a new part for this long is swept.
    pub abandoned_after_hours: u32,
    /// Objects without a row are deleted when they are older than this; more than any upload or repair takes.
    pub orphan_after_hours: u32,
    /// Every copy is compared with its digest at least this often.
    pub scrub_every_days: u32,
    /// Bytes that the scrubber reads in a second, on average.
    pub scrub_bytes_per_second: u64,
    /// Uploads that one sender or member may have under way.
    pub uploads_per_principal: u32,
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self {
            part_buffer_mib: 256,
            budget_wait_ms: 5_000,
            abandoned_after_hours: 24,
            orphan_after_hours: 48,
            scrub_every_days: 30,
            scrub_bytes_per_second: 8 * 1024 * 1024,
            uploads_per_principal: 1_000,
        }
    }
}
