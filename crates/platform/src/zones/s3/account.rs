//! Whose credentials a bucket is used with: a user that provisioning made for the tenant in this zone, or, where a provider
//! gives out one account only, that one.
//!
//! Credentials are read when they are first needed and again when the zone refuses them, so that new ones count without a
//! restart, and while the secrets are sealed those in use go on. While they are replaced the old ones are kept beside the new
//! ones (`rotate`): the zone takes one of them, and whoever is refused with one tries the other.

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

    /// Keeps a secret in the place of the one that was there.
    async fn put(&self, name: &str, secret: &[u8]) -> Result<(), KeysError>;

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

    async fn put(&self, name: &str, secret: &[u8]) -> Result<(), KeysError> {
        Ok(Secrets::put(self, name, secret).await?)
    }

    async fn delete(&self, name: &str) -> Result<(), KeysError> {
        Ok(Secrets::delete(self, name).await?)
    }
}

/// What is kept, as JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) access: String,
    pub(super) secret: Zeroizing<String>,
    /// The secret that is being replaced, until the zone has been told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) former: Option<Zeroizing<String>>,
}

impl Kept {
    pub(super) fn read(kept: &[u8]) -> Result<Self, KeysError> {
        // What serde_json says would quote the secret.
        Ok(serde_json::from_slice(kept).map_err(|_| "the credentials of a bucket are damaged")?)
    }

    pub(super) fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        Ok(Zeroizing::new(serde_json::to_vec(self)?))
    }

    /// The new ones.
    pub(super) fn credential(&self) -> Arc<AwsCredential> {
        self.with(&self.secret)
    }

    /// The first that is another one than `refused`, the new ones first.
    fn other_than(&self, refused: &AwsCredential) -> Option<Arc<AwsCredential>> {
        let mut all = [Some(&self.secret), self.former.as_ref()].into_iter().flatten().map(|secret| self.with(secret));
        all.find(|credential| **credential != *refused)
    }

    fn with(&self, secret: &str) -> Arc<AwsCredential> {
        Arc::new(AwsCredential { key_id: self.access.clone(), secret_key: secret.to_owned(), token: None })
    }
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
        let credential = Kept::read(&kept).map_err(unreadable)?.credential();
        self.set(Some(credential.clone()));
        Ok(credential)
    }

    /// Whether there are other credentials than `refused` by now. If the secrets can't be read, those known stay.
    pub(super) async fn renewed(&self, refused: &AwsCredential) -> bool {
        let Ok(Some(kept)) = self.keys.get(&name(self.zone, &self.bucket)).await else { return false };
        match Kept::read(&kept).ok().and_then(|kept| kept.other_than(refused)) {
            Some(credential) => {
                self.set(Some(credential));
                true
            }
            None => false,
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
    let new = Kept { access: bucket.as_str().to_owned(), secret: drawn(rng), former: None };
    let kept = keys.put_new(&name(zone, bucket), &new.to_json()?).await?;
    Ok(Kept::read(&kept)?.credential())
}

/// A secret that nobody has had.
pub(super) fn drawn(rng: &dyn Rng) -> Zeroizing<String> {
    let drawn: Zeroizing<[u8; 32]> = Zeroizing::new(rng.bytes());
    Zeroizing::new(drawn.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The name that the credentials of a bucket are kept under.
pub(super) fn name(zone: &str, bucket: &Bucket) -> String {
    format!("zones/{zone}/{}", bucket.as_str())
}

fn unreadable(source: KeysError) -> object_store::Error {
    object_store::Error::Generic { store: "credentials of a bucket", source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_tries_the_other_and_nothing_twice_in_a_row() {
        let kept = |text: &str| Kept::read(text.as_bytes()).unwrap();
        let one = kept(r#"{"access":"b","secret":"new"}"#);
        assert!(one.other_than(&one.credential()).is_none(), "there is no other");
        let both = kept(r#"{"access":"b","secret":"new","former":"old"}"#);
        let other = both.other_than(&both.credential()).unwrap();
        assert_eq!(other.secret_key, "old");
        assert_eq!(both.other_than(&other).unwrap().secret_key, "new");
        let stranger = kept(r#"{"access":"b","secret":"older"}"#).credential();
        assert_eq!(both.other_than(&stranger).unwrap().secret_key, "new", "the new one first");
        assert!(!String::from_utf8_lossy(&one.to_json().unwrap()).contains("former"), "as it always was");
    }
}
