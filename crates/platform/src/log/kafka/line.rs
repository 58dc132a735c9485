//! A connection to a broker for the one thing that librdkafka can do and its Rust binding has no words for: giving users passwords.
//! Messages are encoded by `kafka-protocol`, signing in is `rsasl`'s; what is here carries bytes between them.

use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use rsasl::config::SASLConfig;
use rsasl::mechname::Mechname;
use rsasl::prelude::SASLClient;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::KafkaSettings;
use super::users::UserFault;
use crate::clock::{Clock, within};
use crate::parts::Credential;

/// As our users sign in.
pub(super) const MECHANISM: &str = "SCRAM-SHA-512";
/// How long a broker may take to be reached and to sign somebody in, and to answer a question, in milliseconds.
pub(super) const PATIENCE_MS: i64 = 10_000;
/// Longer answers are none that were asked for.
const ANSWER_BYTES: i32 = 1024 * 1024;

/// A connection on which somebody is signed in.
pub(super) struct Line {
    stream: TlsStream<TcpStream>,
    questions: i32,
}

impl Line {
    /// Signs in at the first broker that answers.
    pub(super) async fn sign_in(
        settings: &KafkaSettings,
        user: &str,
        password: &Credential,
        clock: &dyn Clock,
    ) -> Result<Self, UserFault> {
        let tls = connector(&settings.ca_file)?;
        let mut why = UserFault::Away("bootstrap names none".to_owned());
        for broker in settings.bootstrap.split(',').map(str::trim) {
            match within(clock, PATIENCE_MS, Self::at(broker, &tls, user, password)).await {
                Some(Err(fault @ UserFault::Away(_))) => why = fault,
                Some(answered) => return answered,
                None => why = UserFault::Away(format!("{broker} does not answer in time")),
            }
        }
        Err(why)
    }

    async fn at(broker: &str, tls: &TlsConnector, user: &str, password: &Credential) -> Result<Self, UserFault> {
        let away = |error: std::io::Error| UserFault::Away(format!("{broker}: {error}"));
        let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host).trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned()).map_err(|error| UserFault::Away(error.to_string()))?;
        let stream = TcpStream::connect(broker).await.map_err(away)?;
        let stream = tls.connect(name, stream).await.map_err(away)?;
        let mut line = Self { stream, questions: 0 };
        line.authenticate(user, password).await?;
        Ok(line)
    }

    async fn authenticate(&mut self, user: &str, password: &Credential) -> Result<(), UserFault> {
        let asked = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(MECHANISM));
        let answer: SaslHandshakeResponse = self.ask(ApiKey::SaslHandshake, 1, &asked).await?;
        refusal("take SCRAM-SHA-512", answer.error_code, None)?;
        let ours = |error: String| UserFault::Answer(error);
        let config = SASLConfig::with_credentials(None, user.to_owned(), password.expose().to_owned());
        let client = SASLClient::new(config.map_err(|error| ours(error.to_string()))?);
        let mechanism = Mechname::parse(MECHANISM.as_bytes()).map_err(|error| ours(error.to_string()))?;
        let mut session = client.start_suggested(&[mechanism]).map_err(|error| ours(error.to_string()))?;
        let mut heard: Option<Bytes> = None;
        loop {
            let mut said = Vec::new();
            // What fails here is the broker's proof that it knows the password, too.
            let state =
                session.step(heard.as_deref(), &mut said).map_err(|_| UserFault::SignIn { user: user.to_owned() })?;
            if state.has_sent_message() {
                let asked = SaslAuthenticateRequest::default().with_auth_bytes(said.into());
                let answer: SaslAuthenticateResponse = self.ask(ApiKey::SaslAuthenticate, 1, &asked).await?;
                if answer.error_code == ResponseError::SaslAuthenticationFailed.code() {
                    return Err(UserFault::SignIn { user: user.to_owned() });
                }
                refusal("sign us in", answer.error_code, answer.error_message.as_deref())?;
                heard = Some(answer.auth_bytes);
            }
            if state.is_finished() {
                return Ok(());
            }
        }
    }

    /// Asks once.
    pub(super) async fn ask<Q, A>(&mut self, key: ApiKey, version: i16, question: &Q) -> Result<A, UserFault>
    where
        Q: Encodable + HeaderVersion,
        A: Decodable + HeaderVersion,
    {
        self.questions += 1;
        let header = RequestHeader::default()
            .with_request_api_key(key as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.questions)
            .with_client_id(Some(StrBytes::from_static_str("siegel-admin")));
        let unfit = |error: &dyn std::fmt::Display| UserFault::Answer(error.to_string());
        let mut sent = BytesMut::new();
        header.encode(&mut sent, Q::header_version(version)).map_err(|error| unfit(&error))?;
        question.encode(&mut sent, version).map_err(|error| unfit(&error))?;
        let mut heard = self.exchange(&sent).await?;
        let header = ResponseHeader::decode(&mut heard, A::header_version(version)).map_err(|error| unfit(&error))?;
        if header.correlation_id != self.questions {
            return Err(unfit(&"it is of another question"));
        }
        A::decode(&mut heard, version).map_err(|error| unfit(&error))
    }

    /// Each with its length before it.
    async fn exchange(&mut self, sent: &[u8]) -> Result<Bytes, UserFault> {
        let broken = |error: std::io::Error| UserFault::Away(error.to_string());
        let length = i32::try_from(sent.len()).map_err(|error| UserFault::Answer(error.to_string()))?;
        self.stream.write_i32(length).await.map_err(broken)?;
        self.stream.write_all(sent).await.map_err(broken)?;
        self.stream.flush().await.map_err(broken)?;
        let length = self.stream.read_i32().await.map_err(broken)?;
        let fits =
            Some(length).filter(|length| *length <= ANSWER_BYTES).and_then(|length| usize::try_from(length).ok());
        let mut heard = vec![0; fits.ok_or_else(|| UserFault::Answer(format!("it has {length} bytes")))?];
        self.stream.read_exact(&mut heard).await.map_err(broken)?;
        Ok(heard.into())
    }
}

/// The error that a code is.
pub(super) fn refusal(what: &'static str, code: i16, said: Option<&str>) -> Result<(), UserFault> {
    if code == 0 {
        return Ok(());
    }
    let name = ResponseError::try_from_code(code).map_or_else(|| code.to_string(), |error| error.to_string());
    let why = said.map_or_else(String::new, |said| format!(": {said}"));
    Err(UserFault::Refused { what, why: format!("{name}{why}") })
}

/// Trusts the certificates in `ca_file` and no others.
fn connector(ca_file: &Path) -> Result<TlsConnector, UserFault> {
    let wrong = |why: String| UserFault::Ca { path: ca_file.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
