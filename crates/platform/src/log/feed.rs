//! Reading the outboxes, and being woken when there is something to read: by the commit itself where the producer is in
//! this process, by its bell ([`super::bell`]) where it is another one on the same state directory, by Kafka elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
#[cfg(feature = "real")]
use std::sync::OnceLock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prost::Message;
use siegel_domain::TenantId;
use siegel_proto::events::v1::Event;
use tokio::sync::Notify;

use super::bell::Bell;
use super::carrier::Carrier;
#[cfg(feature = "real")]
use super::kafka::{self, Kafka};
use super::other::Outboxes;
use super::remote::{Remote, Served};
use crate::clock::SharedClock;
use crate::db::{self, DbError, Engine, Home, Reader, Row, TenantDbs};
use crate::host::Grpc;
use crate::peer::Peer;
use crate::problem::Problem;
use crate::rng::Rng;
use crate::worker::Worker;

/// Most events of one read, whatever was asked for.
const READ_LIMIT: u32 = 1_000;

/// How often a read looks again for events that an unfinished transaction holds back, 10 ms apart.
const LOOKS: u32 = 20;

/// Why events can't be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// No service of that name writes a log here: a mistake in the program.
    #[error("no source named {0}")]
    NoSuchSource(String),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The service whose log it is, in another program.
    #[error("the service's outboxes can't be asked for: {0}")]
    Away(#[source] Box<tonic::Status>),
    /// Kafka.
    #[cfg(feature = "real")]
    #[error(transparent)]
    Kafka(#[from] super::kafka::KafkaFault),
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Db(error) => Self::from(error),
            LogError::Away(status) => Self::from(*status),
            error => Self::internal(error),
        }
    }
}

/// An event and where it stands in its tenant's part of a source. Positions grow in the order of commits, with gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Read on with `after` set to this.
    pub position: i64,
    /// The event.
    pub event: Event,
}

/// The logs of all services, by the service's name.
#[derive(Default)]
pub struct Log {
    sources: Mutex<BTreeMap<&'static str, Source>>,
    waiting: Arc<Mutex<Vec<Weak<Inbox>>>>,
    wakers: Arc<Mutex<Vec<Arc<Notify>>>>,
    /// Where our own commits are told to other processes; none if there are no others.
    told: Option<Told>,
    /// What carries events between programs; the outboxes themselves without it.
    #[cfg(feature = "real")]
    kafka: OnceLock<Arc<Kafka>>,
    #[cfg(feature = "real")]
    hearing: OnceLock<()>,
    /// The services that consume, and so may have dead letters.
    #[cfg(feature = "real")]
    consuming: Mutex<BTreeSet<&'static str>>,
}

struct Told {
    state_dir: PathBuf,
    rng: Arc<dyn Rng>,
}

/// Whose outboxes they are.
#[derive(Clone)]
enum Source {
    /// A service of this process.
    Own(Arc<TenantDbs>),
    /// A service of another process on the same state directory.
    Other(Arc<Outboxes>),
    /// A service of another process, which is asked; and where the tenants are known.
    Remote(Remote, Home),
}

/// Who committed events since the last look: each pair once, however many there were, so it never overflows.
#[derive(Default)]
struct Inbox {
    pairs: Mutex<BTreeSet<(&'static str, TenantId)>>,
    notify: Notify,
}

impl Log {
    /// No source yet, and all there will be are in this process.
    pub fn new() -> Self {
        Self::default()
    }

    /// No source yet; the services of this process ring their bells in `state_dir`, for other processes to hear.
    pub fn shared(state_dir: &Path, rng: Arc<dyn Rng>) -> Self {
        Self { told: Some(Told { state_dir: state_dir.to_owned(), rng }), ..Self::default() }
    }

    /// Makes a service's outboxes readable under the service's name (`dbs.service()`), and wakes subscribers when it commits.
    pub fn register(&self, dbs: Arc<TenantDbs>) {
        let source = dbs.service();
        let (waiting, wakers) = (self.waiting.clone(), self.wakers.clone());
        let bell = self.told.as_ref().map(|told| Bell::new(&told.state_dir, source, told.rng.clone()));
        dbs.on_commit(Arc::new(move |tenant| {
            tell(&waiting, &wakers, &[(source, tenant)]);
            if let Some(bell) = &bell {
                bell.ring(tenant);
            }
        }));
        lock(&self.sources).insert(source, Source::Own(dbs));
    }

    /// Makes the outboxes of a service readable that runs as another process on `state_dir`. [`Log::listen`] has to be
    /// called again and again for its commits to be heard.
    pub fn follow(&self, state_dir: &Path, service: &'static str) {
        lock(&self.sources).insert(service, Source::Other(Arc::new(Outboxes::new(state_dir, service))));
    }

    /// From now on events are carried by Kafka. Before any consumer is made.
    #[cfg(feature = "real")]
    pub fn on_kafka(&self, kafka: Arc<Kafka>) {
        let _ = self.kafka.set(kafka);
    }

    /// What the log itself has to do in the background: nothing where the outboxes are the log. After all services of
    /// this process have registered.
    pub fn workers(self: &Arc<Self>) -> Vec<Worker> {
        #[cfg(feature = "real")]
        if let Some(kafka) = self.kafka.get() {
            let sources = lock(&self.sources).values().cloned().collect::<Vec<_>>();
            let own = sources.into_iter().filter_map(|source| match source {
                Source::Own(dbs) => Some(dbs),
                Source::Other(_) | Source::Remote(..) => None,
            });
            return vec![kafka::relay(kafka.clone(), self.clone(), own.collect())];
        }
        Vec::new()
    }

    /// Whether everything this process carried to Kafka has come back to its own consumers. For tests that step its work.
    #[cfg(feature = "testing")]
    pub fn is_quiet(&self) -> bool {
        #[cfg(feature = "real")]
        return self.kafka.get().is_none_or(|kafka| kafka.on_their_way() == 0);
        #[cfg(not(feature = "real"))]
        true
    }

    /// What brings a consumer its events, beside its own looking; and whether it has to be told of commits.
    pub(super) fn carrier(&self, service: &'static str, name: &'static str, sources: &[&'static str]) -> Carrier {
        #[cfg(feature = "real")]
        if let Some(kafka) = self.kafka.get() {
            lock(&self.consuming).insert(service);
            let wakers = self.wakers.clone();
            let wake = Arc::new(move || lock(&wakers).iter().for_each(|waker| waker.notify_one()));
            return Carrier::Kafka(kafka::Subscription::new(kafka.clone(), service, name, sources, wake));
        }
        #[cfg(not(feature = "real"))]
        let _ = (service, name, sources);
        Carrier::Outboxes
    }

    /// Whether a consumer of this service has been made.
    #[cfg(feature = "real")]
    pub(super) fn consumes(&self, service: &str) -> bool {
        lock(&self.consuming).contains(service)
    }

    /// Makes the outboxes of a service readable that runs elsewhere, by asking it. `home` knows the tenants.
    pub fn ask(&self, service: &'static str, peer: Peer, home: Home, clock: SharedClock) {
        lock(&self.sources).insert(service, Source::Remote(Remote::new(peer, clock), home));
    }

    /// What other programs read of the outboxes of `service`: none if it is not one of this process.
    pub fn serve(self: &Arc<Self>, service: &'static str) -> Option<Grpc> {
        let own = matches!(lock(&self.sources).get(service), Some(Source::Own(_)));
        own.then(|| Grpc::new(Served::server(self.clone(), service)))
    }

    /// Listens to the bells of the other processes, and wakes subscribers. Returns how many tenants had news.
    pub fn listen(&self) -> std::io::Result<usize> {
        let sources: Vec<_> = lock(&self.sources).iter().map(|(name, source)| (*name, source.clone())).collect();
        let mut news = Vec::new();
        for (name, source) in sources {
            if let Source::Other(outboxes) = source {
                news.extend(outboxes.heard()?.into_iter().map(|tenant| (name, tenant)));
            }
        }
        if !news.is_empty() {
            tell(&self.waiting, &self.wakers, &news);
        }
        Ok(news.len())
    }

    /// At most `limit` events of a tenant behind position `after` (0: from the first), in the order of their commits.
    pub async fn read(&self, source: &str, tenant: TenantId, after: i64, limit: u32) -> Result<Vec<Stored>, LogError> {
        let source = self.source(source)?;
        if let Source::Remote(remote, _) = &source {
            return remote.read(tenant, after, limit).await;
        }
        let Some(outbox) = source.outbox(tenant).await? else { return Ok(Vec::new()) };
        let rows = match outbox.engine() {
            Engine::Sqlite => {
                db::query("SELECT position, data FROM outbox WHERE position > $1 ORDER BY position LIMIT $2")
                    .bind(after)
                    .bind(limit.min(READ_LIMIT))
                    .fetch_all(&outbox)
                    .await?
            }
            Engine::Postgres => settled(&outbox, after, limit.min(READ_LIMIT)).await?,
        };
        let stored = |row: Row| {
            let position: i64 = row.try_get("position")?;
            let data: &[u8] = row.try_get("data")?;
            let event = Event::decode(data).map_err(|_| DbError::corrupt("outbox", "data", position))?;
            Ok(Stored { position, event })
        };
        rows.into_iter().map(stored).collect()
    }

    /// The position of the last event, 0 if there is none: for who wants to hear only of what comes.
    pub async fn end(&self, source: &str, tenant: TenantId) -> Result<i64, LogError> {
        let source = self.source(source)?;
        if let Source::Remote(remote, _) = &source {
            return remote.end(tenant).await;
        }
        let Some(outbox) = source.outbox(tenant).await? else { return Ok(0) };
        let end = match outbox.engine() {
            Engine::Sqlite => "SELECT COALESCE(MAX(position), 0) FROM outbox",
            Engine::Postgres => {
                "SELECT LEAST(COALESCE(MAX(position), 0),
                              (CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) << 20) - 1) FROM outbox"
            }
        };
        Ok(db::query_scalar(end).fetch_one(&outbox).await?)
    }

    /// Every tenant that a source knows: for a consumer's first pass and the sweep that is its net.
    pub async fn tenants(&self, source: &str) -> Result<Vec<TenantId>, LogError> {
        Ok(self.source(source)?.provisioned().await?)
    }

    /// From now on `waker` is notified of every commit with events: a consumer's worker (`Worker::waker`), which then
    /// asks its own subscription what there is.
    pub fn wake(&self, waker: Arc<Notify>) {
        lock(&self.wakers).push(waker);
    }

    /// From now on, who commits events.
    pub fn subscribe(&self) -> News {
        #[cfg(feature = "real")]
        self.begin_to_hear();
        self.subscribe_here()
    }

    /// Where sources are in other programs, their commits are heard of by Kafka; once is enough.
    #[cfg(feature = "real")]
    fn begin_to_hear(&self) {
        let remote = |(name, source): (&&'static str, &Source)| matches!(source, Source::Remote(..)).then_some(*name);
        let sources: Vec<_> = lock(&self.sources).iter().filter_map(remote).collect();
        let (Some(kafka), false) = (self.kafka.get(), sources.is_empty()) else { return };
        self.hearing.get_or_init(|| {
            let (waiting, wakers) = (self.waiting.clone(), self.wakers.clone());
            kafka::hear(kafka.clone(), sources, Box::new(move |pair| tell(&waiting, &wakers, &[pair])));
        });
    }

    /// The same, of this process alone.
    pub(super) fn subscribe_here(&self) -> News {
        let inbox = Arc::new(Inbox::default());
        lock(&self.waiting).push(Arc::downgrade(&inbox));
        News(inbox)
    }

    fn source(&self, name: &str) -> Result<Source, LogError> {
        lock(&self.sources).get(name).cloned().ok_or_else(|| LogError::NoSuchSource(name.to_owned()))
    }
}

impl Source {
    /// The tenant's outbox, to be read; none if a service of another process has not made it yet.
    async fn outbox(&self, tenant: TenantId) -> Result<Option<Reader>, DbError> {
        match self {
            Self::Own(dbs) => Ok(Some(dbs.get(tenant).await?.reader().clone())),
            Self::Other(outboxes) => outboxes.get(tenant),
            Self::Remote(..) => Ok(None), // has no database here
        }
    }

    async fn provisioned(&self) -> Result<Vec<TenantId>, DbError> {
        match self {
            Self::Own(dbs) => dbs.provisioned().await,
            Self::Other(outboxes) => {
                outboxes.provisioned().map_err(|source| DbError::Directory { path: "tenants".into(), source })
            }
            Self::Remote(_, home) => home.place(Path::new("")).provisioned().await,
        }
    }
}

/// PostgreSQL: nothing of a transaction that an earlier one may still come before, so that what was read stays in front. A
/// transaction that is under way somewhere in the cluster holds back what was committed after it began; it is waited for
/// a moment, since nobody wakes us when it ends.
async fn settled(outbox: &Reader, after: i64, limit: u32) -> Result<Vec<Row>, DbError> {
    for _ in 0..LOOKS {
        let rows = db::query(
            "SELECT position, data FROM outbox
             WHERE position > $1
               AND position < (CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) << 20)
             ORDER BY position LIMIT $2",
        );
        let rows = rows.bind(after).bind(limit).fetch_all(outbox).await?;
        if !rows.is_empty() {
            return Ok(rows);
        }
        let held = "SELECT 1 FROM outbox, pg_sleep(0.01) WHERE position > $1 LIMIT 1";
        if db::query(held).bind(after).fetch_optional(outbox).await?.is_none() {
            break;
        }
    }
    Ok(Vec::new())
}

/// An inbox first: whoever is woken finds what woke it.
fn tell(waiting: &Mutex<Vec<Weak<Inbox>>>, wakers: &Mutex<Vec<Arc<Notify>>>, news: &[(&'static str, TenantId)]) {
    lock(waiting).retain(|inbox| match inbox.upgrade() {
        Some(inbox) => {
            lock(&inbox.pairs).extend(news);
            inbox.notify.notify_one();
            true
        }
        None => false,
    });
    for waker in &*lock(wakers) {
        waker.notify_one();
    }
}

/// A subscription to commits. Says that there is something to read, not what; a wake may also be for nothing.
pub struct News(Arc<Inbox>);

impl News {
    /// Completes when a source committed events since the last [`News::take`]. Cancelling it loses nothing.
    pub async fn wait(&self) {
        loop {
            let notified = self.0.notify.notified();
            if !lock(&self.0.pairs).is_empty() {
                return;
            }
            notified.await;
        }
    }

    /// Hears of nobody but whoever puts a pair back.
    pub(super) fn deaf() -> Self {
        Self(Arc::default())
    }

    /// The sources and tenants that committed since the last call.
    pub fn take(&self) -> BTreeSet<(&'static str, TenantId)> {
        std::mem::take(&mut *lock(&self.0.pairs))
    }

    /// Puts a pair back, for work that is not finished.
    pub fn put_back(&self, source: &'static str, tenant: TenantId) {
        lock(&self.0.pairs).insert((source, tenant));
        self.0.notify.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
