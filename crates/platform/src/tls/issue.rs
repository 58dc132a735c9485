//! Making certificates and keeping them in the secrets. Keys are drawn by the TLS library itself.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, ServerName};
use serde::{Deserialize, Serialize};
use siegel_api::Bytes;
use siegel_domain::Timestamp;
use siegel_domain::time::{DAY_MS, HOUR_MS};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::TlsError;
use crate::clock::Clock;
use crate::secrets::{Secrets, SecretsError};
use crate::wait::NotYet;

const CA_LIFE_MS: i64 = 10 * 365 * DAY_MS;
const LEAF_LIFE_MS: i64 = 90 * DAY_MS;
/// Certificates begin a little earlier, for clients whose clock is behind.
const SLACK_MS: i64 = HOUR_MS;

const CA_NAME: &str = "tls/ca";
/// The CA's certificate without its key, for programs that issue nothing.
const CA_CERTIFICATE_NAME: &str = "tls/ca-certificate";
/// The certificate of `siegel-server`.
pub(super) const LEAF_NAME: &str = "tls/leaf";

/// What a certificate is for.
pub(super) struct Purpose {
    /// Where it lies in the secrets: each program that listens has one of its own.
    pub(super) place: String,
    /// The names and addresses in it.
    pub(super) names: Vec<String>,
    /// Whether its owner also shows it when it calls another service.
    pub(super) calls: bool,
}

/// A certificate and its key as they lie in the secrets.
#[derive(Serialize, Deserialize)]
struct Stored {
    der: Bytes,
    key: Bytes,
    names: Vec<String>,
    begins_ms: i64,
    ends_ms: i64,
}

/// The platform's own certificate authority.
pub(super) struct Ca {
    pub(super) der: Vec<u8>,
    pub(super) pem: String,
    pub(super) expires: Timestamp,
    /// What signs; none in a program that may not read the CA's key and has its certificates from the operator.
    issuer: Option<Issuer<'static, KeyPair>>,
}

impl Ca {
    /// With its key, made if there is none; where the key may not be read, the certificate alone, as soon as it is there.
    pub(super) async fn load_or_make(secrets: &Secrets, clock: &dyn Clock) -> Result<Self, TlsError> {
        match load(secrets, CA_NAME).await {
            Ok(Some(stored)) => Self::from_stored(&stored),
            Ok(None) => Self::make(secrets, clock.now()).await,
            Err(TlsError::Secrets(SecretsError::Denied)) => {
                let stored = load(secrets, CA_CERTIFICATE_NAME).await?.ok_or(NotYet("the operator has made the CA"))?;
                let der = stored.der.to_vec();
                Ok(Self { pem: pem(&der), der, expires: Timestamp(stored.ends_ms), issuer: None })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether it can sign.
    pub(super) fn issues(&self) -> bool {
        self.issuer.is_some()
    }

    /// Lets programs that may not read the key have the certificate.
    pub(super) async fn publish(&self, secrets: &Secrets) -> Result<(), TlsError> {
        if load(secrets, CA_CERTIFICATE_NAME).await?.is_some() {
            return Ok(());
        }
        let (der, ends_ms) = (self.der.clone().into(), self.expires.0);
        let public = Stored { der, key: Bytes::default(), names: Vec::new(), begins_ms: 0, ends_ms };
        secrets.put_new(CA_CERTIFICATE_NAME, &serde_json::to_vec(&public).map_err(|_| TlsError::Stored)?).await?;
        Ok(())
    }

    async fn make(secrets: &Secrets, now: Timestamp) -> Result<Self, TlsError> {
        let key = KeyPair::generate().map_err(TlsError::Issue)?;
        let mut params = CertificateParams::new(Vec::new()).map_err(TlsError::Issue)?;
        params.distinguished_name.push(DnType::OrganizationName, "Siegel");
        let place = blake3::hash(key.public_key_raw()).to_hex();
        params.distinguished_name.push(DnType::CommonName, format!("Siegel CA {}", &place[..8]));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let stored = lifetime(&mut params, now, CA_LIFE_MS);
        let certificate = params.self_signed(&key).map_err(TlsError::Issue)?;
        let stored = Stored { der: certificate.der().to_vec().into(), key: key.serialize_der().into(), ..stored };
        // Of two processes at a first start, the first one's is kept.
        let bytes = Zeroizing::new(serde_json::to_vec(&stored).map_err(|_| TlsError::Stored)?);
        let kept = secrets.put_new(CA_NAME, &bytes).await?;
        Self::from_stored(&serde_json::from_slice(&kept).map_err(|_| TlsError::Stored)?)
    }

    fn from_stored(stored: &Stored) -> Result<Self, TlsError> {
        let key = KeyPair::try_from(&*stored.key).map_err(|_| TlsError::Stored)?;
        let der = stored.der.to_vec();
        let issuer =
            Issuer::from_ca_cert_der(&CertificateDer::from(der.as_slice()), key).map_err(|_| TlsError::Stored)?;
        Ok(Self { pem: pem(&der), der, expires: Timestamp(stored.ends_ms), issuer: Some(issuer) })
    }
}

/// A certificate that the CA signed.
pub(super) struct Leaf(Stored);

impl Leaf {
    /// The one that is kept, made anew if it is missing, due or for other names; by us, or by the operator.
    pub(super) async fn load_or_make(
        secrets: &Secrets,
        ca: &Ca,
        purpose: &Purpose,
        clock: &dyn Clock,
    ) -> Result<Self, TlsError> {
        let names = &purpose.names;
        let now = clock.now();
        let stored = load(secrets, &purpose.place).await?.filter(|stored| stored.names == *names);
        let lives = |stored: &Stored, thirds: i64| {
            (stored.begins_ms..stored.begins_ms + (stored.ends_ms - stored.begins_ms) / 3 * thirds).contains(&now.0)
        };
        let Some(issuer) = &ca.issuer else {
            return match stored.filter(|stored| lives(stored, 3)) {
                Some(stored) => Ok(Self(stored)), // the operator renews it in time
                None => Self::asked_for(secrets, purpose, clock).await,
            };
        };
        if let Some(stored) = stored.filter(|stored| lives(stored, 2)) {
            return Ok(Self(stored));
        }
        let key = KeyPair::generate().map_err(TlsError::Issue)?;
        let mut params = CertificateParams::default();
        for name in names {
            // Stricter than rcgen, which takes any ASCII for a name.
            ServerName::try_from(name.as_str()).map_err(|_| TlsError::Name(name.clone()))?;
            let one = CertificateParams::new(vec![name.clone()]).map_err(|_| TlsError::Name(name.clone()))?;
            params.subject_alt_names.extend(one.subject_alt_names);
        }
        params.distinguished_name.push(DnType::OrganizationName, "Siegel");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if purpose.calls {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        }
        params.use_authority_key_identifier_extension = true;
        let stored = lifetime(&mut params, now, LEAF_LIFE_MS);
        let certificate = params.signed_by(&key, issuer).map_err(TlsError::Issue)?;
        let (der, key) = (certificate.der().to_vec().into(), key.serialize_der().into());
        let stored = Stored { der, key, names: names.clone(), ..stored };
        let bytes = Zeroizing::new(serde_json::to_vec(&stored).map_err(|_| TlsError::Stored)?);
        secrets.put(&purpose.place, &bytes).await?;
        Ok(Self(stored))
    }

    /// Says which names we want; the operator makes a certificate for them.
    async fn asked_for(secrets: &Secrets, purpose: &Purpose, clock: &dyn Clock) -> Result<Self, TlsError> {
        if !purpose.calls {
            let service = purpose.place.strip_prefix("tls/").unwrap_or_default();
            let names = serde_json::to_vec(&purpose.names).map_err(|_| TlsError::Stored)?;
            secrets.put(&wanted_name(service), &names).await?;
        }
        let now = clock.now();
        let fits =
            |stored: &Stored| stored.names == purpose.names && (stored.begins_ms..stored.ends_ms).contains(&now.0);
        let stored = load(secrets, &purpose.place).await?.filter(fits);
        let stored = stored.ok_or(NotYet("the operator has made our certificate"))?;
        Ok(Self(stored))
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.0.der
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.0.key
    }

    pub(super) fn expires(&self) -> Timestamp {
        Timestamp(self.0.ends_ms)
    }

    /// With its CA and its key, for a program that reads one file.
    pub(super) fn pem_with(&self, ca: &Ca) -> Zeroizing<String> {
        let key = Zeroizing::new(text("PRIVATE KEY", self.key()));
        Zeroizing::new([&*pem(self.der()), &*ca.pem, &**key].concat())
    }
}

/// The names that a service wants in its public certificate, if it has said so.
pub(super) async fn wanted(secrets: &Secrets, service: &str) -> Result<Option<Vec<String>>, TlsError> {
    let Some(bytes) = secrets.get(&wanted_name(service)).await? else { return Ok(None) };
    let names: Vec<String> = serde_json::from_slice(&bytes).map_err(|_| TlsError::Stored)?;
    Ok(Some(names))
}

fn wanted_name(service: &str) -> String {
    format!("{service}/tls-names")
}

/// When the CA and the server's certificate end, as they lie in the secrets; nothing is made.
pub(super) async fn ends(secrets: &Secrets) -> Result<Option<(Timestamp, Timestamp)>, TlsError> {
    let (ca, leaf) = (load(secrets, CA_NAME).await?, load(secrets, LEAF_NAME).await?);
    Ok(ca.zip(leaf).map(|(ca, leaf)| (Timestamp(ca.ends_ms), Timestamp(leaf.ends_ms))))
}

/// Sets when the certificate begins and ends.
fn lifetime(params: &mut CertificateParams, now: Timestamp, life_ms: i64) -> Stored {
    let moment =
        |at: Timestamp| OffsetDateTime::from_unix_timestamp(at.0 / 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (begins, ends) = (now.plus_ms(-SLACK_MS), now.plus_ms(life_ms));
    (params.not_before, params.not_after) = (moment(begins), moment(ends));
    Stored { der: Bytes::default(), key: Bytes::default(), names: Vec::new(), begins_ms: begins.0, ends_ms: ends.0 }
}

async fn load(secrets: &Secrets, name: &str) -> Result<Option<Stored>, TlsError> {
    let Some(bytes) = secrets.get(name).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|_| TlsError::Stored)
}

fn pem(certificate: &[u8]) -> String {
    text("CERTIFICATE", certificate)
}

/// RFC 7468.
fn text(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let code = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(der));
    // As long as it gets, so that no key is left behind by a string that grew.
    let mut pem = String::with_capacity(code.len() + code.len() / 64 + 2 * label.len() + 40);
    let mut line = |parts: [&str; 3]| {
        parts.iter().for_each(|part| pem.push_str(part));
        pem.push('\n');
    };
    line(["-----BEGIN ", label, "-----"]);
    for chunk in code.as_bytes().chunks(64) {
        line([&String::from_utf8_lossy(chunk), "", ""]);
    }
    line(["-----END ", label, "-----"]);
    pem
}
