//! On wasm32 there is no file system: all vectors become one table in the binary. Elsewhere the table stays empty and
//! files are read, so that changing a vector rebuilds nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../tests/vectors");
    println!("cargo:rerun-if-changed=build.rs");
    let mut table = String::from("pub(crate) static FILES: &[(&str, &[u8])] = &[\n");
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo:rerun-if-changed={}", root.display());
        let mut files = Vec::new();
        list(&root, &mut files);
        files.sort();
        for file in files {
            let name = file.strip_prefix(&root).expect("listed below it").display().to_string();
            let full = file.canonicalize().expect("listed just now");
            writeln!(table, "    ({name:?}, include_bytes!({full:?})),").expect("writing to a String");
        }
    }
    table.push_str("];\n");
    let out = Path::new(&std::env::var("OUT_DIR").expect("cargo sets it")).join("files.rs");
    std::fs::write(out, table).expect("the output directory is writable");
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the vectors are part of the repository") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|e| e == "json" || e == "part") {
            files.push(path);
        }
    }
}
