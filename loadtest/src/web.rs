//! The baseline of downloads: the simplest HTTPS server that gives a file, and a client that fetches it in the same
//! pieces, as many at once, as the SDK fetches parts. The same TLS library, HTTP library and protocol on both ends;
//! nothing is opened, checked or authorised.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, RANGE};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::aws_lc_rs;
use siegel_client::time::{Moment, sleep};
use siegel_domain::limits::PART_SEALED_BYTES;

use crate::server::Running;
use crate::worker;

/// What the server reads at once, and how many reads it is ahead: as the service does.
const READ_BYTES: u64 = 1024 * 1024;
const AHEAD: usize = 2;

/// The body of an answer.
pub(crate) type Answer = BoxBody<Bytes, std::io::Error>;

/// Serves `input`; see [`serve_with`].
pub(crate) async fn serve(input: PathBuf, ready: &Path) -> Result<()> {
    let file = Arc::new(File::open(&input).with_context(|| format!("open {}", input.display()))?);
    serve_with(ready, move |request| answer(request, file.clone())).await
}

/// Answers on a free port until the process is killed; the address is in `ready` then, the certificate beside it.
pub(crate) async fn serve_with<H, F>(ready: &Path, handler: H) -> Result<()>
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<Answer>, Infallible>> + Send + 'static,
{
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()).into();
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    std::fs::write(certificate(ready), own.cert.der())?;
    let written = ready.with_extension("new");
    std::fs::write(&written, format!("https://localhost:{}/", listener.local_addr()?.port()))?;
    std::fs::rename(written, ready)?;
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (acceptor, service) = (acceptor.clone(), hyper::service::service_fn(handler.clone()));
        connections.spawn(async move {
            let Ok(socket) = acceptor.accept(socket).await else { return };
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // A client that leaves is no event: the measurement looks at what arrived.
            let _ = builder.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

fn certificate(ready: &Path) -> PathBuf {
    ready.with_extension("der")
}

async fn answer(request: Request<Incoming>, file: Arc<File>) -> Result<Response<Answer>, Infallible> {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let range = request.headers().get(RANGE).and_then(|range| wanted(range.to_str().ok()?)).unwrap_or(0..length);
    let range = range.start.min(length)..range.end.min(length);
    let reads = range.clone().step_by(READ_BYTES as usize).map({
        let end = range.end;
        move |from| from..end.min(from + READ_BYTES)
    });
    let body = stream::iter(reads).map(move |read| read_at(file.clone(), read)).buffered(AHEAD).map_ok(Frame::data);
    let response = Response::builder().header(CONTENT_LENGTH, range.end - range.start);
    Ok(response.body(BodyExt::boxed(StreamBody::new(body))).expect("a number is a header's value"))
}

fn wanted(range: &str) -> Option<Range<u64>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some(first.parse().ok()?..last.parse::<u64>().ok()? + 1)
}

async fn read_at(file: Arc<File>, range: Range<u64>) -> std::io::Result<Bytes> {
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut bytes, range.start).map(|()| bytes.into())
    });
    read.await.map_err(std::io::Error::other)?
}

/// Such a server as a process of its own; killed when dropped.
pub(crate) struct Web {
    child: Running,
    /// What it writes when it is ready.
    pub ready: PathBuf,
}

impl Web {
    /// Starts the worker `word` on `place` and waits until it answers.
    pub(crate) async fn start(word: &str, place: &Path, ready: PathBuf) -> Result<Self> {
        let child = worker::command(word)?.arg(place).arg(&ready).stdout(Stdio::null()).spawn()?;
        let web = Self { child: Running(child), ready };
        let start = Moment::now();
        while !web.ready.exists() {
            ensure!(start.elapsed() < Duration::from_secs(10), "the baseline's server does not start");
            sleep(Duration::from_millis(1)).await;
        }
        Ok(web)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }
}

/// Where such a server answers, and a client that believes it.
pub(crate) struct Raw {
    client: reqwest::Client,
    url: String,
}

impl Raw {
    /// Reads what the server wrote when it was ready. `http2`: as the SDK's small calls go, otherwise as its parts do.
    pub(crate) fn open(ready: &Path, http2: bool) -> Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(std::fs::read(certificate(ready))?.into())?;
        let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        let client = reqwest::Client::builder().tcp_nodelay(true).no_proxy();
        let client = if http2 { client } else { client.http1_only() };
        let client = client.tls_backend_preconfigured(tls).build()?;
        Ok(Self { client, url: std::fs::read_to_string(ready)? })
    }

    /// Fetches a range, counting bytes as they arrive.
    pub(crate) async fn range(&self, range: Range<u64>, meter: &mut impl FnMut(usize)) -> Result<Vec<u8>> {
        let header = format!("bytes={}-{}", range.start, range.end - 1);
        let mut response = self.client.get(&self.url).header("range", header).send().await?.error_for_status()?;
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        while let Some(piece) = response.chunk().await? {
            meter(piece.len());
            bytes.extend_from_slice(&piece);
        }
        ensure!(bytes.len() as u64 == range.end - range.start, "the answer has another length than the range");
        Ok(bytes)
    }

    /// Sends bytes, and waits for them to be answered.
    pub(crate) async fn post(&self, bytes: Vec<u8>) -> Result<()> {
        self.client.post(&self.url).body(bytes).send().await?.error_for_status()?;
        Ok(())
    }

    async fn length(&self) -> Result<u64> {
        let head = self.client.head(&self.url).send().await?;
        let length = head.headers().get(CONTENT_LENGTH).context("the server says no length")?;
        Ok(length.to_str()?.parse()?)
    }
}

/// Fetches the whole file into `output`, part by part, and makes it durable.
pub(crate) async fn fetch(ready: &Path, output: &Path) -> Result<()> {
    let raw = &Raw::open(ready, false)?;
    let length = raw.length().await?;
    let piece = PART_SEALED_BYTES as u64;
    let ranges = (0..length).step_by(PART_SEALED_BYTES).map(|from| from..length.min(from + piece));
    let mut pieces = stream::iter(ranges).map(async |range| raw.range(range, &mut |_| ()).await).buffered(AHEAD);
    let mut file = File::create(output)?;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        let written = tokio::task::spawn_blocking(move || file.write_all(&piece).map(|()| file));
        file = written.await??;
    }
    tokio::task::spawn_blocking(move || file.sync_all()).await??;
    Ok(())
}
