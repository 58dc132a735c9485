//! Takes the steps of a plan. Each may be taken again: whoever is killed between two of them starts over and ends the
//! same. A step that fails stops what depends on it (the mark) and nothing else.

use siegel_crds::Resource;
use siegel_domain::TenantId;
use siegel_platform::Ctx;
use siegel_platform::db::DbError;
use siegel_platform::secrets::SecretsError;
use siegel_platform::zones::ZoneError;

use super::Target;
use super::plan::{Change, Plan};
use super::status::Outcomes;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A zone.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// The secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The place of its databases.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes all steps of `plan`, and says of each that was reached whether it was done.
pub async fn apply(ctx: &Ctx, tenant: TenantId, plan: &Plan) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for change in &plan.steps {
        if change.target.resource == Resource::ReadyMark && outcomes.values().any(|done| !done) {
            break;
        }
        let done = match step(ctx, tenant, change).await {
            Ok(()) => true,
            Err(error) => {
                let resource = change.target.resource.as_str();
                tracing::warn!(%tenant, resource, %error, "a step of provisioning failed; it is tried again");
                false
            }
        };
        outcomes.insert(change.target.clone(), done);
    }
    outcomes
}

/// Takes one step.
pub async fn step(ctx: &Ctx, tenant: TenantId, change: &Change) -> Result<(), StepError> {
    match (change.target.resource, change.target.zone) {
        (Resource::TenantKey, _) => ctx.secrets.create_tenant_key(tenant).await?,
        (Resource::Bucket, zone) => {
            let zone = ctx.zones.both()[zone.unwrap_or_default().min(1)];
            let bucket = ctx.zones.bucket(tenant);
            zone.make_bucket(&bucket).await?;
        }
        (Resource::Database, _) => ctx.databases().make(tenant).await?,
        (Resource::ReadyMark, _) => ctx.databases().mark_ready(tenant).await?,
    }
    Ok(())
}

/// The target's zone by its name, for showing.
pub fn zone_name(ctx: &Ctx, target: &Target) -> Option<&'static str> {
    target.zone.map(|zone| ctx.zones.both()[zone.min(1)].name)
}
