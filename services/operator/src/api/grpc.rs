//! `siegel.operator.v1`: what would be done to a tenant, without doing it.

use siegel_domain::TenantId;
use siegel_platform::{Problem, Reason};
use siegel_proto::operator::v1::operator_service_server::OperatorService;
use siegel_proto::operator::v1::{PlanRequest, PlanResponse, PlanStep};
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::pipeline::{apply, dereference, plan, validate};
use crate::store;

/// The gRPC service.
#[derive(Clone)]
pub struct Operator(pub App);

#[tonic::async_trait]
impl OperatorService for Operator {
    async fn plan(&self, request: Request<PlanRequest>) -> Result<Response<PlanResponse>, Status> {
        let tenant =
            request.into_inner().tenant.parse().map_err(|_| Problem::invalid("tenant", "is not a tenant's id"))?;
        let steps = steps(&self.0, tenant).await?;
        Ok(Response::new(PlanResponse { steps }))
    }
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
