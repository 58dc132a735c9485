//! PostgreSQL in two zones under Patroni: one is primary, the other has every commit before it is acknowledged.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::addresses::{ETCD, FRONT, PATRONI, PLACES, POSTGRES, POSTGRES_FRONT, Place, ZONES, at};
use super::cache::{Source, Tool};
use super::identity::Identity;
use super::site::{Site, directory_of, file_of, postgres_user};
use super::wait::Patience;
use super::{Part, haproxy, http, identity, render, tls};
use crate::needs::{Need, POSTGRES_BIN};

const TOOL: Tool = Tool { name: "patroni", version: "4.1.5", pinned: "infra/postgres", source: Source::Python };

pub(super) const PART: Part = Part {
    name: "postgres",
    tools: &[TOOL],
    needs: &[Need::Postgres, Need::SystemPython, Need::Openssl],
    processes: &["postgres-a", "postgres-b"],
    start,
    look,
    after: end_orphans,
};

/// A zone that comes back may have to be rewound, and the first start makes and copies a database.
const PATIENCE: Patience = Patience::seconds(240);

fn start(site: &Site) -> Result<String> {
    for zone in ZONES {
        start_zone(site, zone)?;
    }
    for zone in ZONES {
        let role = || ["primary", "sync"].into_iter().find(|role| is(site, zone, role));
        site.process(&at("postgres", zone)).wait(&at("PostgreSQL, waiting for zone", zone), PATIENCE, role)?;
    }
    // One that comes back may find the other about to take over: what counts is both at the same time, set up through the
    // front.
    let ready = || settled(site).filter(|_| set_up(site).is_ok());
    let came = site.process(&at("postgres", ZONES[0])).wait("PostgreSQL, waiting for a primary", PATIENCE, ready);
    let primary = came.or_else(|slow| {
        set_up(site).context("set PostgreSQL up")?;
        Err(slow)
    })?;
    Ok(format!("primary {primary}, the other in sync, by {FRONT}:{POSTGRES_FRONT}"))
}

/// The primary, if the other zone is in sync with it and the front leads to it alone.
fn settled(site: &Site) -> Option<String> {
    let [one, other] = ZONES;
    let pairs = [(one, other), (other, one)];
    let (primary, _) = pairs.into_iter().find(|(p, s)| is(site, *p, "primary") && is(site, *s, "sync"))?;
    let name = at("pg", primary);
    haproxy::leads_to(site, "postgres").is_ok_and(|servers| servers == [name.clone()]).then_some(name)
}

fn start_zone(site: &Site, zone: Place) -> Result<()> {
    let name = at("postgres", zone);
    let owner = postgres_user()?;
    let directory = room(site, zone)?;
    for directory in [&directory, &directory.join("tls")] {
        directory_of(directory, owner)?;
    }
    tls::hand_over(site, &tls::pair(site, &name, zone.host)?, &directory.join("tls"), owner)?;
    let config = render::template(
        "infra/postgres/patroni.yml",
        &[
            ("name", &at("pg", zone)),
            ("host", zone.host),
            ("patroni_port", &PATRONI.to_string()),
            ("postgres_port", &POSTGRES.to_string()),
            ("etcd", &PLACES.map(|place| format!("{}:{ETCD}", place.host)).join(", ")),
            ("bin", POSTGRES_BIN),
            ("directory", &directory.to_string_lossy()),
            ("data", &directory.join("data").to_string_lossy()),
            ("tls", &directory.join("tls").to_string_lossy()),
            ("superuser", &site.secret("postgres.superuser")?),
            ("replicator", &site.secret("postgres.replicator")?),
            ("rewinder", &site.secret("postgres.rewinder")?),
        ],
    )?;
    let file = directory.join("patroni.yml");
    file_of(&file, config.as_bytes(), owner)?;
    let mut command = Command::new(TOOL.home()?.join("bin/patroni"));
    // Nothing of ours: an inherited PGPASSWORD would beat Patroni's own, and the standby would never be in sync.
    command.arg(&file).env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("HOME", &directory);
    command.current_dir(&directory);
    if let Some((user, group)) = owner {
        std::os::unix::process::CommandExt::gid(&mut command, group);
        std::os::unix::process::CommandExt::uid(&mut command, user);
    }
    let ports = [(zone.host, PATRONI), (zone.host, POSTGRES)];
    // A server that outlived its supervisor is taken over by the new one.
    let ports = if server(site, zone).is_some() { &ports[..1] } else { &ports[..] };
    site.process(&name).start(&mut command, ports)
}

/// The role that makes databases. By the front, as whoever uses it will come.
fn set_up(site: &Site) -> Result<()> {
    let script = render::template("infra/postgres/admin.sql", &[("password", &site.secret("postgres.siegel_admin")?)])?;
    let file = site.path("admin.sql");
    super::site::write_private(&file, script.as_bytes())?;
    let address = format!("host={FRONT} port={POSTGRES_FRONT} user=postgres dbname=postgres sslmode=verify-full");
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file"]).arg(&file);
    psql.arg(format!("{address} sslrootcert={}", site.ca().display()));
    let output = psql.env("PGPASSWORD", site.secret("postgres.superuser")?).output().context("run psql")?;
    if !output.status.success() {
        bail!("psql: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn look(site: &Site, name: &str) -> Result<String> {
    let zone = ZONES.into_iter().find(|zone| at("postgres", *zone) == name).context("a zone of the list")?;
    let role = ["primary", "sync"].into_iter().find(|role| is(site, zone, role));
    let address = format!("{}:{POSTGRES}", zone.host);
    let memory = server(site, zone).map_or(0, identity::megabytes);
    match role {
        Some("primary") => Ok(format!("{address}  primary, {memory} MB beside")),
        Some(_) => Ok(format!("{address}  standby, in sync, {memory} MB beside")),
        None => bail!("{address} is neither primary nor a standby in sync"),
    }
}

/// Whether Patroni says that a zone is `primary` or `sync`.
fn is(site: &Site, zone: Place, role: &str) -> bool {
    let asked = http::get(format!("https://{}:{PATRONI}/{role}", zone.host), site.ca());
    asked.ask().is_ok_and(|answer| answer.status == 200)
}

fn room(site: &Site, zone: Place) -> Result<PathBuf> {
    let directory = site.postgres();
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    Ok(directory.join(zone.letter))
}

/// Ends servers whose supervisor was killed: they are not its process any more, and go on.
fn end_orphans(site: &Site) -> Result<()> {
    for zone in ZONES {
        if let Some(pid) = server(site, zone) {
            let server = Identity::of(pid).map_or(Ok(false), |server| server.end());
            server.with_context(|| format!("end PostgreSQL of zone {}", zone.letter))?;
        }
    }
    Ok(())
}

/// The server of a zone, known by the directory it works in, which is ours.
fn server(site: &Site, zone: Place) -> Option<u32> {
    let data = site.postgres().join(zone.letter).join("data");
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = text.lines().next()?.trim().parse().ok()?;
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|works_in| works_in == data).then_some(pid)
}
