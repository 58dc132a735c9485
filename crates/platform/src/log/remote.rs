//! The outboxes of services in other programs, where no directory is shared: read by asking them, and served to who asks us.

use std::sync::Arc;

use prost::Message as _;
use siegel_domain::TenantId;
use siegel_proto::events::v1::Event;
use siegel_proto::log::v1::log_service_client::LogServiceClient;
use siegel_proto::log::v1::log_service_server::{LogService, LogServiceServer};
use siegel_proto::log::v1::{GetEndRequest, GetEndResponse, ReadRequest, ReadResponse, StoredEvent};
use tonic::{Code, Request, Response, Status};

use super::feed::{Log, LogError, Stored};
use crate::db::DbError;
use crate::peer::Peer;
use crate::problem::Problem;

/// An answer holds at most so many events, so that it stays below what a client takes: events are small.
const MOST: u32 = 500;

/// One service's outboxes, elsewhere.
#[derive(Clone)]
pub(super) struct Remote(LogServiceClient<Peer>);

impl Remote {
    pub(super) fn new(peer: Peer) -> Self {
        Self(LogServiceClient::new(peer))
    }

    pub(super) async fn read(&self, tenant: TenantId, after: i64, limit: u32) -> Result<Vec<Stored>, LogError> {
        let request = ReadRequest { tenant: tenant.to_string(), after, limit: limit.min(MOST) };
        let answer = self.0.clone().read(request).await.map_err(away)?.into_inner();
        answer.events.into_iter().map(stored).collect()
    }

    pub(super) async fn end(&self, tenant: TenantId) -> Result<i64, LogError> {
        let request = GetEndRequest { tenant: tenant.to_string() };
        let answer = self.0.clone().get_end(request).await.map_err(away)?;
        Ok(answer.into_inner().position)
    }
}

fn away(status: Status) -> LogError {
    match status.code() {
        Code::NotFound => LogError::Db(DbError::NoSuchTenant),
        _ => LogError::Away(Box::new(status)),
    }
}

fn stored(told: StoredEvent) -> Result<Stored, LogError> {
    let event = Event::decode(&*told.event).map_err(|_| away(Status::data_loss("not an event")))?;
    Ok(Stored { position: told.position, event })
}

/// Our own service's outboxes, for others.
pub(super) struct Served {
    log: Arc<Log>,
    service: &'static str,
}

impl Served {
    /// `siegel.log.v1` for the outboxes of `service`.
    pub(super) fn server(log: Arc<Log>, service: &'static str) -> LogServiceServer<Self> {
        LogServiceServer::new(Self { log, service })
    }
}

fn tenant(text: &str) -> Result<TenantId, Problem> {
    text.parse().map_err(|_| Problem::invalid("tenant", "is not a tenant's id"))
}

#[tonic::async_trait]
impl LogService for Served {
    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        let ReadRequest { tenant: id, after, limit } = request.into_inner();
        let read = self.log.read(self.service, tenant(&id)?, after, limit.min(MOST)).await.map_err(Problem::from)?;
        let events = read.into_iter();
        let events = events.map(|one| StoredEvent { position: one.position, event: one.event.encode_to_vec() });
        Ok(Response::new(ReadResponse { events: events.collect() }))
    }

    async fn get_end(&self, request: Request<GetEndRequest>) -> Result<Response<GetEndResponse>, Status> {
        let id = tenant(&request.into_inner().tenant)?;
        let position = self.log.end(self.service, id).await.map_err(Problem::from)?;
        Ok(Response::new(GetEndResponse { position }))
    }
}
