//! `siegel-vectors generate DIR | check DIR | run DIR | corpus DIR OPENAPI FUZZ`: makes the
//! vectors, checks them for drift, runs them, and lays seeds for fuzzing below FUZZ.
//! On wasm32 it runs what is compiled in; the exit code is the number of wrong verdicts.

use std::process::ExitCode;

#[cfg(target_arch = "wasm32")]
fn main() -> ExitCode {
    let (ran, wrong) = siegel_vectors::run_all(&siegel_vectors::embedded());
    // No console here: Node sees the code. 255 says that nothing was compiled in.
    if ran == 0 { ExitCode::from(255) } else { ExitCode::from(wrong.len().min(254) as u8) }
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["generate", folder] => disk::generate(folder.as_ref()),
        ["check", folder] => disk::check(folder.as_ref()),
        ["run", folder] => disk::run(folder.as_ref()),
        ["corpus", folder, openapi, fuzz] => disk::corpus(folder.as_ref(), openapi.as_ref(), fuzz.as_ref()),
        _ => Err("usage: siegel-vectors generate DIR | check DIR | run DIR | corpus DIR OPENAPI FUZZ".to_owned()),
    };
    let (text, code) = match result {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(text) => (text, ExitCode::FAILURE),
    };
    eprintln!("{text}");
    code
}

#[cfg(not(target_arch = "wasm32"))]
mod disk {
    use std::path::Path;

    use siegel_vectors::make;

    pub(super) fn generate(folder: &Path) -> Result<String, String> {
        let files = make::all();
        make::write(folder, &files).map_err(|error| format!("writing failed: {error}"))?;
        Ok(format!("{} files written", files.len()))
    }

    pub(super) fn check(folder: &Path) -> Result<String, String> {
        let drift = make::drift(folder).map_err(|error| format!("reading failed: {error}"))?;
        if drift.is_empty() { Ok("no drift".to_owned()) } else { Err(drift.join("\n")) }
    }

    pub(super) fn corpus(folder: &Path, openapi: &Path, fuzz: &Path) -> Result<String, String> {
        let vectors = make::read(folder).map_err(|error| format!("reading failed: {error}"))?;
        let document = std::fs::read(openapi).map_err(|error| format!("reading failed: {error}"))?;
        let document = serde_json::from_slice(&document).map_err(|error| format!("not a document: {error}"))?;
        let seeds = siegel_vectors::corpus::seeds(&vectors, &document);
        for (name, bytes) in &seeds {
            let path = fuzz.join(name);
            let made =
                path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, bytes));
            made.map_err(|error| format!("writing failed: {error}"))?;
        }
        Ok(format!("{} seeds", seeds.len()))
    }

    pub(super) fn run(folder: &Path) -> Result<String, String> {
        let files = make::read(folder).map_err(|error| format!("reading failed: {error}"))?;
        let (ran, wrong) = siegel_vectors::run_all(&files);
        match (ran, wrong.is_empty()) {
            (0, _) => Err("no vectors there".to_owned()),
            (_, true) => Ok(format!("{ran} vectors, all verdicts as expected")),
            (_, false) => Err(wrong.join("\n")),
        }
    }
}
