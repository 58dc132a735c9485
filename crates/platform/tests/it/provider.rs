//! The provider database: the one place outside of the tenants' own.

use std::sync::Arc;

use siegel_api::tenants::Durability;
use siegel_domain::{DealerId, TenantId, Timestamp};
use siegel_platform::db::{self, DbOptions, violated};
use siegel_platform::provider;
use siegel_platform::tenants::{NewTenant, TenantState, Tenants, insert};

/// Whoever adds a column reads this: nothing here names or describes a person. Dealers and tenants are businesses; their
/// comment is business data (C08).
const COLUMNS: &[(&str, &str)] = &[
    ("dealers", "id label state created_ms"),
    ("dealer_audit", "position event_id time_ms data"),
    ("dealer_devices", "id dealer sign_key created_ms revoked_ms"),
    ("dealer_invites", "id dealer auth_hash created_ms expires_ms used_ms device"),
    ("dealer_sessions", "id dealer device created_ms seen_ms ended_ms"),
    ("dealer_used_once", "token expires_ms"),
    ("idempotency", "scope body_hash status body created_ms"),
    ("outbox", "position event_id type subject time_ms traceparent data"),
    (
        "tenants",
        "id dealer handle display_name comment state durability jurisdiction owner_auth_hash owner_enrolled conditions \
         created_ms version owner_code_expires_ms quota_percent",
    ),
    ("wakeups", "tenant service due_ms"),
];

#[tokio::test]
async fn the_provider_database_holds_no_personal_data() {
    let dir = tempfile::tempdir().unwrap();
    let db = provider::open(dir.path(), DbOptions::default()).await.unwrap();
    let found: Vec<(String, String)> = db::query_as(
        "SELECT m.name, group_concat(c.name, ' ' ORDER BY c.cid) FROM sqlite_master m, pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> '_sqlx_migrations' GROUP BY m.name",
    )
    .fetch_all(db.reader())
    .await
    .unwrap();
    let mut expected: Vec<(String, String)> =
        COLUMNS.iter().map(|(table, columns)| (table.to_string(), columns.to_string())).collect();
    expected.sort();
    assert_eq!(found, expected);
}

fn tenant(n: u8, handle: &str) -> NewTenant {
    NewTenant {
        id: TenantId::from_bytes([n; 16]),
        dealer: DealerId::from_bytes([1; 16]),
        handle: handle.to_owned(),
        display_name: "Herzzentrum Nord".to_owned(),
        comment: "K-4711".to_owned(),
        durability: Durability::Strict,
        jurisdiction: "EU".to_owned(),
        owner_invite_auth_hash: vec![7; 32],
        owner_code_expires_ms: 0,
        created: Timestamp(i64::from(n)),
    }
}

#[tokio::test]
async fn tenants_are_seen_once_committed_and_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let db = Arc::new(provider::open(dir.path(), DbOptions::default()).await.unwrap());
    let tenants = Tenants::open(db.clone()).await.unwrap();
    let mut changes = tenants.subscribe();
    changes.mark_unchanged();
    let add = async |new: NewTenant| {
        let new = &new;
        let work = tenants.change("test.tenant", |tx| {
            Box::pin(async move {
                db::query("INSERT INTO dealers (id, label, state, created_ms) VALUES ($1, '', 'active', 0) ON CONFLICT DO NOTHING")
                    .bind(new.dealer.to_string())
                    .execute(&mut **tx)
                    .await?;
                match insert(tx, new).await {
                    Err(error) if violated(&error).as_deref() == Some("tenants.handle") => Ok(false),
                    done => done.map(|()| true),
                }
            })
        });
        work.await.unwrap()
    };
    assert!(add(tenant(1, "nord")).await);
    assert!(changes.has_changed().unwrap());
    assert!(!add(tenant(2, "nord")).await, "the handle is taken");
    assert!(add(tenant(3, "sued")).await);

    let found = tenants.by_handle("nord").unwrap();
    assert_eq!(found, tenants.get(found.id).unwrap());
    assert_eq!((found.state, found.durability, found.version), (TenantState::Provisioning, Durability::Strict, 1));
    assert!(tenants.by_handle("west").is_none() && tenants.get(TenantId::from_bytes([2; 16])).is_none());
    let handles: Vec<_> = tenants.list().iter().map(|tenant| tenant.handle.clone()).collect();
    assert_eq!(handles, ["nord", "sued"]);
    let restarted = Tenants::open(db).await.unwrap();
    assert_eq!(restarted.list(), tenants.list());
}

#[tokio::test]
async fn the_earliest_wake_up_counts_and_a_later_one_survives_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let db = provider::open(dir.path(), DbOptions::default()).await.unwrap();
    let [a, b] = [1, 2].map(|n| TenantId::from_bytes([n; 16]));
    let wake = async |tenant, due| {
        let work = db.tx("test.wake", |tx| {
            Box::pin(async move { provider::wake_at(tx, tenant, "retention", Timestamp(due)).await })
        });
        work.await.unwrap();
    };
    for (tenant, due) in [(a, 30), (a, 10), (a, 20), (b, 5)] {
        wake(tenant, due).await;
    }
    let due = async |now| provider::due(&db, "retention", Timestamp(now), 10).await.unwrap();
    assert_eq!(due(4).await, []);
    assert_eq!(due(10).await, [b, a]);
    assert_eq!(provider::due(&db, "upload", Timestamp(99), 10).await.unwrap(), []);
    assert_eq!(provider::due(&db, "retention", Timestamp(99), 1).await.unwrap(), [b]);
    let done = async |tenant, until| {
        let work = db.tx("test.woken", |tx| {
            Box::pin(async move { provider::woken(tx, tenant, "retention", Timestamp(until)).await })
        });
        work.await.unwrap();
    };
    done(b, 10).await;
    done(a, 9).await;
    assert_eq!(due(99).await, [a], "what was asked for after the work began is still due");
}
