//! Transactions on real files.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use siegel_domain::{TenantId, Timestamp};
use siegel_platform::clock::ManualClock;
use siegel_platform::db::{self, Db, DbError, DbOptions, Home, TenantDbs, provision_directory, violated};
use siegel_platform::health::{Health, Waiting};
use siegel_platform::metrics::Metrics;
use siegel_platform::rng::SeededRng;
use siegel_platform::tasks::Tasks;
use siegel_platform::{Problem, Reason, provider};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

struct Case {
    clock: ManualClock,
    options: DbOptions,
}

impl Case {
    fn new() -> Self {
        let clock = ManualClock::new(Timestamp(0));
        let options = DbOptions {
            home: Home::Files,
            secure_delete: false,
            clock: Arc::new(clock.clone()),
            rng: Arc::new(SeededRng::new(1)),
            metrics: Arc::new(Metrics::new()),
            health: Health::new(),
        };
        Self { clock, options }
    }

    async fn open(&self, dir: &Path) -> Arc<Db> {
        Arc::new(provider::open(dir, self.options.clone()).await.unwrap())
    }

    fn metrics(&self) -> String {
        self.options.metrics.render()
    }
}

/// A use case as services write them: it borrows, and it is spawned.
async fn add_dealer(db: &Db, id: &str) -> Result<i64, Problem> {
    let label = String::from("x");
    let label = &label;
    db.tx("test.add_dealer", |tx| {
        Box::pin(async move {
            db::query("INSERT INTO dealers (id, label, state, created_ms) VALUES ($1, $2, 'active', 0)")
                .bind(id)
                .bind(label)
                .execute(&mut **tx)
                .await?;
            let (count,): (i64,) = db::query_as("SELECT count(*) FROM dealers").fetch_one(&mut **tx).await?;
            if count > 2 { Err(Reason::LimitReached.into()) } else { Ok(count) }
        })
    })
    .await
}

async fn dealers(db: &Db) -> i64 {
    db::query_scalar("SELECT count(*) FROM dealers").fetch_one(db.reader()).await.unwrap()
}

/// A connection of another process, so to speak.
async fn stranger(db: &Db) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(db.path())).await.unwrap()
}

#[tokio::test]
async fn a_transaction_commits_whole_or_not_at_all() {
    let (dir, case) = (tempfile::tempdir().unwrap(), Case::new());
    let db = case.open(dir.path()).await;
    let spawned = Tasks::new().spawn("first", {
        let db = db.clone();
        async move { add_dealer(&db, "a").await }
    });
    assert_eq!(spawned.await.unwrap().unwrap().unwrap(), 1);
    assert_eq!(add_dealer(&db, "b").await.unwrap(), 2);
    assert_eq!(add_dealer(&db, "c").await.unwrap_err().reason(), Reason::LimitReached);
    assert_eq!(dealers(&db).await, 2, "the refused one was rolled back");
    let metrics = case.metrics();
    assert!(metrics.contains("siegel_db_transactions_total{name=\"test.add_dealer\",outcome=\"ok\"} 2"), "{metrics}");
    assert!(
        metrics.contains("siegel_db_transactions_total{name=\"test.add_dealer\",outcome=\"error\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn what_is_committed_is_durable_and_readers_can_not_write() {
    let (dir, case) = (tempfile::tempdir().unwrap(), Case::new());
    let db = case.open(dir.path()).await;
    let pragma =
        async |query: &'static str| -> String { db::query_scalar(query).fetch_one(db.reader()).await.unwrap() };
    assert_eq!(pragma("SELECT journal_mode FROM pragma_journal_mode").await, "wal");
    assert_eq!(pragma("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await, "2", "FULL");
    assert_eq!(pragma("SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys").await, "1");
    let refused = db::query("DELETE FROM dealers").execute(db.reader()).await;
    assert!(refused.is_err(), "the read pool wrote");
}

/// Inserts a dealer, looks away for a moment, and then fails if it is told to.
async fn slowly(db: &Db, id: &str, fails: bool) -> Result<(), Problem> {
    db.tx("test.slowly", |tx| {
        Box::pin(async move {
            db::query("INSERT INTO dealers (id, label, state, created_ms) VALUES ($1, 'x', 'active', 0)")
                .bind(id)
                .execute(&mut **tx)
                .await?;
            tokio::task::yield_now().await;
            if fails { Err(Reason::Conflict.into()) } else { Ok(()) }
        })
    })
    .await
}

#[tokio::test]
async fn those_who_come_together_share_commits_and_each_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let db = Case::new().open(dir.path()).await;
    let before = db.commits();
    let ids: Vec<String> = (0..60).map(|n| format!("dealer-{n}")).collect();
    let done = futures::future::join_all(ids.iter().enumerate().map(|(n, id)| slowly(&db, id, n % 6 == 5))).await;
    assert_eq!(done.iter().filter(|result| result.is_err()).count(), 10);
    assert_eq!(dealers(&db).await, 50, "the failures are undone, and nobody else's work with them");
    assert!(db.commits() - before < 25, "50 transactions took {} commits", db.commits() - before);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_in_the_middle_leaves_nothing_and_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let db = Case::new().open(dir.path()).await;
    let begun = tokio::sync::Notify::new();
    let begun = &begun;
    let abandoned = db.tx("test.abandoned", |tx| {
        Box::pin(async move {
            db::query("INSERT INTO dealers (id, label, state, created_ms) VALUES ('lost', 'x', 'active', 0)")
                .execute(&mut **tx)
                .await?;
            begun.notify_one();
            std::future::pending::<Result<(), Problem>>().await
        })
    });
    tokio::select! {
        _ = abandoned => panic!("it waits for ever"),
        () = begun.notified() => {}
    }
    slowly(&db, "kept", false).await.unwrap();
    let left: Vec<String> = db::query_scalar("SELECT id FROM dealers").fetch_all(db.reader()).await.unwrap();
    assert_eq!(left, ["kept"]);
}

/// Inserts a dealer unless it is there; how many rows that were.
async fn once(db: &Db, id: &str) -> Result<u64, Problem> {
    db.tx("test.once", |tx| {
        Box::pin(async move {
            let insert = "INSERT INTO dealers (id, label, state, created_ms) VALUES ($1, 'x', 'active', 0) ON CONFLICT DO NOTHING";
            Ok(db::query(insert).bind(id).execute(&mut **tx).await?.rows_affected())
        })
    })
    .await
}

/// A client that hangs up takes its request with it, at any step of it: also in the middle of the commit that others' work
/// is in. They are told what became of theirs, and it is not done twice.
#[tokio::test]
async fn whoever_leads_a_commit_may_go_and_the_others_are_told_the_truth() {
    let (dir, case) = (tempfile::tempdir().unwrap(), Case::new());
    let db = case.open(dir.path()).await;
    for polls in 0..40 {
        let (leads, follows) = (format!("a-{polls}"), format!("b-{polls}"));
        let mut left = polls;
        let leader = async {
            let mut work = std::pin::pin!(slowly(&db, &leads, false));
            std::future::poll_fn(|context| {
                left -= 1;
                if left < 0 { std::task::Poll::Ready(()) } else { work.as_mut().poll(context).map(drop) }
            })
            .await;
        };
        let retries = async {
            loop {
                case.clock.sleeping(1).await;
                case.clock.advance_ms(1_000);
            }
        };
        let rows = tokio::select! {
            ((), rows) = async { tokio::join!(leader, once(&db, &follows)) } => rows.unwrap(),
            () = retries => unreachable!("it goes on for ever"),
        };
        assert_eq!(rows, 1, "after {polls} polls: the work counted and was done again");
    }
    assert!(dealers(&db).await >= 40);
}

#[tokio::test]
async fn a_busy_database_is_tried_again_and_counted() {
    let (dir, case) = (tempfile::tempdir().unwrap(), Case::new());
    let db = case.open(dir.path()).await;
    let mut other = stranger(&db).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let waiting = Tasks::new().spawn("waiting", {
        let db = db.clone();
        async move { add_dealer(&db, "a").await }
    });
    case.clock.sleeping(1).await; // it found the database busy and waits before it tries again
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    case.clock.advance_ms(1_000);
    assert_eq!(waiting.await.unwrap().unwrap().unwrap(), 1);
    assert!(case.metrics().contains("siegel_db_retries_total{name=\"test.add_dealer\"} 1"), "{}", case.metrics());
}

#[tokio::test]
async fn a_database_that_stays_busy_is_over_capacity() {
    let (dir, case) = (tempfile::tempdir().unwrap(), Case::new());
    let db = case.open(dir.path()).await;
    let mut other = stranger(&db).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let waiting = Tasks::new().spawn("waiting", {
        let db = db.clone();
        async move { add_dealer(&db, "a").await }
    });
    for _ in 0..5 {
        case.clock.sleeping(1).await;
        case.clock.advance_ms(1_000);
    }
    assert_eq!(waiting.await.unwrap().unwrap().unwrap_err().reason(), Reason::OverCapacity);
    assert!(case.metrics().contains("siegel_db_retries_total{name=\"test.add_dealer\"} 5"), "{}", case.metrics());
}

#[tokio::test]
async fn a_lock_met_half_way_runs_the_work_again() {
    let (dir, case) = (tempfile::tempdir().unwrap(), Case::new());
    let db = case.open(dir.path()).await;
    let attempts = AtomicUsize::new(0);
    let count = &attempts;
    let work = db.tx("test.locked", |tx| {
        Box::pin(async move {
            db::query("INSERT INTO dealers (id, label, state, created_ms) VALUES ('a', '', 'active', 0)")
                .execute(&mut **tx)
                .await?;
            if count.fetch_add(1, Ordering::Relaxed) == 0 {
                return Err(DbError::Busy(sqlx::Error::PoolTimedOut)); // as PostgreSQL's serialization failures do
            }
            Ok(())
        })
    });
    let ((), ()) = tokio::join!(async { work.await.unwrap() }, async {
        case.clock.sleeping(1).await;
        case.clock.advance_ms(1_000);
    });
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
    assert_eq!(dealers(&db).await, 1, "the first attempt left nothing");
}

#[tokio::test]
async fn f8_a_full_disk_refuses_writes_and_readiness_until_there_is_room() {
    let (dir, case) = (tempfile::tempdir().unwrap(), Case::new());
    let db = case.open(dir.path()).await;
    // The bound belongs to the connection, and the platform closes one on which the disk was full: it is set each time.
    let fill = async |bytes: usize, pages: &'static str| {
        let label = "x".repeat(bytes);
        let label = &label;
        let done: Result<(), Problem> = db
            .tx("test.fill", |tx| {
                Box::pin(async move {
                    db::query(pages).execute(&mut **tx).await?;
                    db::query(
                        "INSERT INTO dealers (id, label, state, created_ms) VALUES ('full', $1, 'active', 0)
                         ON CONFLICT (id) DO UPDATE SET label = excluded.label",
                    )
                    .bind(label)
                    .execute(&mut **tx)
                    .await?;
                    Ok(())
                })
            })
            .await;
        done.map_err(|problem| problem.reason())
    };
    const ROOM: &str = "PRAGMA max_page_count = 100000";
    const NO_ROOM: &str = "PRAGMA max_page_count = 1"; // SQLite makes it the pages there are
    fill(1_000, ROOM).await.unwrap();
    for _ in 0..3 {
        assert_eq!(fill(1_000_000, NO_ROOM).await, Err(Reason::StorageFull));
        assert!(db.is_full());
        let full = Waiting { name: "storage", why: "the disk that holds the databases is full" };
        assert_eq!(case.options.health.waiting(), [full]);
        assert_eq!(dealers(&db).await, 1, "reading goes on");
    }
    fill(1_000_000, ROOM).await.unwrap();
    assert!(!db.is_full());
    assert!(case.options.health.waiting().is_empty());
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused_with_a_sentence() {
    let (dir, case) = (tempfile::tempdir().unwrap(), Case::new());
    let db = case.open(dir.path()).await;
    db.close().await;
    let mut other = stranger(&db).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', true, x'00', 0)",
    )
    .execute(&mut other)
    .await
    .unwrap();
    let error = provider::open(dir.path(), case.options.clone()).await.err().unwrap();
    assert!(matches!(error, DbError::TooNew { version: 9999, .. }), "{error}");
    assert!(error.to_string().contains("was written by a later version of Siegel"), "{error}");
}

#[tokio::test]
async fn a_broken_constraint_is_known_by_name() {
    let (dir, case) = (tempfile::tempdir().unwrap(), Case::new());
    let db = case.open(dir.path()).await;
    add_dealer(&db, "a").await.unwrap();
    let again = db
        .tx("test.again", |tx| {
            Box::pin(async move {
                let inserted =
                    db::query("INSERT INTO dealers (id, label, state, created_ms) VALUES ('a', '', 'active', 0)")
                        .execute(&mut **tx)
                        .await;
                let name = inserted.err().as_ref().and_then(violated);
                Ok::<_, DbError>(name)
            })
        })
        .await;
    assert_eq!(again.unwrap().as_deref(), Some("dealers.id"));
}

#[tokio::test]
async fn tenants_databases_open_when_asked_for_and_close_when_idle() {
    let (dir, case) = (tempfile::tempdir().unwrap(), Case::new());
    let dbs = TenantDbs::new(dir.path(), "upload", &provider::MIGRATIONS, case.options.clone());
    let [ready, made_up] = [1, 2].map(|n| TenantId::from_bytes([n; 16]));
    assert!(matches!(dbs.get(made_up).await, Err(DbError::NoSuchTenant)));
    provision_directory(dir.path(), ready).unwrap();
    assert_eq!(dbs.open_count(), 0, "nothing is open yet");

    let (first, second) = tokio::join!(dbs.get(ready), dbs.get(ready));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(Arc::ptr_eq(&first, &second), "two at once share one");
    add_dealer(&first, "a").await.unwrap();
    assert!(dir.path().join(format!("tenants/{ready}/upload.db")).exists());
    assert!(!dir.path().join(format!("tenants/{made_up}")).exists(), "a made-up tenant leaves nothing behind");
    assert_eq!(dbs.provisioned().await.unwrap(), [ready]);

    case.clock.advance_ms(10 * 60 * 1_000);
    assert_eq!(dbs.close_idle().await, 0, "somebody holds it");
    drop((first, second));
    assert_eq!(dbs.close_idle().await, 1);
    assert!(!dir.path().join(format!("tenants/{ready}/upload.db-wal")).exists(), "the log was folded into the file");
    let again = dbs.get(ready).await.unwrap();
    assert_eq!(dealers(&again).await, 1);
    drop(again);
    assert_eq!(dbs.close_idle().await, 0, "it was just used");
    dbs.close_all().await;
    assert_eq!(dbs.open_count(), 0);
}

#[tokio::test]
async fn deleted_rows_of_a_secure_database_are_gone_from_its_files() {
    let (dir, mut case) = (tempfile::tempdir().unwrap(), Case::new());
    case.options.secure_delete = true;
    let db = case.open(dir.path()).await;
    let canary = "canary-shred-key-4711";
    add_dealer(&db, canary).await.unwrap();
    let found = || {
        std::fs::read_dir(dir.path()).unwrap().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
        })
    };
    assert!(found());
    db.tx("test.shred", |tx| {
        Box::pin(async move {
            db::query("DELETE FROM dealers").execute(&mut **tx).await?;
            Ok::<_, DbError>(())
        })
    })
    .await
    .unwrap();
    db.fold_log().await.unwrap();
    assert!(!found(), "the write-ahead log or a free page still holds it");
}

#[tokio::test]
async fn sqlite_keeps_the_contract_of_the_store() {
    static THINGS: std::sync::LazyLock<db::Migrations> = std::sync::LazyLock::new(db::contract::migrations);
    let dir = tempfile::tempdir().unwrap();
    let options = DbOptions::default();
    let dbs = Arc::new(TenantDbs::new(dir.path(), "upload", &THINGS, options.clone()));
    let tenants = [1, 2].map(|n| TenantId::from_bytes([n; 16]));
    let subject = db::contract::Subject { dbs, place: options.home.place(dir.path()), tenants };
    db::contract::run(&subject).await.unwrap();
}
