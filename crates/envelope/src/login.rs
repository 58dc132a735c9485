//! OPAQUE (RFC 9807) as both sides use it: the suite, the identifiers, the context and the floor of the password hash.
//! The server never has the password nor anything to guess it with offline without its setup.

use minicbor::{Decode, Encode};
use opaque_ke::{CipherSuite, Ristretto255, TripleDh};
use siegel_domain::{DeviceId, MemberId, TenantId};

use crate::cbor::{self, Blob};
use crate::signed::{Invalid, Signable};

/// OPRF and 3DH over Ristretto255 with SHA-512; Argon2id stretches on the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2_010::Sha512>;
    type Ksf = argon2::Argon2<'static>;
}

/// Cost of Argon2id on the client. The server may announce more, never less than [`KsfParams::FLOOR`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KsfParams {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl KsfParams {
    /// The weakest a client accepts: 64 MiB, 3 passes, 1 lane.
    pub const FLOOR: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// The most a client spends, so that a server can't stall it: 1 GiB, 16 passes, 4 lanes.
    pub const CEILING: Self = Self { memory_kib: 1024 * 1024, passes: 16, lanes: 4 };

    /// Whether a client may use these.
    pub const fn acceptable(&self) -> bool {
        self.memory_kib >= Self::FLOOR.memory_kib
            && self.passes >= Self::FLOOR.passes
            && self.lanes >= Self::FLOOR.lanes
            && self.memory_kib <= Self::CEILING.memory_kib
            && self.passes <= Self::CEILING.passes
            && self.lanes <= Self::CEILING.lanes
    }
}

/// The client's identifier: CBOR `["siegel/1/login-client", member]`. The member's id, which the server names when a
/// login starts: the name itself is nowhere stored in the clear.
pub fn client_id(member: MemberId) -> Vec<u8> {
    cbor::encode(&("siegel/1/login-client", member))
}

/// The server's identifier: CBOR `["siegel/1/login-server", tenant, set-up]`.
pub fn server_id(tenant: TenantId, setup: u32) -> Vec<u8> {
    cbor::encode(&("siegel/1/login-server", tenant, setup))
}

/// The context of a login: CBOR `["siegel/1/login", suite, tenant, memory KiB, passes, lanes]`. Both sides put in what
/// they believe, so a server that names a cheaper hash to the client fails itself.
pub fn context(tenant: TenantId, ksf: KsfParams) -> Vec<u8> {
    cbor::encode(&("siegel/1/login", crate::Suite::ONE, tenant, ksf.memory_kib, ksf.passes, ksf.lanes))
}

/// A machine's answer to a login challenge, signed by its device key. Names whom it is meant for, so that a server in
/// the middle can't pass it on to another.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ChallengeBody {
    /// The challenge as handed out, at most 128 bytes.
    #[n(0)]
    pub challenge: Blob,
    /// The device that signs.
    #[n(1)]
    pub device: DeviceId,
    /// The sender's tenant; a dealer has none.
    #[n(2)]
    pub tenant: Option<TenantId>,
    /// The server's public URL, as in the profile.
    #[n(3)]
    pub audience: String,
}

impl Signable for ChallengeBody {
    const DOMAIN: &'static str = "siegel/1/challenge";
    const MAX_BYTES: usize = 1024;

    fn validate(&self) -> Result<(), Invalid> {
        if self.challenge.0.len() > 128 { Err(Invalid::Rule("not a challenge")) } else { Ok(()) }
    }
}
