//! An OpenBao of a test's own, which it may seal, kill and take away: real servers on loopback with raft storage, TLS and
//! the policies of `infra/openbao/policies`, in a temporary directory.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use siegel_platform::clock::{Clock as _, SystemClock};
use siegel_platform::parts::{AppRole, Credential};
use siegel_platform::secrets::{SecretsError, SignIn, VaultSettings};
use tempfile::TempDir;

/// Where OpenBao's program lies: where `cargo xtask up` has put it, unless it is named.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("SIEGEL_BAO") {
        return named.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|dir| dir.join("bao"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let caches = [cache.unwrap_or_default().join("siegel/parts"), "/var/cache/siegel/parts".into()];
    let entries = caches.into_iter().filter_map(|parts| std::fs::read_dir(parts).ok()).flatten().flatten();
    let provided = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("openbao-"));
    in_path
        .chain(provided.map(|entry| entry.path().join("bin/bao")))
        .find(|bao| bao.is_file())
        .expect("OpenBao is not here: cargo xtask up --only vault, or name its program in SIEGEL_BAO")
}

/// Some nodes that are one cluster.
pub(crate) struct Bao {
    dir: TempDir,
    nodes: Vec<Node>,
    http: reqwest::Client,
    unseal: String,
    root: String,
}

struct Node {
    port: u16,
    cluster: u16,
    process: Mutex<Option<Child>>,
}

impl Drop for Bao {
    fn drop(&mut self) {
        for node in 0..self.nodes.len() {
            self.kill(node);
        }
    }
}

/// Completes when the condition holds; a test that waits in vain for half a minute has failed.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let clock = SystemClock::new();
    while !holds().await {
        assert!(clock.monotonic_ms() < 30_000, "waited in vain: {what}");
        clock.sleep(50).await;
    }
}

impl Bao {
    /// Starts `count` nodes: unsealed, with mounts, policies and roles. None if such tests are left out.
    pub(crate) async fn start(count: usize) -> Option<Self> {
        if std::env::var_os("SIEGEL_WITHOUT_PARTS").is_some() {
            eprintln!("left out: SIEGEL_WITHOUT_PARTS is set");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let ca = certificates(&dir);
        let http = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
        let node = || Node { port: free_port(), cluster: free_port(), process: Mutex::default() };
        let nodes = (0..count).map(|_| node()).collect();
        let mut bao = Self { dir, nodes, http, unseal: String::new(), root: String::new() };
        for node in 0..count {
            bao.run(node).await;
        }
        let init = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = bao.ask(0, Method::PUT, "sys/init", init).await.unwrap();
        bao.unseal = made["keys_base64"][0].as_str().unwrap().to_owned();
        bao.root = made["root_token"].as_str().unwrap().to_owned();
        for node in 0..count {
            bao.unseal(node).await;
        }
        bao.set_up().await;
        Some(bao)
    }

    /// Starts a node's process; it is sealed.
    pub(crate) async fn run(&self, node: usize) {
        let Node { port, cluster, process } = &self.nodes[node];
        let dir = self.dir.path();
        let data = dir.join(format!("node-{node}"));
        std::fs::create_dir_all(&data).unwrap();
        let tls = dir.join("tls");
        let file = dir.join(format!("node-{node}.hcl"));
        let join = match self.nodes.len() {
            1 => String::new(),
            _ => format!(
                r#"retry_join {{
                    leader_api_addr = "{}"
                    leader_ca_cert_file = "{}"
                }}"#,
                self.address(0),
                tls.join("ca.crt").display()
            ),
        };
        let config = format!(
            r#"
            storage "raft" {{
                path = "{}"
                node_id = "{node}"
                performance_multiplier = 1
                {join}
            }}
            listener "tcp" {{
                address = "127.0.0.1:{port}"
                cluster_address = "127.0.0.1:{cluster}"
                tls_cert_file = "{}"
                tls_key_file = "{}"
            }}
            api_addr = "https://127.0.0.1:{port}"
            cluster_addr = "https://127.0.0.1:{cluster}"
            "#,
            data.display(),
            tls.join("node.crt").display(),
            tls.join("node.key").display(),
        );
        std::fs::write(&file, config).unwrap();
        let log =
            std::fs::File::options().create(true).append(true).open(dir.join(format!("node-{node}.log"))).unwrap();
        let child = Command::new(program())
            .args(["server", "-config"])
            .arg(&file)
            .stdout(log.try_clone().unwrap())
            .stderr(Stdio::from(log))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        *process.lock().unwrap() = Some(child);
        until("the node answers", async || self.health(node).await.is_some()).await;
    }

    /// Ends a node's process at once.
    pub(crate) fn kill(&self, node: usize) {
        if let Some(mut child) = self.nodes[node].process.lock().unwrap().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Unseals a node and waits until it answers.
    pub(crate) async fn unseal(&self, node: usize) {
        let key = json!({ "key": self.unseal });
        // A node that joins does so by itself some time after it has started.
        until("the node joins and is unsealed", async || {
            let _ = self.ask(node, Method::PUT, "sys/unseal", key.clone()).await;
            matches!(self.health(node).await, Some(200 | 429))
        })
        .await;
    }

    /// Seals it.
    pub(crate) async fn seal(&self, node: usize) {
        self.admin(node, Method::PUT, "sys/seal", Value::Null).await;
    }

    /// The node that leads.
    pub(crate) async fn leader(&self) -> usize {
        let mut leader = None;
        until("there is a leader", async || {
            for node in 0..self.nodes.len() {
                if self.health(node).await == Some(200) {
                    leader = Some(node);
                }
            }
            leader.is_some()
        })
        .await;
        leader.unwrap()
    }

    /// Waits until all nodes have a vote.
    pub(crate) async fn voters(&self) {
        // A joined node votes after a second without trouble instead of ten.
        let autopilot = json!({ "server_stabilization_time": "1s" });
        self.admin(0, Method::POST, "sys/storage/raft/autopilot/configuration", autopilot).await;
        until("all nodes vote", async || {
            let config = self.ask(0, Method::GET, "sys/storage/raft/configuration", Value::Null).await;
            let servers = config.ok().and_then(|config| config["data"]["config"]["servers"].as_array().cloned());
            servers.is_some_and(|servers| {
                servers.len() == self.nodes.len() && servers.iter().all(|server| server["voter"] == true)
            })
        })
        .await;
    }

    /// Asks as root, and it is done. A cluster that elects answers everything with 500 for a moment.
    pub(crate) async fn admin(&self, node: usize, method: Method, path: &str, body: Value) -> Value {
        let mut answer = Err(0);
        until(path, async || {
            answer = self.ask(node, method.clone(), path, body.clone()).await;
            !matches!(answer, Err(0 | 500..))
        })
        .await;
        answer.unwrap_or_else(|status| panic!("{path}: {status}"))
    }

    /// Asks as root; the status if it is refused.
    pub(crate) async fn ask(&self, node: usize, method: Method, path: &str, body: Value) -> Result<Value, u16> {
        self.ask_as(&self.root, node, method, path, body).await
    }

    /// Asks with a token.
    pub(crate) async fn ask_as(
        &self,
        token: &str,
        node: usize,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<Value, u16> {
        let url = format!("{}/v1/{path}", self.address(node));
        let mut request = self.http.request(method, url).header("X-Vault-Token", token);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(|_| 0u16)?;
        let status = answer.status();
        let body = answer.json().await.unwrap_or(Value::Null);
        if status.is_success() { Ok(body) } else { Err(status.as_u16()) }
    }

    /// How a program of this role signs in.
    pub(crate) async fn settings(&self, role: &str) -> VaultSettings {
        let role = self.role(role).await;
        let sign_in: SignIn = Arc::new(move || Ok::<_, SecretsError>(role.clone()));
        let nodes = (0..self.nodes.len()).map(|node| self.address(node)).collect();
        VaultSettings { nodes, ca_file: self.dir.path().join("tls/ca.crt"), sign_in, folder: String::new() }
    }

    /// A role's id, and a new secret id of it.
    pub(crate) async fn role(&self, role: &str) -> AppRole {
        let path = |what: &str| format!("auth/approle/role/{role}/{what}");
        let id = self.admin(0, Method::GET, &path("role-id"), Value::Null).await;
        let secret = self.admin(0, Method::POST, &path("secret-id"), json!({})).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let secret_id: Credential = serde_json::from_value(secret["data"]["secret_id"].clone()).unwrap();
        AppRole { role_id: text(&id["data"]["role_id"]), secret_id }
    }

    async fn set_up(&self) {
        let mount = |kind: &str, options: Value| json!({ "type": kind, "options": options });
        // The first node has just become the leader; its first write may come too early.
        until("it can be set up", async || {
            self.ask(0, Method::POST, "sys/mounts/siegel", mount("kv", json!({ "version": "2" }))).await.is_ok()
        })
        .await;
        until("KV is ready", async || {
            self.ask(0, Method::POST, "siegel/config", json!({ "max_versions": 2 })).await.is_ok()
        })
        .await;
        self.admin(0, Method::POST, "sys/mounts/tenant-keys", mount("transit", Value::Null)).await;
        self.admin(0, Method::POST, "sys/auth/approle", json!({ "type": "approle" })).await;
        let file = |name: &str| {
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/openbao/policies").join(name);
            std::fs::read_to_string(path).unwrap()
        };
        let service =
            |name: &str| file("service.hcl").replace("@service@", name).replace("@schema@", &name.replace('-', "_"));
        let policies = [
            ("operator", file("operator.hcl") + &service("operator")),
            ("upload", service("upload") + &file("opens-tenants.hcl") + &file("upload.hcl")),
            ("retention", service("retention")),
        ];
        for (name, policy) in policies {
            self.admin(0, Method::PUT, &format!("sys/policies/acl/{name}"), json!({ "policy": policy })).await;
            let role = json!({ "token_policies": [name], "token_ttl": "30m", "token_max_ttl": "24h" });
            self.admin(0, Method::POST, &format!("auth/approle/role/{name}"), role).await;
        }
    }

    fn address(&self, node: usize) -> String {
        format!("https://127.0.0.1:{}", self.nodes[node].port)
    }

    async fn health(&self, node: usize) -> Option<u16> {
        let answer = self.http.get(format!("{}/v1/sys/health", self.address(node))).send().await;
        answer.ok().map(|answer| answer.status().as_u16())
    }
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A CA and one certificate for all nodes.
fn certificates(dir: &TempDir) -> reqwest::Certificate {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let tls = dir.path().join("tls");
    std::fs::create_dir_all(&tls).unwrap();
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let node = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let node = node.signed_by(&key, &issuer).unwrap();
    std::fs::write(tls.join("ca.crt"), ca.pem()).unwrap();
    std::fs::write(tls.join("node.crt"), node.pem()).unwrap();
    std::fs::write(tls.join("node.key"), key.serialize_pem()).unwrap();
    reqwest::Certificate::from_pem(ca.pem().as_bytes()).unwrap()
}
