//! PostgreSQL: the front and each server behind it, as the administrator of the parts file sees them; and which versions the
//! schemas in it have. Nothing is migrated, and no role is touched.

use std::path::Path;

use siegel_domain::TenantId;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use super::{Failure, PATIENCE, Skew};
use crate::clock::Clock;
use crate::parts::PostgresPart;

/// A server, by what it says.
#[derive(Debug, Clone)]
pub struct Server {
    /// `150012` is 15.12.
    pub version: i64,
    /// Whether it follows another.
    pub standby: bool,
    /// The TLS of this connection, `TLSv1.3`.
    pub tls: Option<String>,
    /// Its clock.
    pub skew: Skew,
    /// `synchronous_standby_names`: empty if a commit waits for nobody.
    pub waits_for: String,
    /// Servers that follow it. Empty if the administrator may not see them.
    pub followers: Vec<Follower>,
    /// How many connections it takes, and how many there are.
    pub connections: (i64, i64),
    /// Age of the oldest open transaction, in seconds.
    pub oldest_transaction_s: i64,
    /// What the administrator's role may.
    pub role: Role,
}

/// One that follows.
#[derive(Debug, Clone)]
pub struct Follower {
    /// Its name.
    pub name: String,
    /// `streaming`, `catchup`, …
    pub state: String,
    /// `sync`, `quorum`, `potential`, `async`.
    pub sync: String,
    /// How many bytes it has not yet written.
    pub behind_bytes: i64,
}

/// What the administrator's role may.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    /// Anything at all.
    pub superuser: bool,
    /// Make databases and roles.
    pub makes: bool,
    /// See which zones hold what was committed.
    pub monitors: bool,
}

/// Which versions the schemas have.
#[derive(Debug, Clone, Default)]
pub struct Schemas {
    /// Whether the installation's own database is there: the first start makes it.
    pub started: bool,
    /// Tenants that are ready, and those that are not yet.
    pub tenants: (usize, usize),
    /// How many of the ready ones were looked at.
    pub looked: usize,
    /// Schemas of the version this program knows.
    pub current: usize,
    /// Of an earlier one.
    pub older: usize,
    /// Of a later one, by name.
    pub newer: Vec<String>,
    /// Databases that could not be looked at, and why.
    pub failed: Vec<(String, Failure)>,
}

/// A schema and the newest version of it that this program knows.
pub type Known = (&'static str, Option<i64>);

/// Looks at the server at `address` (`host:port`), or at the front's.
pub async fn server(
    part: &PostgresPart,
    ca_file: &Path,
    address: Option<&str>,
    clock: &dyn Clock,
) -> Result<Server, Failure> {
    let (host, port) = match address.and_then(|address| address.rsplit_once(':')) {
        Some((host, port)) => (host, port.parse().map_err(|_| Failure::Other(format!("{port} is no port")))?),
        None => (part.host.as_str(), part.port),
    };
    in_time(async {
        let mut connection = options(part, ca_file)?.host(host).port(port).connect().await?;
        let asked_ms = clock.now().0;
        let said_ms: i64 =
            sqlx::query_scalar("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)")
                .fetch_one(&mut connection)
                .await?;
        let skew = Skew::of(asked_ms, clock.now().0, said_ms, 1);
        let row = sqlx::query(
            "SELECT CAST(current_setting('server_version_num') AS BIGINT) AS version, pg_is_in_recovery() AS standby,
                    (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls,
                    current_setting('synchronous_standby_names') AS waits_for,
                    CAST(current_setting('max_connections') AS BIGINT) AS most,
                    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
                    COALESCE((SELECT CAST(max(extract(epoch FROM clock_timestamp() - xact_start)) AS BIGINT)
                              FROM pg_stat_activity WHERE backend_type = 'client backend'), 0) AS oldest,
                    rolsuper, rolcreatedb AND rolcreaterole AS makes,
                    rolsuper OR pg_has_role(current_user, 'pg_monitor', 'USAGE') AS monitors
             FROM pg_roles WHERE rolname = current_user",
        )
        .fetch_one(&mut connection)
        .await?;
        let followers = sqlx::query(
            "SELECT COALESCE(application_name, '?') AS name, COALESCE(state, '?') AS state, COALESCE(sync_state, '?') AS sync,
                    CASE WHEN pg_is_in_recovery() THEN 0
                         ELSE COALESCE(CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) AS BIGINT), 0) END AS behind
             FROM pg_stat_replication ORDER BY application_name",
        )
        .fetch_all(&mut connection)
        .await?;
        let followers = followers
            .iter()
            .map(|row| {
                Ok(Follower {
                    name: row.try_get("name")?,
                    state: row.try_get("state")?,
                    sync: row.try_get("sync")?,
                    behind_bytes: row.try_get("behind")?,
                })
            })
            .collect::<Result<_, sqlx::Error>>()?;
        let _ = connection.close().await;
        Ok(Server {
            version: row.try_get("version")?,
            standby: row.try_get("standby")?,
            tls: row.try_get("tls")?,
            skew,
            waits_for: row.try_get("waits_for")?,
            followers,
            connections: (row.try_get("most")?, row.try_get("used")?),
            oldest_transaction_s: row.try_get("oldest")?,
            role: Role {
                superuser: row.try_get("rolsuper")?,
                makes: row.try_get("makes")?,
                monitors: row.try_get("monitors")?,
            },
        })
    })
    .await
}

/// Looks at the provider's schema and at those of at most `most` tenants.
pub async fn schemas(
    part: &PostgresPart,
    ca_file: &Path,
    provider: Known,
    of_tenant: &[Known],
    most: usize,
) -> Result<Schemas, Failure> {
    let databases = databases(part, ca_file).await?;
    let installation = &part.installation;
    let ours: Vec<_> = databases.iter().filter(|(name, _)| name.parse::<TenantId>().is_ok()).collect();
    let ready: Vec<_> = ours.iter().filter(|(_, state)| state.ends_with(": ready")).map(|(name, _)| name).collect();
    let mut found = Schemas { tenants: (ready.len(), ours.len() - ready.len()), ..Schemas::default() };
    let own = format!("{installation}_provider");
    if databases.iter().any(|(name, _)| *name == own) {
        found.started = true;
        found.count(part, ca_file, &own, &[provider]).await;
    }
    for database in ready.into_iter().take(most) {
        found.looked += 1;
        found.count(part, ca_file, database, of_tenant).await;
    }
    Ok(found)
}

/// The tenants whose databases are ready.
pub async fn tenants(part: &PostgresPart, ca_file: &Path) -> Result<Vec<String>, Failure> {
    let all = databases(part, ca_file).await?.into_iter();
    let ready = all.filter(|(name, state)| name.parse::<TenantId>().is_ok() && state.ends_with(": ready"));
    Ok(ready.map(|(name, _)| name).collect())
}

/// Databases of the installation, with the comments that say how far they are.
async fn databases(part: &PostgresPart, ca_file: &Path) -> Result<Vec<(String, String)>, Failure> {
    in_time(async {
        let mut connection = options(part, ca_file)?.connect().await?;
        let sql = "SELECT CAST(datname AS TEXT), COALESCE(shobj_description(oid, 'pg_database'), '') FROM pg_database
                   WHERE starts_with(shobj_description(oid, 'pg_database'), $1) OR datname = $2 ORDER BY datname";
        let found = sqlx::query_as(sql)
            .bind(format!("{}: ", part.installation))
            .bind(format!("{}_provider", part.installation))
            .fetch_all(&mut connection)
            .await?;
        let _ = connection.close().await;
        Ok(found)
    })
    .await
}

impl Schemas {
    async fn count(&mut self, part: &PostgresPart, ca_file: &Path, database: &str, known: &[Known]) {
        let versions = in_time(async {
            let mut connection = options(part, ca_file)?.database(database).connect().await?;
            let mut versions = Vec::new();
            for (schema, latest) in known {
                // A service makes its tables when it first needs them.
                let there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
                    .bind(format!("{schema}._sqlx_migrations"))
                    .fetch_one(&mut connection)
                    .await?;
                if there {
                    let sql = format!("SELECT MAX(version) FROM {schema}._sqlx_migrations");
                    let version: Option<i64> =
                        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await?;
                    versions.push((*schema, version, *latest));
                }
            }
            let _ = connection.close().await;
            Ok(versions)
        })
        .await;
        match versions {
            Err(failure) => self.failed.push((database.to_owned(), failure)),
            Ok(versions) => {
                for (schema, version, latest) in versions {
                    match version.cmp(&latest) {
                        std::cmp::Ordering::Equal => self.current += 1,
                        std::cmp::Ordering::Less => self.older += 1,
                        std::cmp::Ordering::Greater => self.newer.push(format!("{database}/{schema}")),
                    }
                }
            }
        }
    }
}

fn options(part: &PostgresPart, ca_file: &Path) -> Result<PgConnectOptions, sqlx::Error> {
    let nobody = || sqlx::Error::Configuration("the parts file names no admin_user".into());
    let (user, password) = part.admin().ok_or_else(nobody)?;
    Ok(PgConnectOptions::new_without_pgpass()
        .host(&part.host)
        .port(part.port)
        .ssl_mode(PgSslMode::VerifyFull)
        .ssl_root_cert(ca_file)
        .application_name("siegel-admin")
        .username(user)
        .password(password.expose())
        .database("postgres")
        .disable_statement_logging())
}

async fn in_time<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(result) => result.map_err(|error| failure(&error)),
        Err(_) => Err(Failure::Away("no answer within five seconds".to_owned())),
    }
}

fn failure(error: &sqlx::Error) -> Failure {
    let Some(said) = error.as_database_error() else {
        return match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) => Failure::of_way(error),
            other => Failure::Other(other.to_string()),
        };
    };
    match said.code().as_deref() {
        // Its users and passwords, and what pg_hba.conf lets in.
        Some("28P01" | "28000") => Failure::SignIn(said.message().to_owned()),
        Some("57P01" | "57P02" | "57P03") => Failure::Away(said.message().to_owned()),
        _ => Failure::Other(said.message().to_owned()),
    }
}
