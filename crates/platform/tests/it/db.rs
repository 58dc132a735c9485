//! Transactions on real files.

use std::sync::Arc;

use siegel_platform::db::{Db, DbOptions};
use siegel_platform::tasks::Tasks;
use siegel_platform::{Problem, Reason, provider};

/// A use case as services write them: generic over nothing, called from a task, capturing references.
async fn add_dealer(db: &Db, id: &str) -> Result<i64, Problem> {
    let label = String::from("x");
    let label = &label;
    db.tx("test.add_dealer", |tx| {
        Box::pin(async move {
            sqlx::query("INSERT INTO dealers (id, label, state, created_ms) VALUES ($1, $2, 'active', 0)")
                .bind(id)
                .bind(label)
                .execute(&mut **tx)
                .await?;
            let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM dealers").fetch_one(&mut **tx).await?;
            if count > 2 { Err(Reason::LimitReached.into()) } else { Ok(count) }
        })
    })
    .await
}

#[tokio::test]
async fn a_transaction_commits_whole_or_not_at_all_and_can_be_spawned() {
    let dir = tempfile::tempdir().unwrap();
    let db = Arc::new(provider::open(dir.path(), DbOptions::default()).await.unwrap());
    let tasks = Tasks::new();
    let first = tasks.spawn("first", {
        let db = db.clone();
        async move { add_dealer(&db, "a").await }
    });
    assert_eq!(first.await.unwrap().unwrap().unwrap(), 1);
    assert_eq!(add_dealer(&db, "b").await.unwrap(), 2);
    assert_eq!(add_dealer(&db, "c").await.unwrap_err().reason(), Reason::LimitReached);
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM dealers").fetch_one(db.reader()).await.unwrap();
    assert_eq!(count, 2, "the refused one was rolled back");
}
