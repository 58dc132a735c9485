//! The operator as a program of its own, and as a part of `siegel-server`: who may call it. The dealer API beside it is
//! another program ([`crate::dealer`]).

use anyhow::Result;
use siegel_platform::host::{Grpc, Host, Service};
use siegel_platform::peer::Callers;
use siegel_platform::program::Program;
use siegel_proto::operator::v1::operator_service_server::SERVICE_NAME;

use crate::app::App;
use crate::config::OperatorConfig;

/// `siegel-operator`.
pub fn program() -> Program<OperatorConfig> {
    Program {
        name: "siegel-operator",
        about: "Makes tenants what they were asked to be: databases, buckets, keys.",
        routes: &[],
        // Nobody asks for a plan yet: the programs that show one are to come.
        callers: Callers { of: SERVICE_NAME, methods: &[("Plan", &[]), ("Reconcile", &["dealer-api"])] },
        settings: include_str!("../config.default.toml"),
        check: |_| Vec::new(),
        start: |host, config| Box::pin(start(host, config)),
    }
}

async fn start(host: &Host, config: OperatorConfig) -> Result<Service> {
    let app = App::new(host.ctx.clone(), config);
    Ok(Service::new("operator").grpc(Grpc::new(app.grpc())).workers(app.workers()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_settings_that_are_printed_are_the_defaults() {
        siegel_platform::testing::settings_are_the_defaults(&super::program());
    }
}
