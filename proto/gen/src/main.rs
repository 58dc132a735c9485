//! Writes `proto/src/generated/` from the `.proto` files, without protoc. Run by `cargo xtask gen`; the result is
//! committed, so that a first build compiles neither a proto compiler nor its parser (a minute on two cores).

use std::path::Path;

use anyhow::Context as _;

/// A new package is a line here and a module in `proto/src/lib.rs`.
const FILES: &[&str] = &[
    "siegel/events/v1/events.proto",
    "siegel/keydirectory/v1/key_directory.proto",
    "siegel/upload/v1/upload.proto",
    "siegel/retention/v1/retention.proto",
    "siegel/operator/v1/operator.proto",
    "siegel/log/v1/log.proto",
];

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("proto/gen lies in proto")?;
    // An argument names another place, so that the check can compare without writing into the tree.
    let out = std::env::args_os().nth(1).map_or_else(|| root.join("src/generated"), Into::into);
    std::fs::create_dir_all(&out).with_context(|| format!("create {}", out.display()))?;
    let descriptors = protox::compile(FILES, [root]).context("compile the .proto files")?;
    tonic_prost_build::configure()
        .build_transport(false)
        .out_dir(&out)
        .compile_fds(descriptors)
        .context("generate Rust from the descriptors")?;
    Ok(())
}
