//! Calls between the services as processes of their own: who shows which certificate, and who is let in.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use siegel_domain::time::DAY_MS;
use siegel_platform::clock::{Clock, ManualClock, SharedClock, SystemClock};
use siegel_platform::http::{HttpEnv, HttpServer, Transport};
use siegel_platform::peer::{Callers, Peer, RemoteOptions, ask, inside, only, remote};
use siegel_platform::rng::SystemRng;
use siegel_platform::secrets::Secrets;
use siegel_platform::tasks::{Shutdown, Tasks};
use siegel_platform::tls::{InsideTls, Tls, host_name};
use siegel_platform::{Problem, Reason};
use siegel_proto::operator::v1::operator_service_client::OperatorServiceClient;
use siegel_proto::operator::v1::operator_service_server::{OperatorServiceServer, SERVICE_NAME};
use siegel_proto::operator::v1::{PlanRequest, PlanResponse, ReconcileRequest};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tonic::Code;

use crate::grpc::{Operator, plan};
use crate::telemetry::env;

/// Who may call the operator of these tests: a plan is for the dealer API, upload may only ask to reconcile.
const CALLERS: Callers =
    Callers { of: SERVICE_NAME, methods: &[("Plan", &["dealer-api"]), ("Reconcile", &["dealer-api", "upload"])] };

/// An operator.
struct Case {
    dir: TempDir,
    address: SocketAddr,
    shutdown: Shutdown,
    serving: tokio::task::JoinHandle<Option<usize>>,
}

fn secrets(dir: &Path) -> Arc<Secrets> {
    let (sealed, key) = (dir.join("secrets.sealed"), dir.join("secrets.key"));
    Arc::new(Secrets::open(&sealed, &key, SystemClock::shared(), Arc::new(SystemRng)).unwrap())
}

async fn tls(dir: &Path, service: &str) -> Arc<InsideTls> {
    Arc::new(InsideTls::open(service, secrets(dir), SystemClock::shared()).await.unwrap())
}

async fn serve(dir: TempDir, address: SocketAddr) -> Case {
    let shutdown = Shutdown::new();
    let env = HttpEnv { shutdown: shutdown.clone(), ..env() };
    let server = HttpServer::bind(address, Transport::Inside(tls(dir.path(), "operator").await), env).await.unwrap();
    let address = server.address();
    let grpc = tonic::service::Routes::new(OperatorServiceServer::new(Operator)).prepare().into_axum_router();
    let serving = Tasks::new().spawn("server", server.serve(only(CALLERS, grpc)));
    Case { dir, address, shutdown, serving }
}

async fn case() -> Case {
    serve(tempfile::tempdir().unwrap(), "127.0.0.1:0".parse().unwrap()).await
}

impl Case {
    /// The way `caller` has to whom it takes for `callee`.
    async fn peer(&self, caller: &str, callee: &str) -> Peer {
        let tls = tls(self.dir.path(), caller).await;
        inside(callee, &self.address.to_string(), tls, RemoteOptions::default()).unwrap()
    }
}

#[tokio::test]
async fn each_method_answers_whom_its_row_names_and_refuses_everybody_else() {
    let case = case().await;
    let reconcile = async |caller: &str| {
        let peer = case.peer(caller, "operator").await;
        OperatorServiceClient::new(peer).reconcile(ReconcileRequest::default()).await.map_err(|status| status.code())
    };
    plan(&case.peer("dealer-api", "operator").await, "x").await.unwrap();
    reconcile("dealer-api").await.unwrap();
    reconcile("upload").await.unwrap();
    for caller in ["upload", "notification"] {
        let refused = plan(&case.peer(caller, "operator").await, "x").await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{caller}");
    }
    assert_eq!(reconcile("notification").await.unwrap_err(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_method_without_a_row_is_refused_even_to_those_who_may_call_the_others() {
    let case = case().await;
    let mut grpc = tonic::client::Grpc::new(case.peer("dealer-api", "operator").await);
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<PlanRequest, PlanResponse>::default();
    let path = axum::http::uri::PathAndQuery::from_static("/siegel.operator.v1.OperatorService/Forgotten");
    let status = grpc.unary(tonic::Request::new(PlanRequest::default()), path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "not `unimplemented`, which would say that it may be called");
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_by_both_sides_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    // Certificates are checked by the machine's clock, so the first ones are made when two thirds of their lives are over.
    let clock = ManualClock::new(SystemClock::new().now().plus_ms(-60 * DAY_MS));
    let open = async |service: &str| {
        let shared: SharedClock = Arc::new(clock.clone());
        Arc::new(InsideTls::open(service, secrets(dir.path()), shared).await.unwrap())
    };
    let (callee, caller) = (open("operator").await, open("dealer-api").await);
    let shutdown = Shutdown::new();
    let env = HttpEnv { shutdown: shutdown.clone(), ..env() };
    let transport = Transport::Inside(callee.clone());
    let server = HttpServer::bind("127.0.0.1:0".parse().unwrap(), transport, env).await.unwrap();
    let address = server.address();
    let grpc = tonic::service::Routes::new(OperatorServiceServer::new(Operator)).prepare().into_axum_router();
    let serving = Tasks::new().spawn("server", server.serve(only(CALLERS, grpc)));
    let peer = || inside("operator", &address.to_string(), caller.clone(), RemoteOptions::default()).unwrap();
    let shown = async || leaf_shown_at(address, dir.path()).await;

    let (standing, first) = (peer(), shown().await);
    plan(&standing, "x").await.unwrap();
    clock.advance_ms(60 * DAY_MS);
    assert!(callee.renew_if_due().await.unwrap() && caller.renew_if_due().await.unwrap());
    assert!(!callee.renew_if_due().await.unwrap(), "once is enough");
    let second = shown().await;
    assert_ne!(first, second, "the listener that was bound before shows the new one");
    plan(&standing, "x").await.unwrap();
    plan(&peer(), "x").await.unwrap();
    drop(standing);
    shutdown.begin();
    assert_eq!(serving.await.unwrap(), Some(0));
}

/// The certificate of whoever listens at `address`; nothing is said about who asks.
async fn leaf_shown_at(address: SocketAddr, dir: &Path) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject;
    let public = Tls::open(dir, secrets(dir), &[], SystemClock::shared()).await.unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(public.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = rustls::pki_types::ServerName::try_from(host_name("operator")).unwrap();
    let socket = TcpStream::connect(address).await.unwrap();
    let socket = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap();
    socket.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// An address whose connections lead to `to` until they are cut off: then they stand, and nothing comes through, as when a
/// machine or a switch is gone.
async fn line_to(to: SocketAddr) -> (SocketAddr, Shutdown) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, gone) = (listener.local_addr().unwrap(), Shutdown::new());
    let (tasks, cut) = (Tasks::new(), gone.clone());
    tasks.clone().spawn("line", async move {
        loop {
            let Ok((mut near, _)) = listener.accept().await else { return };
            let cut = cut.clone();
            tasks.spawn("line.connection", async move {
                let mut far = TcpStream::connect(to).await.unwrap();
                tokio::select! {
                    biased;
                    () = cut.wait() => std::future::pending::<()>().await,
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                }
            });
        }
    });
    (address, gone)
}

const SHORT: std::time::Duration = std::time::Duration::from_millis(200);
const NEVER: std::time::Duration = std::time::Duration::from_secs(3_600);

#[tokio::test]
async fn a_connection_that_is_never_agreed_on_is_given_up() {
    let case = case().await;
    let (address, gone) = line_to(case.address).await;
    gone.begin();
    let options = RemoteOptions { connect_timeout: SHORT, deadline: NEVER, keepalive: NEVER, keepalive_timeout: NEVER };
    let peer = inside("operator", &address.to_string(), tls(case.dir.path(), "dealer-api").await, options).unwrap();
    let answer = tokio::time::timeout(GENEROUS, plan(&peer, "x")).await.expect("the connect timeout ends it");
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable, "which the public side answers with 503");
}

#[tokio::test]
async fn a_connection_whose_other_end_is_gone_is_noticed_by_keepalive() {
    let case = case().await;
    let (address, gone) = line_to(case.address).await;
    let options =
        RemoteOptions { connect_timeout: GENEROUS, deadline: NEVER, keepalive: SHORT, keepalive_timeout: SHORT };
    let peer = inside("operator", &address.to_string(), tls(case.dir.path(), "dealer-api").await, options).unwrap();
    plan(&peer, "x").await.unwrap();
    gone.begin();
    let answer = tokio::time::timeout(GENEROUS, plan(&peer, "x")).await.expect("pings that are not answered end it");
    assert_eq!(Problem::from(answer.unwrap_err()).reason(), Reason::OverCapacity);
}

/// Longer than a slow machine takes; nothing waits for it unless something is broken.
const GENEROUS: std::time::Duration = std::time::Duration::from_secs(60);

#[tokio::test]
async fn the_time_that_a_caller_gives_goes_with_the_call() {
    let case = case().await;
    let clock = SystemClock::shared();
    let far = case.peer("dealer-api", "operator").await;
    for peer in [far, siegel_platform::peer::direct(OperatorServiceServer::new(Operator))] {
        assert_eq!(plan(&peer, "time").await.unwrap(), "", "who gives none says none");
        let seen = ask(&clock, 50_000, plan(&peer, "time")).await.unwrap().unwrap();
        let ms: i64 = seen.strip_suffix('m').unwrap().parse().unwrap();
        assert!((1..=50_000).contains(&ms), "{seen}");
    }
}

#[tokio::test]
async fn without_a_certificate_for_it_nobody_gets_as_far_as_a_request() {
    let case = case().await;
    let plain = remote(format!("http://{}", case.address).parse().unwrap(), RemoteOptions::default());
    plan(&plain, "x").await.unwrap_err();
    // TLS that believes the CA, and shows nothing, or the certificate of a public address.
    let public = Tls::open(case.dir.path(), secrets(case.dir.path()), &[], SystemClock::shared()).await.unwrap();
    for shown in [None, Some("tls/leaf")] {
        assert!(!answered(&case, &public, shown).await, "{shown:?}");
    }
    // The same way with a certificate of ours gets through: it is the certificate that is missing.
    plan(&case.peer("dealer-api", "operator").await, "x").await.unwrap();
    assert!(answered(&case, &public, Some("tls/inside/dealer-api")).await);
}

/// Whether a request over TLS of rustls' own making is answered that shows the certificate at a place in the secrets.
async fn answered(case: &Case, public: &Tls, shown: Option<&str>) -> bool {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let ca = CertificateDer::from_pem_slice(public.ca_pem().as_bytes()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some(place) => {
            #[derive(serde::Deserialize)]
            struct Leaf {
                der: siegel_api::Bytes,
                key: siegel_api::Bytes,
            }
            let leaf: Leaf =
                serde_json::from_slice(&secrets(case.dir.path()).get(place).await.unwrap().unwrap()).unwrap();
            let key = PrivateKeyDer::Pkcs8(leaf.key.to_vec().into());
            builder.with_client_auth_cert(vec![leaf.der.to_vec().into(), ca], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from(host_name("operator")).unwrap();
    let socket = TcpStream::connect(case.address).await.unwrap();
    let Ok(mut socket) = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, socket).await else {
        return false;
    };
    // In TLS 1.3 the server's refusal comes after the client believes that it is connected.
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.ok();
    let mut first = [0; 9];
    socket.read_exact(&mut first).await.is_ok()
}

#[tokio::test]
async fn an_address_that_leads_to_another_service_is_not_believed() {
    let case = case().await;
    let answer = plan(&case.peer("dealer-api", "key-directory").await, "x").await.unwrap_err();
    assert_eq!(answer.code(), Code::Unavailable);
    assert!(inside("operator", "no address", tls(case.dir.path(), "upload").await, RemoteOptions::default()).is_err());
}

#[tokio::test]
async fn a_peer_that_is_away_is_unavailable_and_found_again_when_it_returns() {
    let case = case().await;
    let peer = case.peer("dealer-api", "operator").await;
    plan(&peer, "x").await.unwrap();
    case.shutdown.begin();
    assert_eq!(case.serving.await.unwrap(), Some(0), "the open channel did not hold up the end");
    let away = Problem::from(plan(&peer, "x").await.unwrap_err());
    assert_eq!((away.reason(), away.reason().status().as_u16()), (Reason::OverCapacity, 503));
    let case = serve(case.dir, case.address).await;
    // The channel waits a little between two attempts.
    let back = async {
        while plan(&peer, "x").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), back).await.unwrap();
    drop(case);
}
