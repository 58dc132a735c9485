//! Every database: whether its pages are whole, and whether this program knows its version. Opened as they are: nothing
//! is migrated, nothing is made.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use siegel_platform::db::Migrations;
use siegel_platform::provider;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

use super::Finding;
use crate::place::Place;

/// The databases of a tenant, and who knows their versions.
static OF_TENANT: [(&str, &LazyLock<Migrations>); 5] = [
    ("key-directory.db", &siegel_key_directory::app::MIGRATIONS),
    ("upload.db", &siegel_upload::app::MIGRATIONS),
    ("keys.db", &siegel_upload::app::KEYS_MIGRATIONS),
    ("retention.db", &siegel_retention::app::MIGRATIONS),
    ("operator.db", &siegel_operator::app::MIGRATIONS),
];

/// What one database is like.
enum Verdict {
    Whole,
    Older,
    Newer,
    Damaged(String),
}

/// Looks at all of them. Those that are fine are counted; each other one has a line.
pub(super) async fn check(place: &Place, full: bool) -> Vec<Finding> {
    let mut files = vec![(place.file("provider.db"), &provider::MIGRATIONS)];
    let mut not_ready = 0;
    for directory in tenants(place) {
        if !directory.join(siegel_platform::db::READY).exists() {
            not_ready += 1;
        }
        files.extend(OF_TENANT.map(|(name, migrations)| (directory.join(name), migrations)));
    }
    files.retain(|(file, _)| file.exists()); // a service opens a database when it first needs it
    let (count, mut older, mut found) = (files.len(), 0, Vec::new());
    for (file, migrations) in files {
        match look(&file, migrations, full).await.unwrap_or_else(|error| Verdict::Damaged(error.to_string())) {
            Verdict::Whole => {}
            Verdict::Older => older += 1,
            Verdict::Newer => {
                let seen = format!("{} was written by a later version of Siegel", file.display());
                found.push(Finding::fail(
                    "databases",
                    seen,
                    "start that version, or restore a backup of before the upgrade",
                ));
            }
            Verdict::Damaged(what) => {
                let seen = format!("{}: {what}", file.display());
                let next = "stop the server, keep a copy of the file, restore it from a backup";
                found.push(Finding::fail("databases", seen, next));
            }
        }
    }
    if older > 0 {
        let seen = format!("{older} of {count} are of an older version");
        found.push(Finding::warn(
            "databases",
            seen,
            "the server brings each up to date when it opens it; back up first",
        ));
    }
    if not_ready > 0 {
        let seen = format!("{not_ready} tenants are not ready yet");
        found.push(Finding::warn("tenants", seen, "let the server run; it goes on making them"));
    }
    if found.is_empty() {
        let depth = if full { "every page" } else { "their structure" };
        found.push(Finding::ok("databases", format!("{count} are whole ({depth} was read)")));
    }
    found
}

fn tenants(place: &Place) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place.file("tenants")).into_iter().flatten();
    entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| path.is_dir()).collect()
}

async fn look(file: &Path, migrations: &Migrations, full: bool) -> Result<Verdict, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .busy_timeout(std::time::Duration::from_secs(5))
        .pragma("query_only", "ON");
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let check = if full { "PRAGMA integrity_check(3)" } else { "PRAGMA quick_check(3)" };
    let rows = sqlx::query(check).fetch_all(&mut connection).await?;
    let complaints: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let version: Option<i64> =
        sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(&mut connection).await?;
    connection.close().await?;
    let latest = migrations.latest();
    Ok(if complaints != ["ok"] {
        Verdict::Damaged(complaints.join("; "))
    } else if version > latest {
        Verdict::Newer
    } else if version < latest {
        Verdict::Older
    } else {
        Verdict::Whole
    })
}
