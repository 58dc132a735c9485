//! How services reach each other: directly, and over a socket through the same stack as everything else.

use std::net::SocketAddr;
use std::sync::Arc;

use siegel_domain::Timestamp;
use siegel_platform::clock::ManualClock;
use siegel_platform::health::Health;
use siegel_platform::http::{HttpEnv, HttpServer, Limits, Transport};
use siegel_platform::metrics::Metrics;
use siegel_platform::peer::{Peer, RemoteOptions, direct, measured, remote};
use siegel_platform::rng::SeededRng;
use siegel_platform::tasks::{Shutdown, Tasks};
use siegel_platform::telemetry::{TraceContext, trace_context};
use siegel_platform::{Problem, Reason};
use siegel_proto::operator::v1::operator_service_client::OperatorServiceClient;
use siegel_proto::operator::v1::operator_service_server::{OperatorService, OperatorServiceServer};
use siegel_proto::operator::v1::{PlanRequest, PlanResponse, PlanStep, ReconcileRequest, ReconcileResponse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::{Code, Request, Response, Status};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Answers with the trace it sees, or the time if that is asked for; refuses the tenant `refused`, panics at `panic`.
pub(crate) struct Operator;

#[tonic::async_trait]
impl OperatorService for Operator {
    async fn plan(&self, request: Request<PlanRequest>) -> Result<Response<PlanResponse>, Status> {
        let headers = request.metadata().clone().into_headers();
        let seen = TraceContext::of(&headers);
        let plan = |reason| Ok(Response::new(PlanResponse { steps: vec![PlanStep { reason, ..PlanStep::default() }] }));
        match request.into_inner().tenant.as_str() {
            "refused" => {
                Err(Problem::new(Reason::EpochChanged).detail("Seal it anew.").field("epoch", "is old").into())
            }
            "broken" => Err(Problem::internal(std::io::Error::other("the cause")).into()),
            "panic" => panic!("Erika Mustermann"),
            "time" => {
                plan(headers.get("grpc-timeout").map(|time| time.to_str().unwrap().to_owned()).unwrap_or_default())
            }
            _ => plan(seen.map(|seen| seen.trace_id_hex()).unwrap_or_default()),
        }
    }

    async fn reconcile(&self, _: Request<ReconcileRequest>) -> Result<Response<ReconcileResponse>, Status> {
        Ok(Response::new(ReconcileResponse {}))
    }
}

struct Case {
    metrics: Arc<Metrics>,
    clock: ManualClock,
    address: SocketAddr,
    shutdown: Shutdown,
}

async fn serve() -> Case {
    let clock = ManualClock::new(Timestamp(0));
    let (metrics, shutdown) = (Arc::new(Metrics::new()), Shutdown::new());
    let env = HttpEnv {
        clock: Arc::new(clock.clone()),
        rng: Arc::new(SeededRng::new(1)),
        metrics: metrics.clone(),
        health: Health::new(),
        tasks: Tasks::new(),
        shutdown: shutdown.clone(),
        limits: Limits::default(),
    };
    let server = HttpServer::bind("127.0.0.1:0".parse().unwrap(), Transport::PlainOnLoopback, env).await.unwrap();
    let address = server.address();
    let routes = tonic::service::Routes::new(OperatorServiceServer::new(Operator)).prepare().into_axum_router();
    Tasks::new().spawn("server", server.serve(routes));
    Case { metrics, clock, address, shutdown }
}

pub(crate) async fn plan(peer: &Peer, tenant: &str) -> Result<String, Status> {
    let mut client = OperatorServiceClient::new(peer.clone());
    let answer = client.plan(PlanRequest { tenant: tenant.to_owned() }).await?;
    Ok(answer.into_inner().steps.remove(0).reason)
}

#[tokio::test]
async fn direct_and_remote_peers_answer_alike() {
    let case = serve().await;
    let uri = format!("http://{}", case.address).parse().unwrap();
    let peers =
        [("direct", direct(OperatorServiceServer::new(Operator))), ("remote", remote(uri, RemoteOptions::default()))];
    for (name, peer) in peers {
        let peer = measured(peer, case.metrics.clone(), Arc::new(case.clock.clone()));
        let refused = Problem::from(plan(&peer, "refused").await.unwrap_err());
        assert_eq!(refused.reason(), Reason::EpochChanged, "{name}");
        assert_eq!(refused.sentence(), Some("Seal it anew."), "{name}");
        assert_eq!(refused.fields()[0].field, "epoch", "{name}");
        let broken = plan(&peer, "broken").await.unwrap_err();
        assert!(!format!("{broken:?}").contains("the cause"), "{name}: a cause stays where it happened");
        assert_eq!(Problem::from(broken).reason(), Reason::Internal, "{name}");
        let fine = plan(&peer, "x").await.unwrap();
        assert!(fine.is_empty(), "{name}: a call outside of any request has no trace, and {fine} was seen");
    }
    case.shutdown.begin();
    let metrics = case.metrics.render();
    let call = "siegel_calls_total{group=\"/siegel.operator.v1.OperatorService/Plan\",method=\"POST\",status=";
    assert!(metrics.contains(&format!("{call}\"FAILED_PRECONDITION\"}} 2")), "{metrics}");
    assert!(metrics.contains("siegel_call_duration_seconds_count"), "{metrics}");
}

#[tokio::test]
async fn a_trace_goes_through_both_kinds_of_peers() {
    let case = serve().await;
    let uri: axum::http::Uri = format!("http://{}", case.address).parse().unwrap();
    let trace: TraceContext = TRACE.parse().unwrap();
    for peer in [direct(OperatorServiceServer::new(Operator)), remote(uri, RemoteOptions::default())] {
        let seen = trace.scope(async { plan(&peer, "x").await.unwrap() }).await;
        assert_eq!(seen, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(trace_context(), None, "outside of the request there is none");
    }
}

#[tokio::test]
async fn grpc_and_rest_share_one_stack() {
    let case = serve().await;
    let uri = format!("http://{}", case.address).parse().unwrap();
    let panicked = plan(&remote(uri, RemoteOptions::default()), "panic").await.unwrap_err();
    assert_eq!(panicked.code(), Code::Internal);
    assert!(!panicked.message().contains("Erika"));

    // tonic's router answers unknown paths with 200 and a gRPC status; the stack's fallback replaces it.
    let mut socket = tokio::net::TcpStream::connect(case.address).await.unwrap();
    socket.write_all(b"GET /v1/nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("\"not-found\""), "{answer}");

    let mut unknown =
        tonic::client::Grpc::new(remote(format!("http://{}", case.address).parse().unwrap(), RemoteOptions::default()));
    unknown.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<PlanRequest, PlanResponse>::default();
    let path = axum::http::uri::PathAndQuery::from_static("/siegel.operator.v1.OperatorService/Nothing");
    let status = unknown.unary(Request::new(PlanRequest::default()), path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_peer_that_is_gone_is_over_capacity_and_comes_back() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let gone = remote(format!("http://{address}").parse().unwrap(), RemoteOptions::default());
    let problem = Problem::from(plan(&gone, "x").await.unwrap_err());
    assert_eq!(problem.reason(), Reason::OverCapacity);
    assert!(problem.reason().retryable() && problem.wait_s().is_some());
    assert_eq!(problem.sentence(), None, "no address of ours is told");
}

/// Frames of HTTP/2 (RFC 9113, 4.1): our settings; the head of an answer, `:status: 200`; the first bytes of a message of ten.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const HEAD: &[u8] = &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
const PIECE: &[u8] = &[0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 10, 1, 2];
/// More than the client's preface and settings, less than those with a request.
const ASKED: usize = 120;

#[tokio::test]
async fn a_peer_that_dies_with_a_call_on_the_line_is_over_capacity() {
    for (how_far, answer) in
        [("nothing", vec![]), ("its settings", vec![SETTINGS]), ("half", vec![SETTINGS, HEAD, PIECE])]
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let dies = remote(uri.parse().unwrap(), RemoteOptions::default());
        let dying = tokio::task::JoinSet::from_iter([async move {
            let mut socket = listener.accept().await.unwrap().0;
            let mut asked = Vec::new();
            while asked.len() < ASKED {
                assert_ne!(socket.read_buf(&mut asked).await.unwrap(), 0);
            }
            for frame in answer {
                socket.write_all(frame).await.unwrap();
            }
        }]);
        let problem = Problem::from(plan(&dies, "x").await.unwrap_err());
        assert_eq!(problem.reason(), Reason::OverCapacity, "after {how_far}: {problem:?}");
        assert!(problem.wait_s().is_some(), "after {how_far}");
        dying.join_all().await;
    }
}
