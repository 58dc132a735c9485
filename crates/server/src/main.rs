//! `siegel-server`: the platform in one process.

fn main() -> anyhow::Result<()> {
    siegel_server::run_program()
}
