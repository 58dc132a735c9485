//! `GET /v1/info`.

use axum::extract::State;
use siegel_api::auth::ServerInfo;
use siegel_envelope::Suite;
use siegel_platform::http::Json;

use super::Shared;

/// Who the server is
///
/// Needs no login. Clients ask it first: which address proofs have to name, how far the clocks are apart, which key signs
/// receipts and statements.
#[utoipa::path(
    get, path = "/v1/info", tag = "info", security(()),
    responses((status = 200, body = ServerInfo, description = "The server", example = json!({
        "name": "siegel", "version": "0.1.0", "suites": [1], "public_url": "https://siegel.example",
        "ca_fingerprint": null, "time_ms": 1_795_000_000_000_i64,
        "statement_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    }))),
)]
pub(super) async fn info(State(directory): State<Shared>) -> Json<ServerInfo> {
    Json(ServerInfo {
        name: "siegel".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        suites: vec![Suite::ONE.0],
        public_url: directory.ctx.public_url.clone(),
        ca_fingerprint: directory.config.ca_fingerprint.clone(),
        time_ms: directory.now_ms(),
        statement_key: (*directory.statements.public_key().as_bytes()).into(),
    })
}
