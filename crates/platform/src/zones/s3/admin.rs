//! Buckets, their users and their settings. A user for each tenant is made through versitygw's administration; where a
//! provider gives out one account ([`S3Accounts::One`]: Amazon, Ceph, most others), the buckets are that account's.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, StatusCode};
use object_store::Result;
use object_store::aws::AwsCredential;
use quick_xml::escape::escape;
use serde::Deserialize;
use siegel_domain::Timestamp;
use siegel_domain::time::SECOND_MS;
use time::OffsetDateTime;

use super::account::{self, KeysError};
use super::api::{Answer, Call, failed};
use super::unfit::{self, Unfit};
use super::{S3Zone, versions};
use crate::parts::S3Accounts;
use crate::zones::{Bucket, Inventory, ZoneAdmin, ZoneError};

/// A bucket that nobody has: the answer that it is not there is a sign of life.
const NOBODYS: &str = "/siegel-asks-whether-the-zone-is-there";

/// Uploads in parts that nobody ended.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Uploads {
    #[serde(rename = "Upload")]
    uploads: Vec<Upload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: String,
    initiated: String,
}

/// The rule of a bucket for objects that are locked when they are written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Lock {
    rule: Option<LockRule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct LockRule {
    default_retention: Retention,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Retention {
    mode: String,
}

impl S3Zone {
    async fn administrate(&self, method: Method, path: String, query: &[(&str, &str)], body: String) -> Result<Answer> {
        self.0.api.call(&self.0.administrator, Call { method, path, query, body, ..Call::default() }).await
    }

    /// Makes the tenant's user, with the credentials that are kept for it.
    async fn make_user(&self, bucket: &Bucket) -> Result<()> {
        let credential = account::provide(&*self.0.keys, &*self.0.rng, self.0.name, bucket).await.map_err(kept)?;
        let (access, secret) = (escape(&credential.key_id), escape(&credential.secret_key));
        let user = format!("<Account><Access>{access}</Access><Secret>{secret}</Secret><Role>user</Role></Account>");
        let made = self.administrate(Method::PATCH, "/create-user".to_owned(), &[], user).await?;
        if made.status != StatusCode::CONFLICT {
            return made.success().map(|_| ());
        }
        // There is one: of an attempt that was cut short, or of a time whose secrets are lost. What is kept counts.
        let query = [("access", credential.key_id.as_str())];
        let properties = format!("<MutableProps><Secret>{secret}</Secret></MutableProps>");
        self.administrate(Method::PATCH, "/update-user".to_owned(), &query, properties).await?.success().map(|_| ())
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

    /// Refuses a bucket in which something could not be erased.
    async fn erasable(&self, bucket: &Bucket) -> Result<()> {
        let versions = versions::settings(&self.0.api, &self.0.administrator, bucket).await?;
        if versions.mfa_delete == "Enabled" {
            return Err(failed(Unfit::second_factor(bucket)));
        }
        let path = format!("/{}", bucket.as_str());
        let answer = self.administrate(Method::GET, path, &[("object-lock", "")], String::new()).await?;
        // Without a lock: 404; where a server does not know locks: 501.
        if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::NOT_IMPLEMENTED) {
            return Ok(());
        }
        let lock: Lock = quick_xml::de::from_str(&answer.success()?).map_err(failed)?;
        match lock.rule {
            Some(LockRule { default_retention: Retention { mode } }) if !mode.is_empty() => {
                Err(failed(Unfit::locks(bucket, mode)))
            }
            _ => Ok(()),
        }
    }

    async fn uploads(&self, credential: &AwsCredential, bucket: &Bucket) -> Result<Vec<Upload>> {
        let path = format!("/{}", bucket.as_str());
        let answer = self.0.api.call(credential, Call { path, query: &[("uploads", "")], ..Call::default() }).await?;
        Ok(quick_xml::de::from_str::<Uploads>(&answer.success()?).map_err(failed)?.uploads)
    }

    /// Ends uploads in parts that began before `before`. Ours are written whole: this is what others left.
    async fn abort(&self, credential: &AwsCredential, bucket: &Bucket, before: &str) -> Result<usize> {
        let mut aborted = 0;
        for upload in self.uploads(credential, bucket).await?.iter().filter(|upload| earlier(&upload.initiated, before))
        {
            let (method, path) = (Method::DELETE, format!("/{}/{}", bucket.as_str(), upload.key));
            let query = [("uploadId", upload.upload_id.as_str())];
            let answer = self.0.api.call(credential, Call { method, path, query: &query, ..Call::default() }).await?;
            if answer.status != StatusCode::NOT_FOUND {
                answer.success()?;
            }
            aborted += 1;
        }
        Ok(aborted)
    }

    async fn empty_and_delete(&self, bucket: &Bucket) -> Result<()> {
        let there = self.administrate(Method::HEAD, format!("/{}", bucket.as_str()), &[], String::new()).await?;
        if there.status != StatusCode::NOT_FOUND {
            there.success()?;
            versions::erase_all(&self.0.api, &self.0.administrator, bucket).await?;
            self.abort(&self.0.administrator, bucket, &iso(Timestamp(i64::MAX))).await?;
            let path = format!("/{}", bucket.as_str());
            self.administrate(Method::DELETE, path, &[], String::new()).await?.success()?;
        }
        if self.0.accounts == S3Accounts::PerTenant {
            let query = [("access", bucket.as_str())];
            self.administrate(Method::PATCH, "/delete-user".to_owned(), &query, String::new()).await?.success()?;
            self.0.keys.delete(&account::name(self.0.name, bucket)).await.map_err(kept)?;
        }
        self.forget(bucket);
        Ok(())
    }

    async fn has_credentials(&self, bucket: &Bucket) -> Result<bool> {
        let name = account::name(self.0.name, bucket);
        Ok(self.0.accounts == S3Accounts::One || self.0.keys.get(&name).await.map_err(kept)?.is_some())
    }
}

#[async_trait]
impl ZoneAdmin for S3Zone {
    /// Whether it is there, the tenant may use it, and everything in it can be erased.
    async fn has_bucket(&self, bucket: &Bucket) -> std::result::Result<bool, ZoneError> {
        if !self.has_credentials(bucket).await? || !self.seen_by_tenant(bucket).await?.is_success() {
            return Ok(false);
        }
        match self.erasable(bucket).await.map_err(ZoneError::from) {
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
            status if status.is_success() => Ok(self.erasable(bucket).await?),
            StatusCode::FORBIDDEN => Err(failed(Unfit::not_ours(bucket)).into()),
            status => Err(failed(format!("a bucket that was just made is answered with {status}")).into()),
        }
    }

    async fn delete_bucket(&self, bucket: &Bucket) -> std::result::Result<(), ZoneError> {
        Ok(self.empty_and_delete(bucket).await?)
    }

    /// Nothing to do: what S3 answered it has done. (versitygw on a local disk never syncs, docs/operations.md.)
    async fn settle(&self, _: &Bucket) -> std::result::Result<(), ZoneError> {
        Ok(())
    }

    async fn clean(&self, bucket: &Bucket, before: Timestamp) -> std::result::Result<Inventory, ZoneError> {
        let (tenant, before) = (self.tenant(bucket)?, &iso(before));
        let abort = |credential: Arc<AwsCredential>| async move { self.abort(&credential, bucket, before).await };
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
fn location(region: &str) -> String {
    match region {
        "us-east-1" => String::new(),
        region => format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
            escape(region)
        ),
    }
}

fn kept(source: KeysError) -> object_store::Error {
    object_store::Error::Generic { store: "credentials of a bucket", source }
}

/// As S3 writes it, to the second; sorts as text.
fn iso(at: Timestamp) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(at.0.div_euclid(SECOND_MS)) else {
        return if at.0 < 0 { String::new() } else { "9999-12-31T23:59:59".to_owned() };
    };
    let (month, day) = (u8::from(at.month()), at.day());
    format!("{:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", at.year(), at.hour(), at.minute(), at.second())
}

fn earlier(one: &str, other: &str) -> bool {
    one.get(..other.len()).is_some_and(|one| one < other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_compare_as_s3_writes_them() {
        let at = iso(Timestamp(1_795_422_551_000));
        assert_eq!(at, "2026-11-23T08:29:11");
        assert!(earlier("2026-11-23T08:29:10.999Z", &at) && !earlier("2026-11-23T08:29:11Z", &at));
        assert!(earlier("2026-11-23T08:29:11Z", &iso(Timestamp(i64::MAX))));
        assert!(!earlier("2026-11-23T08:29:11Z", &iso(Timestamp(i64::MIN))) && !earlier("soon", &at));
    }

    #[test]
    fn a_lock_is_read_whether_it_has_a_rule_or_not() {
        let lock = |inner: &str| {
            let text = format!(
                "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{inner}</ObjectLockConfiguration>"
            );
            quick_xml::de::from_str::<Lock>(&text).unwrap().rule.map(|rule| rule.default_retention.mode)
        };
        let rule = "<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule>";
        assert_eq!(lock(rule).as_deref(), Some("COMPLIANCE"));
        assert_eq!(lock(""), None);
    }
}
