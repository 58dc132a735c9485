//! What the server says at start: where it is, what lies where, what to try next.

use std::io::Write;

use crate::Platform;
use crate::config::ServerConfig;

/// For the person who started it.
pub fn print(out: &mut impl Write, config: &ServerConfig, platform: &Platform) -> std::io::Result<()> {
    let url = &platform.ctx().public_url;
    let state = config.state_dir.display();
    writeln!(out, "siegel-server {} answers at {url}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out)?;
    writeln!(out, "  API, to browse     {url}/docs")?;
    writeln!(out, "  API, to generate   {url}/openapi.json")?;
    writeln!(out, "  health, metrics    {url}/health/ready   {url}/metrics")?;
    writeln!(out, "  everything lies in {state}")?;
    if let Some(ca) = platform.ca_file() {
        writeln!(out, "  its certificate    curl --cacert {} {url}/v1/info", ca.display())?;
    }
    if config.key_file.is_none() {
        writeln!(out)?;
        writeln!(out, "  The key that seals the secrets lies beside them, in {}.", config.key_file().display())?;
        writeln!(out, "  Fine for trying out; in production keep it elsewhere: --key-file FILE")?;
    }
    writeln!(out)?;
    if platform.ctx().tenants.list().is_empty() {
        writeln!(out, "What to try next, in another terminal:")?;
        writeln!(out, "  siegel-admin --state {state} dealer add     a one-time code for the first dealer")?;
        writeln!(
            out,
            "  siegel enrol CODE                  and the dealer creates the first centre: siegel tenant create --help"
        )?;
    } else {
        writeln!(
            out,
            "{} tenants. Stop with ctrl-c: running requests are finished first.",
            platform.ctx().tenants.list().len()
        )?;
    }
    out.flush()
}
