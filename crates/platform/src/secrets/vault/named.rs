//! Named secrets in KV v2. A name is a path. Of two who make the same secret at once one wins, by check-and-set.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use vaultrs::api::kv2::requests::{ReadSecretRequest, SetSecretRequestOptions};
use vaultrs::api::{self, kv2};
use vaultrs::client::VaultClient;
use zeroize::Zeroizing;

use super::super::{Secret, SecretsError, Unavailable};
use super::fault::Fault;
use super::{KV, Vault};

/// What lies under a name.
#[derive(Serialize, Deserialize)]
struct Held {
    value: Zeroizing<String>,
}

/// A secret, and which version of it.
pub(super) struct Read {
    pub(super) secret: Secret,
    pub(super) version: u32,
}

impl Vault {
    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    pub(in super::super) async fn get(&self, name: &str) -> Result<Option<Secret>, SecretsError> {
        Ok(self.read(name).await?.map(|read| read.secret))
    }

    pub(in super::super) async fn put(&self, name: &str, secret: &[u8]) -> Result<(), SecretsError> {
        Ok(self.write(name, secret, None).await?)
    }

    pub(in super::super) async fn put_new(&self, name: &str, secret: &[u8]) -> Result<Secret, SecretsError> {
        // A program that may make a secret but not replace it is told that it is denied when there is one.
        match self.write(name, secret, Some(0)).await {
            Ok(()) => Ok(Zeroizing::new(secret.to_vec())),
            Err(Fault::Denied) => self.get(name).await?.ok_or(SecretsError::Denied),
            // There and not to be seen: a standby that has not heard of it. It will.
            Err(Fault::Conflict) => self.get(name).await?.ok_or(Unavailable::Unreachable.into()),
            Err(fault) => Err(fault.into()),
        }
    }

    /// All versions of it.
    pub(in super::super) async fn delete(&self, name: &str) -> Result<(), SecretsError> {
        let path = &*self.path(name);
        match self.session.call(|client| async move { vaultrs::kv2::delete_metadata(&*client, KV, path).await }).await {
            Ok(()) | Err(Fault::Absent) => Ok(()),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Folder by folder: KV lists no tree.
    pub(in super::super) async fn names(&self, folder: &str) -> Result<Vec<String>, SecretsError> {
        let (mut names, mut folders) = (Vec::new(), vec![self.path(folder)]);
        while let Some(folder) = folders.pop() {
            let path = folder.as_str();
            let keys =
                match self.session.call(|client| async move { vaultrs::kv2::list(&*client, KV, path).await }).await {
                    Ok(keys) => keys,
                    Err(Fault::Absent) => continue,
                    Err(fault) => return Err(fault.into()),
                };
            for key in keys {
                let name = format!("{folder}{key}");
                match name.strip_prefix(self.folder.as_str()) {
                    _ if key.ends_with('/') => folders.push(name),
                    Some(ours) => names.push(ours.to_owned()),
                    None => {} // another installation's
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// What lies under a name, and which version it is.
    pub(super) async fn read(&self, name: &str) -> Result<Option<Read>, SecretsError> {
        let read = async |client: Arc<VaultClient>| {
            let request = ReadSecretRequest { mount: KV.to_owned(), path: self.path(name), version: None };
            api::exec_with_result(&*client, request).await
        };
        let answer: kv2::responses::ReadSecretResponse = match self.session.call(read).await {
            Ok(answer) => answer,
            Err(Fault::Absent) => return Ok(None),
            Err(fault) => return Err(fault.into()),
        };
        let held: Held = serde_json::from_value(answer.data).map_err(|_| SecretsError::Malformed)?;
        let secret = STANDARD.decode(&*held.value).map_err(|_| SecretsError::Malformed)?;
        let version = u32::try_from(answer.metadata.version).map_err(|_| SecretsError::Malformed)?;
        Ok(Some(Read { secret: Zeroizing::new(secret), version }))
    }

    /// Writes it: in any case, or if its version is this one, zero for none.
    pub(super) async fn write(&self, name: &str, secret: &[u8], version: Option<u32>) -> Result<(), Fault> {
        let path = &*self.path(name);
        let held = &Held { value: Zeroizing::new(STANDARD.encode(secret)) };
        let write = |client: Arc<VaultClient>| async move {
            match version {
                None => vaultrs::kv2::set(&*client, KV, path, held).await,
                Some(cas) => {
                    vaultrs::kv2::set_with_options(&*client, KV, path, held, SetSecretRequestOptions { cas }).await
                }
            }
        };
        self.session.call(write).await.map(drop)
    }
}
