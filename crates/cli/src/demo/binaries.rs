//! Where the platform's programs are: beside this one. Run by `cargo run`, which builds this one alone, cargo is asked to
//! build them first; that costs nothing when they are up to date.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Exit, Failure, Result};
use crate::ui::Ui;

/// The platform's programs.
pub(super) struct Binaries {
    pub(super) server: PathBuf,
    pub(super) admin: PathBuf,
}

impl Binaries {
    /// Finds or builds them.
    pub(super) fn find(ui: &Ui) -> Result<Self> {
        let own = std::env::current_exe().map_err(Failure::terminal)?;
        let dir = own.parent().unwrap_or(Path::new("."));
        if let Some(cargo) = std::env::var_os("CARGO") {
            build(ui, Path::new(&cargo), dir)?;
        }
        let program = |name: &str| dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let found = Self { server: program("siegel-server"), admin: program("siegel-admin") };
        for path in [&found.server, &found.admin] {
            if !path.is_file() {
                return Err(Failure::own(Exit::Local, "demo-program-missing").with("path", path.display()));
            }
        }
        Ok(found)
    }
}

/// `cargo run` has let go of its lock by now; the profile is the one this program was built with.
fn build(ui: &Ui, cargo: &Path, dir: &Path) -> Result<()> {
    ui.note("demo-building", &[]);
    let profile = match dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let status = Command::new(cargo)
        .args(["build", "--package", "siegel-server", "--package", "siegel-admin", "--profile", profile])
        .stdin(Stdio::null())
        // Cargo tells its progress on standard error, where people see it.
        .stdout(Stdio::null())
        .status()
        .map_err(Failure::terminal)?;
    if status.success() { Ok(()) } else { Err(Failure::own(Exit::Local, "demo-build-failed")) }
}
