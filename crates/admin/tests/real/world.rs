//! An installation of its own on the real parts, in which a server has started once and a tenant is ready.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use clap::Parser as _;
use siegel_admin::args::Args;
use siegel_admin::place::Place;
use siegel_domain::TenantId;
use siegel_platform::db::{Home, TenantDbs};
use siegel_platform::host::{Given, PartsChoice};
use siegel_platform::parts::Parts;
use siegel_platform::rng::{Rng, SystemRng};
use siegel_server::{Platform, ServerConfig};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// Parts are cut for all who use them.
static ALONE: Mutex<()> = Mutex::const_new(());

pub(crate) struct World {
    _alone: MutexGuard<'static, ()>,
    pub(crate) dir: TempDir,
    pub(crate) parts: Parts,
    pub(crate) platform: Platform,
    pub(crate) tenant: TenantId,
}

impl World {
    /// None if tests are to run without parts.
    pub(crate) async fn started() -> Option<Self> {
        Parts::for_tests()?;
        let alone = ALONE.lock().await;
        let dir = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(siegel_platform::parts::directory().join("parts.toml")).unwrap();
        let mut table: toml::Table = text.parse().unwrap();
        let name = format!("admin_{:012x}", (&SystemRng as &dyn Rng).below(1 << 47));
        table["postgres"].as_table_mut().unwrap().insert("installation".into(), name.into());
        table["kafka"].as_table_mut().unwrap().insert("partitions".into(), 1.into());
        let file = dir.path().join("parts.toml");
        std::fs::write(&file, table.to_string()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let config = ServerConfig {
            state_dir: dir.path().join("state"),
            parts: PartsChoice::File(file.clone()),
            listen: ([127, 0, 0, 1], 0).into(),
            ..ServerConfig::default()
        };
        let platform = Platform::open(config, Given::default()).await.unwrap();
        let ctx = platform.ctx();
        let tenant = TenantId::from_bytes((&SystemRng as &dyn Rng).bytes());
        ctx.secrets.create_tenant_key(tenant).await.unwrap();
        for zone in ctx.zones.both() {
            zone.make_bucket(&ctx.zones.bucket(tenant)).await.unwrap();
        }
        ctx.home.place(&ctx.state_dir).mark_ready(tenant).await.unwrap();
        for (service, migrations) in
            [("upload", &siegel_upload::app::MIGRATIONS), ("retention", &siegel_retention::app::MIGRATIONS)]
        {
            let dbs = TenantDbs::new(&ctx.state_dir, service, migrations, ctx.db_options());
            dbs.get(tenant).await.unwrap();
            dbs.close_all().await;
        }
        Some(Self { _alone: alone, parts: Parts::read(&file).unwrap(), dir, platform, tenant })
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("parts.toml")
    }

    pub(crate) fn args(&self, words: &[&str]) -> Args {
        let (state, file) = (self.dir.path().join("state"), self.file());
        let place = ["siegel-admin", "--state", state.to_str().unwrap(), "--parts", file.to_str().unwrap()];
        Args::try_parse_from(place.iter().chain(words)).unwrap()
    }

    pub(crate) fn place(&self) -> Place {
        Place::find(&self.args(&["doctor"])).unwrap()
    }

    /// Cuts or mends the way to a part. Tests of one program run one after the other when they do this.
    pub(crate) async fn cut(&self, proxy: &str, cut: bool) {
        let toxiproxy = self.parts.toxiproxy.as_ref().unwrap();
        let body = serde_json::json!({ "enabled": !cut });
        let answer = reqwest::Client::new().post(format!("{}/proxies/{proxy}", toxiproxy.api)).json(&body).send().await;
        assert!(answer.unwrap().status().is_success());
    }

    /// Takes away what only this test used.
    pub(crate) async fn end(self) {
        let ctx = self.platform.ctx();
        ctx.secrets.destroy_tenant_key(self.tenant).await.unwrap();
        for zone in ctx.zones.both() {
            zone.delete_bucket(&ctx.zones.bucket(self.tenant)).await.unwrap();
        }
        if let Home::Cluster(cluster) = &ctx.home {
            cluster.drop_all().await.unwrap();
        }
    }
}
