//! `/v1/members`, `/v1/senders`, `/v1/devices`: who belongs to a tenant. What matters for keys is decided by the
//! signed roster (see `keys`); these are the server's working lists, which clients check against it.

use serde::{Deserialize, Serialize};
use siegel_domain::{DeviceId, InviteId, MemberId, Principal, Role, SenderId};

use crate::Bytes;
use crate::enrol::DeviceKeys;
use crate::keys::EpochChange;

/// `POST /v1/members/invites`. The code is made by the inviting client.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct InviteMember {
    /// The member-to-be, drawn by the client as record ids are: the sealed name is bound to it, so that a server can't
    /// swap names between people. Taken already: `already-exists`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub member: MemberId,
    /// Owner or member.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub role: Role,
    /// BLAKE3 of HKDF(code, "auth"), 32 bytes.
    pub auth_hash: Bytes,
    /// The code's secret, sealed under a key from the current epoch, so that any member's client can check the MAC.
    pub sealed_code: Bytes,
    /// The person's name, sealed the same way.
    pub sealed_label: Bytes,
    /// Hours until the code expires, 1-720; 72 if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_in_h: Option<u32>,
}

/// `POST /v1/senders`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct InviteSender {
    /// The sender-to-be, drawn by the client: the sealed name is bound to it. Taken already: `already-exists`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub sender: SenderId,
    /// BLAKE3 of HKDF(code, "auth"), 32 bytes.
    pub auth_hash: Bytes,
    /// The code's secret, sealed under a key from the current epoch.
    pub sealed_code: Bytes,
    /// The sender's name, sealed the same way.
    pub sealed_label: Bytes,
    /// Whether reports go back to this sender (C05).
    pub return_report: ReturnReport,
    /// Hours until the code expires, 1-720; 72 if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_in_h: Option<u32>,
}

/// The sender's wish about reports (C05). `ask`: each upload has to say, or it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ReturnReport {
    /// Every report goes back.
    Always,
    /// No report goes back.
    Never,
    /// As each upload says; one that says nothing is refused.
    Ask,
}

/// An invitation that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InviteMade {
    /// The invitation.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub invite: InviteId,
    /// The id the newcomer will have (`mbr_…` or `snd_…`), as the request named it.
    pub principal: String,
    /// Until when the code can be used.
    pub expires_ms: i64,
}

/// Where a member or sender stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The code was not used yet.
    Invited,
    /// The code was used; a member has to confirm.
    Pending,
    /// In the roster.
    Active,
    /// Removed; sessions are dead.
    Removed,
}

/// What a member's client needs to confirm a newcomer: it checks the MAC with the code's secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pending {
    /// The invitation.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub invite: InviteId,
    /// BLAKE3 of HKDF(code, "auth"), as the invitation had it: the sealed code is bound to it.
    pub auth_hash: Bytes,
    /// The code's secret as the inviting client sealed it.
    pub sealed_code: Bytes,
    /// The new device.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub device: DeviceId,
    /// Its keys.
    pub device_keys: DeviceKeys,
    /// The user's X-Wing key (members only).
    pub user_key: Option<Bytes>,
    /// The user's recovery signing key, if one was made (members only).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recovery_key: Option<Bytes>,
    /// The MAC the newcomer made.
    pub mac: Bytes,
}

/// A member as the server lists it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// The member.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: MemberId,
    /// Owner or member.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub role: Role,
    /// Where they stand.
    pub standing: Standing,
    /// The name, sealed by a client of the tenant; absent for the first owner.
    pub sealed_label: Option<Bytes>,
    /// What to confirm, while pending.
    pub pending: Option<Pending>,
    /// When the invitation was made.
    pub created_ms: i64,
}

/// A page of members.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberPage {
    /// The members.
    pub items: Vec<Member>,
    /// The next page's token.
    pub next_page_token: Option<String>,
}

/// A sender as the server lists it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sender {
    /// The sender.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: SenderId,
    /// Where it stands.
    pub standing: Standing,
    /// The name, sealed by a client of the tenant; absent when the sender itself asks.
    pub sealed_label: Option<Bytes>,
    /// Whether reports go back.
    pub return_report: ReturnReport,
    /// What to confirm, while pending.
    pub pending: Option<Pending>,
    /// When the invitation was made.
    pub created_ms: i64,
}

/// A page of senders.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SenderPage {
    /// The senders.
    pub items: Vec<Sender>,
    /// The next page's token.
    pub next_page_token: Option<String>,
}

/// `PATCH /v1/senders/{id}` with `If-Match`: by the centre, or by the sender itself (its own wish).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchSender {
    /// Whether reports go back.
    pub return_report: ReturnReport,
}

/// `POST /v1/members/{id}/confirm`: the newcomer is signed into the roster and gets the bundle key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmMember {
    /// The signed roster change that adds member and device.
    pub roster_entry: Bytes,
    /// The bundle sealed anew for all members, the newcomer among them; same epoch.
    pub bundle: Bytes,
}

/// `POST /v1/senders/{id}/confirm`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmSender {
    /// The signed roster change that adds the sender.
    pub roster_entry: Bytes,
}

/// `POST /v1/members/{id}/remove`: sessions die first, then a new epoch (all in one request).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    /// The signed roster change.
    pub roster_entry: Bytes,
    /// The new epoch without the removed one.
    pub epoch: EpochChange,
}

/// `POST /v1/senders/{id}/remove`. An invited or pending sender needs no roster entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RemoveSender {
    /// The signed roster change, if the sender is in the roster.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub roster_entry: Option<Bytes>,
}

/// `POST /v1/devices/{id}/revoke`: its sessions die first. For a member's device the roster change and a new epoch
/// come along; a sender's device goes with the sender (`/v1/senders/{id}/remove`), a dealer's needs neither.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RevokeDevice {
    /// The signed roster change `RemoveDevice`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub roster_entry: Option<Bytes>,
    /// The new epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<EpochChange>,
}

/// A registered device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Device {
    /// The device.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: DeviceId,
    /// Whose it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub principal: Principal,
    /// Fingerprint of its signing key.
    pub sign_key_fingerprint: Bytes,
    /// When it was registered.
    pub created_ms: i64,
    /// When it last had a token, to the day.
    pub last_seen_day_ms: Option<i64>,
    /// Whether this is the device that asks.
    pub current: bool,
    /// Revoked devices stay listed.
    pub revoked: bool,
}

/// Own devices; a member who manages members may ask for another's with `?principal=`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DevicePage {
    /// The devices.
    pub items: Vec<Device>,
    /// The next page's token.
    pub next_page_token: Option<String>,
}
