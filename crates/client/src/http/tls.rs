//! Whom a connection may be with. A platform that made its own CA is pinned by that certificate's BLAKE3 fingerprint,
//! which came with the enrolment code; the server sends the certificate in its chain. So no other CA in the world,
//! and no proxy that opens TLS, can stand in for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::issuer;
use crate::error::{Error, Result};

/// Which server certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those of one CA, known by the BLAKE3 of its DER certificate.
    Pinned([u8; 32]),
    /// Those of the CAs in a PEM file.
    File(PathBuf),
    /// Those that the operating system believes.
    System,
}

/// Why a connection is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The chain has no certificate of the pinned CA: another server, or something in between that opens TLS.
    #[error("the connection to {host} is not with the server it was enrolled at; its certificate was issued by {}", issuer.as_deref().unwrap_or("an unknown CA"))]
    NotPinned {
        /// The host.
        host: String,
        /// Who issued the certificate that was shown, in its own words.
        issuer: Option<String>,
    },
    /// Any other reason: expired, wrong name, unknown CA.
    #[error("the certificate of {host} is not valid: {why}")]
    Invalid {
        /// The host.
        host: String,
        /// The TLS library's words.
        why: String,
    },
}

impl TlsError {
    /// As [`Error::key`].
    pub const fn key(&self) -> &'static str {
        match self {
            Self::NotPinned { .. } => "tls-not-pinned",
            Self::Invalid { .. } => "tls-invalid",
        }
    }
}

/// The fingerprint that pins a CA.
pub fn ca_fingerprint(der: &[u8]) -> [u8; 32] {
    *blake3::hash(der).as_bytes()
}

/// What the verifier saw last, for a helpful error and for `doctor`.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The issuer of the last certificate that was refused.
    refused_issuer: Mutex<Option<Option<String>>>,
}

impl Seen {
    fn set(&self, issuer: Option<Option<String>>) {
        *self.refused_issuer.lock().expect("nothing panics while it is held") = issuer;
    }

    /// The issuer of a certificate that did not chain to the pinned CA, if that is what happened last.
    pub(super) fn take(&self) -> Option<Option<String>> {
        self.refused_issuer.lock().expect("nothing panics while it is held").take()
    }
}

/// A TLS configuration that believes `trust` only; `None` = the HTTP library's own, which asks the system.
pub(super) fn config(trust: &Trust, seen: &Arc<Seen>) -> Result<Option<rustls::ClientConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider supports TLS 1.2 and 1.3");
    let mut config = match trust {
        Trust::System => return Ok(None),
        Trust::Pinned(fingerprint) => {
            let verifier = PinnedCa {
                fingerprint: *fingerprint,
                algorithms: provider.signature_verification_algorithms,
                provider,
                seen: seen.clone(),
            };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
        Trust::File(path) => builder.with_root_certificates(roots(path)?).with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(config))
}

fn roots(path: &Path) -> Result<RootCertStore> {
    let unreadable = |why: &str| Error::input("CA file", format!("{}: {why}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(&error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(&error.to_string()))?;
    }
    if roots.is_empty() { Err(unreadable("no certificate in it")) } else { Ok(roots) }
}

/// Believes certificates of the one CA whose fingerprint it knows; names, dates and signatures are checked as always.
#[derive(Debug)]
struct PinnedCa {
    fingerprint: [u8; 32],
    algorithms: WebPkiSupportedAlgorithms,
    provider: Arc<CryptoProvider>,
    seen: Arc<Seen>,
}

#[derive(Debug, thiserror::Error)]
#[error("no certificate of the pinned CA in the chain")]
struct NotPinned;

impl ServerCertVerifier for PinnedCa {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.seen.set(None);
        let pinned = intermediates.iter().find(|certificate| ca_fingerprint(certificate) == self.fingerprint);
        let Some(ca) = pinned else {
            self.seen.set(Some(issuer::of(end_entity)));
            return Err(CertificateError::Other(OtherError(Arc::new(NotPinned))).into());
        };
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
