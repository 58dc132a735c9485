//! A key directory that knows what the test tells it, and retention's answer about deadlines. Other services: here stand
//! their generated servers with data of the test's own, real keys throughout.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use siegel_domain::{DeviceId, Party, Principal, TenantId};
use siegel_envelope::{Fingerprint, SigningPublicKey};
use siegel_proto::keydirectory::v1::key_directory_service_server::KeyDirectoryService;
use siegel_proto::keydirectory::v1::*;
use siegel_proto::retention::v1::retention_service_server::RetentionService;
use siegel_proto::retention::v1::{GetDeadlinesRequest, GetDeadlinesResponse, RecordDeadline};
use tonic::{Request, Response, Status};

/// When records fall due, as this retention says.
pub(crate) const DUE_MS: i64 = 4_711;

#[derive(Clone, Default)]
pub(crate) struct Directory(Arc<Mutex<Data>>);

#[derive(Default)]
pub(crate) struct Data {
    pub(crate) parties: HashMap<(TenantId, Party), Known>,
    pub(crate) signers: HashMap<(TenantId, Fingerprint), Signer>,
}

#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) key: Fingerprint,
    pub(crate) confirmed: bool,
    pub(crate) return_report: &'static str,
}

#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) key: SigningPublicKey,
    pub(crate) principal: Principal,
    pub(crate) device: DeviceId,
    pub(crate) revoked: bool,
}

impl Directory {
    pub(crate) fn data(&self) -> MutexGuard<'_, Data> {
        self.0.lock().unwrap()
    }
}

#[tonic::async_trait]
impl KeyDirectoryService for Directory {
    async fn resolve_party(
        &self,
        request: Request<ResolvePartyRequest>,
    ) -> Result<Response<ResolvePartyResponse>, Status> {
        let request = request.into_inner();
        let key = (request.tenant.parse().unwrap(), request.party.parse().unwrap());
        let answer = match self.data().parties.get(&key) {
            None => ResolvePartyResponse::default(),
            Some(known) => ResolvePartyResponse {
                found: true,
                confirmed: known.confirmed,
                kem_fingerprint: known.key.as_bytes().to_vec(),
                return_report: known.return_report.to_owned(),
                ..Default::default()
            },
        };
        Ok(Response::new(answer))
    }

    async fn resolve_signer(
        &self,
        request: Request<ResolveSignerRequest>,
    ) -> Result<Response<ResolveSignerResponse>, Status> {
        let request = request.into_inner();
        let key = (request.tenant.parse().unwrap(), Fingerprint::from_slice(&request.sign_fingerprint).unwrap());
        let answer = match self.data().signers.get(&key) {
            None => ResolveSignerResponse::default(),
            Some(signer) => ResolveSignerResponse {
                found: true,
                public_key: signer.key.as_bytes().to_vec(),
                principal: signer.principal.to_string(),
                device: signer.device.to_string(),
                confirmed: true,
                revoked: signer.revoked,
            },
        };
        Ok(Response::new(answer))
    }

    async fn get_token_keys(&self, _: Request<GetTokenKeysRequest>) -> Result<Response<GetTokenKeysResponse>, Status> {
        Err(Status::unimplemented("upload does not ask this"))
    }

    async fn check_session(&self, _: Request<CheckSessionRequest>) -> Result<Response<CheckSessionResponse>, Status> {
        Err(Status::unimplemented("upload does not ask this"))
    }

    type WatchRevocationsStream = tokio_stream::Empty<Result<WatchRevocationsResponse, Status>>;

    async fn watch_revocations(
        &self,
        _: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        Err(Status::unimplemented("upload does not ask this"))
    }
}

/// Retention, as far as upload asks it.
#[derive(Clone, Copy)]
pub(crate) struct Deadlines;

#[tonic::async_trait]
impl RetentionService for Deadlines {
    async fn get_deadlines(
        &self,
        request: Request<GetDeadlinesRequest>,
    ) -> Result<Response<GetDeadlinesResponse>, Status> {
        let records = request.into_inner().records.into_iter();
        let deadline = |record| RecordDeadline { record, policy: "unfetched-365d".into(), due_ms: DUE_MS };
        Ok(Response::new(GetDeadlinesResponse { deadlines: records.map(deadline).collect() }))
    }
}
