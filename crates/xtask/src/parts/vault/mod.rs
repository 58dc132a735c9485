//! OpenBao on three voters: started, initialised once, unsealed after every start, and set up for the services.
//!
//! The unseal keys and the root token lie in the site's secrets. That is right for parts on one machine, which hold
//! nothing worth sealing; docs/operations.md says who keeps them in production.

mod set_up;

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::addresses::{A, B, C, FRONT, PLACES, Place, VAULT, VAULT_CLUSTER, VAULT_FRONT, at};
use super::cache::{Source, Tool};
use super::http::Call;
use super::site::{Site, write_private};
use super::wait::Patience;
use super::{Part, haproxy, http, nothing_left, render, tls};
use crate::needs::Need;

const TOOL: Tool = Tool { name: "openbao", version: "2.7.2", pinned: "infra/openbao", source: Source::Python };

pub(super) use set_up::roles;

pub(super) const PART: Part = Part {
    name: "vault",
    tools: &[TOOL],
    needs: &[Need::SystemPython, Need::Openssl],
    processes: &["vault-a", "vault-b", "vault-c"],
    start,
    look,
    after: nothing_left,
};

/// Of this many unseal keys …
const SHARES: usize = 3;
/// … this many open it.
const THRESHOLD: usize = 2;
const PATIENCE: Patience = Patience::seconds(60);

fn start(site: &Site) -> Result<String> {
    for place in PLACES {
        start_node(site, place)?;
    }
    for place in PLACES {
        let node = Node { site, place };
        node.wait("to listen", || node.seal_status().ok())?;
    }
    initialise(&Node { site, place: A })?;
    for place in PLACES {
        Node { site, place }.unseal()?;
    }
    let leader = Node { site, place: A }.wait("for a leader", || leader(site))?;
    let leader = Node { site, place: leader };
    set_up::engines_and_roles(&leader).context("set OpenBao up")?;
    leader.wait("for three voters", || (leader.voters().ok()? == PLACES.len()).then_some(()))?;
    let name = at("vault", leader.place);
    let front = || haproxy::leads_to(site, "vault").ok().filter(|servers| *servers == [name.clone()]);
    site.process("haproxy").wait("haproxy, waiting for OpenBao's leader", PATIENCE, front)?;
    Ok(format!("3 voters, leader {name}, by {FRONT}:{VAULT_FRONT}"))
}

fn start_node(site: &Site, place: Place) -> Result<()> {
    let name = at("vault", place);
    let pair = tls::pair(site, &name, place.host)?;
    let data = site.room(&format!("{name}/data"))?;
    let config = render::template(
        "infra/openbao/node.hcl",
        &[
            ("data", &data.to_string_lossy()),
            ("name", &name),
            ("host", place.host),
            ("host_a", A.host),
            ("host_b", B.host),
            ("host_c", C.host),
            ("port", &VAULT.to_string()),
            ("cluster_port", &VAULT_CLUSTER.to_string()),
            ("ca", &site.ca().to_string_lossy()),
            ("cert", &pair.cert.to_string_lossy()),
            ("key", &pair.key.to_string_lossy()),
        ],
    )?;
    let file = site.path(&format!("{name}/node.hcl"));
    write_private(&file, config.as_bytes())?;
    let mut command = Command::new(TOOL.home()?.join("bin/bao"));
    command.arg("server").arg("-config").arg(&file).env_clear().env("HOME", site.directory());
    site.process(&name).start(&mut command, &[(place.host, VAULT), (place.host, VAULT_CLUSTER)])
}

/// Once in its life: draws the keys.
fn initialise(node: &Node<'_>) -> Result<()> {
    if node.seal_status()?["initialized"] == json!(true) {
        return Ok(());
    }
    if node.site.known_secret("vault.root").is_some() {
        bail!("OpenBao's data is gone and its keys are here: cargo xtask down --wipe, then up");
    }
    let asked = json!({ "secret_shares": SHARES, "secret_threshold": THRESHOLD });
    let made = node.call("PUT", "sys/init", Some(asked)).expect()?;
    let keys = made["keys_base64"].as_array().context("OpenBao gave no unseal keys")?;
    for (number, key) in keys.iter().enumerate() {
        node.site.keep_secret(&format!("vault.unseal.{number}"), key.as_str().unwrap_or_default())?;
    }
    node.site.keep_secret("vault.root", made["root_token"].as_str().context("OpenBao gave no root token")?)
}

fn look(site: &Site, name: &str) -> Result<String> {
    let place = PLACES.into_iter().find(|place| at("vault", *place) == name).context("a place of the list")?;
    let node = Node { site, place };
    let seal = node.seal_status()?;
    let state = match (seal["initialized"].as_bool(), seal["sealed"].as_bool()) {
        (Some(false), _) => bail!("not initialised: cargo xtask up"),
        (_, Some(true)) => bail!("sealed: cargo xtask up"),
        _ if node.leads() => format!("leader, {} voters", node.voters()?),
        _ => "standby".into(),
    };
    Ok(format!("{}  {state}", node.address()))
}

/// Who answers as the active node.
fn leader(site: &Site) -> Option<Place> {
    PLACES.into_iter().find(|place| Node { site, place: *place }.leads())
}

struct Node<'a> {
    site: &'a Site,
    place: Place,
}

impl Node<'_> {
    fn address(&self) -> String {
        format!("https://{}:{VAULT}", self.place.host)
    }

    /// A call as root, once there is a root.
    fn call(&self, method: &'static str, path: &str, body: Option<Value>) -> Call {
        let token = self.site.known_secret("vault.root").map(|token| format!("X-Vault-Token: {token}"));
        Call {
            ca: Some(self.site.ca()),
            method,
            url: format!("{}/v1/{path}", self.address()),
            headers: token.into_iter().collect(),
            body,
        }
    }

    fn seal_status(&self) -> Result<Value> {
        http::get(format!("{}/v1/sys/seal-status", self.address()), self.site.ca()).expect()
    }

    fn leads(&self) -> bool {
        let health = http::get(format!("{}/v1/sys/health", self.address()), self.site.ca()).ask();
        health.is_ok_and(|health| health.status == 200)
    }

    /// Gives keys until it opens. One that has yet to find the others takes them only then.
    fn unseal(&self) -> Result<()> {
        self.wait("to unseal", || {
            if self.seal_status().ok()?["sealed"] == json!(false) {
                return Some(());
            }
            for number in 0..THRESHOLD {
                let key = self.site.known_secret(&format!("vault.unseal.{number}"))?;
                self.call("PUT", "sys/unseal", Some(json!({ "key": key }))).expect().ok()?;
            }
            None
        })
    }

    fn voters(&self) -> Result<usize> {
        let raft = self.call("GET", "sys/storage/raft/configuration", None).expect()?;
        let servers = raft["data"]["config"]["servers"].as_array().context("no list of raft servers")?;
        Ok(servers.iter().filter(|server| server["voter"] == json!(true)).count())
    }

    fn wait<T>(&self, what: &str, ready: impl FnMut() -> Option<T>) -> Result<T> {
        let name = at("vault", self.place);
        self.site.process(&name).wait(&format!("{name}, waiting {what}"), PATIENCE, ready)
    }
}
