//! Lists come in pages (AIP-158): ask with the token of the page before; a page without a token is the last.

use serde::{Deserialize, Serialize};

/// How to ask for a page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Items wanted, 1-200; 50 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// The token of the page before; opaque, signed by the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}
