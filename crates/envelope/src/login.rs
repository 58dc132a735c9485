//! OPAQUE (RFC 9807) as both sides use it: the suite, the identifiers, the context and the floor of the password hash.
//! The server never has the password nor anything to guess it with offline without its setup.

use opaque_ke::{CipherSuite, Ristretto255, TripleDh};
use siegel_domain::TenantId;

use crate::cbor;

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

/// The client's identifier: the login name `name@tenant-handle`, as bytes. It must already be in its one spelling
/// ([`siegel_domain::text::is_login_local`], [`siegel_domain::text::is_handle`]).
pub fn client_id(login_name: &str) -> Vec<u8> {
    login_name.as_bytes().to_vec()
}

/// The server's identifier: CBOR `["siegel/1/login-server", tenant]`.
pub fn server_id(tenant: TenantId) -> Vec<u8> {
    cbor::encode(&("siegel/1/login-server", tenant))
}

/// The context of a login: CBOR `["siegel/1/login", suite, tenant, memory KiB, passes, lanes]`. Both sides put in what
/// they believe, so a server that names a cheaper hash to the client fails itself.
pub fn context(tenant: TenantId, ksf: KsfParams) -> Vec<u8> {
    cbor::encode(&("siegel/1/login", crate::Suite::ONE, tenant, ksf.memory_kib, ksf.passes, ksf.lanes))
}
