//! `siegel.retention.v1`: when records fall due, for showing it in lists.

use siegel_domain::limits::PAGE_ITEMS;
use siegel_domain::{RecordId, TenantId};
use siegel_platform::Problem;
use siegel_proto::retention::v1::retention_service_server::RetentionService;
use siegel_proto::retention::v1::{GetDeadlinesRequest, GetDeadlinesResponse, RecordDeadline};
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::store::deadlines;

/// The gRPC service.
#[derive(Clone)]
pub struct Retention(pub App);

#[tonic::async_trait]
impl RetentionService for Retention {
    async fn get_deadlines(
        &self,
        request: Request<GetDeadlinesRequest>,
    ) -> Result<Response<GetDeadlinesResponse>, Status> {
        let request = request.into_inner();
        let tenant: TenantId =
            request.tenant.parse().map_err(|_| Problem::invalid("tenant", "is not a tenant's id"))?;
        if request.records.len() > PAGE_ITEMS as usize {
            return Err(Problem::invalid("records", "are more than a page").into());
        }
        let db = self.0.dbs.get(tenant).await.map_err(Problem::from)?;
        let mut deadlines = Vec::with_capacity(request.records.len());
        for record in request.records.iter().filter_map(|record| record.parse::<RecordId>().ok()) {
            if let Some(deadline) = deadlines::get(&db, record).await.map_err(Problem::from)? {
                deadlines.push(RecordDeadline {
                    record: record.to_string(),
                    policy: deadline.policy.as_str().to_owned(),
                    due_ms: deadline.due.0,
                });
            }
        }
        Ok(Response::new(GetDeadlinesResponse { deadlines }))
    }
}
