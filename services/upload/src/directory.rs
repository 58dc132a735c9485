//! What upload asks the key directory, over gRPC: whose key signed this, and which key a party has now. Asked anew each
//! time; a cached answer could be of before a revocation.

use siegel_domain::{DeviceId, Party, Principal, TenantId};
use siegel_envelope::{Fingerprint, SigningPublicKey};
use siegel_platform::clock::SharedClock;
use siegel_platform::peer::{Peer, ask};
use siegel_platform::{Problem, Reason};
use siegel_proto::keydirectory::v1::key_directory_service_client::KeyDirectoryServiceClient;
use siegel_proto::keydirectory::v1::{ResolvePartyRequest, ResolveSignerRequest};

/// How long one question may take.
const ASK_MS: i64 = 3_000;

/// The key directory.
#[derive(Clone)]
pub struct Directory {
    client: KeyDirectoryServiceClient<Peer>,
    clock: SharedClock,
}

/// Whose a signing key is.
#[derive(Debug, Clone, Copy)]
pub struct Signer {
    /// The key.
    pub key: SigningPublicKey,
    /// Who.
    pub principal: Principal,
    /// Whose device.
    pub device: DeviceId,
}

/// A party as the directory has it.
#[derive(Debug, Clone)]
pub struct Known {
    /// Signed into the roster by a member.
    pub confirmed: bool,
    /// The key that grants have to be sealed to now.
    pub key: Fingerprint,
    /// `always`, `never` or `ask`; senders only.
    pub return_report: String,
}

impl Directory {
    /// The key directory at `peer`.
    pub fn new(peer: Peer, clock: SharedClock) -> Self {
        Self { client: KeyDirectoryServiceClient::new(peer), clock }
    }

    /// Whose key this is; none if it is unknown in this tenant or was revoked.
    pub async fn signer(&self, tenant: TenantId, key: &Fingerprint) -> Result<Option<Signer>, Problem> {
        let request = ResolveSignerRequest { tenant: tenant.to_string(), sign_fingerprint: key.as_bytes().to_vec() };
        let mut client = self.client.clone();
        let answer = self.ask(client.resolve_signer(request)).await?;
        if !answer.found || answer.revoked {
            return Ok(None);
        }
        let public: [u8; 32] = answer.public_key.try_into().map_err(|_| odd("public_key"))?;
        let public = SigningPublicKey::from_bytes(public).map_err(|_| odd("public_key"))?;
        if public.fingerprint() != *key {
            return Err(odd("fingerprint"));
        }
        Ok(Some(Signer {
            key: public,
            principal: answer.principal.parse().map_err(|_| odd("principal"))?,
            device: answer.device.parse().map_err(|_| odd("device"))?,
        }))
    }

    /// A party of this tenant; none if it is unknown or was removed.
    pub async fn party(&self, tenant: TenantId, party: Party) -> Result<Option<Known>, Problem> {
        let request = ResolvePartyRequest { tenant: tenant.to_string(), party: party.to_string() };
        let mut client = self.client.clone();
        let answer = self.ask(client.resolve_party(request)).await?;
        if !answer.found {
            return Ok(None);
        }
        let Some(key) = Fingerprint::from_slice(&answer.kem_fingerprint) else { return Ok(None) }; // no key yet
        Ok(Some(Known { confirmed: answer.confirmed, key, return_report: answer.return_report }))
    }

    async fn ask<T>(
        &self,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, Problem> {
        let answer = ask(&self.clock, ASK_MS, call).await.ok_or_else(|| Problem::new(Reason::Timeout))?;
        Ok(answer?.into_inner())
    }
}

/// The directory answered something that can't be.
fn odd(field: &'static str) -> Problem {
    #[derive(Debug, thiserror::Error)]
    #[error("the key directory's {0} can't be")]
    struct Odd(&'static str);
    Problem::internal(Odd(field))
}
