//! `siegel-server` as a process of its own, for tests that kill it. The same lines as the real program's main.

fn main() -> anyhow::Result<()> {
    siegel_server::run_program()
}
