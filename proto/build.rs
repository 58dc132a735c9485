//! Compiles the protos without protoc, so that a bare machine builds them.

use std::path::Path;

const FILES: &[&str] = &[
    "siegel/events/v1/events.proto",
    "siegel/keydirectory/v1/key_directory.proto",
    "siegel/upload/v1/upload.proto",
    "siegel/retention/v1/retention.proto",
    "siegel/operator/v1/operator.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in FILES {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(FILES, [root])?;
    tonic_prost_build::configure().build_transport(false).compile_fds(descriptors)?;
    Ok(())
}
