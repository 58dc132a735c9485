//! The pin: the platform's own CA, known by its fingerprint, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use siegel_client::{Config, Error, TlsError, Trust, ca_fingerprint, doctor};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

struct Ca {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

fn ca(name: &str) -> Ca {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.self_signed(&key).unwrap().der().clone();
    Ca { certificate, issuer: Issuer::new(params, key) }
}

/// A server for `localhost` with a certificate of `ca`, which answers every request with an empty JSON object.
async fn server(ca: &Ca, send_ca: bool) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &ca.issuer).unwrap();
    let mut chain = vec![leaf.der().clone()];
    chain.extend(send_ca.then(|| ca.certificate.clone()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test's server ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    address
}

async fn ask(address: SocketAddr, trust: Trust) -> Error {
    let config = Config::new(format!("https://localhost:{}", address.port()), trust);
    doctor::examine(config).await.unwrap_err()
}

#[tokio::test]
async fn the_pinned_ca_is_believed_and_no_other() {
    let (ours, other) = (ca("Siegel"), ca("Box that opens TLS"));
    let pin = Trust::Pinned(ca_fingerprint(&ours.certificate));
    let trusted = ask(server(&ours, true).await, pin.clone()).await;
    assert!(matches!(trusted, Error::Answer { .. }), "the line stands, the answer is none: {trusted}");

    let intercepted = ask(server(&other, true).await, pin.clone()).await;
    let Error::Tls(TlsError::NotPinned { issuer, .. }) = &intercepted else { panic!("{intercepted}") };
    assert_eq!(issuer.as_deref(), Some("Box that opens TLS"), "it names who is in between");

    let without = ask(server(&ours, false).await, pin).await;
    assert!(matches!(without, Error::Tls(TlsError::NotPinned { .. })), "the CA has to be in the chain: {without}");
}

#[tokio::test]
async fn a_ca_file_and_the_system_believe_what_they_know() {
    let ours = ca("Company");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let pem = |der: &[u8]| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    };
    std::fs::write(&file, pem(&ours.certificate)).unwrap();
    let address = server(&ours, true).await;
    assert!(matches!(ask(address, Trust::File(file.clone())).await, Error::Answer { .. }));
    let unknown = ask(address, Trust::System).await;
    assert!(matches!(unknown, Error::Tls(TlsError::Invalid { .. })), "{unknown}");
    std::fs::write(&file, "no certificate").unwrap();
    assert!(matches!(ask(address, Trust::File(file)).await, Error::Input { .. }));
}

#[tokio::test]
async fn a_server_without_tls_is_no_platform() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test's server ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = ask(address, Trust::Pinned([0; 32])).await;
    assert!(matches!(error, Error::Tls(TlsError::Invalid { .. })), "{error}");
}
