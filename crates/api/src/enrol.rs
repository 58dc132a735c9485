//! `/v1/auth/enrol`: from a code to a registered device.
//!
//! The code never reaches the server: the client sends `auth` = HKDF(code, "auth") and the server keeps a hash of it.
//! Lookup says what the code is for; the kind decides which finish follows.

use serde::{Deserialize, Serialize};
use siegel_domain::{DealerId, DeviceId, InviteId, MemberId, Role, SenderId, TenantId};

use crate::Bytes;
use crate::auth::LoginIdentifiers;
use crate::keys::EpochChange;

/// `POST /v1/auth/enrol/lookup`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrolLookup {
    /// The tenant; absent for a dealer's code.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tenant: Option<TenantId>,
    /// HKDF(code, "auth"), 32 bytes.
    pub auth: Bytes,
}

/// What a code is for. Used, expired and unknown codes have problems of their own (`invite-used` …).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnrolInvite {
    /// The invitation.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub invite: InviteId,
    /// Owner, member, sender or dealer.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub role: Role,
    /// The tenant, if the code belongs to one.
    pub tenant: Option<TenantCard>,
    /// The id that the newcomer will have: a member's or sender's or dealer's.
    pub principal: String,
    /// The device's id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub device: DeviceId,
    /// Until when the code can be used.
    pub expires_ms: i64,
}

/// What a tenant shows to those who deal with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenantCard {
    /// The tenant.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: TenantId,
    /// The part after `@` in login names.
    pub handle: String,
    /// The institution's name: business data.
    pub display_name: String,
}

/// `POST /v1/auth/enrol/password`: OPAQUE registration's first message, for an owner's or member's code.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrolPassword {
    /// The tenant.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub tenant: TenantId,
    /// HKDF(code, "auth").
    pub auth: Bytes,
    /// OPAQUE registration request, 32 bytes.
    pub request: Bytes,
}

/// OPAQUE registration's answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnrolPasswordAnswer {
    /// OPAQUE registration response, 64 bytes.
    pub response: Bytes,
    /// What to bind into the registration.
    pub identifiers: LoginIdentifiers,
}

/// Public keys of a new device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeviceKeys {
    /// Ed25519, 32 bytes: signs manifests, challenges, DPoP proofs, roster changes.
    pub sign_key: Bytes,
    /// X-Wing, 1216 bytes: grants and slots are sealed to it.
    pub kem_key: Bytes,
}

/// What a person registers beside a device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PersonKeys {
    /// The name before the `@`. The server keeps an HMAC of it only.
    pub login_name: String,
    /// OPAQUE registration upload, 192 bytes.
    pub opaque_record: Bytes,
    /// The user's X-Wing public key, derived from the user root, 1216 bytes.
    pub user_key: Bytes,
    /// Ed25519 public key derived from the printed recovery key, if one was made: it admits a new device when no old one
    /// is left. 32 bytes, signed into the roster.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recovery_key: Option<Bytes>,
    /// The user root sealed to this device and under the password.
    pub slot: Bytes,
    /// The user root sealed under the printed recovery key, if one was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recovery_slot: Option<Bytes>,
}

/// `POST /v1/auth/enrol/owner`: the first owner makes the tenant's root. A DPoP proof of the new key comes with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrolOwner {
    /// The tenant.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub tenant: TenantId,
    /// HKDF(code, "auth").
    pub auth: Bytes,
    /// The device.
    pub device: DeviceKeys,
    /// The person.
    pub person: PersonKeys,
    /// Entry 0 of the roster, signed by the new device: its hash is the tenant root.
    pub roster_entry: Bytes,
    /// The first epoch (number 1) and its bundle, and the roster entry that names it.
    pub epoch: EpochChange,
}

/// `POST /v1/auth/enrol/member`: waits for a member of the tenant to confirm (R05).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrolMember {
    /// The tenant.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub tenant: TenantId,
    /// HKDF(code, "auth").
    pub auth: Bytes,
    /// The device.
    pub device: DeviceKeys,
    /// The person.
    pub person: PersonKeys,
    /// MAC of the public keys under HKDF(code, "mac"): a server that swaps a key can't make it.
    pub mac: Bytes,
}

/// `POST /v1/auth/enrol/sender`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrolSender {
    /// The tenant.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub tenant: TenantId,
    /// HKDF(code, "auth").
    pub auth: Bytes,
    /// The device.
    pub device: DeviceKeys,
    /// MAC of the public keys under HKDF(code, "mac").
    pub mac: Bytes,
}

/// `POST /v1/auth/enrol/dealer`: a dealer has no sealing key; it never sees contents (C09).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrolDealer {
    /// HKDF(code, "auth").
    pub auth: Bytes,
    /// Ed25519 public key of the dealer's device.
    pub sign_key: Bytes,
}

/// Who the newcomer is now; it logs in the usual way next.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrolled {
    /// The principal.
    pub principal: EnrolledPrincipal,
    /// The device.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub device: DeviceId,
    /// False until a member of the tenant has confirmed.
    pub confirmed: bool,
}

/// The newcomer's id by kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EnrolledPrincipal {
    /// An owner or member.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    Member(MemberId),
    /// A sender.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    Sender(SenderId),
    /// A dealer.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    Dealer(DealerId),
}
