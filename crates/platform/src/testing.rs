//! What tests of services stand on: a whole platform in a temporary directory under a clock that the test moves, and a way
//! to ask a route as somebody without a key directory. Only with feature `testing`, which services name in their
//! dev-dependencies.

#[cfg(feature = "real")]
pub mod gateway;
#[cfg(feature = "real")]
pub mod wire;

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use siegel_api::tenants::Durability;
use siegel_domain::{DealerId, TenantId, Timestamp};

use crate::Ctx;
use crate::clock::ManualClock;
use crate::db::{self, DbOptions, Home, provision_directory};
use crate::health::Health;
use crate::log::{ConsumerMetrics, Log};
use crate::metrics::Metrics;
use crate::program::{self, Program, ProgramConfig};
use crate::provider;
use crate::quota::{Quota, Quotas};
use crate::rng::SeededRng;
use crate::secrets::Secrets;
use crate::tasks::{Shutdown, Tasks};
use crate::tenants::{NewTenant, Tenants, insert};
use crate::zones::{ZoneMetrics, Zones};

pub use crate::auth::Assumed;

/// The address that tests' platforms are known by.
pub const URL: &str = "https://siegel.example";
/// When tests begin: a day in 2027.
pub const START: Timestamp = Timestamp(1_800_000_000_000);
/// Where the zones of tests lie.
pub const JURISDICTION: &str = "EU-DE";

/// A platform in `state_dir` under `clock`, with randomness that repeats. Opening it again is a restart.
pub async fn ctx(state_dir: &Path, clock: &ManualClock) -> Ctx {
    let clock: Arc<ManualClock> = Arc::new(clock.clone());
    // Another seed after each restart, or the ids of before would be drawn again.
    let starts = std::fs::read_dir(state_dir).map_or(0, Iterator::count) as u64 + clock_seed(&clock);
    let rng = Arc::new(SeededRng::new(starts));
    let (metrics, health) = (Arc::new(Metrics::new()), Health::new());
    let secrets =
        Secrets::open(&state_dir.join("secrets.sealed"), &state_dir.join("secrets.key"), clock.clone(), rng.clone())
            .expect("a test's secrets open");
    let options = DbOptions {
        home: Home::Files,
        secure_delete: false,
        clock: clock.clone(),
        rng: rng.clone(),
        metrics: metrics.clone(),
        health: health.clone(),
    };
    let provider = provider::open(state_dir, options).await.expect("a test's provider database opens");
    let tenants = Arc::new(Tenants::open(Arc::new(provider)).await.expect("a test's tenants are read"));
    let percent = tenants.clone();
    let quotas = Quotas::new(Quota::default(), move |id| percent.quota_percent(id), clock.clone(), &metrics);
    let zones = Zones::open_local(state_dir, JURISDICTION, [7; 32], clock.clone(), ZoneMetrics::new(&metrics))
        .expect("a test's zones open");
    Ctx {
        clock,
        rng,
        tasks: Tasks::new(),
        shutdown: Shutdown::new(),
        secrets: Arc::new(secrets),
        zones: Arc::new(zones),
        log: Arc::new(Log::new()),
        tenants,
        quotas: Arc::new(quotas),
        home: Home::Files,
        consumers: ConsumerMetrics::new(&metrics),
        metrics,
        health,
        state_dir: state_dir.to_owned(),
        public_url: URL.to_owned(),
    }
}

fn clock_seed(clock: &ManualClock) -> u64 {
    use crate::clock::Clock;
    clock.now().0.unsigned_abs() ^ clock.monotonic_ms().unsigned_abs().rotate_left(32)
}

/// A dealer that `id` bytes name.
pub async fn dealer(ctx: &Ctx, n: u8) -> DealerId {
    let id = DealerId::from_bytes([n; 16]);
    ctx.tenants
        .db()
        .tx("testing.dealer", |tx| {
            Box::pin(async move {
                db::query(
                    "INSERT INTO dealers (id, label, state, created_ms) VALUES ($1, 'Test', 'active', 0) ON CONFLICT DO NOTHING",
                )
                .bind(id.to_string())
                .execute(&mut **tx)
                .await?;
                Ok::<_, crate::db::DbError>(())
            })
        })
        .await
        .expect("a test's dealer is written");
    id
}

/// A tenant that `n` names, of dealer 1, ready for business: row, key, directory, buckets.
pub async fn tenant(ctx: &Ctx, n: u8) -> TenantId {
    let new = NewTenant {
        id: TenantId::from_bytes([n; 16]),
        dealer: dealer(ctx, 1).await,
        handle: format!("tenant-{n}"),
        display_name: format!("Tenant {n}"),
        comment: String::new(),
        durability: Durability::Available,
        jurisdiction: "EU".to_owned(),
        owner_invite_auth_hash: vec![n; 32],
        owner_code_expires_ms: ctx.clock.now().0 + siegel_domain::time::DAY_MS,
        created: ctx.clock.now(),
    };
    let (new, id) = (&new, new.id);
    ctx.tenants
        .change("testing.tenant", |tx| {
            Box::pin(async move {
                insert(tx, new).await?;
                db::query("UPDATE tenants SET state = 'ready' WHERE id = $1")
                    .bind(id.to_string())
                    .execute(&mut **tx)
                    .await?;
                Ok::<_, crate::db::DbError>(())
            })
        })
        .await
        .expect("a test's tenant is written");
    ctx.secrets.create_tenant_key(id).await.expect("a test's tenant gets a key");
    for zone in ctx.zones.both() {
        zone.make_bucket(&ctx.zones.bucket(id)).await.expect("a test's bucket is made");
    }
    provision_directory(&ctx.state_dir, id).expect("a test's tenant gets a directory");
    id
}

/// Asserts that the text a program prints for `config default` says its defaults.
pub fn settings_are_the_defaults<S>(program: &Program<S>)
where
    S: DeserializeOwned + Default + PartialEq + std::fmt::Debug,
{
    let said: ProgramConfig<S> = toml::from_str(&program::default_text(program)).expect("the text can be read");
    assert_eq!(said.service, S::default());
    assert!((program.check)(&said.service).is_empty(), "the defaults hold together");
}
