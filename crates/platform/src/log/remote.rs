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
use crate::clock::SharedClock;
use crate::db::DbError;
use crate::peer::{Peer, ask};
use crate::problem::Problem;

/// An answer holds at most so many events, so that it stays below what a client takes: events are small.
const MOST: u32 = 500;

/// How long one of them may take: a page of an outbox is read in milliseconds, or, while a transaction is under way that holds
/// events back, in a fifth of a second. Whoever asks within a request has less.
const ASK_MS: i64 = 10_000;

/// One service's outboxes, elsewhere.
#[derive(Clone)]
pub(super) struct Remote {
    client: LogServiceClient<Peer>,
    clock: SharedClock,
}

impl Remote {
    pub(super) fn new(peer: Peer, clock: SharedClock) -> Self {
        Self { client: LogServiceClient::new(peer), clock }
    }

    pub(super) async fn read(&self, tenant: TenantId, after: i64, limit: u32) -> Result<Vec<Stored>, LogError> {
        let request = ReadRequest { tenant: tenant.to_string(), after, limit: limit.min(MOST) };
        let answer = self.ask(self.client.clone().read(request)).await?;
        answer.events.into_iter().map(stored).collect()
    }

    pub(super) async fn end(&self, tenant: TenantId) -> Result<i64, LogError> {
        let request = GetEndRequest { tenant: tenant.to_string() };
        Ok(self.ask(self.client.clone().get_end(request)).await?.position)
    }

    /// The other side works no longer than we wait, and we no longer than whoever waits for us.
    async fn ask<T>(&self, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, LogError> {
        let late = || Status::unavailable("a peer did not answer in time");
        let answer = ask(&self.clock, ASK_MS, call).await.unwrap_or_else(|| Err(late()));
        answer.map(Response::into_inner).map_err(away)
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use siegel_domain::Timestamp;

    use super::*;
    use crate::clock::ManualClock;
    use crate::peer::direct;

    /// Takes each call, writes down how long it may take, and never answers.
    #[derive(Clone, Default)]
    struct Hangs(Arc<Mutex<Vec<String>>>);

    impl Hangs {
        async fn hang<T, R>(&self, request: Request<T>) -> R {
            let told = request.metadata().get("grpc-timeout").map(|time| time.to_str().unwrap().to_owned());
            self.0.lock().unwrap().push(told.unwrap_or_default());
            std::future::pending().await
        }
    }

    #[tonic::async_trait]
    impl LogService for Hangs {
        async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
            self.hang(request).await
        }

        async fn get_end(&self, request: Request<GetEndRequest>) -> Result<Response<GetEndResponse>, Status> {
            self.hang(request).await
        }
    }

    #[tokio::test]
    async fn a_peer_that_hangs_is_waited_for_no_longer_than_it_is_told() {
        let (manual, hangs) = (ManualClock::new(Timestamp(0)), Hangs::default());
        let clock: SharedClock = Arc::new(manual.clone());
        let remote = Remote::new(direct(LogServiceServer::new(hangs.clone())), clock.clone());
        let tenant = TenantId::from_bytes([1; 16]);
        let mut read = Box::pin(remote.read(tenant, 0, 10));
        assert!(futures::poll!(&mut read).is_pending());
        manual.advance_ms(ASK_MS);
        let late = read.await.unwrap_err();
        assert!(matches!(&late, LogError::Away(status) if status.code() == Code::Unavailable), "{late}");

        let mut end = Box::pin(ask(&clock, 700, remote.end(tenant)));
        assert!(futures::poll!(&mut end).is_pending());
        manual.advance_ms(700);
        assert!(!matches!(end.await, Some(Ok(_))), "within a request it is waited for as long as for the request");
        assert_eq!(*hangs.0.lock().unwrap(), ["10000m", "700m"], "the peer knows when nobody waits any more");
    }
}
