//! `siegel-admin config`: the same file, read by the same code as the server reads it.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;
use siegel_platform::config::{ConfigErrors, Mistake};
use siegel_server::ServerConfig;
use siegel_server::config::default_text;

use crate::args::{Args, Config};

/// Reads a configuration; all that is wrong with it is the error.
pub fn load(file: &Path) -> Result<ServerConfig, ConfigErrors> {
    let loaded = siegel_platform::config::load(Some(file), &[], |_| None, ServerConfig::mistakes)?;
    Ok(loaded.config)
}

#[derive(Serialize)]
struct Verdict {
    ok: bool,
    mistakes: Vec<FieldMistake>,
}

#[derive(Serialize)]
struct FieldMistake {
    field: String,
    what: String,
}

/// Does what was asked for.
pub fn run(out: &mut impl Write, args: &Args, command: &Config) -> Result<ExitCode> {
    let file = match command {
        Config::Default => {
            out.write_all(default_text().as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        Config::Check { file } => file,
    };
    let checked = load(file);
    if args.json {
        let mistakes = checked.as_ref().err().map_or_else(Vec::new, |errors| errors.mistakes.clone());
        let mistakes = mistakes.into_iter().map(|Mistake { field, what }| FieldMistake { field, what }).collect();
        serde_json::to_writer_pretty(&mut *out, &Verdict { ok: checked.is_ok(), mistakes })?;
        writeln!(out)?;
    } else {
        match &checked {
            Ok(_) => writeln!(out, "{} is fine.", file.display())?,
            Err(errors) => writeln!(out, "{errors}\n`siegel-admin config default` prints every setting there is.")?,
        }
    }
    Ok(if checked.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
