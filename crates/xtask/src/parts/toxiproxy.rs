//! toxiproxy: between clients and every part, so that tests can cut, delay and swallow what travels.

use std::process::Command;

use anyhow::{Result, bail};
use serde_json::json;

use super::addresses::{FRONT, PROXIES, TOXIPROXY, proxied};
use super::cache::{Source, Tool};
use super::http::Call;
use super::site::{Site, write_private};
use super::wait::Patience;
use super::{Part, nothing_left};
use crate::needs::Need;

const TOOL: Tool = Tool {
    name: "toxiproxy",
    version: "2.5.0",
    pinned: "infra/toxiproxy",
    source: Source::Go { package: "github.com/Shopify/toxiproxy/v2/cmd/server" },
};

pub(super) const PART: Part = Part {
    name: "toxiproxy",
    tools: &[TOOL],
    needs: &[Need::Go, Need::Openssl],
    processes: &["toxiproxy"],
    start,
    look,
    after: nothing_left,
};

fn start(site: &Site) -> Result<String> {
    let listed = PROXIES.iter().map(|proxy| {
        let upstream = format!("{}:{}", proxy.to.0.host, proxy.to.1);
        json!({ "name": proxy.name, "listen": proxied(proxy.name), "upstream": upstream, "enabled": true })
    });
    let config = site.path("toxiproxy.json");
    write_private(&config, &serde_json::to_vec_pretty(&listed.collect::<Vec<_>>())?)?;
    let process = site.process("toxiproxy");
    let mut command = Command::new(TOOL.home()?.join(TOOL.name));
    command.args(["-host", FRONT, "-port", &TOXIPROXY.to_string(), "-config"]).arg(&config).env_clear();
    process.start(&mut command, &[(FRONT, TOXIPROXY)])?;
    // What a test that failed has left cut or slow is healed: whoever starts the parts wants them whole.
    let whole = || heal().and_then(|()| listening()).ok().filter(|count| *count == PROXIES.len());
    process.wait("toxiproxy", Patience::seconds(15), whole)?;
    Ok(format!("{} proxies, API on {}", PROXIES.len(), api()))
}

fn look(_: &Site, _: &str) -> Result<String> {
    let open = listening()?;
    if open < PROXIES.len() {
        bail!(
            "{} of {} proxies are cut: a test may be running; cargo xtask up heals them",
            PROXIES.len() - open,
            PROXIES.len()
        );
    }
    Ok(format!("{open} proxies, API on {}", api()))
}

/// Takes all faults back.
fn heal() -> Result<()> {
    Call { method: "POST", url: format!("{}/reset", api()), ..Call::default() }.expect().map(drop)
}

/// Proxies that let something through.
fn listening() -> Result<usize> {
    let proxies = Call { method: "GET", url: format!("{}/proxies", api()), ..Call::default() }.expect()?;
    let enabled = |proxy: &serde_json::Value| proxy["enabled"].as_bool() == Some(true);
    Ok(proxies.as_object().map_or(0, |all| all.values().filter(|proxy| enabled(proxy)).count()))
}

/// Where tests ask for faults.
pub(super) fn api() -> String {
    format!("http://{FRONT}:{TOXIPROXY}")
}
