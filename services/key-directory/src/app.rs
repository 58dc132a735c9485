//! Everything the key directory consists of, in one list: routes, gRPC, workers.

use std::sync::{Arc, LazyLock, OnceLock, Weak};

use axum::middleware::from_fn_with_state;
use siegel_domain::{SessionId, TenantId};
use siegel_platform::auth::{self, Auth, SignerError, TokenSigner};
use siegel_platform::db::{Db, DbError, TenantDbs};
use siegel_platform::http::page::PageTokens;
use siegel_platform::log::EventSource;
use siegel_platform::secrets::SecretsError;
use siegel_platform::sign::{STATEMENTS, Signer};
use siegel_platform::tenants::{TenantState, TenantView};
use siegel_platform::worker::Worker;
use siegel_platform::{Ctx, Problem, Reason, peer};
use siegel_proto::keydirectory::v1::key_directory_service_client::KeyDirectoryServiceClient;
use siegel_proto::keydirectory::v1::key_directory_service_server::KeyDirectoryServiceServer;
use utoipa_axum::router::OpenApiRouter;

use crate::api;
use crate::challenges::Challenges;
use crate::config::KeyDirectoryConfig;
use crate::logins::Logins;
use crate::nowhere::Charges;
use crate::revocations::Revocations;
use crate::rosters::Rosters;

/// Migrations of `key-directory.db`.
pub static MIGRATIONS: LazyLock<siegel_platform::db::Migrations> = LazyLock::new(|| {
    siegel_platform::db::embedded(&[
        (1, "key directory", include_str!("../migrations/sqlite/0001_key_directory.sql")),
        (2, "relay", siegel_platform::log::RELAY_SQL),
    ])
});

/// Why the key directory can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its keys can't be had.
    #[error("the keys of the key directory can't be read")]
    Secrets(#[from] SecretsError),
    /// A key is not one.
    #[error("a signing key in the secrets is not one")]
    Key,
}

impl From<SignerError> for StartError {
    fn from(_: SignerError) -> Self {
        Self::Key
    }
}

/// The key directory. Cheap to clone.
#[derive(Clone)]
pub struct App {
    directory: Arc<Directory>,
    auth: Arc<Auth>,
}

/// What the key directory's parts share.
pub(crate) struct Directory {
    /// The platform.
    pub(crate) ctx: Ctx,
    /// Its settings.
    pub(crate) config: KeyDirectoryConfig,
    /// The tenants' databases.
    pub(crate) dbs: Arc<TenantDbs>,
    /// Makes its events.
    pub(crate) source: EventSource,
    /// Signs access tokens.
    pub(crate) tokens: TokenSigner,
    /// Makes DPoP nonces.
    pub(crate) nonce_secret: [u8; 32],
    /// Signs key statements and checkpoints.
    pub(crate) statements: Signer,
    /// Login secrets.
    pub(crate) logins: Logins,
    /// Charges of logins at institutions that do not exist.
    pub(crate) nowhere: Charges,
    /// Challenges of machines.
    pub(crate) challenges: Challenges,
    /// Page tokens.
    pub(crate) pages: PageTokens,
    /// Verified rosters.
    pub(crate) rosters: Rosters,
    /// Tells the other services who was signed out.
    pub(crate) revocations: Arc<Revocations>,
    /// This process' own checks; weak, since they ask this very directory.
    auth: OnceLock<Weak<Auth>>,
}

impl App {
    /// The key directory on this platform. Draws its keys at a first start, and begins to follow its own revocations.
    pub async fn new(ctx: Ctx, config: KeyDirectoryConfig) -> Result<Self, StartError> {
        let dbs = Arc::new(TenantDbs::new(&ctx.state_dir, "key-directory", &MIGRATIONS, ctx.db_options()));
        ctx.log.register(dbs.clone());
        let secret = async |name: &str| -> Result<[u8; 32], StartError> {
            ctx.secrets.get_or_create(name, 32).await?.as_slice().try_into().map_err(|_| StartError::Key)
        };
        let directory = Arc::new(Directory {
            source: EventSource::new("/siegel/key-directory", ctx.clock.clone(), ctx.rng.clone()),
            tokens: TokenSigner::new(&secret("key-directory/tokens-1").await?, &ctx.public_url)?,
            nonce_secret: secret("key-directory/nonces").await?,
            statements: Signer::load(&ctx.secrets, STATEMENTS).await?,
            logins: Logins::new(ctx.secrets.clone(), ctx.rng.clone()),
            nowhere: Charges::default(),
            challenges: Challenges::new(&secret("key-directory/challenges").await?),
            pages: PageTokens::load(&ctx.secrets).await?,
            rosters: Rosters::default(),
            revocations: Arc::new(Revocations::new(ctx.clock.clone())),
            auth: OnceLock::new(),
            dbs,
            config,
            ctx,
        });
        let peer = peer::direct(KeyDirectoryServiceServer::new(api::grpc::Grpc(directory.clone())));
        let ctx = &directory.ctx;
        let client = KeyDirectoryServiceClient::new(peer);
        let auth = Auth::new(ctx.clock.clone(), &ctx.public_url, client, ctx.quotas.clone());
        auth.start(&ctx.tasks, &ctx.shutdown);
        let _ = directory.auth.set(Arc::downgrade(&auth)); // the first and only time
        Ok(Self { directory, auth })
    }

    /// Checks callers: one for the process, to be shared with the other services in it.
    pub fn auth(&self) -> Arc<Auth> {
        self.auth.clone()
    }

    /// `/v1/info`, `/v1/auth`, `/v1/members`, `/v1/senders`, `/v1/devices`, `/v1/keys`.
    pub fn rest(&self) -> OpenApiRouter {
        api::rest::routes()
            .with_state(self.directory.clone())
            .layer(from_fn_with_state(self.auth.clone(), auth::attach))
    }

    /// `siegel.keydirectory.v1`.
    pub fn grpc(&self) -> KeyDirectoryServiceServer<api::grpc::Grpc> {
        KeyDirectoryServiceServer::new(api::grpc::Grpc(self.directory.clone()))
    }

    /// No background work: expired rows go when their table is written to, so that idle tenants stay asleep.
    pub fn workers(&self) -> Vec<Worker> {
        Vec::new()
    }
}

impl Directory {
    /// The tenant, if it exists and is open for business. Otherwise as if it did not exist.
    pub(crate) fn tenant(&self, tenant: TenantId) -> Result<Arc<TenantView>, Problem> {
        let view = self.ctx.tenants.get(tenant).ok_or(Problem::new(Reason::NotFound))?;
        note(tenant);
        match view.state {
            TenantState::Ready => Ok(view),
            TenantState::Suspended => Err(Reason::TenantSuspended.into()),
            TenantState::Provisioning | TenantState::Failed => Err(Reason::NotFound.into()),
        }
    }

    /// The tenant's database.
    pub(crate) async fn db(&self, tenant: TenantId) -> Result<Arc<Db>, DbError> {
        self.dbs.get(tenant).await
    }

    /// The provider's database.
    pub(crate) fn provider(&self) -> &Db {
        self.ctx.tenants.db()
    }

    /// Sessions ended, and that is committed: they are dead here at once, and elsewhere when the feed says so.
    pub(crate) fn signed_out(&self, sessions: &[SessionId]) {
        if let Some(auth) = self.auth.get().and_then(Weak::upgrade) {
            auth.ended(sessions.iter().copied());
        }
        self.revocations.publish(sessions.iter().copied());
    }

    /// Now, in milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        self.ctx.clock.now().0
    }

    /// Puts the second layer around a column's value.
    pub(crate) async fn seal(&self, tenant: TenantId, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>, Problem> {
        Ok(self.ctx.secrets.wrap(tenant, &place.names(), value).await?)
    }

    /// Takes the second layer off.
    pub(crate) async fn unseal(&self, tenant: TenantId, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, Problem> {
        Ok(self.ctx.secrets.unwrap(tenant, &place.names(), sealed).await?.to_vec())
    }
}

/// Enters the request's span as soon as it is known whose request it is: every line of a tenant's incident is one query
/// away. Only for tenants that exist, since the id comes from outside.
pub(crate) fn note(tenant: TenantId) {
    tracing::Span::current().record("tenant", tracing::field::display(tenant));
}

/// Where a value lies: table, row, column. The tenant is bound by its key.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a>(pub(crate) &'static str, pub(crate) &'a str, pub(crate) &'static str);

impl<'a> Place<'a> {
    fn names(self) -> [&'a str; 3] {
        [self.0, self.1, self.2]
    }
}
