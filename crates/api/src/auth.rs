//! `/v1/info` and `/v1/auth`: who the server is, signing in, sessions.
//!
//! Members log in by OPAQUE (password never leaves the device) from a registered device; senders and dealers by a
//! signed challenge. Either way the answer is a short token bound to the device's key (DPoP, RFC 9449).

use serde::{Deserialize, Serialize};
use siegel_domain::{DeviceId, MemberId, Principal, Role, SessionId, TenantId};

use crate::Bytes;
use crate::keys::SealedBundle;

/// `GET /v1/info`: needs no login; what `siegel doctor` asks first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerInfo {
    /// The product's name, `siegel`.
    pub name: String,
    /// The server's version.
    pub version: String,
    /// Sealing suites the server accepts; 1 is the first and only.
    pub suites: Vec<u16>,
    /// The one public address, as DPoP proofs have to name it.
    pub public_url: String,
    /// BLAKE3 of the DER certificate of the server's own CA, if it has one.
    pub ca_fingerprint: Option<Bytes>,
    /// The server's clock.
    pub time_ms: i64,
    /// Ed25519 public key that signs receipts, tombstones, key statements and checkpoints.
    pub statement_key: Bytes,
}

/// `POST /v1/auth/challenge`: the first step of a machine's login.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChallengeRequest {
    /// The device that will sign.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub device: DeviceId,
    /// The sender's tenant; absent for a dealer.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tenant: Option<TenantId>,
}

/// A challenge is handed out for unknown devices too: nobody learns which exist.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Challenge {
    /// To be signed with the device key: `siegel_envelope::login::ChallengeBody`.
    pub challenge: Bytes,
    /// Until when it can be answered.
    pub expires_ms: i64,
}

/// `POST /v1/auth/token`: a machine answers its challenge; the DPoP proof is signed by the same key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// The device.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub device: DeviceId,
    /// The sender's tenant; absent for a dealer.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tenant: Option<TenantId>,
    /// The challenge as handed out.
    pub challenge: Bytes,
    /// The signed challenge (`Signed` bytes).
    pub signed: Bytes,
}

/// `POST /v1/auth/login/start`: OPAQUE's first message. Charged as a failure, refunded by a valid finish.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoginStart {
    /// `name@tenant-handle`.
    pub login: String,
    /// The registered device this happens on (R06).
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub device: DeviceId,
    /// OPAQUE KE1, 96 bytes.
    pub request: Bytes,
}

/// The same for unknown names, wrong devices and disabled accounts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginStarted {
    /// Opaque handle of this attempt.
    pub attempt: Bytes,
    /// OPAQUE KE2, 320 bytes.
    pub response: Bytes,
    /// OPAQUE server identifier and credential id the client has to use.
    pub identifiers: LoginIdentifiers,
}

/// What both sides bind into OPAQUE. For unknown names they are made up from an HMAC of the name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginIdentifiers {
    /// The tenant.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub tenant: TenantId,
    /// The user, opaque.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub member: MemberId,
    /// Which server set-up the record was made under.
    pub setup: u32,
}

/// `POST /v1/auth/login/finish`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoginFinish {
    /// The attempt.
    pub attempt: Bytes,
    /// OPAQUE KE3, 64 bytes.
    pub finalization: Bytes,
}

/// The answer to a finished login: only now are the wrapped keys handed out (R04).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginFinished {
    /// The token.
    pub token: TokenAnswer,
    /// The user root, sealed to this device and under the password.
    pub slot: Bytes,
    /// The tenant's bundle and the copy of its key for this member; absent until the member is confirmed.
    pub bundle: Option<SealedBundle>,
}

/// An access token bound to the device key (RFC 9449: `token_type` is `DPoP`).
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenAnswer {
    /// The token, a signed JWT.
    pub access_token: String,
    /// Always `DPoP`.
    pub token_type: String,
    /// Seconds it is good for, at most 300.
    pub expires_in_s: u32,
    /// The session it belongs to; `POST /v1/auth/renew` gets the next token.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub session: SessionId,
    /// Who is signed in.
    pub who: Who,
}

impl std::fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenAnswer").field("session", &self.session).finish_non_exhaustive()
    }
}

/// `POST /v1/auth/renew`: the next token of a living session, proved by the device key alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// The session.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub session: SessionId,
    /// The tenant it belongs to; absent for a dealer.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tenant: Option<TenantId>,
}

/// `GET /v1/auth/session`: who am I. `DELETE /v1/auth/session` signs out: the session is dead at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Who {
    /// The principal.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub principal: Principal,
    /// The tenant; absent for a dealer.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub tenant: Option<TenantId>,
    /// The device.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub device: DeviceId,
    /// The role.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub role: Role,
    /// False until a member of the tenant has confirmed the enrolment.
    pub confirmed: bool,
}
