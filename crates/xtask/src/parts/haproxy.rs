//! haproxy: one address for the PostgreSQL primary, wherever it is, and one for OpenBao.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::addresses::{A, B, FRONT, PATRONI, POSTGRES_FRONT, VAULT_FRONT, proxied};
use super::site::{Site, write_private};
use super::wait::Patience;
use super::{Part, nothing_left, render};
use crate::needs::Need;

pub(super) const PART: Part = Part {
    name: "haproxy",
    tools: &[],
    needs: &[Need::Haproxy, Need::Openssl],
    processes: &["haproxy"],
    start,
    look,
    after: nothing_left,
};

fn start(site: &Site) -> Result<String> {
    let config = render::template(
        "infra/haproxy/haproxy.cfg",
        &[
            ("socket", &site.path("run/haproxy.sock").to_string_lossy()),
            ("ca", &site.ca().to_string_lossy()),
            ("postgres_front", &format!("{FRONT}:{POSTGRES_FRONT}")),
            ("vault_front", &format!("{FRONT}:{VAULT_FRONT}")),
            ("host_a", A.host),
            ("host_b", B.host),
            ("patroni", &PATRONI.to_string()),
            ("pg_a", &proxied("pg-a")),
            ("pg_b", &proxied("pg-b")),
            ("vault_a", &proxied("vault-a")),
            ("vault_b", &proxied("vault-b")),
            ("vault_c", &proxied("vault-c")),
        ],
    )?;
    let file = site.path("haproxy.cfg");
    write_private(&file, config.as_bytes())?;
    let process = site.process("haproxy");
    // Debian keeps it out of the path of those who aren't root.
    let mut command = Command::new("/usr/sbin/haproxy");
    let ports = [(FRONT, POSTGRES_FRONT), (FRONT, VAULT_FRONT)];
    process.start(command.args(["-db", "-f"]).arg(&file).env_clear(), &ports)?;
    process.wait("haproxy", Patience::seconds(15), || {
        TcpStream::connect((FRONT, POSTGRES_FRONT)).ok().and_then(|_| leads_to(site, "postgres").ok())
    })?;
    Ok(format!("PostgreSQL on {FRONT}:{POSTGRES_FRONT}, OpenBao on {FRONT}:{VAULT_FRONT}"))
}

fn look(site: &Site, _: &str) -> Result<String> {
    let lead = |backend| -> Result<String> {
        let servers = leads_to(site, backend)?;
        Ok(if servers.is_empty() { "nowhere".into() } else { servers.join(" ") })
    };
    Ok(format!("PostgreSQL leads to {}, OpenBao to {}", lead("postgres")?, lead("vault")?))
}

/// The servers that a front leads to now.
pub(super) fn leads_to(site: &Site, backend: &str) -> Result<Vec<String>> {
    let mut socket = UnixStream::connect(site.path("run/haproxy.sock")).context("ask haproxy")?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.write_all(b"show stat\n")?;
    let mut table = String::new();
    socket.read_to_string(&mut table)?;
    Ok(standing(&table, backend))
}

/// Of haproxy's table of comma separated values: the servers of a backend that are up.
fn standing(table: &str, backend: &str) -> Vec<String> {
    let up = |row: &str| {
        let mut fields = row.split(',');
        let (of, server) = (fields.next()?, fields.next()?);
        let stands = fields.nth(15)?.starts_with("UP");
        (of == backend && stands && server != "BACKEND").then(|| server.to_owned())
    };
    table.lines().filter_map(up).collect()
}

#[cfg(test)]
mod tests {
    use super::standing;

    #[test]
    fn the_table_says_who_stands() {
        let row = |server: &str, state: &str| format!("postgres,{server},0,0,0,0,,0,0,0,,0,,0,0,0,0,{state},1,1\n");
        let table =
            format!("# pxname,svname\n{}{}{}", row("pg-a", "DOWN"), row("pg-b", "UP 1/2"), row("BACKEND", "UP"),);
        assert_eq!(standing(&table, "postgres"), ["pg-b"]);
        assert!(standing(&table, "vault").is_empty());
    }
}
