//! Six programs that many tests share. Starting them and, on real parts, making an installation takes longer than most stories;
//! each story has institutions of its own and disturbs nobody.
//!
//! There are two sets at most: one behind a front as in an installation, one behind a provider that lies, whose lies are one
//! test's at a time. Both live on a runtime of their own, since that of a test ends with it.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock};

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, OnceCell, OwnedMutexGuard};

use crate::arrangement::binaries;
use crate::{Liar, Programs};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime for what tests share")
});
static HONEST: OnceCell<Arc<Shared>> = OnceCell::const_new();
static LYING: OnceCell<(Arc<Shared>, Liar, Arc<Mutex<()>>)> = OnceCell::const_new();

/// Programs that end with this process.
struct Shared {
    programs: Programs,
    _ends_them: Child,
}

/// One test's use of them. If the test fails, what the programs said belongs to what it says.
pub(crate) struct Lease {
    shared: Arc<Shared>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Lease {
    pub(crate) fn programs(&self) -> &Programs {
        &self.shared.programs
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.programs().tell_if_it_failed();
    }
}

/// Those behind a front.
pub(crate) async fn honest() -> Result<Lease> {
    let start = || beside(async || Ok(Arc::new(Shared::of(Programs::start(&binaries()?).await?)?)));
    Ok(Lease { shared: HONEST.get_or_try_init(start).await?.clone(), _turn: None })
}

/// Those behind a liar, who lies to one test at a time.
pub(crate) async fn lying() -> Result<(Lease, Liar)> {
    let start = || {
        beside(async || {
            let liar = Liar::listen().await?;
            let programs = Programs::start_behind(&binaries()?, liar.url()).await?;
            liar.before(programs.front());
            Ok((Arc::new(Shared::of(programs)?), liar, Arc::new(Mutex::new(()))))
        })
    };
    let (shared, liar, turn) = LYING.get_or_try_init(start).await?;
    let turn = turn.clone().lock_owned().await;
    liar.repent(); // of a test that ended in the middle of a lie
    Ok((Lease { shared: shared.clone(), _turn: Some(turn) }, liar.clone()))
}

/// Runs `start` on that runtime, to which whatever it spawns belongs.
async fn beside<T: Send + 'static>(start: impl AsyncFnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let started = tokio::task::spawn_blocking(move || RUNTIME.block_on(start()));
    started.await.context("start what tests share")?
}

impl Shared {
    /// Nothing runs when a process of tests ends, not even what would drop a static. So another process waits for that, which
    /// the end of this one's pipe tells it, and ends the programs and removes their directory.
    fn of(programs: Programs) -> Result<Self> {
        let script = "while read -r pid; do pids=\"$pids $pid\"; done; kill -9 $pids; rm -rf \"$0\"";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .arg(programs.directory().path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start what ends the programs")?;
        let pipe = child.stdin.as_mut().context("its pipe")?;
        for pid in programs.pids() {
            writeln!(pipe, "{pid}")?;
        }
        Ok(Self { programs, _ends_them: child })
    }
}
