//! The browsable API at `/docs`, its assets in the binary, and the document behind it at `/openapi.json`.

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::middleware::{Next, from_fn};
use axum::response::{Redirect, Response};
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Routes for people who read.
pub(crate) fn routes(document: OpenApi) -> Router {
    let config = Config::new(["/openapi.json"]).doc_expansion("list").default_models_expand_depth(0);
    let page = SwaggerUi::new("/docs").config(config).url("/openapi.json", document);
    // Who types the host's name alone into a browser wants to know what this is.
    let front = Router::new().route("/", get(async || Redirect::to("/docs/")));
    front.merge(Router::from(page).layer(from_fn(own_assets)))
}

/// The page runs scripts and styles of its own; every other answer of the platform allows a browser nothing.
async fn own_assets(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
