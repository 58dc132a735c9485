//! Reading configuration: one TOML file over defaults, a few variables over the file. Unknown fields are refused, and all
//! mistakes are reported together, each with its field: one restart instead of six. Secrets are never in it, only where
//! they lie, so what was decided can be printed.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// More mistakes than this are not one by one worth a line.
const MOST_MISTAKES: usize = 50;

/// A variable that overrides a field of the file.
#[derive(Debug, Clone, Copy)]
pub struct EnvVar {
    /// For example `SIEGEL_LISTEN`.
    pub name: &'static str,
    /// The field, as a dotted path: `listen`, `telemetry.format`.
    pub field: &'static str,
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    /// Where it was read from.
    pub file: Option<PathBuf>,
    /// One entry for each mistake.
    pub mistakes: Vec<Mistake>,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The field, as a dotted path; empty if it is about the whole file.
    pub field: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "the configuration {} has mistakes:", file.display())?,
            None => f.write_str("the configuration has mistakes:")?,
        }
        for Mistake { field, what } in &self.mistakes {
            let colon = if field.is_empty() { "" } else { ": " };
            write!(f, "\n  {field}{colon}{what}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// A configuration and where its settings come from.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The configuration.
    pub config: T,
    /// The fields that are not at their defaults by themselves: field, value, and `file` or the variable's name.
    pub decided: Vec<(String, String, String)>,
}

/// Reads `file` (defaults alone without one), lets the variables that `get` knows override it, and asks `check` for what
/// does not hold together.
pub fn load<T: DeserializeOwned>(
    file: Option<&Path>,
    variables: &[EnvVar],
    get: impl Fn(&str) -> Option<String>,
    check: impl Fn(&T) -> Vec<Mistake>,
) -> Result<Loaded<T>, ConfigErrors> {
    let wrong = |mistakes| ConfigErrors { file: file.map(Path::to_owned), mistakes };
    let whole = |what: String| wrong(vec![Mistake { field: String::new(), what }]);
    let mut table = match file {
        None => Table::new(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| whole(format!("can't be read: {error}")))?;
            text.parse::<Table>().map_err(|error| whole(format!("is not TOML: {}", error.message())))?
        }
    };
    let mut decided = Vec::new();
    flatten(&table, "", &mut decided);
    for variable in variables {
        let Some(text) = get(variable.name) else { continue };
        put(&mut table, variable.field, value_of(&text));
        decided.retain(|(field, ..)| field != variable.field);
        decided.push((variable.field.to_owned(), text, variable.name.to_owned()));
    }
    let (config, mut mistakes) = read_all(table);
    if let Some(config) = &config
        && mistakes.is_empty()
    {
        mistakes = check(config);
    }
    match config {
        Some(config) if mistakes.is_empty() => Ok(Loaded { config, decided }),
        _ => Err(wrong(mistakes)),
    }
}

/// Reads the table; at each mistake notes it, takes the field out and reads on with its default.
fn read_all<T: DeserializeOwned>(mut table: Table) -> (Option<T>, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize(Value::Table(table.clone())) {
            Ok(config) => return (Some(config), mistakes),
            Err(error) => error,
        };
        let field = error.path().to_string();
        mistakes.push(Mistake { what: words(error.inner().message()), field: field.clone() });
        if !take_out(&mut table, &field) || mistakes.len() == MOST_MISTAKES {
            return (None, mistakes);
        }
    }
}

/// Serde's sentence without the value: what would be right is what helps.
fn words(message: &str) -> String {
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected.trim_end());
    let kind = match message {
        message if message.starts_with("unknown field") => "is not a setting",
        message if message.starts_with("unknown variant") => "is not one of the words",
        message if message.starts_with("invalid type") => "has the wrong type",
        message if message.starts_with("invalid") => "is not valid",
        message => return message.trim_end().to_owned(),
    };
    expected.map_or_else(|| kind.to_owned(), |expected| format!("{kind}; expected {expected}"))
}

/// Removes the field of a dotted path; false if there is none.
fn take_out(table: &mut Table, field: &str) -> bool {
    let (parents, last) = field.rsplit_once('.').map_or(("", field), |(parents, last)| (parents, last));
    let mut table = table;
    for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
        if !table.get(parent).is_some_and(Value::is_table) {
            // An item of a list: the list as a whole goes.
            return table.remove(parent.split('[').next().unwrap_or_default()).is_some();
        }
        let Some(Value::Table(next)) = table.get_mut(parent) else { return false };
        table = next;
    }
    table.remove(last.split('[').next().unwrap_or_default()).is_some()
}

fn put(table: &mut Table, field: &str, value: Value) {
    let mut table = table;
    let (parents, last) = field.rsplit_once('.').map_or(("", field), |(parents, last)| (parents, last));
    for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
        let entry = table.entry(parent).or_insert_with(|| Value::Table(Table::new()));
        if !entry.is_table() {
            *entry = Value::Table(Table::new());
        }
        let Value::Table(next) = entry else { return };
        table = next;
    }
    table.insert(last.to_owned(), value);
}

/// A number or a truth value if it reads as one, else text.
fn value_of(text: &str) -> Value {
    let number = text.parse().map(Value::Integer);
    number.or_else(|_| text.parse().map(Value::Boolean)).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn flatten(table: &Table, above: &str, decided: &mut Vec<(String, String, String)>) {
    for (name, value) in table {
        let field = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        match value {
            Value::Table(below) => flatten(below, &field, decided),
            value => decided.push((field, value.to_string(), "file".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use serde::Deserialize;

    use super::*;
    use crate::http::Limits;
    use crate::telemetry::{LogFormat, TelemetryConfig};

    #[derive(Debug, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        listen: SocketAddr,
        names: Vec<String>,
        telemetry: TelemetryConfig,
        limits: Limits,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self {
                listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
                names: Vec::new(),
                telemetry: TelemetryConfig::default(),
                limits: Limits::default(),
            }
        }
    }

    const VARIABLES: [EnvVar; 2] = [
        EnvVar { name: "SIEGEL_LISTEN", field: "listen" },
        EnvVar { name: "SIEGEL_LOG_FORMAT", field: "telemetry.format" },
    ];

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Loaded<Sample>, ConfigErrors> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("siegel.toml");
        std::fs::write(&path, text).unwrap();
        let get = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        load(Some(&path), &VARIABLES, get, |sample: &Sample| {
            let taken = sample.listen.port() == 1;
            taken.then(|| Mistake { field: "listen".into(), what: "port 1 is taken".into() }).into_iter().collect()
        })
    }

    #[test]
    fn a_variable_overrides_the_file_and_the_file_the_default() {
        let loaded = read("[telemetry]\nformat = 'pretty'\nsample = 1.0\n", &[("SIEGEL_LOG_FORMAT", "json")]).unwrap();
        assert_eq!(loaded.config.telemetry.format, LogFormat::Json);
        assert!((loaded.config.telemetry.sample - 1.0).abs() < f64::EPSILON);
        assert_eq!(loaded.config.listen.port(), 8443);
        assert!(loaded.config.names.is_empty());
        assert_eq!(loaded.config.limits, Limits::default());
        let decided: Vec<_> =
            loaded.decided.iter().map(|(field, value, by)| format!("{field}={value} ({by})")).collect();
        assert_eq!(decided, ["telemetry.sample=1.0 (file)", "telemetry.format=json (SIEGEL_LOG_FORMAT)"]);
    }

    #[test]
    fn all_mistakes_are_told_at_once_without_their_values() {
        let text = "listen = 'Erika'\nnames = ['a', 7]\nwhat = 1\n[telemetry]\nformat = 'Erika'\nlevel = 'Erika'\n[limits]\nrequests = -1\n";
        let errors = read(text, &[]).unwrap_err();
        let mut fields: Vec<&str> = errors.mistakes.iter().map(|mistake| mistake.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["limits.requests", "listen", "names[1]", "telemetry.format", "telemetry.level", "what"]);
        let shown = errors.to_string();
        assert!(!shown.contains("Erika"), "{shown}");
        assert!(shown.contains("telemetry.format: is not one of the words; expected `pretty` or `json`"), "{shown}");
        assert!(shown.contains("siegel.toml"), "{shown}");
    }

    #[test]
    fn what_does_not_hold_together_and_what_is_no_toml_is_told() {
        assert_eq!(read("listen = '127.0.0.1:1'", &[]).unwrap_err().mistakes[0].what, "port 1 is taken");
        assert!(read("listen = ", &[]).unwrap_err().to_string().contains("is not TOML"));
        let missing = load(Some(Path::new("/does/not/exist")), &[], |_| None, |_: &Sample| Vec::new());
        assert!(missing.unwrap_err().to_string().contains("can't be read"));
        assert!(load(None, &[], |_| None, |_: &Sample| Vec::new()).unwrap().decided.is_empty());
    }
}
