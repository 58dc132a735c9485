//! Every version of an object. Where a bucket keeps versions, deleting an object only hides it behind a marker; what is to
//! be erased has to be deleted version by version, until the listing of versions is empty.

use http::{Method, StatusCode};
use object_store::aws::AwsCredential;
use quick_xml::escape::escape;
use serde::Deserialize;

use super::api::{Api, Call, failed};
use crate::zones::Bucket;

/// A listing is read so often before it is said that versions stay.
const ROUNDS: usize = 8;

/// A page of versions, markers included.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Page {
    version: Vec<Version>,
    delete_marker: Vec<Version>,
}

/// One version of one object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Version {
    key: String,
    #[serde(default)]
    version_id: String,
}

/// All versions of the object `key`; those of the keys it begins are left out.
pub(super) async fn of_object(
    api: &Api,
    credential: &AwsCredential,
    bucket: &Bucket,
    key: &str,
) -> object_store::Result<Vec<Version>> {
    // In the order of keys, so the object's own come first.
    let mut found = page(api, credential, bucket, key).await?;
    found.retain(|version| version.key == key);
    Ok(found)
}

/// Deletes every version of one object and looks again, until there is none.
pub(super) async fn erase_object(
    api: &Api,
    credential: &AwsCredential,
    bucket: &Bucket,
    key: &str,
) -> object_store::Result<()> {
    for _ in 0..ROUNDS {
        let found = of_object(api, credential, bucket, key).await?;
        if found.is_empty() {
            return Ok(());
        }
        for version in found {
            let path = format!("/{}/{key}", bucket.as_str());
            let query = [("versionId", version.version_id.as_str())];
            let answer = api.call(credential, Call { method: Method::DELETE, path, query: &query, ..Call::default() });
            let answer = answer.await?;
            if answer.status != StatusCode::NOT_FOUND {
                answer.success()?;
            }
        }
    }
    Err(failed("versions of an object are there after their deletion was answered"))
}

/// Deletes every version of everything in a bucket. A bucket too full for one call is emptied by several.
pub(super) async fn erase_all(api: &Api, credential: &AwsCredential, bucket: &Bucket) -> object_store::Result<()> {
    loop {
        let found = page(api, credential, bucket, "").await?;
        if found.is_empty() {
            return Ok(());
        }
        delete(api, credential, bucket, &found).await?;
    }
}

/// The first 1,000 versions of keys that begin so.
async fn page(
    api: &Api,
    credential: &AwsCredential,
    bucket: &Bucket,
    prefix: &str,
) -> object_store::Result<Vec<Version>> {
    let query = [("versions", ""), ("prefix", prefix)];
    let call = Call { path: format!("/{}", bucket.as_str()), query: &query, ..Call::default() };
    let page: Page = quick_xml::de::from_str(&api.call(credential, call).await?.success()?).map_err(failed)?;
    Ok(page.version.into_iter().chain(page.delete_marker).collect())
}

/// Deletes up to 1,000 versions at once.
async fn delete(
    api: &Api,
    credential: &AwsCredential,
    bucket: &Bucket,
    versions: &[Version],
) -> object_store::Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Result {
        #[serde(default)]
        error: Vec<Refused>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Refused {
        code: String,
    }
    let object = |Version { key, version_id }: &Version| {
        format!("<Object><Key>{}</Key><VersionId>{}</VersionId></Object>", escape(key), escape(version_id))
    };
    let objects: String = versions.iter().map(object).collect();
    let body = format!("<Delete><Quiet>true</Quiet>{objects}</Delete>");
    let path = format!("/{}", bucket.as_str());
    let call = Call { method: Method::POST, path, query: &[("delete", "")], body, ..Call::default() };
    let result: Result = quick_xml::de::from_str(&api.call(credential, call).await?.success()?).map_err(failed)?;
    match result.error.first() {
        None => Ok(()),
        Some(refused) => Err(failed(format!("a version is not deleted: {}", refused.code))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_markers_are_read_in_any_order() {
        let page: Page = quick_xml::de::from_str(
            "<ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>false</IsTruncated>\
             <Version><Key>a&amp;b</Key><VersionId>1</VersionId><Owner><ID>x</ID></Owner></Version>\
             <DeleteMarker><Key>a</Key><VersionId>2</VersionId></DeleteMarker>\
             <Version><Key>c</Key><VersionId>null</VersionId></Version></ListVersionsResult>",
        )
        .unwrap();
        assert_eq!((page.version.len(), page.delete_marker.len()), (2, 1));
        assert_eq!((page.version[0].key.as_str(), page.version[1].version_id.as_str()), ("a&b", "null"));
    }
}
