//! The public routes, one file for each family. A handler parses, calls a use case and converts; what may go wrong stands
//! in its annotation, from which the OpenAPI document is made.

mod auth;
mod devices;
mod enrol;
mod info;
mod keys;
mod members;
mod problems;
mod senders;

use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use siegel_domain::limits::COMMIT_BODY_BYTES;
use siegel_platform::http::{BodyLimit, body_limit};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Directory;

/// What handlers are given.
pub(crate) type Shared = Arc<Directory>;

/// Every route of the key directory. A new one is a line here.
pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(info::info))
        .routes(routes!(auth::challenge))
        .routes(routes!(auth::token))
        .routes(routes!(auth::login_start))
        .routes(routes!(auth::login_finish))
        .routes(routes!(auth::renew))
        .routes(routes!(auth::session, auth::logout))
        .routes(routes!(enrol::lookup))
        .routes(routes!(enrol::password))
        .routes(routes!(enrol::owner))
        .routes(routes!(enrol::member))
        .routes(routes!(enrol::sender))
        .routes(routes!(enrol::dealer))
        .routes(routes!(members::list))
        .routes(routes!(members::invite))
        .routes(routes!(members::withdraw))
        .routes(routes!(senders::list, senders::invite))
        .routes(routes!(senders::get, senders::patch))
        .routes(routes!(senders::confirm))
        .routes(routes!(senders::remove))
        .routes(routes!(devices::list))
        .routes(routes!(keys::party))
        .routes(routes!(keys::roster))
        .routes(routes!(keys::bundle))
        .merge(with_bundles())
}

/// Routes whose bodies carry a bundle: it grows with members and epochs.
fn with_bundles() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(members::confirm))
        .routes(routes!(members::remove))
        .routes(routes!(devices::revoke))
        .routes(routes!(keys::rotate))
        .route_layer(from_fn_with_state(BodyLimit(COMMIT_BODY_BYTES), body_limit))
}
