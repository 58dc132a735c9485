//! The browsable API at `/docs`, its assets in the binary, and the document behind it at `/openapi.json`.

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Routes for people who read.
pub(crate) fn routes(document: OpenApi) -> Router {
    let config = Config::new(["/openapi.json"]).doc_expansion("list").default_models_expand_depth(0);
    Router::from(SwaggerUi::new("/docs").config(config).url("/openapi.json", document))
}
