//! The key directory's few settings, each with its unit in its name.

use serde::{Deserialize, Serialize};
use siegel_api::Bytes;

/// How the key directory works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyDirectoryConfig {
    /// A session that got no token for this long is over.
    pub session_idle_minutes: u32,
    /// Hash of the platform's own CA as `GET /v1/info` shows it; none behind a public certificate.
    pub ca_fingerprint: Option<Bytes>,
}

impl Default for KeyDirectoryConfig {
    fn default() -> Self {
        Self { session_idle_minutes: 12 * 60, ca_fingerprint: None }
    }
}

impl KeyDirectoryConfig {
    pub(crate) fn session_idle_ms(&self) -> i64 {
        i64::from(self.session_idle_minutes) * siegel_domain::time::MINUTE_MS
    }
}
