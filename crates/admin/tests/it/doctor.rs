//! `doctor` sees what is broken and says what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use siegel_admin::doctor::{Finding, Health, examine};
use siegel_platform::clock::guard::MARK_FILE;

use crate::world::World;

async fn found(world: &World, check: &str) -> Vec<Finding> {
    let all = examine(&world.place(), true).await;
    all.into_iter().filter(|finding| finding.check == check).collect()
}

async fn worst(world: &World, check: &str) -> Health {
    let found = found(world, check).await;
    let worst = found.iter().map(|finding| finding.health).max().expect("it is looked at");
    assert!(found.iter().all(|finding| finding.health == Health::Ok || !finding.next.is_empty()), "{found:?}");
    worst
}

#[tokio::test]
async fn a_fresh_installation_is_well() {
    let world = World::started().await;
    let all = examine(&world.place(), false).await;
    for check in ["state", "key-file", "secrets", "databases", "zone-a", "zone-b", "clock", "tls", "port", "space"] {
        assert!(all.iter().any(|finding| finding.check == check), "{check} is looked at");
    }
    // The machine that runs the test may be short of room, or have the default port taken.
    let wrong: Vec<_> =
        all.iter().filter(|f| f.health == Health::Fail && !["space", "port"].contains(&f.check)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let (table, _) = world.run(&["doctor"]).await.unwrap();
    assert!(table.contains("ok    secrets"), "{table}");
    let (json, _) = world.run(&["--json", "doctor"]).await.unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["findings"].as_array().unwrap().len(), all.len());
}

#[tokio::test]
async fn files_that_others_may_read_are_named() {
    let world = World::started().await;
    fs::set_permissions(world.state(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(world.key(), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(worst(&world, "state").await, Health::Warn);
    assert_eq!(worst(&world, "key-file").await, Health::Fail);
    let (text, ok) = world.run(&["doctor"]).await.unwrap();
    assert!(!ok && text.contains("chmod 600"), "{text}");
}

#[tokio::test]
async fn lost_and_foreign_secrets_are_seen_and_never_made_anew() {
    let world = World::started().await;
    fs::rename(world.key(), world.dir.path().join("elsewhere")).unwrap();
    assert_eq!(worst(&world, "key-file").await, Health::Fail);
    assert_eq!(worst(&world, "secrets").await, Health::Fail);
    assert!(!world.key().exists());
    fs::write(world.key(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n").unwrap();
    fs::set_permissions(world.key(), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(worst(&world, "secrets").await, Health::Fail);
}

#[tokio::test]
async fn a_zone_that_is_away_swapped_or_read_only_is_seen() {
    let world = World::started().await;
    let (a, b) = (world.state().join("zones/a"), world.state().join("zones/b"));
    fs::rename(&b, world.dir.path().join("b")).unwrap();
    assert_eq!((worst(&world, "zone-a").await, worst(&world, "zone-b").await), (Health::Ok, Health::Fail));
    fs::rename(&a, &b).unwrap();
    assert_eq!(worst(&world, "zone-b").await, Health::Fail);
    assert!(found(&world, "zone-b").await[0].seen.contains("another zone"));
    let left: Vec<_> = fs::read_dir(&b).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("doctor")), "{left:?}");
}

#[tokio::test]
async fn a_damaged_database_and_one_of_a_later_version_are_named() {
    let world = World::started().await;
    let tenant = fs::read_dir(world.state().join("tenants")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(worst(&world, "databases").await, Health::Ok);

    let later = sqlx::SqlitePool::connect(tenant.join("upload.db").to_str().unwrap()).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'x', 1, x'00', 0)")
        .execute(&later)
        .await
        .unwrap();
    later.close().await;
    assert!(found(&world, "databases").await[0].seen.contains("later version"));

    let retention = tenant.join("retention.db");
    let whole = sqlx::SqlitePool::connect(retention.to_str().unwrap()).await.unwrap();
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&whole).await.unwrap();
    whole.close().await;
    let mut bytes = fs::read(&retention).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..16].fill(0xff); // the header says what kind of page it is
    }
    fs::write(&retention, bytes).unwrap();
    let found = found(&world, "databases").await;
    assert!(found.iter().any(|f| f.health == Health::Fail && f.seen.contains("retention.db")), "{found:?}");
}

#[tokio::test]
async fn a_held_clock_is_a_failure() {
    let world = World::started().await;
    assert_eq!(worst(&world, "clock").await, Health::Ok);
    fs::write(world.state().join(MARK_FILE), r#"{"wall_ms":1,"held_off_by_ms":7200000}"#).unwrap();
    assert_eq!(worst(&world, "clock").await, Health::Fail);
    fs::write(world.state().join(MARK_FILE), "garbage").unwrap();
    assert_eq!(worst(&world, "clock").await, Health::Fail);
}

#[tokio::test]
async fn where_there_is_nothing_that_is_all_it_says() {
    let world = World { dir: tempfile::tempdir().unwrap() };
    let all = examine(&world.place(), false).await;
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].check, all[0].health), ("state", Health::Fail));
}
