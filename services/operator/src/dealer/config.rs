//! The dealer API's few settings, each with its unit in its name.

use serde::{Deserialize, Serialize};

/// How the dealer API works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DealerApiConfig {
    /// How long creating a tenant waits for it to become ready before it answers `provisioning`.
    pub create_wait_ms: u32,
    /// How long a first owner's code is good.
    pub owner_code_days: u16,
    /// Tenants one dealer may have.
    pub tenants_per_dealer: u32,
    /// The most that a dealer may set as an institution's share, in hundredths of the standard.
    pub quota_percent_most: u32,
}

impl Default for DealerApiConfig {
    fn default() -> Self {
        Self { create_wait_ms: 2_000, owner_code_days: 14, tenants_per_dealer: 10_000, quota_percent_most: 400 }
    }
}
