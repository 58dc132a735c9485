//! The command line that all programs of one service share.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{ADDRESSES, Program};

/// Flags that set a field of the configuration, and what help says of them.
pub(super) const FLAGS: [(&str, &str, &str, &str); 7] = [
    (
        "state",
        "state_dir",
        "DIR",
        "Where databases, zones and keys lie, the same for all programs [default: ./siegel-state]",
    ),
    ("key-file", "key_file", "FILE", "The key that seals the secrets file [default: <state>/secrets.key]"),
    ("listen", "listen", "ADDRESS", "Public address; port 0 lets the system choose"),
    ("internal-listen", "internal_listen", "ADDRESS", "Address for the other services"),
    ("public-url", "public_url", "URL", "The one address clients use, of the front [default: https://localhost:8443]"),
    ("log", "telemetry.filter", "FILTER", "What is logged: warn, info, siegel=debug,info … [default: info]"),
    ("log-format", "telemetry.format", "FORMAT", "pretty or json [default: pretty]"),
];

/// What was asked for.
pub(super) struct Call {
    pub(super) todo: Todo,
    pub(super) config: Option<PathBuf>,
    pub(super) ready_file: Option<PathBuf>,
    flags: Vec<(&'static str, String)>,
}

/// What to do.
pub(super) enum Todo {
    Run,
    Openapi,
    Config(ConfigCall),
}

/// What to do with configurations.
pub(super) enum ConfigCall {
    Default,
    Check(PathBuf),
}

impl Call {
    /// Reads the command line; prints help or what is wrong with it, and ends there.
    pub(super) fn parse<S>(program: &Program<S>) -> Self {
        Self::from_matches(&command(program).get_matches())
    }

    fn from_matches(matches: &ArgMatches) -> Self {
        let todo = match matches.subcommand() {
            Some(("openapi", _)) => Todo::Openapi,
            Some(("config", config)) => Todo::Config(match config.subcommand() {
                Some(("check", check)) => ConfigCall::Check(check.get_one("file").cloned().unwrap_or_default()),
                _ => ConfigCall::Default,
            }),
            _ => Todo::Run,
        };
        let said = |(flag, ..): &(&'static str, _, _, _)| Some((*flag, matches.get_one::<String>(flag)?.clone()));
        Self {
            todo,
            config: matches.get_one("config").cloned(),
            ready_file: matches.get_one("ready-file").cloned(),
            flags: FLAGS.iter().filter_map(said).collect(),
        }
    }

    /// The value of a flag (`--listen`) or else of a variable (`SIEGEL_LISTEN`).
    pub(super) fn said(&self, name: &str) -> Option<String> {
        match name.strip_prefix("--") {
            Some(flag) => self.flags.iter().find(|(said, _)| *said == flag).map(|(_, value)| value.clone()),
            None => std::env::var(name).ok(),
        }
    }
}

fn command<S>(program: &Program<S>) -> Command {
    let (name, service) = (program.name, program.service());
    let path = |id: &'static str| Arg::new(id).value_name("FILE").value_parser(value_parser!(PathBuf));
    let flag = |(long, _, value, help): &(&'static str, _, &'static str, &'static str)| {
        Arg::new(*long).long(*long).value_name(*value).help(*help).action(ArgAction::Set)
    };
    let (_, public, internal) = ADDRESSES.into_iter().find(|(known, ..)| *known == service).unwrap_or((service, 0, 0));
    let leads = match program.routes {
        [] => "It has no public routes but /health and /metrics.".to_owned(),
        routes => format!("A front leads these paths of the one public address to it: {}", routes.join(" ")),
    };
    Command::new(name)
        .version(env!("CARGO_PKG_VERSION"))
        .about(program.about)
        .long_about(format!(
            "{}\n\nOne of the programs that together are the platform; `siegel-server` is all of them in one process. {leads}\n\n\
             All programs on one machine share a state directory, on a local disk. Each runs once on it; one that runs already, alone or \
             in a siegel-server, is refused. They know each other by certificates of the platform's own CA.",
            program.about
        ))
        .after_help(format!(
            "Each flag is also a variable: SIEGEL_STATE, SIEGEL_KEY_FILE, SIEGEL_LISTEN, SIEGEL_INTERNAL_LISTEN, \
             SIEGEL_PUBLIC_URL, SIEGEL_LOG, SIEGEL_LOG_FORMAT. Flags override variables, variables the file.\n\n\
             Examples:\n  {name} --state ./state\n  \
             {name} --config /etc/siegel/{service}.toml --listen 127.0.0.1:{public} --internal-listen 127.0.0.1:{internal}\n  \
             {name} config default > {service}.toml\n  {name} config check {service}.toml"
        ))
        .arg(path("config").long("config").help("TOML file with settings; `config default` prints one with comments"))
        .args(FLAGS.iter().map(flag))
        .arg(path("ready-file").long("ready-file").help("Write a JSON file with addresses and pid once requests are answered"))
        .subcommand(Command::new("openapi").about("Print the OpenAPI 3.1 document of its public routes"))
        .subcommand(
            Command::new("config")
                .about("Its configuration")
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommand(Command::new("default").about("Print every setting at its default, with what it means"))
                .subcommand(
                    Command::new("check").about("Say everything that is wrong with a file").arg(path("file").required(true)),
                ),
        )
}
