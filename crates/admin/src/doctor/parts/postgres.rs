//! PostgreSQL: the front, the servers behind it, and the versions of the schemas in it.

use std::sync::LazyLock;

use siegel_platform::clock::SystemClock;
use siegel_platform::db::Migrations;
use siegel_platform::inspect::postgres::{self, Known, Schemas, Server};
use siegel_platform::parts::Parts;
use siegel_platform::provider;

use super::super::Finding;
use super::{Told, count, failed};

const CHECK: &str = "postgres";
const SCHEMAS: &str = "databases";
/// The first version with what migrations use.
const LEAST: i64 = 150_000;
/// A transaction that is open for longer holds back events of every tenant.
const LONG_S: i64 = 120;
/// A follower that is so far behind is not there in an emergency.
const BEHIND_BYTES: i64 = 64 << 20;
const AWAY: &str = "is the server running, and does the address lead to the primary? Until then requests are answered 503; \
                    infra/runbooks/zone-lost.md";

/// Schemas of a tenant's database, and who knows their versions.
static OF_TENANT: [(&str, &LazyLock<Migrations>); 5] = [
    ("key_directory", &siegel_key_directory::app::MIGRATIONS),
    ("upload", &siegel_upload::app::MIGRATIONS),
    ("keys", &siegel_upload::app::KEYS_MIGRATIONS),
    ("retention", &siegel_retention::app::MIGRATIONS),
    ("operator", &siegel_operator::app::MIGRATIONS),
];

/// Looks at the front, at each server that the file names, and at the schemas.
pub(super) async fn check(parts: &Parts, most: usize, clock: &SystemClock, told: &mut Vec<Told>) -> Vec<Finding> {
    let (part, ca_file) = (&parts.postgres, parts.ca_file.as_path());
    let front = format!("PostgreSQL at {}:{}", part.host, part.port);
    let refused = "put the password of admin_user into the parts file, and let pg_hba.conf have a line for it: hostssl all all \
                   ADDRESS scram-sha-256";
    let mut found = Vec::new();
    let server = match postgres::server(part, ca_file, None, clock).await {
        Ok(server) => server,
        Err(failure) => {
            found.push(failed(CHECK, &front, &failure, AWAY, refused));
            found.extend(behind(parts, clock).await);
            return found;
        }
    };
    told.push(Told { who: "PostgreSQL".to_owned(), skew: server.skew });
    found.extend(judge(&front, &server));
    found.extend(behind(parts, clock).await);
    let known = OF_TENANT.map(|(schema, migrations)| -> Known { (schema, migrations.latest()) });
    let schemas = postgres::schemas(part, ca_file, ("provider", provider::MIGRATIONS.latest()), &known, most).await;
    match schemas {
        Ok(schemas) => found.extend(versions(&schemas)),
        Err(failure) => found.push(failed(SCHEMAS, &front, &failure, AWAY, refused)),
    }
    found
}

/// Its clock alone.
pub(super) async fn ask_clock(parts: &Parts, clock: &SystemClock, told: &mut Vec<Told>) {
    if let Ok(server) = postgres::server(&parts.postgres, &parts.ca_file, None, clock).await {
        told.push(Told { who: "PostgreSQL".to_owned(), skew: server.skew });
    }
}

fn judge(front: &str, server: &Server) -> Vec<Finding> {
    let mut found = Vec::new();
    let version = format!("{}.{}", server.version / 10_000, server.version % 10_000);
    let tls = server.tls.as_deref().unwrap_or("no TLS");
    let seen = format!("{front} answers: version {version}, {tls}");
    found.push(if server.standby {
        let next =
            "let [postgres] host and port lead to the primary at all times (haproxy asks Patroni: infra/haproxy)";
        Finding::fail(CHECK, format!("{seen}, and is a standby: nothing can be written"), next)
    } else if server.version < LEAST {
        Finding::fail(CHECK, seen, "use PostgreSQL 15 or newer")
    } else {
        Finding::ok(CHECK, format!("{seen}, the primary"))
    });
    if !server.standby {
        found.push(synchronous(server));
    }
    let role = server.role;
    if !role.superuser && !role.makes {
        let next = "ALTER ROLE … CREATEDB CREATEROLE: provisioning makes a database for each tenant";
        found.push(Finding::fail(CHECK, "the role admin_user may not make databases and roles", next));
    } else if role.superuser {
        let next = "use a role with CREATEDB CREATEROLE and pg_monitor alone (infra/postgres/admin.sql)";
        found.push(Finding::warn(CHECK, "the role admin_user is a superuser, which nothing here needs", next));
    }
    let (most, used) = server.connections;
    if used * 10 > most * 8 {
        let seen = format!("{used} of {most} connections are taken");
        found.push(Finding::warn(CHECK, seen, "raise max_connections, or find who holds them: pg_stat_activity"));
    }
    if server.oldest_transaction_s > LONG_S {
        let seen = format!(
            "a transaction is open for {} seconds: it holds back events of every tenant",
            server.oldest_transaction_s
        );
        let next = "find it in pg_stat_activity by xact_start, and end it: SELECT pg_terminate_backend(pid)";
        found.push(Finding::warn(CHECK, seen, next));
    }
    found
}

/// Whether the other zone has a commit before it is acknowledged.
fn synchronous(server: &Server) -> Finding {
    let in_sync: Vec<_> = server.followers.iter().filter(|one| matches!(&*one.sync, "sync" | "quorum")).collect();
    let streaming = |one: &&postgres::Follower| one.state == "streaming" && one.behind_bytes < BEHIND_BYTES;
    let shown = |followers: &[&postgres::Follower]| {
        followers.iter().map(|one| format!("{} ({}, {})", one.name, one.sync, one.state)).collect::<Vec<_>>().join(", ")
    };
    if !server.role.monitors && server.followers.is_empty() {
        let next = "GRANT pg_monitor TO the role admin_user";
        return Finding::warn(CHECK, "the role admin_user may not see which standbys follow", next);
    }
    if in_sync.iter().any(streaming) {
        return Finding::ok(CHECK, format!("a commit waits for the standby {}", shown(&in_sync)));
    }
    let all: Vec<_> = server.followers.iter().collect();
    if all.is_empty() {
        let next = "bring the other zone's server back: patronictl list. Until then one disk has what is acknowledged, and losing \
                    it loses data";
        return Finding::fail(CHECK, "no standby follows the primary", next);
    }
    let next = if server.waits_for.is_empty() {
        "set synchronous_mode in Patroni (infra/postgres/patroni.yml), or synchronous_standby_names"
    } else {
        "wait until it has caught up, and look into its log if it does not"
    };
    Finding::warn(CHECK, format!("no standby is in sync: {}", shown(&all)), next)
}

/// The servers behind the front.
async fn behind(parts: &Parts, clock: &SystemClock) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut primaries = 0;
    for address in &parts.postgres.direct {
        match postgres::server(&parts.postgres, &parts.ca_file, Some(address), clock).await {
            Ok(server) => {
                primaries += usize::from(!server.standby);
                let what = if server.standby { "a standby" } else { "the primary" };
                found.push(Finding::ok(CHECK, format!("the server at {address} answers: {what}")));
            }
            Err(failure) => {
                let away = "start it (its log says why it ended); the other one goes on alone meanwhile: \
                            infra/runbooks/zone-lost.md";
                let refused = "let its pg_hba.conf be that of the other server";
                found.push(failed(CHECK, &format!("the server at {address}"), &failure, away, refused));
            }
        }
    }
    if primaries > 1 {
        let next =
            "stop both fronts, then the one that Patroni does not call leader (patronictl list): both take writes";
        found.push(Finding::fail(CHECK, "two servers say that they are the primary", next));
    }
    found
}

fn versions(schemas: &Schemas) -> Vec<Finding> {
    let (ready, not_yet) = schemas.tenants;
    let mut found = Vec::new();
    if !schemas.started {
        let next = "start siegel-operator or siegel-server on these parts once";
        found.push(Finding::warn(SCHEMAS, "nothing of this installation is there yet", next));
    }
    for (database, failure) in schemas.failed.iter().take(5) {
        let next = "is it there? psql -l; a database that is gone comes back from a backup";
        found.push(failed(SCHEMAS, &format!("the database {database}"), failure, next, next));
    }
    if !schemas.newer.is_empty() {
        let seen = format!(
            "{} of a later version of Siegel, the first is {}",
            count(schemas.newer.len(), "schema"),
            schemas.newer[0]
        );
        found.push(Finding::fail(SCHEMAS, seen, "use siegel-admin and services of that version"));
    }
    if schemas.older > 0 {
        let seen = format!(
            "{} of {} are of an older version",
            count(schemas.older, "schema"),
            schemas.older + schemas.current
        );
        let next = "services bring each up to date when they open it; back up first";
        found.push(Finding::warn(SCHEMAS, seen, next));
    }
    if not_yet > 0 {
        let seen = format!("{} not ready yet", count(not_yet, "tenant"));
        found.push(Finding::warn("tenants", seen, "let the operator run; it goes on making them"));
    }
    if found.is_empty() {
        let looked = if schemas.looked < ready {
            format!("{} of {} were looked at, --full looks at all", schemas.looked, count(ready, "tenant"))
        } else {
            format!("{} and the provider's", count(ready, "tenant"))
        };
        let seen = format!("{} of the version this program knows ({looked})", count(schemas.current, "schema"));
        found.push(Finding::ok(SCHEMAS, seen));
    }
    found
}

#[cfg(test)]
mod tests {
    use siegel_platform::inspect::Skew;
    use siegel_platform::inspect::postgres::{Follower, Role};

    use super::super::super::Health;
    use super::*;

    fn server(followers: Vec<Follower>) -> Server {
        Server {
            version: 150_012,
            standby: false,
            tls: Some("TLSv1.3".into()),
            skew: Skew { ahead_ms: 0, within_ms: 1 },
            waits_for: "pg-b".into(),
            followers,
            connections: (400, 10),
            oldest_transaction_s: 0,
            role: Role { superuser: false, makes: true, monitors: true },
        }
    }

    fn follower(sync: &str, state: &str) -> Follower {
        Follower { name: "pg-b".into(), state: state.into(), sync: sync.into(), behind_bytes: 0 }
    }

    fn worst(server: &Server) -> Health {
        judge("it", server).iter().map(|line| line.health).max().unwrap()
    }

    #[test]
    fn what_a_commit_waits_for_decides() {
        assert_eq!(worst(&server(vec![follower("sync", "streaming")])), Health::Ok);
        assert_eq!(worst(&server(vec![follower("async", "streaming")])), Health::Warn);
        assert_eq!(worst(&server(vec![follower("sync", "catchup")])), Health::Warn);
        assert_eq!(worst(&server(vec![])), Health::Fail);
    }

    #[test]
    fn a_front_that_leads_to_the_wrong_server_and_a_role_that_may_nothing_are_failures() {
        let well = server(vec![follower("sync", "streaming")]);
        assert_eq!(worst(&Server { standby: true, ..well.clone() }), Health::Fail);
        assert_eq!(worst(&Server { version: 140_009, ..well.clone() }), Health::Fail);
        let nobody = Role { superuser: false, makes: false, monitors: true };
        assert_eq!(worst(&Server { role: nobody, ..well.clone() }), Health::Fail);
        assert_eq!(worst(&Server { connections: (100, 90), ..well.clone() }), Health::Warn);
        assert_eq!(worst(&Server { oldest_transaction_s: 600, ..well }), Health::Warn);
    }
}
