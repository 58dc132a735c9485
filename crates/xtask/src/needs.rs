//! What the stages need beyond Rust: said first, then installed where we may and named where we may not.
//!
//! The floor is a bare Debian 12 with Rust and a C compiler. As root everything else comes by apt; without root the
//! list says what to ask for, and `--without` leaves out what needs it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::work::Work;
use crate::{asyncapi, collector, machine, parts, protocol, tools, tree};

/// Something a stage cannot do without.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Need {
    /// rustfmt and clippy
    Rustfmt,
    /// cargo-deny
    Deny,
    /// Python 3.9 or newer with the opener's packages
    Python,
    /// Node 18 or newer
    Node,
    /// Rust's wasm32 target
    Wasm,
    /// Rust's Windows target and MinGW's C compiler
    Windows,
    /// Wine, 64 bit
    Wine,
    /// promtool, of Prometheus
    Promtool,
    /// buf
    Buf,
    /// The schema of AsyncAPI and a validator
    Asyncapi,
    /// The conformance suite of HTTP/2, built with Go
    H2spec,
    /// age, which sealing is measured beside
    Age,
    /// rclone, which uploads are measured beside
    Rclone,
    /// OpenSSL's headers, make and a C++ compiler, to build Kafka's client
    Rdkafka,
    /// Go 1.25 or newer, to build S3 and the fault proxy
    Go,
    /// The OpenTelemetry collector, built with Go
    Collector,
    /// OpenSSL and curl, to set up the real parts
    Openssl,
    /// Python of the system with venv, for what comes as a wheel
    SystemPython,
    /// haproxy
    Haproxy,
    /// PostgreSQL 15
    Postgres,
    /// etcd
    Etcd,
    /// Java 17 and Maven, for Kafka
    Java,
}

pub(crate) const WASM: &str = "wasm32-unknown-unknown";
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";
pub(crate) const MINGW: &str = "x86_64-w64-mingw32-gcc";
/// Not another one that comes earlier in somebody's path: users of the system have to be able to run it.
pub(crate) const SYSTEM_PYTHON: &str = "/usr/bin/python3";
/// Debian keeps PostgreSQL's programs out of the path.
pub(crate) const POSTGRES_BIN: &str = "/usr/lib/postgresql/15/bin";
const GO_BY_HAND: &str = "install Go 1.25 or newer (go.dev/dl)";

impl Need {
    fn what(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustfmt and clippy, for the checks",
            Self::Deny => "cargo-deny, for licences, bans and advisories",
            Self::Python => "Python >= 3.9 with the packages pinned in the tree, for the second opener",
            Self::Node => "Node >= 18, to run the vectors in WebAssembly",
            Self::Wasm => "Rust's wasm32-unknown-unknown target, for the browser",
            Self::Windows => "Rust's x86_64-pc-windows-gnu target and MinGW's C compiler, for siegel.exe",
            Self::Wine => "Wine (wine64), to try siegel.exe",
            Self::Promtool => "promtool (Debian's prometheus), for alerts and dashboards",
            Self::Buf => "buf, pinned in the tree, for what services say to each other",
            Self::Asyncapi => "AsyncAPI's schema and a validator, pinned in the tree, by npm; for docs/asyncapi.json",
            Self::H2spec => "h2spec, pinned in the tree and built with Go >= 1.19, for the listener",
            Self::Age => "age, to measure sealing beside it",
            Self::Rclone => "rclone, to measure uploads beside it",
            Self::Rdkafka => "OpenSSL's headers, make and a C++ compiler, to build Kafka's client",
            Self::Go => "Go >= 1.25, to build the S3 stores and the fault proxy",
            Self::Collector => "the OpenTelemetry collector, pinned in the tree and built with Go; minutes",
            Self::Openssl => "openssl and curl, to set the parts up",
            Self::SystemPython => "Debian's Python 3 with venv, for OpenBao and Patroni",
            Self::Haproxy => "haproxy, in front of PostgreSQL and OpenBao",
            Self::Postgres => "PostgreSQL 15",
            Self::Etcd => "etcd, where PostgreSQL's supervisors elect",
            Self::Java => "a JDK >= 17 and Maven, for Kafka",
        }
    }

    fn found(self) -> bool {
        match self {
            Self::Rustfmt => {
                let runs = |tool: &str| machine::says(&mut tree::cargo([tool, "--version"])).is_some();
                runs("fmt") && runs("clippy")
            }
            Self::Deny => tools::deny_found(),
            Self::Python => tools::venv_found(),
            Self::Node => newer("node", (18, 0)),
            Self::Wasm => target_found(WASM),
            Self::Windows => target_found(WINDOWS) && machine::which(MINGW).is_some(),
            Self::Wine => wine().is_some(),
            Self::Promtool => machine::which("promtool").is_some(),
            Self::Buf => protocol::found(),
            Self::Asyncapi => asyncapi::found(),
            Self::H2spec => tools::h2spec_found(),
            Self::Age => machine::which("age").is_some() && machine::which("age-keygen").is_some(),
            Self::Rclone => machine::which("rclone").is_some(),
            Self::Rdkafka => {
                let openssl = machine::says(Command::new("pkg-config").args(["--modversion", "openssl"]));
                openssl.is_some() && ["make", "c++"].iter().all(|name| machine::which(name).is_some())
            }
            Self::Go => parts::go().is_some_and(|go| {
                let said = machine::says(Command::new(go).arg("version"));
                // As in "go version go1.26.1 linux/amd64".
                said.as_deref().and_then(machine::version).is_some_and(|version| version >= (1, 25))
            }),
            Self::Collector => collector::found(),
            Self::Openssl => ["openssl", "curl"].iter().all(|name| machine::which(name).is_some()),
            Self::SystemPython => machine::says(Command::new(SYSTEM_PYTHON).args(["-c", "import ensurepip"])).is_some(),
            Self::Haproxy => Path::new("/usr/sbin/haproxy").is_file(),
            Self::Postgres => Path::new(POSTGRES_BIN).join("postgres").is_file(),
            Self::Etcd => machine::which("etcd").is_some() && machine::which("etcdctl").is_some(),
            Self::Java => ["javac", "mvn"].iter().all(|name| machine::which(name).is_some()) && newer("java", (17, 0)),
        }
    }

    fn install(self, work: &mut Work) -> Result<()> {
        match self {
            Self::Rustfmt => work.run(Command::new("rustup").args(["component", "add", "rustfmt", "clippy"])),
            Self::Deny => tools::install_deny(work),
            Self::Python => tools::install_venv(work),
            Self::Wasm => add_target(work, WASM),
            Self::Buf => protocol::install(work),
            Self::Asyncapi => asyncapi::install(work),
            Self::H2spec => tools::install_h2spec(work),
            Self::Collector => collector::install(work),
            Self::Windows => {
                if !target_found(WINDOWS) {
                    add_target(work, WINDOWS)?;
                }
                match machine::which(MINGW) {
                    Some(_) => Ok(()),
                    None => machine::apt(work, &["gcc-mingw-w64-x86-64"]),
                }
            }
            Self::Go => bail!("Debian 12's own Go is too old; {GO_BY_HAND}"),
            other => machine::apt(work, other.debian()),
        }
    }

    /// Debian's packages of what comes from there and nowhere else.
    fn debian(self) -> &'static [&'static str] {
        match self {
            Self::Node => &["nodejs"],
            Self::Age => &["age"],
            Self::Rclone => &["rclone"],
            Self::Promtool => &["prometheus"],
            Self::Wine => &["wine64"],
            Self::Rdkafka => &["libssl-dev", "pkg-config", "make", "g++"],
            Self::Openssl => &["openssl", "curl", "ca-certificates"],
            Self::SystemPython => &["python3", "python3-venv"],
            Self::Haproxy => &["haproxy"],
            Self::Postgres => &["postgresql-15"],
            Self::Etcd => &["etcd-server", "etcd-client"],
            Self::Java => &["openjdk-17-jdk-headless", "maven"],
            _ => &[],
        }
    }

    /// What a person without root has to ask for, if anything.
    fn by_hand(self) -> Option<String> {
        let missing = |program| machine::which(program).is_none();
        let fixed = match self {
            Self::Go => Some(GO_BY_HAND),
            Self::Rustfmt if missing("rustup") => Some("install rustfmt and clippy beside your Rust"),
            Self::Wasm if missing("rustup") => Some("install Rust's wasm32-unknown-unknown target"),
            Self::Windows if missing("rustup") && !target_found(WINDOWS) => {
                Some("install Rust's x86_64-pc-windows-gnu target")
            }
            Self::Windows if missing(MINGW) && !machine::may_apt() => Some("apt-get install gcc-mingw-w64-x86-64"),
            Self::Asyncapi if missing("npm") && !machine::may_apt() => Some("install Node >= 18 with npm"),
            Self::H2spec if missing("go") && !machine::may_apt() => Some("apt-get install golang-go"),
            Self::Python | Self::Deny | Self::Buf if !newer("python3", (3, 9)) && !machine::may_apt() => {
                Some("apt-get install python3 python3-venv")
            }
            other if !other.debian().is_empty() && !machine::may_apt() => {
                return Some(format!("apt-get install {}", other.debian().join(" ")));
            }
            _ => None,
        };
        fixed.map(str::to_owned)
    }
}

impl fmt::Display for Need {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = clap::ValueEnum::to_possible_value(self).expect("no variant is hidden");
        out.write_str(name.get_name())
    }
}

/// Says what `verb` needs and sees that it is there, before anything that takes time begins.
pub(crate) fn provide(verb: &str, needed: &[Need]) -> Result<()> {
    if machine::which("cc").is_none() {
        bail!("a C compiler is needed to build (cc): apt-get install gcc libc6-dev");
    }
    if needed.is_empty() {
        return Ok(());
    }
    let mut missing = Vec::new();
    println!("cargo xtask {verb} needs, beside Rust, a C compiler and git:");
    for need in <Need as clap::ValueEnum>::value_variants().iter().filter(|need| needed.contains(need)) {
        let found = need.found();
        println!("  {:<13} {:<76} {}", need.to_string(), need.what(), if found { "there" } else { "to be installed" });
        if !found {
            missing.push(*need);
        }
    }
    let asked: Vec<_> = missing.iter().filter_map(|need| Some((need, need.by_hand()?))).collect();
    if !asked.is_empty() {
        let lines: Vec<_> =
            asked.iter().map(|(need, how)| format!("  {how}   (or: {})", without(verb, **need))).collect();
        bail!("these cannot be installed from here, please do so first:\n{}", lines.join("\n"));
    }
    for need in missing {
        println!("installing {need} …");
        let mut work = Work::new(&format!("install {need}"))?;
        need.install(&mut work).with_context(|| {
            format!("install {need}; see {}, or leave it out: {}", work.path().display(), without(verb, need))
        })?;
        if !need.found() {
            bail!("{need} was installed, and is not found all the same; see {}", work.path().display());
        }
    }
    Ok(())
}

/// How to do without something.
fn without(verb: &str, need: Need) -> String {
    match verb {
        "up" => "start other parts: --only".into(),
        _ => format!("--without {need}"),
    }
}

/// Wine's loader. Debian keeps it out of the path.
pub(crate) fn wine() -> Option<PathBuf> {
    let debian = PathBuf::from("/usr/lib/wine/wine64");
    machine::which("wine64").or_else(|| debian.is_file().then_some(debian))
}

fn newer(program: &str, least: (u32, u32)) -> bool {
    let said = machine::says(Command::new(program).arg("--version"));
    said.as_deref().and_then(machine::version).is_some_and(|version| version >= least)
}

fn target_found(target: &str) -> bool {
    // Works with and without rustup: the directory is printed for any target, and exists only for an installed one.
    let directory = machine::says(Command::new("rustc").args(["--print", "target-libdir", "--target", target]));
    directory.is_some_and(|directory| Path::new(&directory).is_dir())
}

fn add_target(work: &mut Work, target: &str) -> Result<()> {
    work.run(Command::new("rustup").args(["target", "add", target]))
}
