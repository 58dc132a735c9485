//! etcd in three places: where PostgreSQL's supervisors elect.

use std::process::Command;

use anyhow::{Context, Result, bail};

use super::addresses::{ETCD, ETCD_PEER, PLACES, Place, at};
use super::site::Site;
use super::wait::Patience;
use super::{Part, nothing_left, render, tls};
use crate::needs::Need;

pub(super) const PART: Part = Part {
    name: "etcd",
    tools: &[],
    needs: &[Need::Etcd, Need::Openssl],
    processes: &["etcd-a", "etcd-b", "etcd-c"],
    start,
    look,
    after: nothing_left,
};

fn start(site: &Site) -> Result<String> {
    for place in PLACES {
        start_member(site, place)?;
    }
    for place in PLACES {
        let name = at("etcd", place);
        site.process(&name).wait(&name, Patience::seconds(30), || healthy(site, place).ok())?;
    }
    Ok(PLACES.map(address).join(", "))
}

fn start_member(site: &Site, place: Place) -> Result<()> {
    let name = at("etcd", place);
    let pair = tls::pair(site, &name, place.host)?;
    let peer = |place: Place| format!("{}=https://{}:{ETCD_PEER}", at("etcd", place), place.host);
    let config = render::template(
        "infra/postgres/etcd.env",
        &[
            ("name", &name),
            ("data", &site.room(&name)?.to_string_lossy()),
            ("host", place.host),
            ("port", &ETCD.to_string()),
            ("peer_port", &ETCD_PEER.to_string()),
            ("cluster", &PLACES.map(peer).join(",")),
            ("cert", &pair.cert.to_string_lossy()),
            ("key", &pair.key.to_string_lossy()),
            ("ca", &site.ca().to_string_lossy()),
        ],
    )?;
    let mut command = Command::new("etcd");
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).envs(render::variables(&config)?);
    site.process(&name).start(&mut command, &[(place.host, ETCD), (place.host, ETCD_PEER)])
}

fn look(site: &Site, name: &str) -> Result<String> {
    let place = PLACES.into_iter().find(|place| at("etcd", *place) == name).context("a place of the list")?;
    healthy(site, place).with_context(|| format!("{} has no majority, or does not answer", address(place)))?;
    Ok(address(place))
}

/// It answers, and knows a leader.
fn healthy(site: &Site, place: Place) -> Result<()> {
    let pair = tls::pair(site, &at("etcd", place), place.host)?;
    let mut etcdctl = Command::new("etcdctl");
    etcdctl.env("ETCDCTL_API", "3").args(["--command-timeout=3s", "--endpoints", &address(place)]);
    etcdctl.arg("--cacert").arg(site.ca()).arg("--cert").arg(pair.cert).arg("--key").arg(pair.key);
    let output = etcdctl.args(["endpoint", "health"]).output().context("run etcdctl")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn address(place: Place) -> String {
    format!("https://{}:{ETCD}", place.host)
}
