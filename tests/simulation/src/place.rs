//! What outlives the platform's process: its directory, its address, time, the zones' faults, the line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use siegel_platform::clock::ManualClock;
use siegel_platform::http::Limits;
use siegel_platform::rng::SeededRng;
use siegel_platform::zones::faults::Faults;
use siegel_server::ServerConfig;
use tempfile::TempDir;

use crate::line::Line;
use crate::stage::{House, Stage};

/// Longer than any story.
const NEVER_MS: i64 = 1_000 * 365 * 24 * 60 * 60 * 1_000;

/// Where a story plays.
pub struct Place {
    dir: TempDir,
    /// The address that clients know.
    pub url: String,
    /// Where it listens.
    pub listener: std::net::TcpListener,
    /// Everybody's clock.
    pub clock: ManualClock,
    /// The platform's randomness.
    pub rng: Arc<SeededRng>,
    /// What the zones do wrong.
    pub faults: [Faults; 2],
    /// What the line does wrong.
    pub line: Line,
    /// Who is here.
    pub houses: Vec<House>,
}

impl Place {
    /// A copy of the stage for the story of `seed`.
    pub fn new(stage: &Stage, seed: u64) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://localhost:{}", listener.local_addr()?.port());
        Ok(Self {
            dir: stage.copy(&url)?,
            url,
            listener,
            clock: ManualClock::new(stage.now),
            rng: Arc::new(SeededRng::new(seed)),
            faults: [Faults::new(), Faults::new()],
            line: Line::default(),
            houses: stage.houses.clone(),
        })
    }

    /// Keeps the directory for looking into, and says where it lies.
    pub fn keep(&mut self) -> PathBuf {
        self.dir.disable_cleanup(true);
        self.dir.path().to_owned()
    }

    /// The platform's directory.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// A file or profile beside it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The platform's settings: sessions and connections outlive the jumps of time that stories are made of, and every
    /// copy is compared once a day, so that a story's end need not be a month long.
    pub fn settings(&self) -> ServerConfig {
        let mut settings = ServerConfig::default();
        settings.key_directory.session_idle_minutes = u32::MAX;
        settings.upload.scrub_every_days = 1;
        settings.limits = Limits {
            handshake_ms: NEVER_MS,
            head_ms: NEVER_MS,
            answer_ms: NEVER_MS,
            body_idle_ms: NEVER_MS,
            idle_ms: NEVER_MS,
            ..settings.limits
        };
        settings
    }
}
