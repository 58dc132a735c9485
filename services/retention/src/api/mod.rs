//! What retention answers: `/v1/retention`, `/v1/receipts`, `/v1/audit`, and deadlines to the other services.

mod audit;
mod deadline;
mod erasures;
pub mod grpc;
mod receipts;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// All public routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(erasures::erase))
        .routes(routes!(erasures::get_erasure))
        .routes(routes!(deadline::get_deadline))
        .routes(routes!(receipts::list_receipts))
        .routes(routes!(receipts::get_receipt))
        .routes(routes!(audit::list_audit))
}
