//! What services find in OpenBao: engines, policies, and a role for each. Repeated at every start, so that a changed policy
//! holds.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Node, PATIENCE};
use crate::parts::wait;
use crate::tree;

/// Who signs in, and with which files of `infra/openbao/policies` beside its own `service.hcl`.
const ROLES: [(&str, &[&str]); 7] = [
    ("key-directory", &["opens-tenants", "key-directory"]),
    ("upload", &["opens-tenants", "upload"]),
    ("retention", &[]),
    ("notification", &[]),
    ("operator", &["operator"]),
    ("dealer-api", &[]),
    // All services in one process: what each of them may, it may.
    (ALL_IN_ONE, &["operator", "opens-tenants", "upload", "key-directory", "server"]),
];
const ALL_IN_ONE: &str = "server";

/// End-to-end tests are installations of their own beside the first one, whose secrets lie in a folder. What a role may in the
/// first one it may in folders, and no more; nothing of production needs these.
const FOLDERS: (&str, &str, &str, &str) =
    ("\"siegel/data/", "\"siegel/data/+/", "\"siegel/metadata/", "\"siegel/metadata/+/");

fn in_folders(policy: &str) -> String {
    format!("{policy}-in-folders")
}

/// Names of all roles.
pub(crate) fn roles() -> impl Iterator<Item = &'static str> {
    ROLES.iter().map(|(name, _)| *name)
}

pub(super) fn engines_and_roles(leader: &Node<'_>) -> Result<()> {
    // A joined node votes after this time without trouble; ten seconds are OpenBao's own choice, for slower networks.
    let autopilot = json!({ "server_stabilization_time": "1s" });
    leader.call("POST", "sys/storage/raft/autopilot/configuration", Some(autopilot)).expect()?;
    enable(leader, "sys/mounts", "tenant-keys", json!({ "type": "transit" }))?;
    enable(leader, "sys/mounts", "siegel", json!({ "type": "kv", "options": { "version": "2" } }))?;
    enable(leader, "sys/auth", "approle", json!({ "type": "approle" }))?;
    // A new KV engine is busy for a moment. Two versions: what is replaced stays for as long as a rotation overlaps.
    let versions = || leader.call("POST", "siegel/config", Some(json!({ "max_versions": 2 }))).expect();
    if wait::until(PATIENCE, || true, || versions().ok()).is_err() {
        versions()?;
    }
    let services = services().map(|service| (format!("service-{service}"), "service", service));
    let files: BTreeSet<_> = ROLES.iter().flat_map(|(_, files)| *files).copied().collect();
    for (name, file, service) in services.chain(files.into_iter().map(|file| (file.to_owned(), file, ""))) {
        let text = policy(file, service)?;
        let put = |name: &str, text: &str| {
            leader.call("PUT", &format!("sys/policies/acl/{name}"), Some(json!({ "policy": text }))).expect()
        };
        put(&name, &text)?;
        put(&in_folders(&name), &text.replace(FOLDERS.0, FOLDERS.1).replace(FOLDERS.2, FOLDERS.3))?;
    }
    roles().try_for_each(|name| role(leader, name).with_context(|| format!("role {name}")))
}

/// Roles of one service.
fn services() -> impl Iterator<Item = &'static str> {
    roles().filter(|name| *name != ALL_IN_ONE)
}

/// The policies of a role.
fn policies(role: &str) -> Vec<String> {
    let own = services().filter(|service| [*service, ALL_IN_ONE].contains(&role));
    let files = ROLES.iter().filter(|(name, _)| *name == role).flat_map(|(_, files)| *files);
    own.map(|service| format!("service-{service}")).chain(files.map(|file| (*file).to_owned())).collect()
}

/// An engine or a way to sign in, unless it is there.
fn enable(leader: &Node<'_>, kind: &str, path: &str, what: Value) -> Result<()> {
    let there = leader.call("GET", kind, None).expect()?;
    if there["data"].get(format!("{path}/")).is_none() {
        leader.call("POST", &format!("{kind}/{path}"), Some(what)).expect()?;
    }
    Ok(())
}

fn role(leader: &Node<'_>, name: &str) -> Result<()> {
    let path = format!("auth/approle/role/{name}");
    // Short-lived, so that a stolen token is worth little and renewal is practised every hour.
    let both: Vec<_> = policies(name).into_iter().flat_map(|policy| [in_folders(&policy), policy]).collect();
    let role = json!({ "token_policies": both, "token_ttl": "1h", "token_max_ttl": "24h" });
    leader.call("POST", &path, Some(role)).expect()?;
    let half = |what: &str| leader.site.secret(&format!("vault.{name}.{what}"));
    leader.call("POST", &format!("{path}/role-id"), Some(json!({ "role_id": half("role-id")? }))).expect()?;
    let secret = json!({ "secret_id": half("secret-id")? });
    let known = leader.call("POST", &format!("{path}/secret-id/lookup"), Some(secret.clone())).ask()?;
    if known.json()["data"].is_null() {
        leader.call("POST", &format!("{path}/custom-secret-id"), Some(secret)).expect()?;
    }
    Ok(())
}

/// A policy's text, for a service if it is one of a service.
fn policy(file: &str, service: &str) -> Result<String> {
    let path = tree::root().join(format!("infra/openbao/policies/{file}.hcl"));
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    Ok(text.replace("@service@", service).replace("@schema@", &service.replace('-', "_")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_its_own_policy_and_the_one_process_has_all() {
        assert_eq!(policies("upload"), ["service-upload", "opens-tenants", "upload"]);
        assert_eq!(policies("retention"), ["service-retention"]);
        let all = policies(ALL_IN_ONE);
        assert!(services().all(|service| all.contains(&format!("service-{service}"))), "{all:?}");
    }

    #[test]
    fn only_the_operator_makes_and_destroys_tenant_keys() {
        for file in ["service", "opens-tenants", "upload", "key-directory", "server"] {
            assert!(!policy(file, "upload").unwrap().contains("tenant-keys/keys"), "{file}");
        }
        assert!(policy("operator", "").unwrap().contains("tenant-keys/keys"));
    }

    #[test]
    fn a_service_is_named_in_its_policy_and_no_other_is() {
        let upload = policy("service", "upload").unwrap();
        assert!(upload.contains("/upload/*") && !upload.contains("/retention/*"));
        // In comments alone it may stand as what it is.
        assert!(!upload.lines().any(|line| !line.starts_with('#') && line.contains('@')));
    }

    #[test]
    fn a_service_reads_no_password_but_its_own_and_no_key_of_the_ca() {
        for file in ["service", "opens-tenants", "upload", "key-directory"] {
            let text = policy(file, "retention").unwrap();
            assert!(!text.contains("postgres/+") && !text.contains("tls/ca\"") && !text.contains("tls/+"), "{file}");
        }
        assert!(!policy("service", "retention").unwrap().contains("postgres/upload"));
    }
}
