//! TLS by the platform's own CA.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use siegel_domain::Timestamp;
use siegel_domain::time::DAY_MS;
use siegel_envelope::bytes::Digest;
use siegel_platform::clock::{ManualClock, SystemClock};
use siegel_platform::http::{HttpServer, Limits, ListenError, Transport};
use siegel_platform::rng::SeededRng;
use siegel_platform::secrets::Secrets;
use siegel_platform::tls::{Tls, TlsError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::server::{env, serve_with, soon};

fn secrets(dir: &Path, clock: &ManualClock) -> Arc<Secrets> {
    let (path, key) = (dir.join("secrets.sealed"), dir.join("key"));
    Arc::new(Secrets::open(&path, &key, Arc::new(clock.clone()), Arc::new(SeededRng::new(1))).unwrap())
}

pub(super) async fn open(dir: &Path, clock: &ManualClock, names: &[&str]) -> Result<Tls, TlsError> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    Tls::open(dir, secrets(dir, clock), &names, Arc::new(clock.clone())).await
}

/// Believes `ca` alone and offers `protocols`.
fn connector(ca: &str, protocols: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn a_client_that_knows_the_ca_is_served_under_every_name() {
    let dir = tempfile::tempdir().unwrap();
    // A client checks dates by the machine's clock, so the certificate has to be made by it.
    let now = siegel_platform::clock::Clock::now(&SystemClock::new());
    let tls = Arc::new(open(dir.path(), &ManualClock::new(now), &["siegel.example"]).await.unwrap());
    let ca = std::fs::read_to_string(dir.path().join("ca/ca.pem")).unwrap();
    assert_eq!(ca, tls.ca_pem());
    let der = CertificateDer::from_pem_slice(ca.as_bytes()).unwrap();
    assert_eq!(tls.ca_fingerprint(), Digest::of(&der));

    let server = serve_with(Limits::default(), async |_: &_| Transport::Tls(tls.clone())).await;
    for (name, protocol) in
        [("localhost", "http/1.1"), ("127.0.0.1", "h2"), ("::1", "http/1.1"), ("siegel.example", "h2")]
    {
        let socket = TcpStream::connect(server.address).await.unwrap();
        let name = ServerName::try_from(name).unwrap();
        let mut socket = soon("the handshake", connector(&ca, &[protocol]).connect(name, socket)).await.unwrap();
        let session = socket.get_ref().1;
        assert_eq!(session.alpn_protocol(), Some(protocol.as_bytes()));
        assert_eq!(session.peer_certificates().unwrap().last().unwrap(), &der, "the chain shows the CA that is pinned");
        assert_eq!(session.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        if protocol == "http/1.1" {
            socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            soon("an answer", socket.read_to_string(&mut answer)).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }
    let socket = TcpStream::connect(server.address).await.unwrap();
    let other = connector(&ca, &["h2"]).connect(ServerName::try_from("evil.example").unwrap(), socket).await;
    assert!(other.is_err(), "another name is not in the certificate");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve_with(Limits::default(), async |clock: &ManualClock| {
        Transport::Tls(Arc::new(open(dir.path(), clock, &[]).await.unwrap()))
    })
    .await;
    let mut client = server.connect().await;
    client.send(b"\x16\x03").await;
    server.timers(1).await;
    server.clock.advance_ms(server.env.limits.handshake_ms);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn the_certificate_is_renewed_after_two_thirds_of_its_life_and_the_ca_stays() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(Timestamp(1_700_000_000_000));
    let tls = open(dir.path(), &clock, &["a.example"]).await.unwrap();
    let (ca, first) = (tls.ca_fingerprint(), tls.expires());
    assert_eq!(first, Timestamp(1_700_000_000_000 + 90 * DAY_MS));
    clock.advance_ms(59 * DAY_MS);
    assert!(!tls.renew_if_due().await.unwrap());
    assert_eq!(open(dir.path(), &clock, &["a.example"]).await.unwrap().expires(), first, "a restart keeps it");
    clock.advance_ms(DAY_MS);
    assert!(tls.renew_if_due().await.unwrap());
    assert!(tls.expires() > first);
    let restarted = open(dir.path(), &clock, &["a.example"]).await.unwrap();
    assert_eq!((restarted.ca_fingerprint(), restarted.expires()), (ca, tls.expires()));
    clock.advance_ms(DAY_MS);
    let renamed = open(dir.path(), &clock, &["b.example"]).await.unwrap();
    assert_eq!(renamed.ca_fingerprint(), ca);
    assert!(renamed.expires() > restarted.expires(), "other names need another certificate");
    assert!(
        matches!(open(dir.path(), &clock, &["not a name"]).await, Err(TlsError::Name(name)) if name == "not a name")
    );
}

#[tokio::test]
async fn plain_http_stays_on_this_machine_and_a_taken_port_says_so() {
    let clock = ManualClock::new(Timestamp(0));
    let bind = |address: &str| {
        HttpServer::bind(address.parse().unwrap(), Transport::PlainOnLoopback, env(&clock, Limits::default()))
    };
    assert!(matches!(bind("0.0.0.0:0").await, Err(ListenError::PlainBeyondLoopback(_))));
    let first = bind("127.0.0.1:0").await.unwrap();
    let second = bind(&first.address().to_string()).await;
    assert!(matches!(second, Err(ListenError::Taken(address)) if address == first.address()));
}
