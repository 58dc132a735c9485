//! Notification's few settings: how many may listen.

use serde::{Deserialize, Serialize};

/// How many streams of events there may be. Each costs a connection and a few kilobytes, no database connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotificationConfig {
    /// In this process.
    pub streams: usize,
    /// Of one tenant, so that none takes all.
    pub streams_per_tenant: usize,
    /// Of one member or sender.
    pub streams_per_principal: usize,
}

impl Default for NotificationConfig {
    fn default() -> Self {
        Self { streams: 10_000, streams_per_tenant: 1_000, streams_per_principal: 20 }
    }
}
