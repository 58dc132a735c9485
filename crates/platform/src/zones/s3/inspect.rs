//! What a zone says of itself, for `siegel-admin doctor`: asked as its administrator, and tried out in a bucket that is made for it and
//! removed at once.

use http::{Method, StatusCode};
use serde::Deserialize;

use super::api::{Answer, Call, failed};
use super::{S3Zone, settings, versions};
use crate::clock::Clock;
use crate::inspect::{Failure, Skew};
use crate::rng::Rng;
use crate::zones::Bucket;
use crate::zones::error::causes;

/// What was seen of a zone.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Its clock; none if it did not say.
    pub skew: Option<Skew>,
    /// Buckets that are called as tenants' are, sorted.
    pub buckets: Vec<String>,
    /// How many of those that were looked at keep versions.
    pub with_versions: usize,
    /// What keeps something in a bucket from being erased.
    pub unerasable: Vec<String>,
}

/// How a zone behaved when it was tried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// A second write of the same name was refused (`If-None-Match: *`).
    pub create_only: bool,
    /// Nothing was left after it was deleted.
    pub erases: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(default)]
    buckets: Buckets,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Buckets {
    bucket: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Name {
    name: String,
}

impl S3Zone {
    /// Its clock and its buckets, the settings of at most `most` of them.
    pub async fn look(&self, most: usize, clock: &dyn Clock) -> Result<Seen, Failure> {
        let asked_ms = clock.now().0;
        let answer = self.as_administrator(Method::GET, "/", &[], "").await.map_err(|error| failure(&error))?;
        let skew = answer.date_ms.map(|said_ms| Skew::of(asked_ms, clock.now().0, said_ms, 1_000));
        let listed = answer.success().and_then(|body| quick_xml::de::from_str::<Listed>(&body).map_err(failed));
        let listed = listed.map_err(|error| failure(&error))?;
        let of_tenant = |name: &String| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut buckets: Vec<_> = listed.buckets.bucket.into_iter().map(|it| it.name).filter(of_tenant).collect();
        buckets.sort_unstable();
        let mut seen = Seen { skew, buckets, ..Seen::default() };
        for name in seen.buckets.iter().take(most) {
            let bucket = Bucket::named(name);
            let (api, administrator) = (&self.0.api, &self.0.administrator);
            let versions = settings::keeps_versions(api, administrator, &bucket).await;
            seen.with_versions += usize::from(versions.map_err(|error| failure(&error))?);
            if let Err(error) = settings::erasable(api, administrator, &bucket).await {
                seen.unerasable.push(failure(&error).said().to_owned());
            }
        }
        Ok(seen)
    }

    /// Writes twice under one name and erases it, in a bucket of its own.
    pub async fn try_out(&self, rng: &dyn Rng) -> Result<Tried, Failure> {
        let drawn = u64::from_le_bytes(rng.bytes());
        let bucket = Bucket::named(&format!("siegel-doctor-{drawn:016x}"));
        let path = format!("/{}", bucket.as_str());
        let region = super::admin::location(&self.0.api.region);
        let made = self.as_administrator(Method::PUT, &path, &[], &region).await.and_then(Answer::success);
        made.map_err(|error| failure(&error))?;
        let tried = self.write_twice(&bucket).await;
        // Whatever came of it, nothing stays.
        let emptied = versions::erase_all(&self.0.api, &self.0.administrator, &bucket).await;
        let removed = self.as_administrator(Method::DELETE, &path, &[], "").await.and_then(Answer::success);
        let create_only = tried.map_err(|error| failure(&error))?;
        emptied.map_err(|error| failure(&error))?;
        Ok(Tried { create_only, erases: removed.is_ok() })
    }

    async fn write_twice(&self, bucket: &Bucket) -> object_store::Result<bool> {
        let path = format!("/{}/asked-by-siegel-admin", bucket.as_str());
        let create = [("if-none-match", "*")];
        self.as_administrator(Method::PUT, &path, &create, "first").await?.success()?;
        let again = self.as_administrator(Method::PUT, &path, &create, "second").await?;
        Ok(matches!(again.status, StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT))
    }

    async fn as_administrator(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> object_store::Result<Answer> {
        let call = Call { method, path: path.to_owned(), headers, body: body.to_owned(), ..Call::default() };
        self.0.api.call(&self.0.administrator, call).await
    }
}

fn failure(error: &object_store::Error) -> Failure {
    if super::unfit::denied(error) {
        return Failure::SignIn(last(error));
    }
    let of_way = causes(error).any(|cause| cause.is::<reqwest::Error>());
    if of_way { Failure::of_way(error) } else { Failure::Other(last(error)) }
}

fn last(error: &object_store::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}
