//! The dealer API: where tenants are asked for, changed and commented on (C01, C08). A deployment of its own, since it is
//! what people outside reach: it may read and write tenants and their comments, and holds nothing with which it could do
//! more. No tenant's database, no zone, no tenant's key; what is to be made it asks the operator for.
//!
//! ```text
//! dealer ─ /v1/tenants ─► routes ─► provider.db: the tenant's spec ─► operator.Reconcile ─► status, shown to the dealer
//! ```

mod config;
mod program;
pub mod routes;

use std::ops::Deref;
use std::sync::Arc;

use siegel_domain::TenantId;
use siegel_domain::time::DAY_MS;
use siegel_platform::Ctx;
use siegel_platform::clock::SharedClock;
use siegel_platform::http::page::PageTokens;
use siegel_platform::log::EventSource;
use siegel_platform::peer::{Peer, ask};
use siegel_platform::rng::Rng;
use siegel_platform::secrets::SecretsError;
use siegel_platform::tenants::Tenants;
use siegel_proto::operator::v1::ReconcileRequest;
use siegel_proto::operator::v1::operator_service_client::OperatorServiceClient;
use utoipa_axum::router::OpenApiRouter;

use crate::pipeline::ZoneFact;
use crate::pipeline::dereference::zone_facts;

pub use config::DealerApiConfig;
pub use program::program;

/// The dealer API. Cheap to clone.
#[derive(Clone)]
pub struct DealerApi(Arc<Inner>);

/// What the routes share: of the platform only what a dealer may touch.
pub struct Inner {
    /// Its settings.
    pub config: DealerApiConfig,
    /// Time.
    pub clock: SharedClock,
    /// Draws ids.
    pub rng: Arc<dyn Rng>,
    /// The tenants.
    pub tenants: Arc<Tenants>,
    /// Names and jurisdictions of the zones, not the zones.
    pub zones: Vec<ZoneFact>,
    /// Makes its audit lines.
    pub source: EventSource,
    /// Makes the tokens of its pages.
    pub pages: PageTokens,
    operator: OperatorServiceClient<Peer>,
}

impl Deref for DealerApi {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl DealerApi {
    /// The dealer API on this platform, before this operator.
    pub async fn new(ctx: &Ctx, config: DealerApiConfig, operator: Peer) -> Result<Self, SecretsError> {
        Ok(Self(Arc::new(Inner {
            config,
            clock: ctx.clock.clone(),
            rng: ctx.rng.clone(),
            tenants: ctx.tenants.clone(),
            zones: zone_facts(&ctx.zones),
            source: EventSource::new("/siegel/operator", ctx.clock.clone(), ctx.rng.clone()),
            pages: PageTokens::load(&ctx.secrets).await?,
            operator: OperatorServiceClient::new(operator),
        })))
    }

    /// The public routes.
    pub fn rest(&self) -> OpenApiRouter {
        routes::routes().with_state(self.clone())
    }

    /// When a first owner's code ends that is made now.
    fn owner_code_expires_ms(&self) -> i64 {
        self.clock.now().0 + i64::from(self.config.owner_code_days) * DAY_MS
    }

    /// Asks the operator to look at a tenant at once, and waits for it for a moment. If it takes longer, or is away, it
    /// goes on by itself later, and the row says how far it is.
    async fn reconcile(&self, tenant: TenantId) {
        let mut operator = self.operator.clone();
        let asking = operator.reconcile(ReconcileRequest { tenant: tenant.to_string() });
        match ask(&self.clock, self.config.create_wait_ms.into(), asking).await {
            Some(Ok(_)) | None => {}
            Some(Err(status)) => {
                tracing::warn!(%tenant, code = ?status.code(), "the operator could not be asked; it will find the tenant itself");
            }
        }
    }
}
