//! The zones without Siegel: the same S3 client library as the service's, unsigned payload over TLS, and nothing else.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::{ClientOptions, ObjectStoreExt as _};
use siegel_domain::limits::PART_SEALED_BYTES;
use siegel_platform::parts::Parts;

/// Pieces on their way at once, as the SDK has parts.
const AT_ONCE: usize = 2;

#[derive(Debug)]
struct Wire(reqwest::Client);

impl HttpConnector for Wire {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

/// A bucket in both zones.
#[derive(Clone)]
pub(crate) struct Raw([AmazonS3; 2]);

impl Raw {
    /// As the zones' administrators, who own `bucket`.
    pub(crate) fn open(parts: &Parts, bucket: &str) -> Result<Self> {
        let trusted = reqwest::Certificate::from_pem_bundle(&std::fs::read(&parts.ca_file)?)?;
        let client = reqwest::Client::builder().tls_certs_only(trusted).http1_only().no_proxy().build()?;
        let zone = |at: usize| -> Result<AmazonS3> {
            let part = &parts.s3[at];
            let (access, secret) = part.admin().context("a zone has an administrator")?;
            Ok(AmazonS3Builder::new()
                .with_endpoint(&part.endpoint)
                .with_region(&part.region)
                .with_bucket_name(bucket)
                .with_access_key_id(access)
                .with_secret_access_key(secret.expose())
                .with_unsigned_payload(true)
                .with_http_connector(Wire(client.clone()))
                .build()?)
        };
        Ok(Self([zone(0)?, zone(1)?]))
    }

    /// Writes to both zones at once.
    pub(crate) async fn put(&self, name: String, bytes: Bytes) -> Result<()> {
        let path = object_store::path::Path::from(name);
        let [a, b] = [0, 1].map(|zone| self.0[zone].put(&path, bytes.clone().into()));
        futures::try_join!(a, b)?;
        Ok(())
    }

    /// A file, in pieces of a part's size.
    pub(crate) async fn put_file(&self, prefix: &str, input: &Path) -> Result<()> {
        let length = std::fs::metadata(input)?.len();
        let pieces = (0..length.div_ceil(PART_SEALED_BYTES as u64)).map(|number| {
            let (raw, input, name) = (self.clone(), input.to_owned(), format!("{prefix}/{number}"));
            async move { raw.put(name, piece(input, number, length).await?).await }
        });
        stream::iter(pieces).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// All objects below `prefix`, read from the first zone and written to the second: what healing is at least.
    pub(crate) async fn copy_over(&self, prefix: &str, count: usize) -> Result<()> {
        let copies = (0..count).map(|number| async move {
            let from = object_store::path::Path::from(format!("{prefix}/{number}"));
            let to = object_store::path::Path::from(format!("{prefix}-again/{number}"));
            let bytes = self.0[0].get(&from).await?.bytes().await?;
            self.0[1].put(&to, bytes.into()).await?;
            anyhow::Ok(())
        });
        stream::iter(copies).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Takes away what [`Raw::put_file`] and [`Raw::copy_over`] have written.
    pub(crate) async fn forget(&self, prefix: &str) -> Result<()> {
        use object_store::ObjectStore as _;
        for zone in &self.0 {
            for prefix in [prefix.to_owned(), format!("{prefix}-again")] {
                let listed = zone.list(Some(&prefix.into())).map_ok(|object| object.location);
                let listed: Vec<_> = listed.try_collect().await?;
                for location in listed {
                    zone.delete(&location).await?;
                }
            }
        }
        Ok(())
    }
}

async fn piece(input: PathBuf, number: u64, length: u64) -> Result<Bytes> {
    let from = number * PART_SEALED_BYTES as u64;
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = vec![0; PART_SEALED_BYTES.min((length - from) as usize)];
        std::os::unix::fs::FileExt::read_exact_at(&File::open(input)?, &mut bytes, from)?;
        anyhow::Ok(Bytes::from(bytes))
    });
    read.await?
}
