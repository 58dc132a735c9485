//! PostgreSQL, where each tenant has a database of its own and each service a schema and a role of its own in it (M03):
//!
//! ```text
//! siegel_provider        schema provider       role siegel_provider    (siegel: the installation's name)
//! tnt_…                  schema upload         role siegel_upload      reads and writes nothing else
//!                        schema keys           role siegel_keys        the shred keys, apart
//!                        …
//! ```
//!
//! Roles are of the cluster; their passwords are drawn by us and kept with the secrets. Whether a tenant is ready stands in
//! the comment of its database, which every role may read and only provisioning writes.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use siegel_domain::TenantId;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use super::home::Found;
use super::passwords::{Ask, Password, Passwords};
use super::pool::{Budget, Connections, Pool, Renew};
use super::{DbError, Reader, postgres};
use crate::metrics::Metrics;
use crate::parts::PostgresPart;

/// Schemas of a tenant's database; the name of a role is the installation's and this.
const SCHEMAS: [&str; 6] = ["key_directory", "upload", "keys", "retention", "notification", "operator"];
/// The schema of who is who, in the database of the installation's own.
const PROVIDER: &str = "provider";
/// The comment of a database of ours that is not ready yet, behind the installation's name.
const MADE: &str = "made";
/// The comment of a database that is ready.
const READY: &str = "ready";

/// The cluster, as services and provisioning see it.
pub struct Cluster {
    installation: String,
    base: PgConnectOptions,
    /// Who may make databases and roles, where we provision.
    admin: Option<PgConnectOptions>,
    passwords: Arc<Passwords>,
    budget: Arc<Budget>,
    look: Reader,
    ready: RwLock<HashSet<TenantId>>,
}

impl Cluster {
    /// Makes roles and the provider's database if they are not there, and connects. `password` gives a role's, by the name of
    /// its schema.
    pub async fn open<E: From<DbError>>(
        part: &PostgresPart,
        ca_file: &std::path::Path,
        password: impl AsyncFn(&str) -> Result<Password, E>,
    ) -> Result<Self, E> {
        let (user, password_of_admin) = part.admin().ok_or_else(not_provisioning)?;
        let admin = base(part, ca_file).username(user).password(password_of_admin.expose()).database("postgres");
        let mut passwords = BTreeMap::new();
        for schema in schemas() {
            passwords.insert(schema, password(schema).await?);
        }
        let cluster = Self::with_passwords(part, ca_file, Some(admin), passwords);
        cluster.make_roles().await?;
        Ok(cluster)
    }

    /// As one service, which knows the passwords of its own roles (`schemas_of`) and finds everything made.
    pub fn of_service(
        part: &PostgresPart,
        ca_file: &std::path::Path,
        passwords: BTreeMap<&'static str, Password>,
    ) -> Result<Self, DbError> {
        match passwords.contains_key(PROVIDER) {
            true => Ok(Self::with_passwords(part, ca_file, None, passwords)),
            false => Err(not_provisioning()),
        }
    }

    fn with_passwords(
        part: &PostgresPart,
        ca_file: &std::path::Path,
        admin: Option<PgConnectOptions>,
        passwords: BTreeMap<&'static str, Password>,
    ) -> Self {
        let base = base(part, ca_file);
        let owner = role(&part.installation, PROVIDER);
        let budget = Budget::new(part.connections);
        let look = as_owner(&base, &owner, PROVIDER, &passwords[PROVIDER]).database(&owner);
        let passwords = Passwords::new(passwords);
        let look = Reader::Postgres(pool_of(&budget, &passwords, PROVIDER, look));
        let (installation, ready) = (part.installation.clone(), RwLock::default());
        Self { installation, base, admin, passwords, budget, look, ready }
    }

    /// Whether the provider's database is there, lets us in and holds our schema, which is what provisioning makes last: until then it
    /// lets everybody in and takes that back.
    pub async fn is_there(&self) -> Result<(), DbError> {
        let ours = "SELECT 1 FROM pg_namespace WHERE nspname = $1 AND pg_get_userbyid(nspowner) = current_user";
        super::query(ours).bind(PROVIDER).fetch_one(&self.look).await.map(drop)
    }

    /// Where newer passwords are to be had, for roles whose password is replaced while this program runs.
    pub fn renew_by(&self, ask: Ask) {
        self.passwords.ask(ask);
    }

    /// Gives a role of ours another password. Whoever is connected stays so.
    pub async fn set_password(&self, schema: &str, password: &Password) -> Result<(), DbError> {
        let mut admin = self.admin().await?;
        order(&mut admin, with_password(&self.role(schema), password)).await?;
        let _ = admin.close().await;
        Ok(())
    }

    /// Shows how many connections there are.
    pub fn show(&self, metrics: &Metrics) {
        metrics.collect(Connections(self.budget.clone()));
    }

    /// Connections to the provider's schema, and its name for errors.
    pub(super) fn provider(&self) -> (String, Pool) {
        let database = self.role(PROVIDER);
        let password = self.passwords.of(PROVIDER).map(|(_, password)| password).unwrap_or_default();
        let connect = self.with(PROVIDER, &password).database(&database);
        (format!("{database}/{PROVIDER}"), pool_of(&self.budget, &self.passwords, PROVIDER, connect))
    }

    /// A service's connections to its schema of a tenant's database, and its name for errors.
    pub(super) fn schema(&self, tenant: TenantId, service: &str) -> Result<(String, Pool), DbError> {
        let (schema, connect) = self.way_to(tenant, service)?;
        Ok((format!("{}/{schema}", database(tenant)), pool_of(&self.budget, &self.passwords, schema, connect)))
    }

    /// A service's schema in tenants' databases, and how it connects to a tenant's.
    pub fn way_to(&self, tenant: TenantId, service: &str) -> Result<(&'static str, PgConnectOptions), DbError> {
        let Some((schema, password)) = self.passwords.of(&service.replace('-', "_")) else {
            return Err(DbError::NoSuchTenant); // a mistake in the program: no service of that name keeps anything
        };
        Ok((schema, self.with(schema, &password).database(&database(tenant))))
    }

    /// What there is of a tenant.
    pub async fn found(&self, tenant: TenantId) -> Result<Found, DbError> {
        // A service is nobody's administrator: a database without a comment it takes for another's.
        let admin = self.admin.as_ref().map_or("", PgConnectOptions::get_username);
        let found: Option<(Option<String>, i64)> = super::query_as(
            "SELECT shobj_description(oid, 'pg_database'), pg_get_userbyid(datdba) = $2
             FROM pg_database WHERE datname = $1",
        )
        .bind(database(tenant))
        .bind(admin)
        .fetch_optional(&self.look)
        .await?;
        Ok(match found {
            None => Found::Missing,
            Some((Some(comment), _)) if comment == self.comment(READY) => Found::Ready,
            Some((Some(comment), _)) if comment == self.comment(MADE) => Found::Made,
            Some((None, 1)) => Found::Made, // whoever made it ended before it had a comment
            Some(_) => Found::Foreign,
        })
    }

    /// Whether a tenant is ready; asks once, since it stays so until it is erased.
    pub async fn is_ready(&self, tenant: TenantId) -> Result<bool, DbError> {
        if self.ready.read().unwrap_or_else(PoisonError::into_inner).contains(&tenant) {
            return Ok(true);
        }
        let ready = self.found(tenant).await? == Found::Ready;
        if ready {
            self.ready.write().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        }
        Ok(ready)
    }

    /// Every tenant that is ready.
    pub async fn provisioned(&self) -> Result<Vec<TenantId>, DbError> {
        let names: Vec<(String,)> = super::query_as(
            "SELECT CAST(datname AS TEXT) FROM pg_database
             WHERE shobj_description(oid, 'pg_database') = $1 ORDER BY datname",
        )
        .bind(self.comment(READY))
        .fetch_all(&self.look)
        .await?;
        Ok(names.iter().filter_map(|(name,)| name.parse().ok()).collect())
    }

    /// Makes a tenant's database with its schemas. May be repeated, and be taken up where it was interrupted.
    pub async fn make(&self, tenant: TenantId) -> Result<(), DbError> {
        let name = database(tenant);
        if self.found(tenant).await? == Found::Missing {
            let mut admin = self.admin().await?;
            order(&mut admin, format!("CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")).await?;
            order(&mut admin, format!("COMMENT ON DATABASE \"{name}\" IS '{}'", self.comment(MADE))).await?;
            let _ = admin.close().await;
        }
        let mut admin = connect(&self.as_admin()?.database(&name)).await?;
        order(&mut admin, format!("REVOKE ALL ON DATABASE \"{name}\" FROM PUBLIC")).await?;
        order(&mut admin, "REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned()).await?;
        for schema in SCHEMAS {
            let role = self.role(schema);
            order(&mut admin, format!("GRANT CONNECT ON DATABASE \"{name}\" TO {role}")).await?;
            order(&mut admin, format!("CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {role}")).await?;
        }
        let _ = admin.close().await;
        Ok(())
    }

    /// Lets services open a tenant's database.
    pub async fn mark_ready(&self, tenant: TenantId) -> Result<(), DbError> {
        self.make(tenant).await?;
        let mut admin = self.admin().await?;
        let name = database(tenant);
        order(&mut admin, format!("COMMENT ON DATABASE \"{name}\" IS '{}'", self.comment(READY))).await?;
        let _ = admin.close().await;
        Ok(())
    }

    /// Drops a tenant's database, whoever is connected.
    pub async fn drop_tenant(&self, tenant: TenantId) -> Result<(), DbError> {
        self.ready.write().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
        let mut admin = self.admin().await?;
        order(&mut admin, format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", database(tenant))).await?;
        let _ = admin.close().await;
        Ok(())
    }

    /// Roles and the provider's database. Passwords are set anew each time: the secrets are the truth.
    async fn make_roles(&self) -> Result<(), DbError> {
        let mut admin = self.admin().await?;
        // One process at a time; the lock goes with the connection.
        order(&mut admin, "SELECT pg_advisory_lock(7310033)".to_owned()).await?;
        for (schema, password) in self.passwords.all() {
            let role = self.role(schema);
            let there: Option<(i32,)> = sqlx::query_as("SELECT 1 FROM pg_roles WHERE rolname = $1")
                .bind(&role)
                .fetch_optional(&mut admin)
                .await?;
            if there.is_none() {
                let role = format!("CREATE ROLE {role} NOSUPERUSER NOCREATEDB NOCREATEROLE");
                order(&mut admin, role).await?;
            }
            order(&mut admin, with_password(&role, &password)).await?;
            // Whoever is no superuser makes schemas only for roles that it belongs to.
            order(&mut admin, format!("GRANT {role} TO CURRENT_USER")).await?;
        }
        let provider = self.role("provider"); // the database is called as its owner
        let there: Option<(i32,)> = sqlx::query_as("SELECT 1 FROM pg_database WHERE datname = $1")
            .bind(&provider)
            .fetch_optional(&mut admin)
            .await?;
        if there.is_none() {
            order(&mut admin, format!("CREATE DATABASE {provider} TEMPLATE template0 ENCODING 'UTF8'")).await?;
        }
        let mut inside = connect(&self.as_admin()?.database(&provider)).await?;
        for statement in [
            format!("REVOKE ALL ON DATABASE {provider} FROM PUBLIC"),
            "REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned(),
            format!("GRANT CONNECT ON DATABASE {provider} TO {provider}"),
            format!("CREATE SCHEMA IF NOT EXISTS provider AUTHORIZATION {provider}"),
        ] {
            order(&mut inside, statement).await?;
        }
        let _ = inside.close().await;
        let _ = admin.close().await;
        Ok(())
    }

    async fn admin(&self) -> Result<PgConnection, DbError> {
        connect(&self.as_admin()?).await
    }

    fn as_admin(&self) -> Result<PgConnectOptions, DbError> {
        self.admin.clone().ok_or_else(not_provisioning)
    }

    /// Drops everything of this installation: the end of a test.
    #[cfg(feature = "testing")]
    pub async fn drop_all(&self) -> Result<(), DbError> {
        for tenant in self.provisioned().await? {
            self.drop_tenant(tenant).await?;
        }
        self.look.close().await;
        let mut admin = self.admin().await?;
        order(&mut admin, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.role("provider"))).await?;
        for schema in self.passwords.all().keys() {
            order(&mut admin, format!("DROP ROLE IF EXISTS {}", self.role(schema))).await?;
        }
        let _ = admin.close().await;
        Ok(())
    }

    fn with(&self, schema: &str, password: &Password) -> PgConnectOptions {
        as_owner(&self.base, &self.role(schema), schema, password)
    }

    /// The role of a schema's owner.
    fn role(&self, schema: &str) -> String {
        role(&self.installation, schema)
    }

    fn comment(&self, state: &str) -> String {
        format!("{}: {state}", self.installation)
    }
}

/// All schemas that a role of ours owns, the provider's among them.
pub fn schemas() -> impl Iterator<Item = &'static str> {
    SCHEMAS.into_iter().chain([PROVIDER])
}

/// The schemas in which a program keeps something: all that it has a password for.
pub fn schemas_of(program: &str) -> Vec<&'static str> {
    let own = program.replace('-', "_");
    let its = |schema: &&str| *schema == own || (program == "upload" && *schema == "keys");
    SCHEMAS.into_iter().filter(its).chain([PROVIDER]).collect()
}

fn base(part: &PostgresPart, ca_file: &std::path::Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host(&part.host)
        .port(part.port)
        .ssl_mode(PgSslMode::VerifyFull)
        .ssl_root_cert(ca_file)
        .application_name("siegel")
        // Dead transactions of ours hold back every outbox of the cluster.
        .options([("idle_in_transaction_session_timeout", "30s"), ("statement_timeout", "30s")])
        .disable_statement_logging()
}

fn not_provisioning() -> DbError {
    let said = "this program does not make databases and roles: [postgres] names no admin_user for it, the operator makes them";
    DbError::Sqlx(sqlx::Error::Configuration(said.into()))
}

/// What gives a role its password.
fn with_password(role: &str, password: &Password) -> String {
    format!("ALTER ROLE {role} LOGIN PASSWORD '{}'", password.replace('\'', "''"))
}

/// Connections as a schema's owner, with the password that the role has by then.
fn pool_of(budget: &Arc<Budget>, passwords: &Arc<Passwords>, schema: &'static str, connect: PgConnectOptions) -> Pool {
    let (passwords, again) = (passwords.clone(), connect.clone());
    let renew: Renew = Box::new(move || {
        let (passwords, again) = (passwords.clone(), again.clone());
        Box::pin(async move { Some(again.password(&passwords.renew(schema).await?)) })
    });
    budget.pool(connect, renew)
}

fn role(installation: &str, schema: &str) -> String {
    format!("{installation}_{schema}")
}

/// As the owner of a schema, who sees this schema and no other, not even `public`.
fn as_owner(base: &PgConnectOptions, role: &str, schema: &str, password: &Password) -> PgConnectOptions {
    base.clone().username(role).password(password).options([("search_path", schema)])
}

/// The name of a tenant's database: its id, which is drawn at random and says nothing.
fn database(tenant: TenantId) -> String {
    tenant.to_string()
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, DbError> {
    postgres::in_time(async { Ok(options.connect().await?) }).await
}

/// Runs what takes no parameters. Names in it are ours: ids, schemas, roles.
async fn order(connection: &mut PgConnection, statement: String) -> Result<(), DbError> {
    // Making a database waits for a copy of the template.
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}
