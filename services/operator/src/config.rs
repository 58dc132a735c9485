//! The operator's one setting, with its unit in its name.

use serde::{Deserialize, Serialize};

/// How the operator works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperatorConfig {
    /// How often a tenant that is as it should be is looked at again, to find drift.
    pub resync_minutes: u32,
}

impl Default for OperatorConfig {
    fn default() -> Self {
        Self { resync_minutes: 10 }
    }
}
