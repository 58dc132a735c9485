//! Tenant keys in transit, and the data key under each.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use siegel_domain::TenantId;
use vaultrs::api::transit::requests::{DataKeyType, UpdateKeyConfigurationRequest};
use vaultrs::api::transit::responses::ReadKeyData;
use vaultrs::client::VaultClient;
use vaultrs::transit::{data, generate, key};
use zeroize::Zeroizing;

use super::super::{Key, SecretsError, Unavailable, data_key_name, key_of};
use super::fault::Fault;
use super::{TRANSIT, Vault};

type Client = Arc<VaultClient>;

impl Vault {
    pub(in super::super) async fn has_tenant_key(&self, tenant: TenantId) -> Result<bool, SecretsError> {
        Ok(self.read(&data_key_name(tenant)).await?.is_some())
    }

    pub(in super::super) async fn create_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        if self.has_tenant_key(tenant).await? {
            return Ok(());
        }
        let name = &tenant.to_string();
        // Making a key that is there changes nothing.
        self.session.call(|client: Client| async move { key::create(&*client, TRANSIT, name, None).await }).await?;
        let drawn = async |client: Client| {
            generate::data_key(&*client, TRANSIT, name, DataKeyType::Wrapped, None).await.map(|drawn| drawn.ciphertext)
        };
        let sealed = self.session.call(drawn).await?;
        match self.write(&data_key_name(tenant), sealed.as_bytes(), Some(0)).await {
            Ok(()) | Err(Fault::Conflict) => Ok(()), // of two at once the first wins
            Err(fault) => Err(fault.into()),
        }
    }

    pub(in super::super) async fn rotate_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        let name = &tenant.to_string();
        if !self.has_tenant_key(tenant).await? {
            return Err(SecretsError::NoTenantKey);
        }
        self.session.call(|client: Client| async move { key::rotate(&*client, TRANSIT, name).await }).await?;
        self.rewrap(tenant).await
    }

    pub(in super::super) async fn trim_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        let name = &tenant.to_string();
        self.rewrap(tenant).await?;
        let read = self.session.call(|client: Client| async move { key::read(&*client, TRANSIT, name).await }).await?;
        let ReadKeyData::Symmetric(versions) = read.keys else { return Err(SecretsError::Malformed) };
        let newest: Option<u64> = versions.keys().filter_map(|version| version.parse().ok()).max();
        let newest = newest.ok_or(SecretsError::Malformed)?;
        // Whatever else was seen late or done at once: the version that the data key lies under is never destroyed.
        if version_of(&self.sealed(tenant).await?.0) != Some(newest) {
            return Err(Unavailable::Unreachable.into());
        }
        // The order matters: what may be trimmed is what may neither seal nor open any more.
        let update = async |client: Client| {
            let mut change = UpdateKeyConfigurationRequest::builder();
            change.min_decryption_version(newest).min_encryption_version(newest);
            key::update(&*client, TRANSIT, name, Some(&mut change)).await
        };
        self.session.call(update).await?;
        let trim = |client: Client| async move { key::trim(&*client, TRANSIT, name, newest).await };
        Ok(self.session.call(trim).await?)
    }

    pub(in super::super) async fn destroy_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        let name = &tenant.to_string();
        let allow = async |client: Client| {
            let mut change = UpdateKeyConfigurationRequest::builder();
            change.deletion_allowed(true);
            key::update(&*client, TRANSIT, name, Some(&mut change)).await
        };
        // Not read first: a standby might not have heard of the key. Writes are the leader's.
        match self.session.call(allow).await {
            Err(Fault::NoKey) => {}
            Err(fault) => return Err(fault.into()),
            Ok(()) => {
                self.session.call(|client: Client| async move { key::delete(&*client, TRANSIT, name).await }).await?;
            }
        }
        self.delete(&data_key_name(tenant)).await
    }

    /// The tenant's data key, opened by the store.
    pub(in super::super) async fn data_key(&self, tenant: TenantId) -> Result<Key, SecretsError> {
        let sealed = &self.sealed(tenant).await?.0;
        let name = &tenant.to_string();
        let open = async |client: Client| {
            data::decrypt(&*client, TRANSIT, name, sealed, None).await.map(|opened| Zeroizing::new(opened.plaintext))
        };
        let opened = self.session.call(open).await?;
        let opened = Zeroizing::new(STANDARD.decode(&*opened).map_err(|_| SecretsError::Malformed)?);
        Ok(key_of(&opened)?)
    }

    /// Puts the data key under the newest version of the tenant's key. Whoever loses to another who does the same is done.
    async fn rewrap(&self, tenant: TenantId) -> Result<(), SecretsError> {
        let (sealed, version) = &self.sealed(tenant).await?;
        let name = &tenant.to_string();
        let rewrap = async |client: Client| {
            data::rewrap(&*client, TRANSIT, name, sealed, None).await.map(|sealed| sealed.ciphertext)
        };
        let rewrapped = self.session.call(rewrap).await?;
        match self.write(&data_key_name(tenant), rewrapped.as_bytes(), Some(*version)).await {
            Ok(()) | Err(Fault::Conflict) => Ok(()),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn sealed(&self, tenant: TenantId) -> Result<(String, u32), SecretsError> {
        let read = self.read(&data_key_name(tenant)).await?.ok_or(SecretsError::NoTenantKey)?;
        let sealed = String::from_utf8(read.secret.to_vec()).map_err(|_| SecretsError::Malformed)?;
        Ok((sealed, read.version))
    }
}

/// `vault:v3:…` lies under version 3.
fn version_of(sealed: &str) -> Option<u64> {
    sealed.strip_prefix("vault:v")?.split_once(':')?.0.parse().ok()
}
