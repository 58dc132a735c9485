//! Retention's few settings, each with its unit in its name.

use serde::{Deserialize, Serialize};

/// How retention works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// How long physical backups, logs and snapshots of the databases live: until then one of them may still hold the key
    /// row of an erased record. The receipt's horizon is computed from it, so it must not be less than the truth.
    pub backup_days: u32,
    /// How long asking for an erasure waits for its end before it answers `running`.
    pub erase_wait_ms: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { backup_days: 7, erase_wait_ms: 3_000 }
    }
}
