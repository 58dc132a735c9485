//! OPAQUE on the client: registration and login. The password stays here; what comes out is an export key that opens
//! the user's slot, and a session key that proves the server knew the record.

use opaque_ke::argon2::{Algorithm, Argon2, Params, Version};
use opaque_ke::{
    ClientLoginFinishParameters, ClientRegistrationFinishParameters, CredentialResponse, Identifiers,
    RegistrationResponse,
};
use rand_core::CryptoRng;
use siegel_domain::{MemberId, TenantId};
use siegel_envelope::login::{self, KsfParams, Suite};

use crate::secret::Secret;

/// Why a login or registration did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Wrong password, unknown user, or a server that is not the one the record was made with: OPAQUE can't tell.
    #[error("the name or the password is wrong")]
    Refused,
    /// Not an OPAQUE message.
    #[error("the server's answer is not a login message")]
    Malformed,
    /// The server asked for a password hash weaker than the client accepts, or absurdly expensive.
    #[error("the server asks for a password hash outside what this client accepts")]
    Ksf,
}

/// Argon2id with parameters that this client accepts.
#[derive(Debug)]
pub struct Ksf {
    params: KsfParams,
    argon2: Argon2<'static>,
}

impl Ksf {
    /// The parameters a server announced, if they are within floor and ceiling.
    pub fn accept(params: KsfParams) -> Result<Self, LoginError> {
        if params.acceptable() { Self::unchecked(params) } else { Err(LoginError::Ksf) }
    }

    /// Without the floor. For tests, which can't spend 64 MiB on each login; a client never calls this.
    pub fn unchecked(params: KsfParams) -> Result<Self, LoginError> {
        let costs = Params::new(params.memory_kib, params.passes, params.lanes, None).map_err(|_| LoginError::Ksf)?;
        Ok(Self { params, argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, costs) })
    }
}

/// Whom the client believes to be and to talk to; both sides bind this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginIds {
    /// The tenant.
    pub tenant: TenantId,
    /// The member, as the server named it.
    pub member: MemberId,
    /// The server's set-up.
    pub setup: u32,
}

impl LoginIds {
    fn with<R>(&self, use_ids: impl FnOnce(Identifiers<'_>) -> R) -> R {
        let (client, server) = (login::client_id(self.member), login::server_id(self.tenant, self.setup));
        use_ids(Identifiers { client: Some(&client), server: Some(&server) })
    }
}

/// The generator of `rand_core` 0.10 in the shape that opaque-ke wants.
struct OldRng<'a, R: ?Sized>(&'a mut R);

impl<R: CryptoRng + ?Sized> rand08::RngCore for OldRng<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }
    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.0.fill_bytes(dest);
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand08::Error> {
        self.0.fill_bytes(dest);
        Ok(())
    }
}

impl<R: CryptoRng + ?Sized> rand08::CryptoRng for OldRng<'_, R> {}

/// A registration under way.
pub struct ClientRegistration(opaque_ke::ClientRegistration<Suite>);

/// What a registration gives.
#[derive(Debug)]
pub struct Registered {
    /// The record to upload, 192 bytes.
    pub upload: Vec<u8>,
    /// Opens the password slot.
    pub export_key: Secret<64>,
}

impl ClientRegistration {
    /// Begins; returns the request to send, 32 bytes.
    pub fn start(password: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Result<(Self, Vec<u8>), LoginError> {
        let start = opaque_ke::ClientRegistration::<Suite>::start(&mut OldRng(rng), password)
            .map_err(|_| LoginError::Malformed)?;
        Ok((Self(start.state), start.message.serialize().to_vec()))
    }

    /// Ends with the server's response of 64 bytes. Takes as long as the hash costs.
    pub fn finish(
        self,
        password: &[u8],
        response: &[u8],
        ids: &LoginIds,
        ksf: &Ksf,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Registered, LoginError> {
        let response = RegistrationResponse::deserialize(response).map_err(|_| LoginError::Malformed)?;
        let done = ids
            .with(|ids| {
                let parameters = ClientRegistrationFinishParameters::new(ids, Some(&ksf.argon2));
                self.0.finish(&mut OldRng(rng), password, response, parameters)
            })
            .map_err(|_| LoginError::Refused)?;
        let export_key = Secret::from_slice(&done.export_key).ok_or(LoginError::Malformed)?;
        Ok(Registered { upload: done.message.serialize().to_vec(), export_key })
    }
}

/// A login under way.
pub struct ClientLogin(opaque_ke::ClientLogin<Suite>);

/// What a login gives.
#[derive(Debug)]
pub struct LoggedIn {
    /// KE3 to send, 64 bytes.
    pub finalization: Vec<u8>,
    /// Opens the password slot; the same each time.
    pub export_key: Secret<64>,
    /// Shared with the server for this login only.
    pub session_key: Secret<64>,
}

impl ClientLogin {
    /// Begins; returns KE1 to send, 96 bytes.
    pub fn start(password: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Result<(Self, Vec<u8>), LoginError> {
        let start =
            opaque_ke::ClientLogin::<Suite>::start(&mut OldRng(rng), password).map_err(|_| LoginError::Malformed)?;
        Ok((Self(start.state), start.message.serialize().to_vec()))
    }

    /// Ends with the server's KE2 of 320 bytes. Takes as long as the hash costs.
    pub fn finish(
        self,
        password: &[u8],
        ke2: &[u8],
        ids: &LoginIds,
        ksf: &Ksf,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<LoggedIn, LoginError> {
        let ke2 = CredentialResponse::deserialize(ke2).map_err(|_| LoginError::Malformed)?;
        let context = login::context(ids.tenant, ksf.params);
        let done = ids
            .with(|ids| {
                let parameters = ClientLoginFinishParameters::new(Some(&context), ids, Some(&ksf.argon2));
                self.0.finish(&mut OldRng(rng), password, ke2, parameters)
            })
            .map_err(|_| LoginError::Refused)?;
        Ok(LoggedIn {
            finalization: done.message.serialize().to_vec(),
            export_key: Secret::from_slice(&done.export_key).ok_or(LoginError::Malformed)?,
            session_key: Secret::from_slice(&done.session_key).ok_or(LoginError::Malformed)?,
        })
    }
}
