//! The key directory as a program of its own, and as a part of `siegel-server`: who may call it.

use anyhow::Result;
use siegel_api::Bytes;
use siegel_platform::host::{Grpc, Host, Service};
use siegel_platform::peer::Callers;
use siegel_platform::program::Program;
use siegel_proto::keydirectory::v1::key_directory_service_server::SERVICE_NAME;

use crate::app::App;
use crate::config::KeyDirectoryConfig;

/// Everybody who has public routes asks who is calling.
const PUBLIC: &[&str] = &["upload", "retention", "notification", "dealer-api"];

/// `siegel-key-directory`.
pub fn program() -> Program<KeyDirectoryConfig> {
    Program {
        name: "siegel-key-directory",
        about: "Knows who belongs to a tenant, with which keys, and who is signed in.",
        routes: &["/v1/info", "/v1/auth", "/v1/members", "/v1/senders", "/v1/devices", "/v1/keys"],
        callers: Callers {
            of: SERVICE_NAME,
            methods: &[
                ("GetTokenKeys", PUBLIC),
                ("CheckSession", PUBLIC),
                ("WatchRevocations", PUBLIC),
                ("ResolveParty", &["upload"]),
                ("ResolveSigner", &["upload"]),
            ],
        },
        settings: include_str!("../config.default.toml"),
        check: |_| Vec::new(),
        start: |host, config| Box::pin(start(host, config)),
    }
}

async fn start(host: &Host, mut config: KeyDirectoryConfig) -> Result<Service> {
    config.ca_fingerprint = config.ca_fingerprint.or_else(|| host.ca_fingerprint().map(Bytes::from));
    let app = App::new(host.ctx.clone(), config).await?;
    host.share_auth(app.auth());
    Ok(Service::new("key-directory").rest(app.rest()).grpc(Grpc::new(app.grpc())).workers(app.workers()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_settings_that_are_printed_are_the_defaults() {
        siegel_platform::testing::settings_are_the_defaults(&super::program());
    }
}
