//! The platform of a test: started, restarted, looked into. Stories ask it for people and places and can't tell whether it runs
//! in one process or in six programs, on embedded or on real parts ([`crate::arrangement`]).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use siegel_domain::TenantId;
use siegel_platform::clock::SharedClock;
use siegel_platform::host::{MakeZones, PartsChoice};
use siegel_server::ServerConfig;
use tempfile::TempDir;

use crate::arrangement::{Arrangement, binaries};
use crate::parts::Parts;
use crate::process::Process;
use crate::shared::{self, Lease};
use crate::{ChildServer, Liar, Line, Programs};

const NO_PROGRAMS: &str = "this platform is no six programs of the test's own: start it with World::of_programs";

/// What a test's platform differs in. All but `alone` reach into the test's own process: tests that use them stand in the
/// module `inside`, and are left out where the platform is six programs.
pub struct WorldOptions {
    /// Time; the system's if absent.
    pub clock: Option<SharedClock>,
    /// Other zones than the two directories.
    pub zones: Option<MakeZones>,
    /// Whether background work runs by itself; a test that steps it by hand says no.
    pub workers: bool,
    /// The address that people use, if something stands before the platform; it speaks plain HTTP then.
    pub public_url: Option<String>,
    /// Changes to the settings.
    pub settings: fn(&mut ServerConfig),
    /// Whether programs are this test's own even where others share theirs: it stops them.
    pub alone: bool,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self { clock: None, zones: None, workers: true, public_url: None, settings: |_| {}, alone: false }
    }
}

impl WorldOptions {
    /// What asks for a platform of the test's own.
    pub fn alone() -> Self {
        Self { alone: true, ..Self::default() }
    }

    fn look_inside(&self) -> bool {
        let mut settings = ServerConfig::default();
        (self.settings)(&mut settings);
        let other_parts = self.clock.is_some() || self.zones.is_some() || self.public_url.is_some();
        other_parts || !self.workers || settings != ServerConfig::default()
    }
}

/// A platform that runs.
pub struct World {
    pub(crate) dir: Arc<TempDir>,
    pub(crate) parts: Option<Parts>,
    /// Centres that were made here, whoever else shares the platform.
    pub(crate) tenants: Mutex<Vec<TenantId>>,
    pub(crate) runs: Runs,
    url: String,
}

/// How it runs.
pub(crate) enum Runs {
    Process(Box<Process>),
    Shared(Lease),
    Programs(Box<Programs>),
    Child(Box<ChildServer>),
}

impl World {
    /// A new platform in a directory of its own, or the one that tests share.
    pub async fn start() -> Result<Self> {
        Self::with(WorldOptions::default()).await
    }

    /// The same, differing in `options`.
    pub async fn with(options: WorldOptions) -> Result<Self> {
        match Arrangement::chosen()? {
            Arrangement::OneProcess => Self::in_process(directory()?, ([127, 0, 0, 1], 0).into(), options).await,
            Arrangement::SixPrograms => {
                ensure!(
                    !options.look_inside(),
                    "this test looks inside the platform: it belongs to the module `inside`"
                );
                if options.alone { Self::of_programs("").await } else { Self::sharing(shared::honest().await?) }
            }
        }
    }

    /// A platform whose provider lies when a test says so.
    pub async fn behind_a_liar() -> Result<(Self, Liar)> {
        if Arrangement::chosen()? == Arrangement::SixPrograms {
            let (lease, liar) = shared::lying().await?;
            return Ok((Self::sharing(lease)?, liar));
        }
        let liar = Liar::listen().await?;
        let world = Self::with(WorldOptions { public_url: Some(liar.url()), ..WorldOptions::default() }).await?;
        if let Runs::Process(process) = &world.runs {
            liar.before(process.address);
        }
        Ok((world, liar))
    }

    /// Six programs of the test's own, however others run; with further sections in their configuration.
    pub async fn of_programs(settings: &str) -> Result<Self> {
        Self::of_programs_with(settings, &[]).await
    }

    /// The same with settings of single programs: their section `[service]`.
    pub async fn of_programs_with(settings: &str, own: &[(&str, &str)]) -> Result<Self> {
        Self::running(Programs::start_with(&binaries()?, settings, own).await?)
    }

    /// Six programs of the test's own behind a line that loses answers.
    pub async fn of_programs_on(line: &Line) -> Result<Self> {
        Self::running(Programs::start_on(&binaries()?, line.clone()).await?)
    }

    fn running(programs: Programs) -> Result<Self> {
        Ok(Self::of(directory()?, programs.real().cloned(), programs.url(), Runs::Programs(Box::new(programs))))
    }

    /// `siegel-server` on embedded parts, in a process that can be killed.
    pub async fn of_a_child(program: &Path) -> Result<Self> {
        let dir = directory()?;
        let child = ChildServer::start(program, &dir.path().join("state")).await?;
        Ok(Self::of(dir, None, child.url(), Runs::Child(Box::new(child))))
    }

    fn sharing(lease: Lease) -> Result<Self> {
        let (parts, url) = (lease.programs().real().cloned(), lease.programs().url());
        Ok(Self::of(directory()?, parts, url, Runs::Shared(lease)))
    }

    async fn in_process(dir: Arc<TempDir>, address: SocketAddr, options: WorldOptions) -> Result<Self> {
        let parts = Parts::of_world(dir.path())?;
        let process = Process::start(dir.path(), parts.as_ref(), address, options).await?;
        let url = process.ctx.public_url.clone();
        Ok(Self::of(dir, parts, url, Runs::Process(Box::new(process))))
    }

    fn of(dir: Arc<TempDir>, parts: Option<Parts>, url: String, runs: Runs) -> Self {
        Self { dir, parts, tenants: Mutex::default(), runs, url }
    }

    /// Stops as on SIGTERM and starts again on the same directory and address.
    pub async fn restart(self, options: WorldOptions) -> Result<Self> {
        let Self { dir, parts, tenants, runs, url } = self;
        let runs = match runs {
            Runs::Process(process) => {
                let address = process.address;
                process.stop().await?;
                Runs::Process(Box::new(Process::start(dir.path(), parts.as_ref(), address, options).await?))
            }
            Runs::Programs(mut programs) => {
                programs.restart().await?;
                Runs::Programs(programs)
            }
            Runs::Shared(_) | Runs::Child(_) => anyhow::bail!("only a platform that is the test's alone is restarted"),
        };
        Ok(Self { dir, parts, tenants, runs, url })
    }

    /// Stops as on SIGTERM; fails if a connection had to be cut, a task panicked or a program ended badly. What others use as
    /// well goes on, without a panic until now.
    pub async fn stop(self) -> Result<()> {
        match self.runs {
            Runs::Process(process) => process.stop().await,
            Runs::Programs(programs) => programs.stop().await,
            Runs::Shared(lease) => lease.programs().no_panics(),
            Runs::Child(mut child) => child.stop(),
        }
    }

    /// The programs it runs as; for tests that are about programs.
    pub fn programs(&self) -> &Programs {
        match &self.runs {
            Runs::Programs(programs) => programs,
            _ => panic!("{NO_PROGRAMS}"),
        }
    }

    /// The same, for tests that end and start them.
    pub fn programs_mut(&mut self) -> &mut Programs {
        match &mut self.runs {
            Runs::Programs(programs) => programs,
            _ => panic!("{NO_PROGRAMS}"),
        }
    }

    /// The process it runs in; for tests that kill it.
    pub fn child(&mut self) -> &mut ChildServer {
        match &mut self.runs {
            Runs::Child(child) => child,
            _ => panic!("this platform is no process that can be killed: start it with World::of_a_child"),
        }
    }

    /// The fingerprint of its CA; none if it speaks plain HTTP.
    pub fn ca(&self) -> Option<[u8; 32]> {
        match &self.runs {
            Runs::Process(process) => process.ca,
            _ if self.url.starts_with("http://") => None,
            _ => crate::child::ca_of(&self.state()).ok(),
        }
    }

    /// Its public address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The state directory; the key directory's, where each program has one of its own.
    pub fn state(&self) -> PathBuf {
        match &self.runs {
            Runs::Shared(lease) => lease.programs().state(),
            Runs::Programs(programs) => programs.state(),
            Runs::Process(_) | Runs::Child(_) => self.dir.path().join("state"),
        }
    }

    /// On which parts it runs.
    pub(crate) fn choice(&self) -> PartsChoice {
        self.parts.as_ref().map_or(PartsChoice::Embedded, Parts::choice)
    }

    /// A place outside the state directory, for profiles and files of people.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Keeps the directory of the platform for as long as it is held, beyond the platform's end.
    pub fn keep(&self) -> Arc<TempDir> {
        match &self.runs {
            Runs::Programs(programs) => programs.directory().clone(),
            _ => self.dir.clone(),
        }
    }

    /// A handle that no other test's centre has, the same whenever this test asks for it.
    pub fn handle(&self, name: &str) -> String {
        match &self.runs {
            Runs::Shared(_) => {
                let own = self.dir.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
                format!("{name}-{}", own.rsplit('-').next().unwrap_or_default())
            }
            _ => name.to_owned(),
        }
    }

    pub(crate) fn made(&self, tenant: TenantId) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).push(tenant);
    }
}

pub(crate) fn directory() -> Result<Arc<TempDir>> {
    let dir = tempfile::Builder::new().prefix("siegel-e2e-").tempdir().context("a directory for the test")?;
    Ok(Arc::new(dir))
}
