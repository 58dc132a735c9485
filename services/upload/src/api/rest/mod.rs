//! `/v1/records` and `/v1/conversations`.

mod conversations;
mod parts;
mod records;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// All routes of upload.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(records::routes()).merge(parts::routes()).merge(conversations::routes())
}
