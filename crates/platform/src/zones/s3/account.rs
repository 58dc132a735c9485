//! Whose credentials a bucket is used with: a user that provisioning made for the tenant in this zone, or, where a provider
//! gives out one account only, that one.
//!
//! Credentials are read when they are first needed and again when the zone refuses them, so that new ones count without a
//! restart, and while the secrets are sealed those in use go on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::unfit::Unfit;
use crate::rng::Rng;
use crate::secrets::{Secret, Secrets};
use crate::zones::Bucket;

/// Why credentials can't be read or kept.
pub type KeysError = Box<dyn std::error::Error + Send + Sync>;

/// Where the credentials of buckets are kept: the secrets port. Names are `zones/<zone>/<bucket>`.
#[async_trait]
pub trait BucketKeys: Send + Sync + 'static {
    /// The secret of that name.
    async fn get(&self, name: &str) -> Result<Option<Secret>, KeysError>;

    /// Keeps a secret unless there is one of that name; the one that is there then, whichever process came first.
    async fn put_new(&self, name: &str, secret: &[u8]) -> Result<Secret, KeysError>;

    /// Removes a secret; nothing happens if there is none.
    async fn delete(&self, name: &str) -> Result<(), KeysError>;
}

#[async_trait]
impl BucketKeys for Secrets {
    async fn get(&self, name: &str) -> Result<Option<Secret>, KeysError> {
        Ok(Secrets::get(self, name).await?)
    }

    async fn put_new(&self, name: &str, secret: &[u8]) -> Result<Secret, KeysError> {
        Ok(Secrets::put_new(self, name, secret).await?)
    }

    async fn delete(&self, name: &str) -> Result<(), KeysError> {
        Ok(Secrets::delete(self, name).await?)
    }
}

/// What is kept, as JSON.
#[derive(Serialize, Deserialize)]
struct Kept {
    access: String,
    secret: Zeroizing<String>,
}

/// The credentials of one bucket.
pub(super) struct Account {
    zone: &'static str,
    bucket: Bucket,
    keys: Arc<dyn BucketKeys>,
    known: Mutex<Option<Arc<AwsCredential>>>,
}

impl Account {
    /// The account that `keys` keeps for a bucket; `known` where it is always the same one.
    pub(super) fn new(
        zone: &'static str,
        bucket: Bucket,
        keys: Arc<dyn BucketKeys>,
        known: Option<Arc<AwsCredential>>,
    ) -> Self {
        Self { zone, bucket, keys, known: Mutex::new(known) }
    }

    /// The credentials in use.
    pub(super) async fn credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let kept = self.keys.get(&name(self.zone, &self.bucket)).await.map_err(unreadable)?;
        let kept = kept.ok_or_else(|| unreadable(Unfit::NoCredentials.into()))?;
        let credential = read(&kept).map_err(unreadable)?;
        self.set(Some(credential.clone()));
        Ok(credential)
    }

    /// Whether there are other credentials than `refused` by now. If the secrets can't be read, those known stay.
    pub(super) async fn renewed(&self, refused: &AwsCredential) -> bool {
        let Ok(Some(kept)) = self.keys.get(&name(self.zone, &self.bucket)).await else { return false };
        match read(&kept) {
            Ok(credential) if *credential != *refused => {
                self.set(Some(credential));
                true
            }
            _ => false,
        }
    }

    fn known(&self) -> Option<Arc<AwsCredential>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, credential: Option<Arc<AwsCredential>>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = credential;
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account of {} in {}", self.bucket.as_str(), self.zone)
    }
}

#[async_trait]
impl CredentialProvider for Account {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        self.credential().await
    }
}

/// The credentials of a bucket, drawn and kept if there are none. The user is called as the bucket, which reveals nothing.
pub(super) async fn provide(
    keys: &dyn BucketKeys,
    rng: &dyn Rng,
    zone: &'static str,
    bucket: &Bucket,
) -> Result<Arc<AwsCredential>, KeysError> {
    let drawn: Zeroizing<[u8; 32]> = Zeroizing::new(rng.bytes());
    let hexadecimal = drawn.iter().map(|byte| format!("{byte:02x}")).collect();
    let new = Kept { access: bucket.as_str().to_owned(), secret: Zeroizing::new(hexadecimal) };
    let kept = keys.put_new(&name(zone, bucket), &Zeroizing::new(serde_json::to_vec(&new)?)).await?;
    read(&kept)
}

/// The name that the credentials of a bucket are kept under.
pub(super) fn name(zone: &str, bucket: &Bucket) -> String {
    format!("zones/{zone}/{}", bucket.as_str())
}

fn read(kept: &[u8]) -> Result<Arc<AwsCredential>, KeysError> {
    // What serde_json says would quote the secret.
    let kept: Kept = serde_json::from_slice(kept).map_err(|_| "the credentials of a bucket are damaged")?;
    Ok(Arc::new(AwsCredential { key_id: kept.access, secret_key: kept.secret.as_str().to_owned(), token: None }))
}

fn unreadable(source: KeysError) -> object_store::Error {
    object_store::Error::Generic { store: "credentials of a bucket", source }
}
