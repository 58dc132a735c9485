//! What both databases keep: whole transactions or none of them, no lost update, the same values back, the same words for a
//! taken name, no database for a tenant that is not ready, no tenant in another's database.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, Result, ensure};
use siegel_domain::TenantId;

use super::{DbError, Migrations, Place, TenantDbs, query, query_as, query_scalar, violated};
use crate::{Problem, Reason};

/// The table that the suite works on.
pub const SQL: &str = "CREATE TABLE things (
    id    TEXT   PRIMARY KEY,
    name  TEXT   NOT NULL UNIQUE,
    count BIGINT NOT NULL,
    flag  INTEGER NOT NULL DEFAULT 0,
    body  BLOB
);";

/// Its migrations.
pub fn migrations() -> Migrations {
    super::embedded(&[(1, "things", SQL)])
}

/// What the suite runs on.
pub struct Subject<'a> {
    /// One service's databases, with [`migrations`].
    pub dbs: Arc<TenantDbs>,
    /// Where they lie.
    pub place: Place<'a>,
    /// Two tenants that nobody has made yet.
    pub tenants: [TenantId; 2],
}

/// Runs the whole suite.
pub async fn run(subject: &Subject<'_>) -> Result<()> {
    only_what_is_ready(subject).await.context("only what is ready")?;
    values_come_back(subject).await.context("values come back")?;
    whole_or_not_at_all(subject).await.context("whole or not at all")?;
    no_lost_update(subject).await.context("no lost update")?;
    by_row(subject).await.context("by row")?;
    taken_names(subject).await.context("taken names")?;
    Ok(())
}

async fn only_what_is_ready(subject: &Subject<'_>) -> Result<()> {
    let [one, other] = subject.tenants;
    ensure!(matches!(subject.dbs.get(one).await, Err(DbError::NoSuchTenant)), "a database for nobody");
    subject.place.make(one).await?;
    ensure!(matches!(subject.dbs.get(one).await, Err(DbError::NoSuchTenant)), "made is not ready");
    for tenant in [one, other, one] {
        subject.place.mark_ready(tenant).await?; // twice is once
    }
    ensure!(subject.place.is_ready(one).await?, "marked is ready");
    let all = subject.dbs.provisioned().await?;
    ensure!([one, other].iter().all(|tenant| all.contains(tenant)), "a ready tenant is not listed");
    subject.dbs.get(one).await?;
    Ok(())
}

async fn insert(subject: &Subject<'_>, tenant: TenantId, id: &str, name: &str, fails: bool) -> Result<u64, Problem> {
    let db = subject.dbs.get(tenant).await?;
    db.tx("contract.insert", |tx| {
        Box::pin(async move {
            let done = query("INSERT INTO things (id, name, count) VALUES ($1, $2, 0) ON CONFLICT (id) DO NOTHING")
                .bind(id)
                .bind(name)
                .execute(&mut **tx)
                .await?;
            if fails { Err(Reason::Conflict.into()) } else { Ok(done.rows_affected()) }
        })
    })
    .await
}

async fn values_come_back(subject: &Subject<'_>) -> Result<()> {
    let [one, other] = subject.tenants;
    let db = subject.dbs.get(one).await?;
    db.tx::<_, DbError, _>("contract.values", |tx| {
        Box::pin(async move {
            query("INSERT INTO things (id, name, count, flag, body) VALUES ($1, $2, $3, $4, $5)")
                .bind("full")
                .bind("Grüße \u{1f512}")
                .bind(i64::MIN)
                .bind(true)
                .bind(vec![0_u8, 255, 7])
                .execute(&mut **tx)
                .await?;
            query("INSERT INTO things (id, name, count, body) VALUES ('empty', '', $1, $2)")
                .bind(i64::MAX)
                .bind(None::<Vec<u8>>)
                .execute(&mut **tx)
                .await?;
            Ok(())
        })
    })
    .await?;
    type Whole = (String, i64, i64, Option<Vec<u8>>);
    let rows: Vec<Whole> =
        query_as("SELECT name, count, flag, body FROM things ORDER BY id").fetch_all(db.reader()).await?;
    let full = ("Grüße \u{1f512}".to_owned(), i64::MIN, 1, Some(vec![0, 255, 7]));
    ensure!(rows == [(String::new(), i64::MAX, 0, None), full], "{rows:?}");
    let there: i64 = query_scalar("SELECT EXISTS (SELECT 1 FROM things)").fetch_one(db.reader()).await?;
    ensure!(there == 1, "a truth value is a number");
    let foreign: i64 =
        query_scalar("SELECT count(*) FROM things").fetch_one(subject.dbs.get(other).await?.reader()).await?;
    ensure!(foreign == 0, "another tenant sees it");
    Ok(())
}

async fn whole_or_not_at_all(subject: &Subject<'_>) -> Result<()> {
    let [one, _] = subject.tenants;
    let refused = insert(subject, one, "undone", "undone", true).await;
    ensure!(refused.is_err_and(|problem| problem.reason() == Reason::Conflict), "the work's own error is told");
    let db = subject.dbs.get(one).await?;
    let left: i64 = query_scalar("SELECT count(*) FROM things WHERE id = 'undone'").fetch_one(db.reader()).await?;
    ensure!(left == 0, "what failed left something");
    ensure!(insert(subject, one, "once", "once", false).await? == 1, "it was not there");
    ensure!(insert(subject, one, "once", "twice", false).await? == 0, "it was there");
    let mut moment = db.reader().snapshot().await?;
    let count = "SELECT count(*) FROM things";
    let before: i64 = query_scalar(count).fetch_one(&mut *moment).await?;
    insert(subject, one, "later", "later", false).await?;
    let within: i64 = query_scalar(count).fetch_one(&mut *moment).await?;
    ensure!(before == within, "a moment changed while it was read");
    Ok(())
}

/// Reads and writes what it read, many at once: each addition counts, since nobody's read is older than another's write.
async fn no_lost_update(subject: &Subject<'_>) -> Result<()> {
    const AT_ONCE: i64 = 12;
    let [one, _] = subject.tenants;
    insert(subject, one, "counter", "counter", false).await?;
    let db = &subject.dbs.get(one).await?;
    let add = async |_| {
        db.tx::<_, DbError, _>("contract.add", |tx| {
            Box::pin(async move {
                let count: i64 =
                    query_scalar("SELECT count FROM things WHERE id = 'counter'").fetch_one(&mut **tx).await?;
                tokio::task::yield_now().await;
                query("UPDATE things SET count = $1 WHERE id = 'counter'").bind(count + 1).execute(&mut **tx).await?;
                Ok(())
            })
        })
        .await
    };
    for done in futures::future::join_all((0..AT_ONCE).map(add)).await {
        done?;
    }
    let count: i64 = query_scalar("SELECT count FROM things WHERE id = 'counter'").fetch_one(db.reader()).await?;
    ensure!(count == AT_ONCE, "{count} of {AT_ONCE} additions count");
    Ok(())
}

/// Work that writes a row that all want, and first, is done once by each: they wait for one another and are not refused. Who
/// reads before writing is not passed by them unseen.
async fn by_row(subject: &Subject<'_>) -> Result<()> {
    const AT_ONCE: i64 = 12;
    let [one, _] = subject.tenants;
    insert(subject, one, "row", "row", false).await?;
    let (db, attempts) = (&subject.dbs.get(one).await?, &AtomicI64::new(0));
    let wait = async |number: i64| {
        db.tx_by_row::<_, DbError, _>("contract.by-row", |tx| {
            Box::pin(async move {
                attempts.fetch_add(1, Ordering::Relaxed);
                query("UPDATE things SET count = count + 1 WHERE id = 'row'").execute(&mut **tx).await?;
                let own =
                    query("INSERT INTO things (id, name, count) VALUES ($1, $1, 0)").bind(format!("row-{number}"));
                own.execute(&mut **tx).await?;
                Ok(())
            })
        })
        .await
    };
    for done in futures::future::join_all((0..AT_ONCE).map(wait)).await {
        done?;
    }
    let tried = attempts.load(Ordering::Relaxed);
    ensure!(tried == AT_ONCE, "{AT_ONCE} were tried {tried} times");
    let read_first = async |_: i64| {
        db.tx::<_, DbError, _>("contract.read-first", |tx| {
            Box::pin(async move {
                let count: i64 = query_scalar("SELECT count FROM things WHERE id = 'row'").fetch_one(&mut **tx).await?;
                tokio::task::yield_now().await;
                query("UPDATE things SET count = $1 WHERE id = 'row'").bind(count + 1).execute(&mut **tx).await?;
                Ok(())
            })
        })
        .await
    };
    let (waited, read) = (
        futures::future::join_all((AT_ONCE..2 * AT_ONCE).map(wait)),
        futures::future::join_all((0..AT_ONCE).map(read_first)),
    );
    let (waited, read) = tokio::join!(waited, read);
    for done in waited.into_iter().chain(read) {
        done?;
    }
    let count: i64 = query_scalar("SELECT count FROM things WHERE id = 'row'").fetch_one(db.reader()).await?;
    ensure!(count == 3 * AT_ONCE, "{count} of {} additions count", 3 * AT_ONCE);
    Ok(())
}

async fn taken_names(subject: &Subject<'_>) -> Result<()> {
    let [one, _] = subject.tenants;
    let db = subject.dbs.get(one).await?;
    let taken = db
        .tx::<(), DbError, _>("contract.taken", |tx| {
            Box::pin(async move {
                query("INSERT INTO things (id, name, count) VALUES ('another', 'once', 0)").execute(&mut **tx).await?;
                Ok(())
            })
        })
        .await;
    let column = taken.as_ref().err().and_then(violated);
    ensure!(column.as_deref() == Some("things.name"), "{taken:?}");
    Ok(())
}
