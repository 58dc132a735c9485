//! `siegel.keydirectory.v1`, for the other services.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use siegel_domain::{Party, SessionId, TenantId};
use siegel_envelope::Fingerprint;
use siegel_platform::{Problem, Reason};
use siegel_proto::keydirectory::v1::key_directory_service_server::KeyDirectoryService;
use siegel_proto::keydirectory::v1::{
    CheckSessionRequest, CheckSessionResponse, GetTokenKeysRequest, GetTokenKeysResponse, ResolvePartyRequest,
    ResolvePartyResponse, ResolveSignerRequest, ResolveSignerResponse, TokenKey, WatchRevocationsRequest,
    WatchRevocationsResponse,
};
use tonic::{Request, Response, Status};

use crate::app::Directory;
use crate::{resolve, session};

/// The gRPC service.
#[derive(Clone)]
pub struct Grpc(pub(crate) Arc<Directory>);

#[tonic::async_trait]
impl KeyDirectoryService for Grpc {
    type WatchRevocationsStream = BoxStream<'static, Result<WatchRevocationsResponse, Status>>;

    async fn get_token_keys(&self, _: Request<GetTokenKeysRequest>) -> Result<Response<GetTokenKeysResponse>, Status> {
        let tokens = &self.0.tokens;
        let key = TokenKey { kid: tokens.kid().to_owned(), public_key: tokens.public_key().to_vec() };
        let nonce_secret = self.0.nonce_secret.to_vec();
        Ok(Response::new(GetTokenKeysResponse { keys: vec![key], nonce_secret }))
    }

    async fn check_session(
        &self,
        request: Request<CheckSessionRequest>,
    ) -> Result<Response<CheckSessionResponse>, Status> {
        let request = request.into_inner();
        let session: SessionId = parse("session", &request.session)?;
        let tenant = match request.tenant.as_str() {
            "" => None,
            tenant => Some(parse::<TenantId>("tenant", tenant)?),
        };
        let alive = session::alive(&self.0, tenant, session).await?;
        Ok(Response::new(CheckSessionResponse { alive }))
    }

    async fn watch_revocations(
        &self,
        _: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        // Ends with the process: a feed without an end would hold up its drain.
        let shutdown = self.0.ctx.shutdown.clone();
        let stop = async move { shutdown.wait().await };
        Ok(Response::new(self.0.revocations.clone().watch().take_until(Box::pin(stop)).boxed()))
    }

    async fn resolve_party(
        &self,
        request: Request<ResolvePartyRequest>,
    ) -> Result<Response<ResolvePartyResponse>, Status> {
        let request = request.into_inner();
        let tenant = parse("tenant", &request.tenant)?;
        let party = parse::<Party>("party", &request.party)?;
        Ok(Response::new(resolve::party(&self.0, tenant, party).await?))
    }

    async fn resolve_signer(
        &self,
        request: Request<ResolveSignerRequest>,
    ) -> Result<Response<ResolveSignerResponse>, Status> {
        let request = request.into_inner();
        let tenant = parse("tenant", &request.tenant)?;
        let fingerprint = Fingerprint::from_slice(&request.sign_fingerprint)
            .ok_or_else(|| Problem::invalid("sign_fingerprint", "has to be 32 bytes"))?;
        Ok(Response::new(resolve::signer(&self.0, tenant, fingerprint).await?))
    }
}

fn parse<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::new(Reason::InvalidRequest).field(field, "is not an id of its kind"))
}
