//! Buckets, their users and their settings. A user for each tenant is made through versitygw's administration; where a
//! provider gives out one account ([`S3Accounts::One`]: Amazon, Ceph, most others), the buckets are that account's.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, StatusCode};
use object_store::Result;
use object_store::aws::AwsCredential;
use quick_xml::escape::escape;
use siegel_domain::Timestamp;

use super::account::{self, KeysError};
use super::api::{Answer, Call, failed};
use super::unfit::{self, Unfit};
use super::{S3Zone, settings, uploads, versions};
use crate::parts::S3Accounts;
use crate::zones::{Bucket, Inventory, Replaced, ZoneAdmin, ZoneError};

/// A bucket that nobody has: the answer that it is not there is a sign of life.
const NOBODYS: &str = "/siegel-asks-whether-the-zone-is-there";

impl S3Zone {
    pub(super) async fn administrate(
        &self,
        method: Method,
        path: String,
        query: &[(&str, &str)],
        body: String,
    ) -> Result<Answer> {
        self.0.api.call(&self.0.administrator, Call { method, path, query, body, ..Call::default() }).await
    }

    /// Makes the tenant's user, with the credentials that are kept for it.
    async fn make_user(&self, bucket: &Bucket) -> Result<()> {
        let credential = account::provide(&*self.0.keys, &*self.0.rng, self.0.name, bucket).await.map_err(unkept)?;
        let (access, secret) = (escape(&credential.key_id), escape(&credential.secret_key));
        let user = format!("<Account><Access>{access}</Access><Secret>{secret}</Secret><Role>user</Role></Account>");
        let made = self.administrate(Method::PATCH, "/create-user".to_owned(), &[], user).await?;
        if made.status != StatusCode::CONFLICT {
            return made.success().map(|_| ());
        }
        // There is one: of an attempt that was cut short, or of a time whose secrets are lost. What is kept counts.
        self.set_secret(&credential.key_id, &credential.secret_key).await
    }

    /// Makes the bucket; whose it is if it is there already shows when the tenant looks at it.
    async fn create(&self, bucket: &Bucket) -> Result<()> {
        let path = format!("/{}", bucket.as_str());
        let made = match self.0.accounts {
            S3Accounts::PerTenant => {
                let owner = [("x-vgw-owner", bucket.as_str())];
                let (method, path) = (Method::PATCH, format!("{path}/create"));
                self.0
                    .api
                    .call(&self.0.administrator, Call { method, path, headers: &owner, ..Call::default() })
                    .await?
            }
            S3Accounts::One => self.administrate(Method::PUT, path, &[], location(&self.0.api.region)).await?,
        };
        if made.status == StatusCode::CONFLICT { Ok(()) } else { made.success().map(|_| ()) }
    }

    /// What HEAD says of a bucket to its tenant.
    async fn seen_by_tenant(&self, bucket: &Bucket) -> Result<StatusCode> {
        let tenant = self.tenant(bucket)?;
        let look = |credential: Arc<AwsCredential>| async move {
            let path = format!("/{}", bucket.as_str());
            let call = Call { method: Method::HEAD, path, ..Call::default() };
            self.0.api.call(&credential, call).await
        };
        match self.as_tenant(&tenant, look).await {
            Ok(answer) if answer.status.is_server_error() => Err(answer.unexpected()),
            Ok(answer) => Ok(answer.status),
            Err(error) if unfit::denied(&error) => Ok(StatusCode::FORBIDDEN),
            Err(error) => Err(error),
        }
    }

    /// Refuses a bucket of another account.
    async fn ours(&self, bucket: &Bucket) -> Result<()> {
        if self.0.accounts == S3Accounts::One {
            return Ok(()); // nobody else's is shown to it
        }
        match settings::owner(&self.0.api, &self.0.administrator, bucket).await? {
            owner if owner == bucket.as_str() => Ok(()),
            _ => Err(failed(Unfit::not_ours(bucket))),
        }
    }

    async fn empty_and_delete(&self, bucket: &Bucket) -> Result<()> {
        let there = self.administrate(Method::HEAD, format!("/{}", bucket.as_str()), &[], String::new()).await?;
        if there.status != StatusCode::NOT_FOUND {
            there.success()?;
            self.ours(bucket).await?;
            versions::erase_all(&self.0.api, &self.0.administrator, bucket).await?;
            uploads::abort(&self.0.api, &self.0.administrator, bucket, Timestamp(i64::MAX)).await?;
            let path = format!("/{}", bucket.as_str());
            self.administrate(Method::DELETE, path, &[], String::new()).await?.success()?;
        }
        if self.0.accounts == S3Accounts::PerTenant {
            let query = [("access", bucket.as_str())];
            self.administrate(Method::PATCH, "/delete-user".to_owned(), &query, String::new()).await?.success()?;
            self.0.keys.delete(&account::name(self.0.name, bucket)).await.map_err(unkept)?;
        }
        self.forget(bucket);
        Ok(())
    }

    async fn has_credentials(&self, bucket: &Bucket) -> Result<bool> {
        let name = account::name(self.0.name, bucket);
        Ok(self.0.accounts == S3Accounts::One || self.0.keys.get(&name).await.map_err(unkept)?.is_some())
    }
}

#[async_trait]
impl ZoneAdmin for S3Zone {
    /// Whether it is there, the tenant may use it, and everything in it can be erased.
    async fn has_bucket(&self, bucket: &Bucket) -> std::result::Result<bool, ZoneError> {
        if !self.has_credentials(bucket).await? || !self.seen_by_tenant(bucket).await?.is_success() {
            return Ok(false);
        }
        match settings::erasable(&self.0.api, &self.0.administrator, bucket).await.map_err(ZoneError::from) {
            Ok(()) => Ok(true),
            Err(ZoneError::Refused(_)) => Ok(false), // making it says why
            Err(error) => Err(error),
        }
    }

    async fn make_bucket(&self, bucket: &Bucket) -> std::result::Result<(), ZoneError> {
        if self.0.accounts == S3Accounts::PerTenant {
            self.make_user(bucket).await?;
        }
        self.create(bucket).await?;
        match self.seen_by_tenant(bucket).await? {
            status if status.is_success() => Ok(settings::erasable(&self.0.api, &self.0.administrator, bucket).await?),
            StatusCode::FORBIDDEN => Err(failed(Unfit::not_ours(bucket)).into()),
            status => Err(failed(format!("a bucket that was just made is answered with {status}")).into()),
        }
    }

    async fn delete_bucket(&self, bucket: &Bucket) -> std::result::Result<(), ZoneError> {
        Ok(self.empty_and_delete(bucket).await?)
    }

    async fn replace_credentials(&self, bucket: &Bucket) -> std::result::Result<Replaced, ZoneError> {
        Ok(self.replace_secret(bucket).await?)
    }

    /// Nothing to do: what S3 answered it has done. (versitygw on a local disk never syncs, docs/operations.md.)
    async fn settle(&self, _: &Bucket) -> std::result::Result<(), ZoneError> {
        Ok(())
    }

    /// Nothing of it is ours ([`uploads`]): what a clock ahead has dated is left until then.
    async fn clean(
        &self,
        bucket: &Bucket,
        young: RangeInclusive<Timestamp>,
    ) -> std::result::Result<Inventory, ZoneError> {
        let before = *young.start();
        let tenant = self.tenant(bucket)?;
        let abort = |credential: Arc<AwsCredential>| async move {
            uploads::abort(&self.0.api, &credential, bucket, before).await
        };
        Ok(Inventory { leftovers: self.as_tenant(&tenant, abort).await? })
    }

    async fn health(&self) -> std::result::Result<(), ZoneError> {
        match self.administrate(Method::HEAD, NOBODYS.to_owned(), &[], String::new()).await {
            Ok(answer) if answer.status.is_server_error() => Err(answer.unexpected().into()),
            Err(error) if !unfit::denied(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Amazon wants the region said in the body, except for its first one, where saying it is an error.
pub(super) fn location(region: &str) -> String {
    match region {
        "us-east-1" => String::new(),
        region => format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
            escape(region)
        ),
    }
}

/// Credentials that can't be read or kept.
pub(super) fn unkept(source: KeysError) -> object_store::Error {
    object_store::Error::Generic { store: "credentials of a bucket", source }
}
