//! The outbox as a log, on real databases.

use std::sync::{Arc, LazyLock};

use siegel_domain::{TenantId, Timestamp};
use siegel_platform::clock::ManualClock;
use siegel_platform::db::{DbOptions, TenantDbs, provision_directory};
use siegel_platform::log::{CONSUMER_SQL, EventSource, Log, OUTBOX_SQL, contract};
use siegel_platform::rng::SeededRng;

/// A database with nothing but a log.
pub(crate) static MIGRATOR: LazyLock<siegel_platform::db::Migrations> =
    LazyLock::new(|| siegel_platform::db::embedded(&[(1, "log", include_str!("migrations/log/0001_log.sql"))]));

#[tokio::test]
async fn the_outbox_keeps_the_contract_of_a_log() {
    let state = tempfile::tempdir().unwrap();
    let tenants = [1, 2].map(|n| TenantId::from_bytes([n; 16]));
    for tenant in tenants {
        provision_directory(state.path(), tenant).unwrap();
    }
    let dbs = |service| Arc::new(TenantDbs::new(state.path(), service, &MIGRATOR, DbOptions::default()));
    let (producer, consumer, log) = (dbs("producer"), dbs("consumer"), Arc::new(Log::new()));
    log.register(producer.clone());
    let clock = Arc::new(ManualClock::new(Timestamp(1_000)));
    let source = EventSource::new("/siegel/test", clock.clone(), Arc::new(SeededRng::new(1)));
    let subject = contract::Subject { log, producer, consumer, tenants, source, clock };
    contract::run(&subject).await.unwrap();
}

#[test]
fn the_tables_are_the_ones_services_copy() {
    let copied = include_str!("migrations/log/0001_log.sql");
    assert!(copied.contains(OUTBOX_SQL) && copied.contains(CONSUMER_SQL));
}
