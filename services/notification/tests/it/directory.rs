//! A key directory that knows which sessions live, and nothing else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use siegel_proto::keydirectory::v1 as wire;
use siegel_proto::keydirectory::v1::key_directory_service_server::KeyDirectoryService;
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
pub(crate) struct Directory {
    pub(crate) ended: Arc<Mutex<BTreeSet<String>>>,
}

#[tonic::async_trait]
impl KeyDirectoryService for Directory {
    type WatchRevocationsStream = tokio_stream::Empty<Result<wire::WatchRevocationsResponse, Status>>;

    async fn check_session(
        &self,
        request: Request<wire::CheckSessionRequest>,
    ) -> Result<Response<wire::CheckSessionResponse>, Status> {
        let alive = !self.ended.lock().unwrap().contains(&request.into_inner().session);
        Ok(Response::new(wire::CheckSessionResponse { alive }))
    }

    async fn get_token_keys(
        &self,
        _: Request<wire::GetTokenKeysRequest>,
    ) -> Result<Response<wire::GetTokenKeysResponse>, Status> {
        Err(Status::unavailable("not asked here"))
    }

    async fn watch_revocations(
        &self,
        _: Request<wire::WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        Err(Status::unavailable("not asked here"))
    }

    async fn resolve_party(
        &self,
        _: Request<wire::ResolvePartyRequest>,
    ) -> Result<Response<wire::ResolvePartyResponse>, Status> {
        Err(Status::unavailable("not asked here"))
    }

    async fn resolve_signer(
        &self,
        _: Request<wire::ResolveSignerRequest>,
    ) -> Result<Response<wire::ResolveSignerResponse>, Status> {
        Err(Status::unavailable("not asked here"))
    }
}
