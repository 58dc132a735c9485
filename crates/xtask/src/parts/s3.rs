//! Two S3 stores, one for each zone: versitygw over a directory.

use std::process::Command;

use anyhow::{Context, Result};

use super::addresses::{Place, S3, ZONES, at};
use super::cache::{Source, Tool};
use super::site::Site;
use super::wait::Patience;
use super::{Part, http, nothing_left, render, tls};
use crate::needs::Need;

const TOOL: Tool = Tool {
    name: "versitygw",
    version: "1.8.0",
    pinned: "infra/s3",
    source: Source::Go { package: "github.com/versity/versitygw/cmd/versitygw" },
};

pub(super) const PART: Part = Part {
    name: "s3",
    tools: &[TOOL],
    needs: &[Need::Go, Need::Openssl],
    processes: &["s3-a", "s3-b"],
    start,
    look,
    after: nothing_left,
};

/// What requests are signed for; the same for both, since neither is a real region.
pub(super) const REGION: &str = "eu-central-1";

fn start(site: &Site) -> Result<String> {
    for zone in ZONES {
        start_zone(site, zone)?;
    }
    for zone in ZONES {
        let process = site.process(&at("s3", zone));
        process.wait(&format!("zone {}", zone.letter), Patience::seconds(20), || healthy(site, zone).ok())?;
    }
    Ok(ZONES.map(address).join(", "))
}

fn start_zone(site: &Site, zone: Place) -> Result<()> {
    let name = at("s3", zone);
    let pair = tls::pair(site, &name, zone.host)?;
    let room = |below: &str| -> Result<String> {
        let path = site.room(&format!("{name}/{below}"))?;
        path.into_os_string().into_string().ok().context("the parts directory has a name that is not text")
    };
    let objects = room("objects")?;
    let listen = format!("{}:{S3}", zone.host);
    let config = render::template(
        "infra/s3/zone.env",
        &[
            ("access", &admin(zone)),
            ("secret", &site.secret(&format!("{name}.admin"))?),
            ("region", REGION),
            ("listen", &listen),
            ("cert", &pair.cert.to_string_lossy()),
            ("key", &pair.key.to_string_lossy()),
            ("iam", &room("iam")?),
            ("versions", &room("versions")?),
        ],
    )?;
    let mut command = Command::new(TOOL.home()?.join(TOOL.name));
    // Absolute: a relative one is looked for below the other.
    command.args(["posix", &objects]).env_clear().envs(render::variables(&config)?);
    site.process(&name).start(&mut command, &[(zone.host, S3)])
}

fn look(site: &Site, name: &str) -> Result<String> {
    let zone = ZONES.into_iter().find(|zone| at("s3", *zone) == name).context("a zone of the list")?;
    healthy(site, zone)?;
    Ok(address(zone))
}

fn healthy(site: &Site, zone: Place) -> Result<()> {
    http::get(format!("{}/health", address(zone)), site.ca()).expect().map(drop)
}

fn address(zone: Place) -> String {
    format!("https://{}:{S3}", zone.host)
}

/// The account that makes users and buckets.
pub(super) fn admin(zone: Place) -> String {
    format!("siegel-{}", zone.letter)
}
