//! `siegel.operator.v1`: what would be done to a tenant, and doing it now.

use siegel_domain::TenantId;
use siegel_platform::{Problem, Reason};
use siegel_proto::operator::v1::operator_service_server::OperatorService;
use siegel_proto::operator::v1::{PlanRequest, PlanResponse, PlanStep, ReconcileRequest, ReconcileResponse};
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::pipeline::{apply, dereference, plan, validate};
use crate::{reconcile, store};

/// The gRPC service.
#[derive(Clone)]
pub struct Operator(pub App);

#[tonic::async_trait]
impl OperatorService for Operator {
    async fn plan(&self, request: Request<PlanRequest>) -> Result<Response<PlanResponse>, Status> {
        let steps = steps(&self.0, tenant(&request.into_inner().tenant)?).await?;
        Ok(Response::new(PlanResponse { steps }))
    }

    /// A pass at once, which goes on if the caller hangs up. The dealer's row is newer than what this process has read.
    async fn reconcile(&self, request: Request<ReconcileRequest>) -> Result<Response<ReconcileResponse>, Status> {
        let tenant = tenant(&request.into_inner().tenant)?;
        let app = self.0.clone();
        app.ctx.tenants.refresh().await.map_err(Problem::from)?;
        let pass = self.0.ctx.tasks.spawn("operator.asked_pass", async move { reconcile::pass(&app, tenant).await });
        match pass.await {
            Ok(Some(done)) => done.map_err(Problem::from)?,
            Ok(None) | Err(_) => return Err(Problem::new(Reason::Internal).into()), // it panicked, and was counted
        };
        self.0.reconcile_wake.notify_one(); // it may have to be tried again soon
        Ok(Response::new(ReconcileResponse {}))
    }
}

fn tenant(text: &str) -> Result<TenantId, Problem> {
    text.parse().map_err(|_| Problem::invalid("tenant", "is not a tenant's id"))
}

/// The steps that the next pass would take.
pub async fn steps(app: &App, tenant: TenantId) -> Result<Vec<PlanStep>, Problem> {
    let view = app.ctx.tenants.get(tenant).ok_or(Problem::new(Reason::NotFound))?;
    let zones = dereference::zone_facts(&app.ctx.zones);
    if let Err(refusal) = validate::validate(&store::spec(&view), &zones) {
        let reason = if refusal.reason == siegel_crds::condition::reason::JURISDICTION {
            Reason::Jurisdiction
        } else {
            Reason::InvalidRequest
        };
        return Err(Problem::new(reason).detail(refusal.message));
    }
    let actual = dereference::actual(&app.ctx, tenant).await;
    let plan = plan::plan(&plan::wanted(zones.len()), &actual);
    let step = |change: &plan::Change| PlanStep {
        action: change.action.as_str().to_owned(),
        resource: change.target.resource.as_str().to_owned(),
        zone: apply::zone_name(&app.ctx, &change.target).unwrap_or_default().to_owned(),
        reason: change.reason.to_owned(),
    };
    Ok(plan.steps.iter().map(step).collect())
}
