//! The command line that all programs of one service share.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{Program, ports};

/// A flag that sets a field of the configuration, and the variable that does so, too.
pub(super) struct Flag {
    /// As it is typed.
    pub(super) name: &'static str,
    pub(super) variable: &'static str,
    pub(super) field: &'static str,
    value: &'static str,
    help: &'static str,
}

const fn flag(
    name: &'static str,
    variable: &'static str,
    field: &'static str,
    value: &'static str,
    help: &'static str,
) -> Flag {
    Flag { name, variable, field, value, help }
}

pub(super) const FLAGS: [Flag; 8] = [
    flag(
        "--state",
        "SIEGEL_STATE",
        "state_dir",
        "DIR",
        "Where embedded parts lie, the same for all programs; on real parts what this program alone keeps [default: ./siegel-state]",
    ),
    flag(
        "--key-file",
        "SIEGEL_KEY_FILE",
        "key_file",
        "FILE",
        "The key that seals the secrets file [default: <state>/secrets.key]",
    ),
    flag(
        "--parts",
        "SIEGEL_PARTS",
        "parts",
        "FILE",
        "What the platform stands on: embedded, or a file that says where PostgreSQL, S3, Vault and Kafka are [default: embedded]",
    ),
    flag("--listen", "SIEGEL_LISTEN", "listen", "ADDRESS", "Public address; port 0 lets the system choose"),
    flag("--internal-listen", "SIEGEL_INTERNAL_LISTEN", "internal_listen", "ADDRESS", "Address for the other services"),
    flag(
        "--public-url",
        "SIEGEL_PUBLIC_URL",
        "public_url",
        "URL",
        "The one address clients use, of the front [default: https://localhost:8443]",
    ),
    flag(
        "--log",
        "SIEGEL_LOG",
        "telemetry.filter",
        "FILTER",
        "What is logged: warn, info, siegel=debug,info … [default: info]",
    ),
    flag("--log-format", "SIEGEL_LOG_FORMAT", "telemetry.format", "FORMAT", "pretty or json [default: pretty]"),
];

impl Flag {
    /// Its name without the dashes, as clap knows it.
    fn long(&self) -> &'static str {
        self.name.trim_start_matches('-')
    }
}

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
        let said = |flag: &Flag| Some((flag.name, matches.get_one::<String>(flag.long())?.clone()));
        Self {
            todo,
            config: matches.get_one("config").cloned(),
            ready_file: matches.get_one("ready-file").cloned(),
            flags: FLAGS.iter().filter_map(said).collect(),
        }
    }

    /// The value of a flag (`--listen`) or else of a variable (`SIEGEL_LISTEN`).
    pub(super) fn said(&self, name: &str) -> Option<String> {
        if name.starts_with("--") {
            return self.flags.iter().find(|(said, _)| *said == name).map(|(_, value)| value.clone());
        }
        std::env::var(name).ok()
    }
}

fn command<S>(program: &Program<S>) -> Command {
    let (name, service) = (program.name, program.service());
    let path = |id: &'static str| Arg::new(id).value_name("FILE").value_parser(value_parser!(PathBuf));
    let flag = |flag: &Flag| {
        Arg::new(flag.long()).long(flag.long()).value_name(flag.value).help(flag.help).action(ArgAction::Set)
    };
    let (public, internal) = ports(service);
    let leads = match program.routes {
        [] => "It has no public routes but /health and /metrics.".to_owned(),
        routes => format!("A front leads these paths of the one public address to it: {}", routes.join(" ")),
    };
    Command::new(name)
        .version(env!("CARGO_PKG_VERSION"))
        .about(program.about)
        .long_about(format!(
            "{}\n\nOne of the programs that together are the platform; `siegel-server` is all of them in one process. {leads}\n\n\
             On embedded parts all programs share one state directory, on a local disk of one machine. On real parts (--parts) each has \
             one of its own, on a machine of its own if you like. A program runs once on a directory; one that runs already, alone or \
             in a siegel-server, is refused. They know each other by certificates of the platform's own CA.",
            program.about
        ))
        .after_help(format!(
            "Each flag is also a variable: {}. Flags override variables, variables the file.\n\n\
             Examples:\n  {name} --state ./state\n  \
             {name} --config /etc/siegel/{service}.toml --listen 127.0.0.1:{public} --internal-listen 127.0.0.1:{internal}\n  \
             {name} config default > {service}.toml\n  {name} config check {service}.toml",
            FLAGS.map(|flag| flag.variable).join(", ")
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
