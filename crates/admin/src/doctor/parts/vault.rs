//! OpenBao or Vault: each node, each AppRole, and the tenants' keys.

use siegel_platform::clock::SystemClock;
use siegel_platform::inspect::Failure;
use siegel_platform::inspect::postgres;
use siegel_platform::inspect::vault::{Asker, Given, State};
use siegel_platform::parts::{DEFAULT_INSTALLATION, Parts};

use super::super::{Finding, Health};
use super::{Told, count, failed};

const CHECK: &str = "openbao";
const KEYS: &str = "tenant-keys";
const AWAY: &str =
    "start it. Keys that are open go on for five minutes, then requests get 503: infra/runbooks/openbao-sealed.md";
/// A token that is shorter lived is renewed all the time.
const SHORT_S: i64 = 300;

/// Looks at all of it.
pub(super) async fn check(parts: &Parts, most: usize, clock: &SystemClock, told: &mut Vec<Told>) -> Vec<Finding> {
    let asker = match Asker::new(&addresses(parts), &parts.ca_file) {
        Ok(asker) => asker,
        Err(failure) => return vec![failed(CHECK, "ca_file", &failure, AWAY, AWAY)],
    };
    let mut found = nodes(&asker, clock, told).await;
    if !found.iter().any(|line| line.health == Health::Ok) {
        return found; // nobody to sign in to
    }
    let (mut well, mut operator) = (0, None);
    let operators = parts.vault.role("operator");
    let services = parts.vault.services.iter().filter(|(name, _)| *name != "operator");
    let services = services.map(|(name, role)| (name.as_str(), role));
    for (name, role) in services.chain(operators.iter().map(|role| ("operator", role))) {
        match asker.sign_in(role).await {
            Err(failure) => {
                let next = format!(
                    "write a new secret id into the parts file, it is read at the next sign-in: bao write -f \
                     auth/approle/role/{name}/secret-id"
                );
                found.push(failed(CHECK, &format!("the AppRole of {name}"), &failure, AWAY, &next));
            }
            Ok(given) => {
                let lines = judge(&asker, name, &given, &folder(parts)).await;
                well += usize::from(lines.is_empty());
                found.extend(lines);
                match name {
                    "operator" => operator = Some(given),
                    _ => asker.sign_out(given).await,
                }
            }
        }
    }
    if well > 0 {
        found.push(Finding::ok(CHECK, format!("{} signed in, and their policies fit", count(well, "AppRole"))));
    }
    if let Some(given) = operator {
        found.push(tenant_keys(&asker, &given, parts, most).await);
        asker.sign_out(given).await;
    }
    found
}

/// Its clocks alone.
pub(super) async fn ask_clocks(parts: &Parts, clock: &SystemClock, told: &mut Vec<Told>) {
    if let Ok(asker) = Asker::new(&addresses(parts), &parts.ca_file) {
        nodes(&asker, clock, told).await;
    }
}

fn addresses(parts: &Parts) -> Vec<String> {
    match parts.vault.nodes.is_empty() {
        true => vec![parts.vault.address.clone()],
        false => parts.vault.nodes.clone(),
    }
}

/// What stands in front of the names of secrets.
fn folder(parts: &Parts) -> String {
    match parts.postgres.installation.as_str() {
        DEFAULT_INSTALLATION => String::new(),
        other => format!("{other}/"),
    }
}

async fn nodes(asker: &Asker, clock: &SystemClock, told: &mut Vec<Told>) -> Vec<Finding> {
    let answers = futures::future::join_all(asker.nodes().iter().map(|node| asker.node(node, clock))).await;
    let (mut found, mut open, mut leads) = (Vec::new(), Vec::new(), false);
    for (node, answer) in asker.nodes().iter().zip(answers) {
        match answer {
            Err(failure) => found.push(failed(CHECK, node, &failure, AWAY, AWAY)),
            Ok(said) => {
                told.extend(said.skew.map(|skew| Told { who: node.clone(), skew }));
                match said.state {
                    State::Leads | State::Follows => {
                        leads |= said.state == State::Leads;
                        open.push(said.version);
                    }
                    State::Sealed => {
                        let next = "unseal it, nothing has to be restarted: bao operator unseal; infra/runbooks/openbao-sealed.md";
                        found.push(Finding::fail(CHECK, format!("{node} is sealed"), next));
                    }
                    State::New => {
                        let next =
                            "bao operator init, once in its life; for a new node of a cluster: bao operator raft join";
                        found.push(Finding::fail(CHECK, format!("{node} was never made ready"), next));
                    }
                }
            }
        }
    }
    let all = asker.nodes().len();
    if let Some(version) = open.first() {
        let seen = format!("{} of {} open, version {version}", open.len(), count(all, "node"));
        found.insert(0, if leads {
            Finding::ok(CHECK, seen)
        } else {
            let next = "more than half of its voters have to be open and to reach each other: bao operator raft list-peers";
            Finding::fail(CHECK, format!("{seen}, and none of them leads: keys can be read, and none can be made"), next)
        });
    }
    found
}

/// What is not right about a role.
async fn judge(asker: &Asker, name: &str, given: &Given, folder: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    if given.ttl_s < SHORT_S || !given.renewable {
        let seen = format!(
            "the token of {name} is good for {} seconds, and can{} be renewed",
            given.ttl_s,
            if given.renewable { "" } else { "not" }
        );
        found.push(Finding::warn(CHECK, seen, "token_ttl=1h token_max_ttl=24h on its AppRole"));
    }
    let next = "compare its policies with infra/openbao/policies, and which AppRole has which (docs/openbao.md)";
    match asker.lacks(given, &wanted(name, folder)).await {
        Ok(lacking) if lacking.is_empty() => {}
        Ok(lacking) => {
            found.push(Finding::fail(CHECK, format!("the AppRole of {name} may not {}", lacking.join(", nor ")), next));
        }
        Err(failure) => found.push(failed(CHECK, &format!("what the AppRole of {name} may"), &failure, AWAY, next)),
    }
    let unwanted = unwanted(name, folder);
    if let Ok(lacking) = asker.lacks(given, &unwanted).await
        && lacking.len() < unwanted.len()
    {
        let excess: Vec<_> = unwanted.iter().map(|(path, what)| format!("{what} {path}")).collect();
        let excess: Vec<_> = excess.into_iter().filter(|one| !lacking.contains(one)).collect();
        let seen = format!("the AppRole of {name} may {}, which is not its own", excess.join(" and "));
        found.push(Finding::warn(CHECK, seen, next));
    }
    found
}

/// What a role must not be able to do: whoever takes its program over could pass for others.
fn unwanted(name: &str, folder: &str) -> Vec<(String, &'static str)> {
    let tenant = "tnt_00000000000000000000000000";
    match name {
        "server" => Vec::new(),
        "operator" => vec![(format!("tenant-keys/decrypt/{tenant}"), "update")],
        service => {
            let other = if service == "retention" { "upload" } else { "retention" };
            vec![
                (format!("siegel/data/{folder}tls/ca"), "read"),
                (format!("siegel/data/{folder}tls/inside/{other}"), "read"),
                (format!("siegel/data/{folder}postgres/{other}"), "read"),
                (format!("siegel/data/{folder}kafka/{other}"), "read"),
                (format!("tenant-keys/keys/{tenant}"), "update"),
            ]
        }
    }
}

/// What a role needs, as examples: a path of each rule of `infra/openbao/policies`.
fn wanted(name: &str, folder: &str) -> Vec<(String, &'static str)> {
    let tenant = "tnt_00000000000000000000000000";
    let mut wanted = vec![(format!("siegel/data/{folder}zones/buckets"), "read")];
    wanted.push((format!("siegel/data/{folder}postgres/provider"), "read"));
    match name {
        "server" => wanted.push((format!("siegel/data/{folder}kafka/upload"), "create")),
        service => {
            wanted.push((format!("siegel/data/{folder}tls/inside/{service}"), "read"));
            wanted.push((format!("siegel/data/{folder}kafka/{service}"), "read"));
        }
    }
    if matches!(name, "key-directory" | "upload" | "server") {
        wanted.push((format!("tenant-keys/decrypt/{tenant}"), "update"));
        wanted.push((format!("siegel/data/{folder}tenant/{tenant}/data-key"), "read"));
    }
    if matches!(name, "operator" | "server") {
        wanted.push((format!("tenant-keys/keys/{tenant}"), "create"));
        wanted.push((format!("tenant-keys/keys/{tenant}"), "read"));
        wanted.push((format!("tenant-keys/datakey/wrapped/{tenant}"), "update"));
        wanted.push((format!("siegel/data/{folder}tenant/{tenant}/data-key"), "create"));
        wanted.push((format!("siegel/data/{folder}tls/ca"), "create"));
        wanted.push((format!("siegel/data/{folder}postgres/keys"), "create"));
    }
    wanted
}

/// Whether each tenant that is ready has its key.
async fn tenant_keys(asker: &Asker, given: &Given, parts: &Parts, most: usize) -> Finding {
    let tenants = match postgres::tenants(&parts.postgres, &parts.ca_file).await {
        Ok(tenants) => tenants,
        Err(_) => {
            let next = "mend PostgreSQL first";
            return Finding::warn(KEYS, "not looked at: PostgreSQL did not say which tenants there are", next);
        }
    };
    let (mut lost, mut looked, mut two) = (Vec::new(), 0, 0);
    for tenant in tenants.iter().take(most) {
        looked += 1;
        match asker.tenant_key(given, tenant).await {
            Ok(Some(key)) => two += usize::from(key.oldest < key.latest),
            Ok(None) => lost.push(tenant),
            Err(failure) => return key_unread(&failure),
        }
    }
    match lost.first() {
        Some(first) => Finding::fail(
            KEYS,
            format!(
                "{} no key in transit, the first is {first}",
                if lost.len() == 1 { "1 tenant has".to_owned() } else { format!("{} tenants have", lost.len()) }
            ),
            "without it nothing of the tenant opens: restore OpenBao from a snapshot of before it was lost",
        ),
        None if two > 0 => Finding::warn(
            KEYS,
            format!("{} read, {two} with versions that were replaced and still open", count(looked, "key")),
            "five minutes after a rotation: siegel-admin rotate tenant-keys --trim",
        ),
        None => Finding::ok(KEYS, format!("{} read: each tenant that was looked at has one", count(looked, "key"))),
    }
}

fn key_unread(failure: &Failure) -> Finding {
    let next = "compare the operator's policies with infra/openbao/policies/operator.hcl";
    failed(KEYS, "a tenant's key", failure, AWAY, next)
}
