//! What a bucket is set to: whose it is, whether it keeps versions, and whether anything in it could resist erasing.

use http::StatusCode;
use object_store::Result;
use object_store::aws::AwsCredential;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::api::{Answer, Api, Call, failed};
use super::unfit::Unfit;
use crate::zones::Bucket;

/// The settings of a bucket's versions.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Versioning {
    /// `Enabled` or `Suspended`; empty if it never was.
    status: String,
    /// `Enabled` if a second factor is asked for each deletion of a version.
    #[serde(alias = "MFADelete")]
    mfa_delete: String,
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

/// Who may do what with a bucket.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Access {
    owner: Owner,
}

#[derive(Debug, Deserialize)]
struct Owner {
    #[serde(rename = "ID")]
    id: String,
}

/// Whether the bucket keeps versions, or has kept some.
pub(super) async fn keeps_versions(api: &Api, credential: &AwsCredential, bucket: &Bucket) -> Result<bool> {
    Ok(!versioning(api, credential, bucket).await?.status.is_empty())
}

/// Whose the bucket is.
pub(super) async fn owner(api: &Api, administrator: &AwsCredential, bucket: &Bucket) -> Result<String> {
    Ok(read::<Access>(ask(api, administrator, bucket, "acl").await?)?.owner.id)
}

/// Refuses a bucket in which something could not be erased.
pub(super) async fn erasable(api: &Api, administrator: &AwsCredential, bucket: &Bucket) -> Result<()> {
    let versions = versioning(api, administrator, bucket).await?;
    if versions.mfa_delete == "Enabled" {
        return Err(failed(Unfit::second_factor(bucket)));
    }
    let path = format!("/{}", bucket.as_str());
    let call = Call { path, query: &[("object-lock", "")], ..Call::default() };
    let answer = api.call(administrator, call).await?;
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

async fn versioning(api: &Api, credential: &AwsCredential, bucket: &Bucket) -> Result<Versioning> {
    match ask(api, credential, bucket, "versioning").await? {
        answer if answer.status == StatusCode::NOT_IMPLEMENTED => Ok(Versioning::default()),
        answer => read(answer),
    }
}

async fn ask(api: &Api, credential: &AwsCredential, bucket: &Bucket, setting: &str) -> Result<Answer> {
    let path = format!("/{}", bucket.as_str());
    api.call(credential, Call { path, query: &[(setting, "")], ..Call::default() }).await
}

fn read<T: DeserializeOwned>(answer: Answer) -> Result<T> {
    quick_xml::de::from_str(&answer.success()?).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_bucket_that_never_kept_versions_says_nothing() {
        let never: Versioning = quick_xml::de::from_str("<VersioningConfiguration/>").unwrap();
        assert!(never.status.is_empty() && never.mfa_delete.is_empty());
    }
}
