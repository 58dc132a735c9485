//! `/v1/keys`: public keys in their final shape (bundle, proof, checkpoint), the roster, epochs and bundles.
//!
//! Byte fields hold canonical CBOR of `siegel-envelope`; clients verify them and trust nothing else here.

use serde::{Deserialize, Serialize};
use siegel_domain::Party;

use crate::Bytes;

/// `GET /v1/keys/{party}`: the key to seal to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyAnswer {
    /// Whose keys.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub party: Party,
    /// The key bundle: for a tenant the signed epoch statement, for a sender its keys as the roster has them.
    pub bundle: KeyBundle,
    /// That the directory stands for this bundle: for now a signed statement, later an inclusion proof.
    pub proof: KeyProof,
    /// The directory's signed head that the proof belongs to.
    pub checkpoint: Bytes,
}

/// Public keys of a party.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyBundle {
    /// X-Wing public key, 1216 bytes: the epoch's inbox key, the sender's device key, or the member's user key.
    pub kem_key: Bytes,
    /// Ed25519 keys that sign for the party (a sender's device; empty for a tenant: its members' devices are in the roster).
    pub sign_keys: Vec<Bytes>,
    /// For a tenant: the signed epoch statement.
    pub epoch_statement: Option<Bytes>,
    /// For a sender or member: the signed roster entry that brought these keys in.
    pub roster_entry: Option<Bytes>,
}

/// The proof that the directory published the bundle.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum KeyProof {
    /// A `KeyStatement` signed by the directory.
    Statement {
        /// `Signed` bytes.
        statement: Bytes,
    },
}

/// `GET /v1/keys/roster?after=`: signed entries in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RosterPage {
    /// `Signed` roster entries, oldest first.
    pub entries: Vec<Bytes>,
    /// Whether there are more: ask again with `after` = the last sequence number seen.
    pub more: bool,
    /// The current epoch statement.
    pub epoch_statement: Option<Bytes>,
}

/// How to ask for the roster.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
pub struct RosterQuery {
    /// The last sequence number the client has verified; absent = from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// A change of epoch: statement, bundle and the roster entry that names it, all signed by an entitled device.
/// `POST /v1/keys/epochs` takes it alone (a key that was rotated); elsewhere it comes with what made it due.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EpochChange {
    /// The signed epoch statement.
    pub statement: Bytes,
    /// The signed bundle: all seeds under a fresh key, that key sealed to each member.
    pub bundle: Bytes,
    /// The signed roster entry `NewEpoch` that names the statement; it follows the entry it comes with.
    pub roster_entry: Bytes,
}

/// `GET /v1/keys/bundle`: the tenant's current bundle, for a confirmed member.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealedBundle {
    /// The signed bundle as it was uploaded.
    pub bundle: Bytes,
    /// The signed epoch statement it belongs to.
    pub epoch_statement: Bytes,
}
