//! Where a world keeps what it keeps: files to be searched and damaged, secrets to be tried.

use std::path::PathBuf;
use std::sync::PoisonError;

use anyhow::{Context as _, Result};
use siegel_domain::TenantId;
use siegel_platform::db::Db;
use siegel_platform::host::Beside;
use siegel_platform::secrets::Secrets;
use siegel_platform::zones::Bucket;
use zeroize::Zeroizing;

use crate::search::{files_below, hits};
use crate::world::Runs;
use crate::{World, secrets};

impl World {
    /// Where a zone's objects lie, if zones are directories.
    pub fn zone(&self, short: &str) -> PathBuf {
        self.state().join("zones").join(short)
    }

    /// Sealed objects of this world that lie in a zone now.
    pub fn objects(&self, short: &str) -> Vec<PathBuf> {
        let own_zones = matches!(&self.runs, Runs::Process(process) if process.own_zones);
        let zone = match &self.parts {
            Some(parts) if !own_zones => parts.zone(short),
            _ => self.zone(short),
        };
        let buckets = self.buckets();
        let ours = |path: &PathBuf| buckets.iter().any(|bucket| path.iter().any(|part| part == bucket.as_str()));
        files_below(&zone).into_iter().filter(ours).collect()
    }

    fn buckets(&self) -> Vec<Bucket> {
        let bucket = |tenant| match &self.runs {
            Runs::Process(process) => Some(process.ctx.zones.bucket(tenant)),
            Runs::Shared(lease) => Some(lease.programs().bucket(tenant)),
            Runs::Programs(programs) => Some(programs.bucket(tenant)),
            Runs::Child(_) => None, // tests that kill it look at what people see
        };
        self.tenants().into_iter().filter_map(bucket).collect()
    }

    /// Institutions that were made in this world.
    fn tenants(&self) -> Vec<TenantId> {
        match &self.runs {
            Runs::Process(process) => process.ctx.tenants.list().iter().map(|tenant| tenant.id).collect(),
            _ => self.tenants.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// A secret of the platform, as a service would read it.
    pub async fn secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>> {
        self.with_secrets(async |secrets| secrets.get(name).await?.with_context(|| format!("no secret {name}"))).await
    }

    /// Every secret of the platform, as far as it is not another world's: what a provider could try.
    pub async fn secrets(&self) -> Result<Vec<(String, Zeroizing<Vec<u8>>)>> {
        let Some(parts) = &self.parts else { return self.with_secrets(secrets::of_file).await };
        let mut all = secrets::of_openbao(parts.shared()).await?;
        let own: Vec<String> = self.tenants().iter().map(ToString::to_string).collect();
        let own: Vec<String> = self.buckets().iter().map(|bucket| bucket.as_str().to_owned()).chain(own).collect();
        // `tenant/<id>/…`, `zones/<zone>/<bucket>`: whose they are stands in the name; the others are the platform's.
        let of_someone = |name: &str| name.starts_with("tenant/") || name.starts_with("zones/zone-");
        all.retain(|(name, _)| !of_someone(name) || own.iter().any(|own| name.contains(own)));
        Ok(all)
    }

    async fn with_secrets<T>(&self, look: impl AsyncFnOnce(&Secrets) -> Result<T>) -> Result<T> {
        if let Runs::Process(process) = &self.runs {
            return look(&process.ctx.secrets).await;
        }
        let beside = self.beside().await?;
        let found = look(&beside.secrets).await;
        beside.close().await;
        found
    }

    async fn beside(&self) -> Result<Beside> {
        Beside::open(&self.state(), &self.state().join("secrets.key"), &self.choice()).await
    }

    /// Files of the platform, wherever it keeps any, that hold `canary` in any spelling.
    pub async fn hits(&self, canary: &[u8]) -> Result<Vec<PathBuf>> {
        Ok(hits(&self.files().await?, canary))
    }

    /// Every file in which something of this world may lie: state, logs, and what the parts keep of it.
    pub async fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = match &self.runs {
            Runs::Shared(lease) => lease.programs().files(),
            Runs::Programs(programs) => programs.files(),
            Runs::Process(_) | Runs::Child(_) => files_below(&self.state()),
        };
        let Some(parts) = &self.parts else { return Ok(files) };
        for short in ["a", "b"] {
            files.extend(self.objects(short));
        }
        let tenants = self.tenants();
        files.extend(self.with_provider(async |provider| parts.files(provider, &tenants).await).await?);
        Ok(files)
    }

    /// The files of an institution's own database.
    pub async fn database(&self, tenant: TenantId) -> Result<Vec<PathBuf>> {
        match &self.parts {
            None => Ok(files_below(&self.state().join("tenants").join(tenant.to_string()))),
            Some(parts) => self.with_provider(async |db| parts.database(db, &tenant.to_string()).await).await,
        }
    }

    async fn with_provider<T>(&self, look: impl AsyncFnOnce(&Db) -> Result<T>) -> Result<T> {
        if let Runs::Process(process) = &self.runs {
            return look(process.ctx.tenants.db()).await;
        }
        let beside = self.beside().await?;
        let found = look(&beside.provider).await;
        beside.close().await;
        found
    }
}
