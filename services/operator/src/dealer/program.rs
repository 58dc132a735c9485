//! The dealer API as a program of its own, and as a part of `siegel-server`.

use anyhow::Result;
use siegel_platform::host::{Host, Service};
use siegel_platform::peer::Callers;
use siegel_platform::program::Program;

use super::{DealerApi, DealerApiConfig};

/// `siegel-dealer-api`.
pub fn program() -> Program<DealerApiConfig> {
    Program {
        name: "siegel-dealer-api",
        about: "Where dealers ask for tenants. It reads and writes tenants and their comments, and nothing else.",
        routes: &["/v1/tenants"],
        callers: Callers::NONE,
        settings: include_str!("../../dealer-api.default.toml"),
        check: |_| Vec::new(),
        start: |host, config| Box::pin(start(host, config)),
    }
}

async fn start(host: &Host, config: DealerApiConfig) -> Result<Service> {
    let api = DealerApi::new(&host.ctx, config, host.peer("operator")?).await?;
    Ok(Service::new("dealer-api").rest(host.with_auth(api.rest())?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_settings_that_are_printed_are_the_defaults() {
        siegel_platform::testing::settings_are_the_defaults(&super::program());
    }
}
