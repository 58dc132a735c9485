//! The tables that are copied from the platform.

use siegel_platform::http::idempotency::IDEMPOTENCY_SQL;
use siegel_platform::log::OUTBOX_SQL;

#[test]
fn the_copied_tables_are_the_platforms() {
    let migration = include_str!("../../migrations/sqlite/0001_upload.sql");
    assert!(migration.contains(OUTBOX_SQL) && migration.contains(IDEMPOTENCY_SQL));
}
