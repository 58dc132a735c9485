//! New passwords for the services' users, while programs run.
//!
//! ```text
//! kept: –, or old      Kafka: old      as it was; before the first rotation the password stands in the parts file
//! kept: new, old       Kafka: old      who signs in with the new one is refused, and takes the old one
//! kept: new, old       Kafka: new      who signs in with the old one is refused, reads both, and takes the new one
//! kept: new            Kafka: new      the old one opens nothing, and nobody keeps it
//! ```
//!
//! A user has one password at a time (a second one needs a second SCRAM mechanism, which brokers would have to be set up for).
//! Nothing is lost in the second that it takes to notice: lines that stand stay, events wait in the outbox, and a consumer goes
//! on where it was. Whoever is interrupted starts over and goes on where it was.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA512};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use kafka_protocol::messages::alter_user_scram_credentials_request::ScramCredentialUpsertion;
use kafka_protocol::messages::{AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, ApiKey};
use kafka_protocol::protocol::StrBytes;
use zeroize::Zeroizing;

use super::KafkaSettings;
use super::line::{Line, PATIENCE_MS, refusal};
use super::passwords::Kept;
use crate::clock::{Clock, within};
use crate::parts::Credential;
use crate::rng::Rng;
use crate::secrets::{Secrets, SecretsError};

/// Rounds that a password is stretched by; Kafka takes no fewer. Ours have 256 bits, and need none.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4_096).expect("it is not zero");
/// SCRAM-SHA-512, as Kafka numbers it.
const SHA_512: i8 = 2;
/// How often it is asked whether brokers know the new password, and how long between two questions, in milliseconds.
const TRIES: usize = 50;
const EVERY_MS: i64 = 100;

/// Why a user has no new password.
#[derive(Debug, thiserror::Error)]
pub enum UserFault {
    /// Nobody to ask, or nobody answers.
    #[error("no broker answers: {0}")]
    Away(String),
    /// No certificates, or none that can be read.
    #[error("{path} can't be read as PEM certificates: {why}", path = path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Somebody is not let in.
    #[error("Kafka refuses the user {user} or its password")]
    SignIn {
        /// Who.
        user: String,
    },
    /// A broker that answers won't.
    #[error("Kafka does not {what}: {why}")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// What it said.
        why: String,
    },
    /// Not what was asked for.
    #[error("an answer of Kafka's can't be read: {0}")]
    Answer(String),
    /// The parts file names nobody who may.
    #[error("the parts file names no admin_user of Kafka, who has to be allowed ALTER on the cluster")]
    NoAdmin,
    /// What is kept for a user is no password.
    #[error("the password that is kept for {0} is damaged")]
    Damaged(String),
    /// The secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

/// Gives the user of a service a new password, from the secrets on, where its program reads it. One at a time; may be repeated.
pub async fn rotate_password(
    settings: &KafkaSettings,
    secrets: &Secrets,
    service: &str,
    rng: &dyn Rng,
    clock: &dyn Clock,
) -> Result<(), UserFault> {
    let name = Secrets::of_kafka_user(service);
    let damaged = || UserFault::Damaged(service.to_owned());
    let kept = match secrets.get(&name).await? {
        Some(kept) => Some(Kept::read(&kept).ok_or_else(damaged)?),
        None => None,
    };
    let mut kept = match kept {
        Some(unfinished) if unfinished.former.is_some() => unfinished,
        others => {
            let in_the_file = || Some(Zeroizing::new(settings.users.get(service)?.expose().to_owned()));
            let former = others.map(|kept| kept.password).or_else(in_the_file);
            let drawn: Zeroizing<[u8; 32]> = Zeroizing::new(rng.bytes());
            let kept = Kept { password: Zeroizing::new(URL_SAFE_NO_PAD.encode(*drawn)), former };
            secrets.put(&name, &kept.to_json().ok_or_else(damaged)?).await?;
            kept
        }
    };
    set_password(settings, service, &kept.password, rng, clock).await?;
    taken(settings, service, &kept.credential(), clock).await?;
    kept.former = None;
    Ok(secrets.put(&name, &kept.to_json().ok_or_else(damaged)?).await?)
}

/// Tells Kafka a user's password, as `admin_user`. What the user had before opens nothing any more; lines that stand stay.
pub async fn set_password(
    settings: &KafkaSettings,
    user: &str,
    password: &str,
    rng: &dyn Rng,
    clock: &dyn Clock,
) -> Result<(), UserFault> {
    let (admin, its_password) = settings.admin.as_ref().ok_or(UserFault::NoAdmin)?;
    let mut line = Line::sign_in(settings, admin, its_password, clock).await?;
    let salt: [u8; 32] = rng.bytes();
    let mut salted = Zeroizing::new([0; 64]);
    pbkdf2::derive(PBKDF2_HMAC_SHA512, ITERATIONS, &salt, password.as_bytes(), &mut *salted);
    let changed = ScramCredentialUpsertion::default()
        .with_name(StrBytes::from_string(user.to_owned()))
        .with_mechanism(SHA_512)
        .with_iterations(i32::try_from(ITERATIONS.get()).unwrap_or(i32::MAX))
        .with_salt(Bytes::copy_from_slice(&salt))
        .with_salted_password(Bytes::copy_from_slice(&*salted));
    let asked = AlterUserScramCredentialsRequest::default().with_upsertions(vec![changed]);
    let answer = within(clock, PATIENCE_MS, line.ask(ApiKey::AlterUserScramCredentials, 0, &asked)).await;
    let late = || UserFault::Away("it does not answer in time".to_owned());
    let answer: AlterUserScramCredentialsResponse = answer.ok_or_else(late)??;
    for result in answer.results {
        refusal("give a user a new password", result.error_code, result.error_message.as_deref())?;
    }
    Ok(())
}

/// Whether Kafka takes a user with this password.
pub async fn takes(
    settings: &KafkaSettings,
    user: &str,
    password: &Credential,
    clock: &dyn Clock,
) -> Result<bool, UserFault> {
    match Line::sign_in(settings, user, password, clock).await {
        Ok(_) => Ok(true),
        Err(UserFault::SignIn { .. }) => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// The users of the parts file with the passwords that count: those among the secrets, where there are such.
pub async fn passwords(settings: &KafkaSettings, secrets: &Secrets) -> BTreeMap<String, Credential> {
    let mut all = settings.users.clone();
    for (service, password) in &mut all {
        if let Ok(Some(kept)) = secrets.get(&Secrets::of_kafka_user(service)).await
            && let Some(kept) = Kept::read(&kept)
        {
            *password = kept.credential();
        }
    }
    all
}

/// Completes when brokers have heard of it: they are told a moment after the one who decides.
async fn taken(
    settings: &KafkaSettings,
    user: &str,
    password: &Credential,
    clock: &dyn Clock,
) -> Result<(), UserFault> {
    for _ in 0..TRIES {
        if takes(settings, user, password, clock).await? {
            return Ok(());
        }
        clock.sleep(EVERY_MS).await;
    }
    Err(UserFault::SignIn { user: user.to_owned() })
}
