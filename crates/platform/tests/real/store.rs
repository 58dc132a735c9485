//! PostgreSQL keeps the contracts of the store and of the log.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use siegel_domain::{TenantId, Timestamp};
use siegel_platform::clock::ManualClock;
use siegel_platform::db::{self, Cluster, DbError, DbOptions, Home, Migrations, TenantDbs, contract};
use siegel_platform::log::{self, EventSource, Log};
use siegel_platform::metrics::Metrics;
use siegel_platform::parts::Parts;
use siegel_platform::rng::{Rng, SeededRng, SystemRng};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};

static THINGS: LazyLock<Migrations> = LazyLock::new(contract::migrations);
static LOG: LazyLock<Migrations> =
    LazyLock::new(|| db::embedded(&[(1, "log", include_str!("../it/migrations/log/0001_log.sql"))]));

/// A fresh installation on the cluster.
async fn cluster(mut parts: Parts) -> Arc<Cluster> {
    parts.postgres.installation = format!("test_{:012x}", (&SystemRng as &dyn Rng).below(1 << 47));
    let password = async |schema: &str| Ok::<_, DbError>(format!("test-{schema}").into());
    Arc::new(Cluster::open(&parts.postgres, &parts.ca_file, password).await.unwrap())
}

fn fresh() -> [TenantId; 2] {
    [(); 2].map(|()| TenantId::from_bytes((&SystemRng as &dyn Rng).bytes()))
}

fn options(cluster: &Arc<Cluster>) -> DbOptions {
    DbOptions { home: Home::Cluster(cluster.clone()), ..DbOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn m03_postgres_keeps_the_contract_of_the_store() {
    let Some(parts) = Parts::for_tests() else { return };
    let cluster = cluster(parts).await;
    let (options, tenants) = (options(&cluster), fresh());
    let dbs = Arc::new(TenantDbs::new("/nowhere".as_ref(), "upload", &THINGS, options.clone()));
    let place = options.home.place("/nowhere".as_ref());
    contract::run(&contract::Subject { dbs: dbs.clone(), place, tenants }).await.unwrap();
    // A service's role sees its own schema and nothing of the others'.
    let other = TenantDbs::new("/nowhere".as_ref(), "retention", &THINGS, options);
    let other = other.get(tenants[0]).await.unwrap();
    let foreign = db::query("SELECT 1 FROM upload.things").fetch_all(other.reader()).await;
    assert!(foreign.is_err(), "retention reads upload's tables");
    dbs.close_all().await;
    other.close().await;
    cluster.drop_all().await.unwrap();
}

/// A database that is made lets everybody in until that is taken back, and our schema comes last: who starts in between has to wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_starts_before_its_schema_is_made_does_not_find_it() {
    let Some(mut parts) = Parts::for_tests() else { return };
    parts.postgres.installation = format!("test_{:012x}", (&SystemRng as &dyn Rng).below(1 << 47));
    let part = &parts.postgres;
    let password = async |schema: &str| Ok::<_, DbError>(format!("test-{schema}").into());
    let cluster = Cluster::open(part, &parts.ca_file, password).await.unwrap();
    let known = BTreeMap::from([("provider", "test-provider".to_owned().into())]);
    let service = Cluster::of_service(part, &parts.ca_file, known).unwrap();
    service.is_there().await.unwrap();
    let (user, secret) = part.admin().unwrap();
    let admin = PgConnectOptions::new_without_pgpass().host(&part.host).port(part.port).username(user);
    let admin = admin.password(secret.expose()).ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(&parts.ca_file);
    let mut admin = admin.database(&format!("{}_provider", part.installation)).connect().await.unwrap();
    sqlx::query("DROP SCHEMA provider CASCADE").execute(&mut admin).await.unwrap();
    assert!(service.is_there().await.is_err(), "the database lets it in, and nothing is there");
    Cluster::open(part, &parts.ca_file, password).await.unwrap();
    service.is_there().await.unwrap();
    admin.close().await.unwrap();
    cluster.drop_all().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn m03_a_program_holds_no_more_connections_than_its_budget_however_many_tenants_are_busy() {
    let Some(mut parts) = Parts::for_tests() else { return };
    parts.postgres.connections = 6;
    let cluster = cluster(parts).await;
    let metrics = Metrics::new();
    cluster.show(&metrics);
    let options = options(&cluster);
    let dbs = TenantDbs::new("/nowhere".as_ref(), "upload", &THINGS, options.clone());
    let tenants = [(); 4].map(|()| fresh()).concat();
    for tenant in &tenants {
        options.home.place("/nowhere".as_ref()).mark_ready(*tenant).await.unwrap();
    }
    let number = |series: &str| -> i64 {
        let text = metrics.render();
        let lines = text.lines().filter_map(|line| line.strip_prefix(series)?.rsplit(' ').next()?.parse::<i64>().ok());
        lines.sum()
    };
    let busy = async |tenant: TenantId, turn: usize| {
        let db = dbs.get(tenant).await?;
        db::query("SELECT 1").fetch_all(db.reader()).await?;
        let name = format!("{turn}");
        let name = name.as_str();
        db.tx("test.put", |tx| {
            Box::pin(async move {
                db::query("INSERT INTO things (id, name, count) VALUES ($1, $1, 0)")
                    .bind(name)
                    .execute(&mut **tx)
                    .await?;
                Ok::<_, DbError>(())
            })
        })
        .await?;
        assert!(number("siegel_db_connections{") <= 8, "{}", metrics.render());
        Ok::<_, DbError>(())
    };
    for turn in 0..5 {
        let all = tenants.iter().flat_map(|tenant| [(); 3].map(|()| *tenant)).enumerate();
        let all = all.map(|(at, tenant)| busy(tenant, turn * 100 + at));
        futures::future::try_join_all(all).await.unwrap();
    }
    assert!(number("siegel_db_connections{") <= 6, "{}", metrics.render());
    assert!(number("siegel_db_connections_evicted_total") > 0, "eight tenants had room for six connections");
    dbs.close_all().await;
    cluster.drop_all().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_in_postgres_keeps_the_contract_of_a_log() {
    let Some(parts) = Parts::for_tests() else { return };
    let cluster = cluster(parts).await;
    let (options, tenants) = (options(&cluster), fresh());
    for tenant in tenants {
        options.home.place("/nowhere".as_ref()).mark_ready(tenant).await.unwrap();
    }
    let dbs = |service| Arc::new(TenantDbs::new("/nowhere".as_ref(), service, &LOG, options.clone()));
    let (producer, consumer, log) = (dbs("upload"), dbs("retention"), Arc::new(Log::new()));
    log.register(producer.clone());
    let clock = Arc::new(ManualClock::new(Timestamp(1_000)));
    let source = EventSource::new("/siegel/test", clock.clone(), Arc::new(SeededRng::new(1)));
    let subject = log::contract::Subject { log, producer, consumer, tenants, source, clock };
    log::contract::run(&subject).await.unwrap();
    subject.producer.close_all().await;
    subject.consumer.close_all().await;
    cluster.drop_all().await.unwrap();
}
