//! Calls between the services as processes of their own: who shows which certificate, and who is let in.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use siegel_platform::clock::SystemClock;
use siegel_platform::http::{HttpEnv, HttpServer, Transport};
use siegel_platform::peer::{Peer, RemoteOptions, inside, only, remote};
use siegel_platform::rng::SystemRng;
use siegel_platform::secrets::Secrets;
use siegel_platform::tasks::{Shutdown, Tasks};
use siegel_platform::tls::{InsideTls, Tls, host_name};
use siegel_platform::{Problem, Reason};
use siegel_proto::operator::v1::operator_service_server::OperatorServiceServer;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tonic::Code;

use crate::grpc::{Operator, plan};
use crate::telemetry::env;

/// An operator that only the dealer API may call.
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
    let serving = Tasks::new().spawn("server", server.serve(only(&["dealer-api"], grpc)));
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
async fn who_is_on_the_list_is_answered_and_who_is_not_is_refused() {
    let case = case().await;
    plan(&case.peer("dealer-api", "operator").await, "x").await.unwrap();
    let refused = plan(&case.peer("notification", "operator").await, "x").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
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
