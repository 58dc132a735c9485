//! HTTPS without a certificate authority of others. At the first start the platform makes a CA of its own; enrolment
//! codes carry its fingerprint, so clients believe it and nobody else. The server's certificate is signed by it, lives
//! 90 days, and is renewed after 60, at start or while the server runs. Both keys lie in the secrets.

mod front;
mod inside;
mod issue;
mod metrics;
mod others;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use siegel_domain::Timestamp;
use siegel_envelope::bytes::Digest;

use crate::clock::SharedClock;
use crate::files;
use crate::secrets::{Secrets, SecretsError};
use crate::wait::NotYet;
use issue::{Ca, LEAF_NAME, Leaf, Purpose};

pub use front::FrontCertificate;
pub(crate) use inside::caller_of;
pub use inside::{Caller, InsideTls, host_name};
pub use metrics::CertificateMetrics;
pub use others::ForOthers;

/// Names that every certificate has.
pub const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A name of the configuration can't stand in a certificate.
    #[error("`{0}` can't stand in a certificate: give a host name or an IP address")]
    Name(String),
    /// A certificate can't be made.
    #[error("a certificate can't be made")]
    Issue(#[source] rcgen::Error),
    /// What lies in the secrets is not what was put there.
    #[error("the CA in the secrets can't be read")]
    Stored,
    /// The TLS library refuses the certificate.
    #[error("the certificate can't be used")]
    Rustls(#[source] rustls::Error),
    /// The secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The operator has not made one so far.
    #[error("{0}")]
    NotYet(#[from] NotYet),
    /// The CA's public file can't be written.
    #[error("{path} can't be written: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// When the CA and the server's certificate in the secrets end, without making or renewing either: for
/// `siegel-admin doctor`. None before the first start with TLS.
pub async fn ends(secrets: &Secrets) -> Result<Option<(Timestamp, Timestamp)>, TlsError> {
    issue::ends(secrets).await
}

/// The names of a public certificate, in the one order in which they are kept.
fn all_names(further: &[String]) -> Vec<String> {
    let mut names: Vec<String> = LOCAL_NAMES.iter().map(ToString::to_string).chain(further.iter().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The server's side of TLS.
pub struct Tls {
    own: Own,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Loads the CA and the certificate, making what is missing, due or for other names. `host_names` are the names and
    /// addresses clients use beside [`LOCAL_NAMES`]. The CA's certificate is written to `state_dir/ca/ca.pem`.
    pub async fn open(
        state_dir: &Path,
        secrets: Arc<Secrets>,
        host_names: &[String],
        clock: SharedClock,
    ) -> Result<Self, TlsError> {
        Self::open_as(LEAF_NAME, state_dir, secrets, host_names, clock).await
    }

    /// The same with a certificate of its own at `place` in the secrets: the programs on one state directory may have
    /// different names, and none replaces another's.
    pub async fn open_as(
        place: &str,
        state_dir: &Path,
        secrets: Arc<Secrets>,
        host_names: &[String],
        clock: SharedClock,
    ) -> Result<Self, TlsError> {
        let purpose = Purpose { place: place.to_owned(), names: all_names(host_names), calls: false };
        let own = Own::load_or_make(purpose, secrets, clock).await?;
        let path = state_dir.join("ca").join("ca.pem");
        if std::fs::read(&path).is_ok_and(|there| there == own.ca.pem.as_bytes()) {
            // The usual start: nothing to write.
        } else {
            let written = files::replace(&path, own.ca.pem.as_bytes(), files::Visibility::Public);
            written.map_err(|source| TlsError::Io { path, source })?;
        }
        let config = Arc::new(server_config(own.current.clone())?);
        Ok(Self { own, config })
    }

    /// BLAKE3-256 of the CA's certificate (DER), as enrolment codes carry it.
    pub fn ca_fingerprint(&self) -> Digest {
        Digest::of(&self.own.ca.der)
    }

    /// The CA's certificate, for `curl --cacert` and customers' trust stores.
    pub fn ca_pem(&self) -> &str {
        &self.own.ca.pem
    }

    /// When the server's certificate ends; for a gauge.
    pub fn expires(&self) -> Timestamp {
        self.own.current.get().expires
    }

    /// When the CA's ends, and with it everything that pins it.
    pub fn ca_expires(&self) -> Timestamp {
        self.own.ca.expires
    }

    /// Replaces the certificate if two thirds of its life are over. Call it once a day; connections that stand keep the
    /// old one. True if there is a new one.
    pub async fn renew_if_due(&self) -> Result<bool, TlsError> {
        self.own.renew_if_due().await
    }

    /// How the listener speaks TLS.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }
}

/// TLS 1.3 alone: our clients and today's browsers speak it, and what is not offered can't be downgraded to.
fn server_config(current: Arc<Current>) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&version::TLS13])
        .map_err(TlsError::Rustls)?
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// A certificate that this process shows, and what it takes to replace it.
struct Own {
    ca: Ca,
    purpose: Purpose,
    secrets: Arc<Secrets>,
    clock: SharedClock,
    current: Arc<Current>,
}

impl Own {
    /// Loads the CA and the certificate, making what is missing, due or for another purpose.
    async fn load_or_make(purpose: Purpose, secrets: Arc<Secrets>, clock: SharedClock) -> Result<Self, TlsError> {
        let ca = Ca::load_or_make(&secrets, &*clock).await?;
        let leaf = Leaf::load_or_make(&secrets, &ca, &purpose, &*clock).await?;
        let current = Arc::new(Current(RwLock::new(Arc::new(In::new(&leaf, &ca)?))));
        Ok(Self { ca, purpose, secrets, clock, current })
    }

    async fn renew_if_due(&self) -> Result<bool, TlsError> {
        let leaf = Leaf::load_or_make(&self.secrets, &self.ca, &self.purpose, &*self.clock).await?;
        if leaf.expires() == self.current.get().expires {
            return Ok(false);
        }
        self.current.put(In::new(&leaf, &self.ca)?);
        Ok(true)
    }
}

/// The certificate in use.
struct In {
    key: Arc<CertifiedKey>,
    expires: Timestamp,
}

impl In {
    fn new(leaf: &Leaf, ca: &Ca) -> Result<Self, TlsError> {
        // The CA goes along: clients pin it by fingerprint and have to see it.
        let chain = vec![CertificateDer::from(leaf.der().to_vec()), CertificateDer::from(ca.der.clone())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.key().to_vec()));
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(TlsError::Rustls)?;
        Ok(Self { key: Arc::new(key), expires: leaf.expires() })
    }
}

struct Current(RwLock<Arc<In>>);

impl Current {
    fn get(&self) -> Arc<In> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, new: In) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get().key.clone())
    }
}
