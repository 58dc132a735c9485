//! The operator's few settings, each with its unit in its name.

use serde::{Deserialize, Serialize};

/// How the operator works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperatorConfig {
    /// How often a tenant that is as it should be is looked at again, to find drift.
    pub resync_minutes: u32,
    /// How long creating a tenant waits for it to become ready before it answers `provisioning`.
    pub create_wait_ms: u32,
    /// How long a first owner's code is good.
    pub owner_code_days: u16,
    /// Tenants one dealer may have.
    pub tenants_per_dealer: u32,
}

impl Default for OperatorConfig {
    fn default() -> Self {
        Self { resync_minutes: 10, create_wait_ms: 2_000, owner_code_days: 14, tenants_per_dealer: 10_000 }
    }
}
