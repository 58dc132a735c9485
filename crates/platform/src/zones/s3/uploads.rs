//! Uploads in parts that nobody ended. They hold room and no listing shows them. Ours are written whole, so these are what
//! others left; S3's own rules that would end them are not known to every server.

use http::{Method, StatusCode};
use object_store::Result;
use object_store::aws::AwsCredential;
use serde::Deserialize;
use siegel_domain::Timestamp;
use siegel_domain::time::SECOND_MS;
use time::OffsetDateTime;

use super::api::{Api, Call, failed};
use crate::zones::Bucket;

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

async fn open(api: &Api, credential: &AwsCredential, bucket: &Bucket) -> Result<Vec<Upload>> {
    let path = format!("/{}", bucket.as_str());
    let answer = api.call(credential, Call { path, query: &[("uploads", "")], ..Call::default() }).await?;
    Ok(quick_xml::de::from_str::<Uploads>(&answer.success()?).map_err(failed)?.uploads)
}

/// Ends uploads in parts that began before `before`. Ours are written whole: this is what others left.
pub(super) async fn abort(api: &Api, credential: &AwsCredential, bucket: &Bucket, before: Timestamp) -> Result<usize> {
    let before = iso(before);
    let mut aborted = 0;
    for upload in open(api, credential, bucket).await?.iter().filter(|upload| earlier(&upload.initiated, &before)) {
        let (method, path) = (Method::DELETE, format!("/{}/{}", bucket.as_str(), upload.key));
        let query = [("uploadId", upload.upload_id.as_str())];
        let answer = api.call(credential, Call { method, path, query: &query, ..Call::default() }).await?;
        if answer.status != StatusCode::NOT_FOUND {
            answer.success()?;
        }
        aborted += 1;
    }
    Ok(aborted)
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
}
