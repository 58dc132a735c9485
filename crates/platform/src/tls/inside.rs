//! TLS between the services: both sides show a certificate of the platform's own CA, made for one service's name, and
//! believe no other authority. Who is called is fixed by the name (`upload.siegel.internal`) and not by the address; who
//! calls is told to [`crate::peer::only`], which knows who may. The certificate of the public address names no service and
//! can't be shown by a caller (it has no such purpose), although the same CA signed it.

use std::sync::Arc;

use rustls::client::{ResolvesClientCert, verify_server_name};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SignatureScheme, version};
use siegel_domain::Timestamp;

use super::issue::Purpose;
use super::others::ForOthers;
use super::{Current, Own, TlsError};
use crate::clock::SharedClock;
use crate::peer::SERVICES;
use crate::secrets::Secrets;

/// Where services are called so.
pub(super) const DOMAIN: &str = "siegel.internal";

/// The name of a service in its certificate.
pub fn host_name(service: &str) -> String {
    format!("{service}.{DOMAIN}")
}

/// The service at the other end of a connection, as its certificate says. In the extensions of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller(pub &'static str);

/// One service's side of TLS with the others.
pub struct InsideTls {
    own: Own,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl InsideTls {
    /// Loads the CA and `service`'s certificate, making what is missing or due.
    pub async fn open(service: &str, secrets: Arc<Secrets>, clock: SharedClock) -> Result<Self, TlsError> {
        let purpose = Purpose { place: format!("tls/inside/{service}"), names: vec![host_name(service)], calls: true };
        let own = Own::load_or_make(purpose, secrets, clock).await?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(own.ca.der.clone())).map_err(TlsError::Rustls)?;
        let roots = Arc::new(roots);
        let server = Arc::new(server_config(roots.clone(), own.current.clone())?);
        let client = Arc::new(client_config(roots, own.current.clone())?);
        Ok(Self { own, server, client })
    }

    /// Makes certificates for the other programs, if this one holds the CA's key.
    pub async fn for_others(&self, service: &str) -> Result<Option<ForOthers>, TlsError> {
        ForOthers::beside(&self.own, service).await
    }

    /// When the service's certificate ends.
    pub fn expires(&self) -> Timestamp {
        self.own.current.get().expires
    }

    /// As [`super::Tls::ca_expires`].
    pub fn ca_expires(&self) -> Timestamp {
        self.own.ca.expires
    }

    /// Replaces the certificate if two thirds of its life are over, as [`super::Tls::renew_if_due`].
    pub async fn renew_if_due(&self) -> Result<bool, TlsError> {
        self.own.renew_if_due().await
    }

    /// How the internal listener speaks TLS: nobody without a certificate gets as far as a request.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        self.server.clone()
    }

    /// How another service is called.
    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        self.client.clone()
    }
}

/// Which service a certificate, whose signature has been checked, was made for.
pub(crate) fn caller_of(certificate: &CertificateDer<'_>) -> Option<Caller> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let made_for = |service: &&str| {
        let name = ServerName::try_from(host_name(service));
        name.is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
    };
    SERVICES.into_iter().find(made_for).map(Caller)
}

fn server_config(roots: Arc<RootCertStore>, current: Arc<Current>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build();
    let verifier = verifier.map_err(|error| TlsError::Rustls(rustls::Error::General(error.to_string())))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(TlsError::Rustls)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(current);
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn client_config(roots: Arc<RootCertStore>, current: Arc<Current>) -> Result<ClientConfig, TlsError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&version::TLS13])
        .map_err(TlsError::Rustls)?
        .with_root_certificates(roots)
        .with_client_cert_resolver(current);
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

impl ResolvesClientCert for Current {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.get().key.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
