//! A platform with upload on it: two institutions, members, senders, and zones that fail on command.

use siegel_platform::db;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::Value;
use siegel_api::PART_DIGEST_HEADER;
use siegel_api::records::{CommitAnswer, Record, RecordPage};
use siegel_api::tenants::Durability;
use siegel_domain::{Party, RecordId, TenantId};
use siegel_envelope::{Fingerprint, SigningPublicKey};
use siegel_platform::auth::Caller;
use siegel_platform::budget::ByteBudget;
use siegel_platform::clock::{ClockGuard, ManualClock};
use siegel_platform::peer;
use siegel_platform::testing::gateway::{Gateway, Keys};
use siegel_platform::testing::{self, Assumed, JURISDICTION, START};
use siegel_platform::zones::faults::{Faults, FaultyZone};
use siegel_platform::zones::{LocalZone, NAMES, Zone, ZoneMetrics, Zones};
use siegel_proto::events::v1::event::Data;
use siegel_proto::keydirectory::v1::key_directory_service_server::KeyDirectoryServiceServer;
use siegel_proto::retention::v1::retention_service_server::RetentionServiceServer;
use siegel_proto::upload::v1::upload_service_client::UploadServiceClient;
use siegel_proto::upload::v1::{EraseRecordRequest, EraseRecordResponse};
use siegel_upload::{App, Needs, UploadConfig, repair};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::directory::{Deadlines, Directory, Known, Signer};
use crate::people::{Dice, Draft, Inbox, Person, Sealed};

/// One hour in milliseconds.
pub(crate) const HOUR: i64 = 3_600_000;

pub(crate) struct World {
    pub(crate) state: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) directory: Directory,
    pub(crate) faults: [Faults; 2],
    pub(crate) app: App,
    pub(crate) dice: Dice,
    /// The institution, and another one.
    pub(crate) ours: TenantId,
    pub(crate) other: TenantId,
    pub(crate) inbox: Inbox,
    pub(crate) member: Person,
    pub(crate) sender: Person,
    pub(crate) second_sender: Person,
    /// Of the other institution.
    pub(crate) stranger: Person,
    config: UploadConfig,
    pub(crate) servers: Option<Servers>,
}

/// The two zones as servers. Their buckets are the directories that local zones would have.
pub(crate) struct Servers {
    pub(crate) zones: [Gateway; 2],
    keys: Keys,
}

impl Servers {
    async fn start(state: &Path) -> Option<Self> {
        let [a, b] = ["a", "b"].map(|short| state.join("zones").join(short));
        let zones = [Gateway::start_on(NAMES[0], &a).await?, Gateway::start_on(NAMES[1], &b).await?];
        Some(Self { zones, keys: Keys::default() })
    }
}

pub(crate) async fn world() -> World {
    world_with(UploadConfig::default()).await
}

/// With `SIEGEL_TEST_ZONES=s3` on servers, so that every story is told there, too.
pub(crate) async fn world_with(config: UploadConfig) -> World {
    if std::env::var_os("SIEGEL_TEST_ZONES").is_some_and(|zones| zones == "s3") {
        return world_on_servers(config).await.unwrap();
    }
    world_in(tempfile::tempdir().unwrap(), config, None).await
}

/// Zones on S3. `None` if the tests are to run without parts.
pub(crate) async fn world_on_servers(config: UploadConfig) -> Option<World> {
    let state = tempfile::tempdir().unwrap();
    let servers = Servers::start(state.path()).await?;
    Some(world_in(state, config, Some(servers)).await)
}

async fn world_in(state: TempDir, config: UploadConfig, servers: Option<Servers>) -> World {
    let (clock, faults) = (ManualClock::new(START), [Faults::new(), Faults::new()]);
    let directory = Directory::default();
    let ctx = context(state.path(), &clock, &faults, servers.as_ref()).await;
    let (ours, other) = (testing::tenant(&ctx, 1).await, testing::tenant(&ctx, 2).await);
    let app = start(ctx, &directory, config.clone()).await;
    let mut dice = Dice::new(7);
    let inbox = Inbox::new(ours, 1, &mut dice);
    let member = Person::member(ours, 11, &mut dice);
    let sender = Person::sender(ours, 21, &mut dice);
    let second_sender = Person::sender(ours, 22, &mut dice);
    let stranger = Person::member(other, 31, &mut dice);
    let world = World {
        state,
        clock,
        directory,
        faults,
        app,
        dice,
        ours,
        other,
        inbox,
        member,
        sender,
        second_sender,
        stranger,
        config,
        servers,
    };
    for person in [&world.member, &world.sender, &world.second_sender, &world.stranger] {
        world.admit(person);
    }
    world.knows(world.ours, world.inbox.party, world.inbox.key.public().fingerprint(), "");
    world
}

/// The test's platform, with faults before its zones.
async fn context(
    state: &Path,
    clock: &ManualClock,
    faults: &[Faults; 2],
    servers: Option<&Servers>,
) -> siegel_platform::Ctx {
    let mut ctx = testing::ctx(state, clock).await;
    let zone = |at: usize| {
        let clock: Arc<ManualClock> = Arc::new(clock.clone());
        let faulty = match servers {
            Some(servers) => {
                let s3 = servers.zones[at].s3(&servers.keys);
                FaultyZone::wrap(s3.clone(), s3, faults[at].clone(), clock.clone())
            }
            None => {
                let local = LocalZone::open(NAMES[at], &state.join("zones").join(["a", "b"][at])).unwrap();
                FaultyZone::wrap(local.clone(), local, faults[at].clone(), clock.clone())
            }
        };
        Zone::new(NAMES[at], JURISDICTION, faulty.clone(), faulty, clock, ZoneMetrics::default())
    };
    ctx.zones = Arc::new(Zones::new(zone(0), zone(1), [7; 32]));
    ctx
}

async fn start(ctx: siegel_platform::Ctx, directory: &Directory, config: UploadConfig) -> App {
    let guard = Arc::new(ClockGuard::open(&ctx.state_dir.join("clock.mark"), ctx.clock.clone()).unwrap());
    let needs = Needs {
        guard,
        budget: ByteBudget::new(64 * 1024 * 1024, ctx.clock.clone(), &ctx.metrics),
        key_directory: peer::direct(KeyDirectoryServiceServer::new(directory.clone())),
        retention: peer::direct(RetentionServiceServer::new(Deadlines)),
    };
    App::new(ctx, config, needs).await.unwrap()
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn into<T: serde::de::DeserializeOwned>(self) -> T {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_slice(&self.bytes).unwrap()
    }
}

impl World {
    /// The process dies and another one starts on the same directory.
    pub(crate) async fn restart(&mut self) {
        self.clock.advance_ms(1); // the platform's seed is of the moment: nothing is drawn twice
        let ctx = context(self.state.path(), &self.clock, &self.faults, self.servers.as_ref()).await;
        self.app = start(ctx, &self.directory, self.config.clone()).await;
    }

    /// Lets the key directory know a person and their device.
    pub(crate) fn admit(&self, person: &Person) {
        let tenant = person.caller.tenant.unwrap();
        let (key, device) = (person.keys.sign.public(), person.caller.device);
        self.signs(tenant, key, person, device, false);
        if !matches!(person.party, Party::Tenant(_)) {
            self.knows(tenant, person.party, person.keys.kem.public().fingerprint(), "always");
        }
    }

    pub(crate) fn knows(&self, tenant: TenantId, party: Party, key: Fingerprint, return_report: &'static str) {
        self.directory.data().parties.insert((tenant, party), Known { key, confirmed: true, return_report });
    }

    fn signs(
        &self,
        tenant: TenantId,
        key: SigningPublicKey,
        person: &Person,
        device: siegel_domain::DeviceId,
        revoked: bool,
    ) {
        let signer = Signer { key, principal: person.caller.principal, device, revoked };
        self.directory.data().signers.insert((tenant, key.fingerprint()), signer);
    }

    pub(crate) fn revoke(&self, person: &Person) {
        let tenant = person.caller.tenant.unwrap();
        self.signs(tenant, person.keys.sign.public(), person, person.caller.device, true);
    }

    pub(crate) async fn set_durability(&self, durability: Durability) {
        let id = &self.ours.to_string();
        let word = siegel_platform::tenants::durability_str(durability);
        let change = self.app.ctx.tenants.change("test.durability", |tx| {
            Box::pin(async move {
                let sql = "UPDATE tenants SET durability = $2 WHERE id = $1";
                db::query(sql).bind(id).bind(word).execute(&mut **tx).await?;
                Ok::<_, siegel_platform::db::DbError>(())
            })
        });
        change.await.unwrap();
    }

    pub(crate) async fn set_quota_percent(&self, percent: i64) {
        let id = &self.ours.to_string();
        let change = self.app.ctx.tenants.change("test.quota", |tx| {
            Box::pin(async move {
                let sql = "UPDATE tenants SET quota_percent = $2 WHERE id = $1";
                db::query(sql).bind(id).bind(percent).execute(&mut **tx).await?;
                Ok::<_, siegel_platform::db::DbError>(())
            })
        });
        change.await.unwrap();
    }

    // Requests

    pub(crate) async fn send(&self, who: &Caller, request: Request<Body>) -> Answer {
        let (router, _) = self.app.rest().split_for_parts();
        let router: Router = router.layer(Extension(Assumed(who.clone())));
        let response = router.oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status, headers, bytes, body }
    }

    pub(crate) async fn get(&self, who: &Person, path: &str) -> Answer {
        self.send(&who.caller, Request::builder().uri(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, who: &Person, path: &str, body: &impl Serialize) -> Answer {
        let body = serde_json::to_vec(body).unwrap();
        let request = Request::builder().method(Method::POST).uri(path).header("content-type", "application/json");
        let request = request.header("content-length", body.len()).body(Body::from(body)).unwrap();
        self.send(&who.caller, request).await
    }

    pub(crate) fn part_request(record: RecordId, number: u32, digest: &[u8], body: Vec<u8>) -> Request<Body> {
        Request::builder()
            .method(Method::PUT)
            .uri(format!("/v1/records/{record}/parts/{number}"))
            .header(PART_DIGEST_HEADER, siegel_api::Bytes(digest.to_vec()).to_text())
            .header("content-length", body.len())
            .body(Body::from(body))
            .unwrap()
    }

    pub(crate) async fn put(&self, who: &Person, sealed: &Sealed, number: usize) -> Answer {
        let digest = sealed.sealed[number].digest;
        let request = Self::part_request(sealed.id(), number as u32, digest.as_bytes(), sealed.parts[number].clone());
        self.send(&who.caller, request).await
    }

    pub(crate) async fn open(&self, who: &Person, sealed: &Sealed) -> Answer {
        self.post(who, "/v1/records", &sealed.open).await
    }

    pub(crate) async fn commit(&self, who: &Person, sealed: &Sealed) -> Answer {
        self.post(who, &format!("/v1/records/{}/commit", sealed.id()), &sealed.commit()).await
    }

    pub(crate) async fn get_part(&self, who: &Person, record: RecordId, number: u32) -> Answer {
        self.get(who, &format!("/v1/records/{record}/parts/{number}")).await
    }

    // Whole stories

    /// A recording of the sender's for the institution, sealed and not sent.
    pub(crate) fn recording(&mut self, plain_bytes: usize) -> Sealed {
        let draft = Draft::recording(&self.dice, plain_bytes);
        draft.seal(&self.sender, &[self.inbox.to()], &mut self.dice)
    }

    /// A recording whose parts are here.
    pub(crate) async fn uploaded(&mut self, plain_bytes: usize) -> Sealed {
        let sealed = self.recording(plain_bytes);
        assert_eq!(self.open(&self.sender, &sealed).await.status, 200);
        for number in 0..sealed.parts.len() {
            let answer = self.put(&self.sender, &sealed, number).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        sealed
    }

    /// A recording that is committed.
    pub(crate) async fn committed(&mut self, plain_bytes: usize) -> Sealed {
        let sealed = self.uploaded(plain_bytes).await;
        let answer: CommitAnswer = self.commit(&self.sender, &sealed).await.into();
        assert!(!answer.degraded);
        sealed
    }

    pub(crate) async fn read(&self, who: &Person, record: RecordId) -> Record {
        self.get(who, &format!("/v1/records/{record}")).await.into()
    }

    pub(crate) async fn list(&self, who: &Person, query: &str) -> RecordPage {
        self.get(who, &format!("/v1/records{query}")).await.into()
    }

    pub(crate) async fn erase(&self, record: RecordId) -> Result<EraseRecordResponse, tonic::Status> {
        let request = EraseRecordRequest {
            tenant: self.ours.to_string(),
            record: record.to_string(),
            actor: "platform".into(),
            device: String::new(),
            cause: "asked".into(),
        };
        let mut client = UploadServiceClient::new(peer::direct(self.app.grpc()));
        client.erase_record(request).await.map(tonic::Response::into_inner)
    }

    /// Repairs until nothing more can be done.
    pub(crate) async fn repair(&self) {
        self.app.repair_rounds.begin_anew();
        while repair::run_once(&self.app).await.unwrap() > 0 {}
    }

    // What is there

    /// The objects of our institution in a zone's directory, as files.
    pub(crate) fn objects(&self, zone: usize) -> Vec<PathBuf> {
        let bucket = self.app.ctx.zones.bucket(self.ours);
        let root = self.state.path().join("zones").join(["a", "b"][zone]).join(bucket.as_str());
        let mut found = files(&root);
        found.retain(|path| !path.to_string_lossy().contains("tombstones"));
        found
    }

    pub(crate) fn tombstones(&self, zone: usize) -> Vec<PathBuf> {
        let bucket = self.app.ctx.zones.bucket(self.ours);
        files(&self.state.path().join("zones").join(["a", "b"][zone]).join(bucket.as_str()).join("tombstones"))
    }

    /// What upload told of our institution, audit lines left out.
    pub(crate) async fn told(&self) -> Vec<Data> {
        let events = self.app.ctx.log.read("upload", self.ours, 0, 1_000).await.unwrap();
        events
            .into_iter()
            .filter_map(|stored| stored.event.data)
            .filter(|data| !matches!(data, Data::Audit(_)))
            .collect()
    }

    /// The audit trail: actor, action, object.
    pub(crate) async fn trail(&self) -> Vec<(String, String, String)> {
        let events = self.app.ctx.log.read("upload", self.ours, 0, 1_000).await.unwrap();
        let line = |data| match data {
            Data::Audit(audit) => Some((audit.actor, audit.action, audit.object)),
            _ => None,
        };
        events.into_iter().filter_map(|stored| stored.event.data.and_then(line)).collect()
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let db = self.app.dbs.get(self.ours).await.unwrap();
        db::query_scalar(sql).fetch_one(db.reader()).await.unwrap()
    }

    pub(crate) async fn execute(&self, sql: &'static str) {
        let db = self.app.dbs.get(self.ours).await.unwrap();
        let done = db.tx("test.execute", |tx| {
            Box::pin(async move {
                db::query(sql).execute(&mut **tx).await?;
                Ok::<_, siegel_platform::db::DbError>(())
            })
        });
        done.await.unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.app.ctx.tasks.panics(), 0, "a task panicked");
            assert_eq!(self.app.budget.held_bytes(), 0, "bytes were not given back");
        }
    }
}

fn files(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
