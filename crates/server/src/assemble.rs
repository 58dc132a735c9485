//! Puts the services together in one process, each a peer of the others without a network between them.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use siegel_platform::Ctx;
use siegel_platform::host::{Given, Process};
use siegel_platform::worker::Worker;
use utoipa::openapi::OpenApi;

use crate::config::ServerConfig;
use crate::docs;

/// The platform, open and bound, its workers not yet running.
pub struct Platform(Process);

impl Platform {
    /// Opens what `config` names and starts the services on it. The key directory comes first: it shares with the others
    /// how callers are checked. Who is named before it has started (upload and retention know each other) is found late.
    pub async fn open(config: ServerConfig, given: Given) -> Result<Self> {
        let mut process = Process::open(&config.host(), given).await?;
        process.start(&siegel_key_directory::program(), config.key_directory).await?;
        process.start(&siegel_upload::program(), config.upload).await?;
        process.start(&siegel_retention::program(), config.retention).await?;
        process.start(&siegel_notification::program(), config.notification).await?;
        process.start(&siegel_operator::program(), config.operator).await?;
        process.start(&siegel_operator::dealer::program(), config.dealer_api).await?;
        Ok(Self(process))
    }

    /// The process that all of it is.
    pub fn process(&self) -> &Process {
        &self.0
    }

    /// The OpenAPI document of all routes.
    pub fn openapi(&self) -> OpenApi {
        self.0.openapi()
    }

    /// What it stands on.
    pub fn ctx(&self) -> &Ctx {
        &self.0.host().ctx
    }

    /// The address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// BLAKE3-256 of its CA's certificate, unless it speaks plain HTTP.
    pub fn ca_fingerprint(&self) -> Option<[u8; 32]> {
        self.0.host().ca_fingerprint()
    }

    /// Where its CA's certificate lies, unless it speaks plain HTTP.
    pub fn ca_file(&self) -> Option<PathBuf> {
        self.0.host().ca_file()
    }

    /// All background work.
    pub fn workers(&self) -> Vec<Worker> {
        self.0.workers()
    }

    /// Lets background work run by itself.
    pub fn spawn_workers(&self) {
        self.0.spawn_workers();
    }

    /// Answers requests until shutdown begins, lets what runs end, and closes. Returns how many connections were cut.
    pub async fn serve(self) -> usize {
        self.0.serve(|routes, document| routes.merge(docs::routes(document))).await
    }
}

#[cfg(test)]
mod tests {
    use siegel_platform::host::LOG_CALLERS;
    use siegel_platform::peer::SERVICES;

    #[test]
    fn every_grpc_method_has_one_row_that_says_who_may_call_it() {
        let tables = [
            ("key-directory", siegel_key_directory::program().callers),
            ("upload", siegel_upload::program().callers),
            ("retention", siegel_retention::program().callers),
            ("notification", siegel_notification::program().callers),
            ("operator", siegel_operator::program().callers),
            ("dealer-api", siegel_operator::dealer::program().callers),
            ("every program", LOG_CALLERS),
        ];
        let mut rows = Vec::new();
        for (service, table) in tables {
            for (method, callers) in table.methods {
                rows.push(format!("/{}/{method}", table.of));
                let known = |caller: &&str| SERVICES.contains(caller) && *caller != service;
                assert!(callers.iter().all(known), "{method}: {callers:?} are not all other services");
            }
        }
        rows.sort_unstable();
        let mut methods = siegel_proto::METHODS.to_vec();
        methods.sort_unstable();
        assert_eq!(rows, methods, "a method without a row, or a row without a method: mend `callers` in program.rs");
    }
}
