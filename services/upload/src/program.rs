//! Upload as a program of its own, and as a part of `siegel-server`: what it needs of the others, and who may call it.

use anyhow::Result;
use siegel_platform::budget::ByteBudget;
use siegel_platform::config::Mistake;
use siegel_platform::host::{Grpc, Host, Service};
use siegel_platform::peer::Callers;
use siegel_platform::program::Program;
use siegel_proto::upload::v1::upload_service_server::SERVICE_NAME;

use crate::app::{App, Needs};
use crate::config::UploadConfig;

/// An upload under way holds two parts of the largest kind.
const LEAST_BUFFER_MIB: u32 = 20;

/// `siegel-upload`.
pub fn program() -> Program<UploadConfig> {
    Program {
        name: "siegel-upload",
        about: "Keeps sealed records in two zones: parts, manifests, grants, conversations, repair. It can open none of them.",
        routes: &["/v1/records", "/v1/conversations"],
        callers: Callers {
            of: SERVICE_NAME,
            methods: &[
                ("EraseRecord", &["retention"]),
                ("EraseConversation", &["retention"]),
                ("ListConversationRecords", &["retention"]),
                ("GetRecordParties", &["retention"]),
            ],
        },
        settings: include_str!("../config.default.toml"),
        check,
        start: |host, config| Box::pin(start(host, config)),
    }
}

fn check(config: &UploadConfig) -> Vec<Mistake> {
    let too_small = config.part_buffer_mib < LEAST_BUFFER_MIB;
    let what = format!("one upload needs {LEAST_BUFFER_MIB} MiB; set at least {LEAST_BUFFER_MIB}");
    too_small.then(|| Mistake { field: "part_buffer_mib".to_owned(), what }).into_iter().collect()
}

async fn start(host: &Host, config: UploadConfig) -> Result<Service> {
    let ctx = &host.ctx;
    let needs = Needs {
        guard: host.guard()?,
        budget: ByteBudget::new(u64::from(config.part_buffer_mib) << 20, ctx.clock.clone(), &ctx.metrics),
        key_directory: host.peer("key-directory")?,
        retention: host.peer("retention")?,
    };
    let app = App::new(ctx.clone(), config, needs).await?;
    Ok(Service::new("upload").rest(host.with_auth(app.rest())?).grpc(Grpc::new(app.grpc())).workers(app.workers()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_settings_that_are_printed_are_the_defaults() {
        siegel_platform::testing::settings_are_the_defaults(&super::program());
    }
}
