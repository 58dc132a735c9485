//! `/v1/tenants`: what a dealer sees and may do (C01, C08). Never contents, never keys.

use serde::{Deserialize, Serialize};
use siegel_domain::TenantId;

use crate::Bytes;

/// `POST /v1/tenants`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateTenant {
    /// The part after `@` in login names: 3-40 of `a-z`, `0-9`, `-`. Unique on the platform.
    pub handle: String,
    /// The institution's name.
    pub display_name: String,
    /// For example a customer number: business data, at most 200 characters, shown to the centre too.
    /// Patient data does not belong here (C08).
    #[serde(default)]
    pub comment: String,
    /// Where data may lie, for example `EU`; a zone outside it is refused (C12).
    pub jurisdiction: String,
    /// What happens while a zone is lost.
    #[serde(default)]
    pub durability: Durability,
    /// BLAKE3 of HKDF(code, "auth") of the first owner's code, which the dealer's client made.
    pub owner_auth_hash: Bytes,
}

/// What happens while a zone is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Accepted by the other zone, marked in the receipt, first in line for repair (R08).
    #[default]
    Available,
    /// Refused with 503 until both zones hold it again.
    Strict,
}

/// `PATCH /v1/tenants/{id}` with `If-Match`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchTenant {
    /// The new comment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comment: Option<String>,
    /// A new code for the first owner, while none has enrolled yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner_auth_hash: Option<Bytes>,
    /// What happens while a zone is lost.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub durability: Option<Durability>,
    /// What the institution may take of the platform, in hundredths of what the provider gives each: requests, bytes and
    /// records under way. The provider bounds it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quota_percent: Option<u32>,
}

/// A tenant as its dealer, or the tenant itself (`GET /v1/tenants/self`), sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tenant {
    /// The tenant.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: TenantId,
    /// The part after `@` in login names.
    pub handle: String,
    /// The institution's name.
    pub display_name: String,
    /// The dealer's comment.
    pub comment: String,
    /// Where data may lie.
    pub jurisdiction: String,
    /// What happens while a zone is lost.
    pub durability: Durability,
    /// What it may take of the platform, in hundredths of what the provider gives each.
    pub quota_percent: u32,
    /// `provisioning`, `ready`, `suspended` or `failed`.
    pub phase: String,
    /// One condition per resource class and zone, as on the Kubernetes object.
    pub conditions: Vec<Condition>,
    /// When the first owner's code ends; later the dealer makes a new one.
    pub owner_code_expires_ms: i64,
    /// Whether the first owner has enrolled.
    pub owner_enrolled: bool,
    /// When it was created.
    pub created_ms: i64,
    /// For `If-Match`.
    pub etag: String,
}

/// The state of one resource class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Condition {
    /// For example `DatabaseReady`, `BucketReadyA`.
    #[serde(rename = "type")]
    pub kind: String,
    /// True, False or Unknown.
    pub status: String,
    /// A stable word.
    pub reason: String,
    /// A sentence.
    pub message: String,
}

/// A page of tenants.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenantPage {
    /// The tenants, newest first.
    pub items: Vec<Tenant>,
    /// The next page's token.
    pub next_page_token: Option<String>,
}
