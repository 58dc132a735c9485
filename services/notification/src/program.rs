//! Notification as a program of its own, and as a part of `siegel-server`.

use anyhow::Result;
use siegel_platform::host::{Host, Service};
use siegel_platform::peer::Callers;
use siegel_platform::program::Program;

use crate::app::App;
use crate::config::NotificationConfig;

/// `siegel-notification`.
pub fn program() -> Program<NotificationConfig> {
    Program {
        name: "siegel-notification",
        about: "Tells what happened to those whom it concerns.",
        routes: &["/v1/events"],
        callers: Callers::NONE,
        settings: include_str!("../config.default.toml"),
        check: |_| Vec::new(),
        start: |host, config| Box::pin(start(host, config)),
    }
}

async fn start(host: &Host, config: NotificationConfig) -> Result<Service> {
    let app = App::new(host.ctx.clone(), config);
    Ok(Service::new("notification").rest(host.with_auth(app.rest())?).workers(app.workers()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_settings_that_are_printed_are_the_defaults() {
        siegel_platform::testing::settings_are_the_defaults(&super::program());
    }
}
