//! Where the platform's programs are: beside this one. Run by `cargo run`, which builds this one alone, cargo is asked to
//! build them first; that costs nothing when they are up to date. It selects the workspace's default members as `cargo
//! run` did: another selection has other features, and every dependency would be built a second time.

use std::ffi::OsStr;
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
    // Cargo says where this crate lies to what it runs. The manifest of the workspace selects its default members.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(|own| Path::new(&own).join("../../Cargo.toml"));
    let status = Command::new(cargo)
        .args(["build", "--bin", "siegel-server", "--bin", "siegel-admin", "--profile", profile])
        .args(manifest.iter().flat_map(|path| [OsStr::new("--manifest-path"), path.as_os_str()]))
        .stdin(Stdio::null())
        // Cargo tells its progress on standard error, where people see it.
        .stdout(Stdio::null())
        .status()
        .map_err(Failure::terminal)?;
    if status.success() { Ok(()) } else { Err(Failure::own(Exit::Local, "demo-build-failed")) }
}
