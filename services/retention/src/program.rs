//! Retention as a program of its own, and as a part of `siegel-server`: what it needs of the others, and who may call it.

use anyhow::Result;
use siegel_platform::host::{Grpc, Host, Service};
use siegel_platform::peer::Callers;
use siegel_platform::program::Program;
use siegel_proto::retention::v1::retention_service_server::SERVICE_NAME;

use crate::app::{App, Needs};
use crate::config::RetentionConfig;

/// `siegel-retention`.
pub fn program() -> Program<RetentionConfig> {
    Program {
        name: "siegel-retention",
        about: "Decides how long what stays, erases, and can prove it: deadlines, receipts, the audit trail.",
        routes: &["/v1/retention", "/v1/audit", "/v1/receipts"],
        callers: Callers { of: SERVICE_NAME, methods: &[("GetDeadlines", &["upload"])] },
        settings: include_str!("../config.default.toml"),
        check: |_| Vec::new(),
        start: |host, config| Box::pin(start(host, config)),
    }
}

async fn start(host: &Host, config: RetentionConfig) -> Result<Service> {
    let needs = Needs { guard: host.guard()?, upload: host.peer("upload")? };
    let app = App::new(host.ctx.clone(), config, needs).await?;
    Ok(Service::new("retention").rest(host.with_auth(app.rest())?).grpc(Grpc::new(app.grpc())).workers(app.workers()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_settings_that_are_printed_are_the_defaults() {
        siegel_platform::testing::settings_are_the_defaults(&super::program());
    }
}
