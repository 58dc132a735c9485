//! Objects, through `object_store`. A path is `<bucket>/<name>`: the bucket chooses the client, and with it the credentials.

use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use http::{Method, StatusCode};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::path::Path;
use object_store::{
    BackoffConfig, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload,
    OBJECT_STORE_COALESCE_DEFAULT, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result, RetryConfig, coalesce_ranges,
};

use super::account::Account;
use super::api::{Call, failed};
use super::transport::Tries;
use super::unfit::{self, Unfit};
use super::{S3Zone, settings, versions};
use crate::parts::S3Accounts;
use crate::zones::Bucket;

/// Clients kept; beyond that all are made anew when they are needed.
const TENANTS: usize = 4_096;

/// How often other credentials are tried in one call. While they are replaced: the new ones, the old ones, and the new ones after the
/// zone was told in between; once more for those whom a call beside this one chose.
const OTHERS: usize = 3;

/// One tenant's way into the zone.
#[derive(Clone)]
pub(super) struct Tenant {
    bucket: Bucket,
    pub(super) account: Arc<Account>,
    s3: AmazonS3,
}

impl S3Zone {
    /// The tenant of a bucket, made when it is first asked for.
    pub(super) fn tenant(&self, bucket: &Bucket) -> Result<Tenant> {
        let mut tenants = self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tenant) = tenants.get(bucket.as_str()) {
            return Ok(tenant.clone());
        }
        let known = (self.0.accounts == S3Accounts::One).then(|| self.0.administrator.clone());
        let account = Arc::new(Account::new(self.0.name, bucket.clone(), self.0.keys.clone(), known));
        let s3 = AmazonS3Builder::new()
            .with_endpoint(self.0.api.endpoint())
            .with_region(&self.0.api.region)
            .with_bucket_name(bucket.as_str())
            .with_credentials(account.clone())
            .with_unsigned_payload(true)
            .with_http_connector(self.0.transport.clone())
            .with_retry(short_retries())
            .build()?;
        let tenant = Tenant { bucket: bucket.clone(), account, s3 };
        if tenants.len() >= TENANTS {
            tenants.clear();
        }
        tenants.insert(bucket.as_str().to_owned(), tenant.clone());
        Ok(tenant)
    }

    /// Forgets a tenant's client and credentials.
    pub(super) fn forget(&self, bucket: &Bucket) {
        self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner).remove(bucket.as_str());
    }

    /// Does `work` as the tenant; again if the credentials were refused and there are others by now.
    pub(super) async fn as_tenant<T, F: Future<Output = Result<T>> + Send>(
        &self,
        tenant: &Tenant,
        work: impl Fn(Arc<AwsCredential>) -> F + Send,
    ) -> Result<T> {
        let mut left = OTHERS;
        loop {
            let credential = tenant.account.credential().await?;
            match work(credential.clone()).await {
                Err(error) if left > 0 && unfit::denied(&error) && tenant.account.renewed(&credential).await => {
                    left -= 1;
                }
                result => return result,
            }
        }
    }

    fn route(&self, path: &Path) -> Result<(Tenant, Path)> {
        let mut parts = path.parts();
        let bucket = parts.next().ok_or_else(|| failed("a path without a bucket"))?;
        Ok((self.tenant(&Bucket::named(bucket.as_ref()))?, parts.collect()))
    }

    /// Deletes an object, and every version of it where the bucket keeps versions.
    async fn erase(&self, path: &Path) -> Result<()> {
        let (tenant, key) = self.route(path)?;
        let (tenant, key) = (&tenant, &key);
        let erase = |credential: Arc<AwsCredential>| async move {
            let path = format!("/{}/{key}", tenant.bucket.as_str());
            self.0.api.call(&credential, Call { method: Method::DELETE, path, ..Call::default() }).await?.success()?;
            // Looked up after the deletion: versions that were switched on in between are seen.
            if settings::keeps_versions(&self.0.api, &credential, &tenant.bucket).await? {
                versions::erase_object(&self.0.api, &credential, &tenant.bucket, key.as_ref()).await?;
            }
            Ok(())
        };
        self.as_tenant(tenant, erase).await
    }

    /// That nothing is there counts only if the bucket is: the answer to HEAD says which of them is missing to nobody.
    async fn no_object(&self, tenant: &Tenant, error: Error) -> Error {
        let look = |credential: Arc<AwsCredential>| async move {
            let path = format!("/{}", tenant.bucket.as_str());
            let call = Call { method: Method::HEAD, path, ..Call::default() };
            self.0.api.call(&credential, call).await
        };
        match self.as_tenant(tenant, look).await {
            Ok(answer) if answer.status.is_success() => error,
            Ok(answer) if answer.status == StatusCode::NOT_FOUND => failed(Unfit::NoBucket),
            Ok(answer) => answer.unexpected(),
            Err(error) => error,
        }
    }
}

/// Enough for a connection that was closed while it idled; whether a zone is lost is decided outside, by its breaker.
fn short_retries() -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(50), max_backoff: Duration::from_millis(400), base: 2.0 };
    RetryConfig { backoff, max_retries: 2, retry_timeout: Duration::from_secs(1) }
}

impl fmt::Display for S3Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on S3", self.0.name)
    }
}

impl fmt::Debug for S3Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[async_trait]
impl ObjectStore for S3Zone {
    async fn put_opts(&self, at: &Path, payload: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        let (tenant, key) = self.route(at)?;
        let tries = Tries::default();
        options.extensions.insert(tries.clone());
        let create = options.mode == PutMode::Create;
        let (s3, put_key) = (&tenant.s3, &key);
        let put = |_| s3.put_opts(put_key, payload.clone(), options.clone());
        match self.as_tenant(&tenant, put).await {
            // Our own first try may have landed without an answer. What lies there tells.
            Err(Error::AlreadyExists { .. }) if create && tries.repeated() => {
                let found = tenant.s3.get(&key).await?.bytes().await?;
                if found == Bytes::from(payload) {
                    return Ok(PutResult { e_tag: None, version: None, extensions: Default::default() });
                }
                Err(failed("the first try was cut off and left something else under this name"))
            }
            result => result,
        }
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(unused("parts are written whole"))
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        let (tenant, key) = self.route(at)?;
        let get = |_| tenant.s3.get_opts(&key, options.clone());
        match self.as_tenant(&tenant, get).await {
            Err(error @ Error::NotFound { .. }) if options.head => Err(self.no_object(&tenant, error).await),
            result => result,
        }
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let fetch = |range: Range<u64>| async move {
            let wanted = range.end - range.start;
            let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
            match self.get_opts(at, options).await?.bytes().await? {
                // Cut to pieces by `object_store` without another look.
                short if short.len() as u64 != wanted => Err(failed("the object is shorter than it should be")),
                whole => Ok(whole),
            }
        };
        coalesce_ranges(ranges, fetch, OBJECT_STORE_COALESCE_DEFAULT).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let zone = self.clone();
        let one_by_one = paths.then(move |path| {
            let zone = zone.clone();
            async move {
                let path = path?;
                zone.erase(&path).await.map(|()| path)
            }
        });
        one_by_one.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let route = prefix.ok_or_else(|| unused("a zone is listed bucket by bucket")).and_then(|path| self.route(path));
        let (tenant, inside) = match route {
            Ok(route) => route,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let bucket = Path::from(tenant.bucket.as_str());
        let listing = async move {
            let prefix = (!inside.as_ref().is_empty()).then_some(&inside);
            let mut left = OTHERS;
            loop {
                let credential = match tenant.account.credential().await {
                    Ok(credential) => credential,
                    Err(error) => return stream::iter([Err(error)]).boxed(),
                };
                let mut found = tenant.s3.list(prefix).peekable();
                let refused = matches!(Pin::new(&mut found).peek().await, Some(Err(error)) if unfit::denied(error));
                if !refused || left == 0 || !tenant.account.renewed(&credential).await {
                    return found.boxed();
                }
                left -= 1;
            }
        };
        let outside = move |mut meta: ObjectMeta| {
            meta.location = bucket.parts().chain(meta.location.parts()).collect();
            meta
        };
        stream::once(listing).flatten().map_ok(outside).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(unused("a zone has no directories"))
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(unused("objects are never copied inside a zone"))
    }
}

fn unused(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_owned(), implementer: "a zone on S3".to_owned() }
}
