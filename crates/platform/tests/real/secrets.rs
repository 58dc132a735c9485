//! Secrets on OpenBao: the contract, what a service may not do, and what happens when the store is sealed, cut off, killed, or
//! does not know us any more (FAULTS F14). Who seals and kills has a store of its own; one test runs on the parts.

use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use siegel_domain::{TenantId, Timestamp};
use siegel_platform::clock::ManualClock;
use siegel_platform::health::Health;
use siegel_platform::metrics::Metrics;
use siegel_platform::parts::{PartEnv, Parts, directory};
use siegel_platform::rng::{Rng, SystemRng};
use siegel_platform::secrets::{Secrets, SecretsError, SignIn, Unavailable, VaultSettings, contract};
use siegel_platform::tasks::{Shutdown, Tasks};
use siegel_platform::{Problem, Reason};

use crate::bao::{Bao, until};

const FIVE_MINUTES_MS: i64 = 5 * 60 * 1_000;
/// What the adapter waits after nobody answered.
const PAUSE_MS: i64 = 1_000;
const PLACE: [&str; 3] = ["shred_keys", "rec_1", "wrapped"];

/// A process, as far as its secrets are concerned.
struct Process {
    secrets: Arc<Secrets>,
    clock: ManualClock,
    metrics: Arc<Metrics>,
    health: Health,
    tasks: Tasks,
    shutdown: Shutdown,
}

impl Process {
    async fn start(settings: VaultSettings, clock: &ManualClock) -> Self {
        let (metrics, health) = (Arc::new(Metrics::new()), Health::new());
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let env = PartEnv {
            clock: Arc::new(clock.clone()),
            rng: Arc::new(SystemRng),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
            metrics: metrics.clone(),
            health: health.clone(),
        };
        let secrets = Arc::new(Secrets::open_vault(settings, env).await.unwrap());
        Self { secrets, clock: clock.clone(), metrics, health, tasks, shutdown }
    }

    /// The number after a name in the metrics.
    fn counted(&self, name: &str) -> u64 {
        let text = self.metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.rsplit(' ').next().unwrap_or_default().parse().unwrap_or(0)
    }

    async fn stop(self) {
        self.shutdown.begin();
        self.tasks.drain(&self.clock, 1).await.unwrap();
        assert_eq!(self.tasks.panics(), 0);
    }
}

fn clock() -> ManualClock {
    ManualClock::new(Timestamp(1_800_000_000_000))
}

fn tenant(n: u8) -> TenantId {
    TenantId::from_bytes([n; 16])
}

fn why(answer: Result<impl Sized, SecretsError>) -> Option<Unavailable> {
    match answer {
        Err(SecretsError::Unavailable(why)) => Some(why),
        _ => None,
    }
}

/// A store, an operator that made a key for tenant 1, a service that has it open, and a value under it.
async fn ready(bao: &Bao, clock: &ManualClock) -> (Process, Vec<u8>) {
    let operator = Process::start(bao.settings("operator").await, clock).await;
    operator.secrets.create_tenant_key(tenant(1)).await.unwrap();
    operator.secrets.create_tenant_key(tenant(2)).await.unwrap();
    operator.stop().await;
    let service = Process::start(bao.settings("upload").await, clock).await;
    let wrapped = service.secrets.wrap(tenant(1), &PLACE, b"k").await.unwrap();
    (service, wrapped)
}

#[tokio::test]
async fn openbao_keeps_the_contract_of_a_store_of_secrets() {
    let Some(bao) = Bao::start(1).await else { return };
    let clock = clock();
    let mut processes = Vec::new();
    for role in ["operator", "operator", "upload"] {
        processes.push(Process::start(bao.settings(role).await, &clock).await);
    }
    let [one, other, service] = [0, 1, 2].map(|n: usize| processes[n].secrets.clone());
    let subject = contract::Subject { operators: [one, other], service, clock };
    contract::run(&subject, &SystemRng).await.unwrap();
    for process in processes {
        process.stop().await;
    }
}

#[tokio::test]
async fn a_service_makes_no_tenant_key_and_an_operator_opens_nothing_under_one() {
    let Some(bao) = Bao::start(1).await else { return };
    let clock = clock();
    let (service, wrapped) = ready(&bao, &clock).await;
    let operator = Process::start(bao.settings("operator").await, &clock).await;
    for refused in [
        service.secrets.create_tenant_key(tenant(3)).await,
        service.secrets.rotate_tenant_key(tenant(1)).await,
        service.secrets.destroy_tenant_key(tenant(1)).await,
        service.secrets.put("sign/statements-2", b"x").await,
        operator.secrets.unwrap(tenant(1), &PLACE, &wrapped).await.map(drop),
    ] {
        assert!(matches!(refused, Err(SecretsError::Denied)), "{refused:?}");
    }
    assert_eq!(service.counted("siegel_secrets_sign_ins_total"), 1, "a refusal is no reason to sign in again");
    // Sealing under a key that is not there must not make it: transit would, for whoever may create.
    let role = bao.role("upload").await;
    let login = json!({ "role_id": role.role_id, "secret_id": role.secret_id.expose() });
    let token = bao.admin(0, Method::POST, "auth/approle/login", login).await;
    let token = token["auth"]["client_token"].as_str().unwrap();
    let path = format!("tenant-keys/encrypt/{}", tenant(4));
    assert_eq!(bao.ask_as(token, 0, Method::POST, &path, json!({ "plaintext": "AA==" })).await, Err(403));
    let key = format!("tenant-keys/keys/{}", tenant(4));
    assert_eq!(bao.ask(0, Method::GET, &key, Value::Null).await, Err(404));
    // What a service shares with others it may make and not replace; what is there is given to whoever comes late.
    let first = service.secrets.get_or_create("sign/statements", 32).await.unwrap();
    assert!(matches!(service.secrets.put("sign/statements", b"x").await, Err(SecretsError::Denied)));
    assert_eq!(service.secrets.put_new("sign/statements", b"late").await.unwrap(), first);
    // What lies in the store is not what opens rows.
    let held = bao.admin(0, Method::GET, &format!("siegel/data/tenant/{}/data-key", tenant(1)), Value::Null).await;
    let held = held["data"]["data"]["value"].as_str().unwrap();
    assert!(held.starts_with("dmF1bHQ6djE6"), "`vault:v1:…`, sealed by transit");
    service.stop().await;
    operator.stop().await;
}

#[tokio::test]
async fn f14_sealed_open_keys_go_on_for_five_minutes_then_nothing_is_had_until_it_is_unsealed() {
    let Some(bao) = Bao::start(1).await else { return };
    let clock = clock();
    let (service, wrapped) = ready(&bao, &clock).await;
    let secrets = &service.secrets;
    bao.seal(0).await;
    // A process that nobody asks anything learns of it too, and says so; it serves on.
    clock.sleeping(1).await;
    clock.advance_ms(10_000);
    until("it says that it limps", async || !service.health.limps().is_empty()).await;
    assert_eq!(service.health.limps()[0].why, "sealed");
    assert!(service.health.waiting().is_empty(), "what is open goes on");
    assert_eq!(service.counted("siegel_secrets_up"), 0);
    assert!(service.counted("siegel_secrets_failures_total{reason=\"sealed\"}") > 0);
    assert_eq!(secrets.unwrap(tenant(1), &PLACE, &wrapped).await.unwrap().as_slice(), b"k");
    let refused = secrets.wrap(tenant(2), &PLACE, b"k").await;
    assert_eq!(why(refused), Some(Unavailable::Sealed), "what was not open is not had");
    clock.advance_ms(FIVE_MINUTES_MS - 10_000 - 1);
    assert!(secrets.unwrap(tenant(1), &PLACE, &wrapped).await.is_ok(), "a moment before its time");
    clock.advance_ms(1);
    let refused = secrets.unwrap(tenant(1), &PLACE, &wrapped).await.unwrap_err();
    assert!(matches!(refused, SecretsError::Unavailable(Unavailable::Sealed)));
    let problem = Problem::from(refused);
    assert_eq!((problem.reason(), problem.reason().status().as_u16()), (Reason::NotReady, 503));
    assert!(problem.wait_s().is_some());
    clock.advance_ms(10_000);
    until("it is not ready", async || {
        clock.advance_ms(PAUSE_MS);
        !service.health.waiting().is_empty()
    })
    .await;
    assert_eq!((service.health.waiting()[0].name, service.health.waiting()[0].why), ("secrets", "sealed"));

    bao.unseal(0).await;
    until("it recovers by itself", async || {
        clock.advance_ms(PAUSE_MS);
        service.health.waiting().is_empty() && service.health.limps().is_empty()
    })
    .await;
    assert_eq!(secrets.unwrap(tenant(1), &PLACE, &wrapped).await.unwrap().as_slice(), b"k");
    assert_eq!(service.counted("siegel_secrets_up"), 1);
    service.stop().await;
}

#[tokio::test]
async fn f14_a_token_is_renewed_after_two_thirds_of_its_time_and_replaced_when_it_was_revoked() {
    let Some(bao) = Bao::start(1).await else { return };
    let clock = clock();
    let (service, wrapped) = ready(&bao, &clock).await;
    let (ok, failed) = (
        "siegel_secrets_renewals_total{name=\"token\",outcome=\"ok\"}",
        "siegel_secrets_renewals_total{name=\"token\",outcome=\"error\"}",
    );
    clock.sleeping(1).await;
    for _ in 0..3 {
        clock.advance_ms(6 * 60_000); // 18 of its 30 minutes
        clock.sleeping(1).await;
    }
    assert_eq!(service.counted(ok), 0, "too early");
    until("it is renewed", async || {
        clock.advance_ms(60_000);
        service.counted(ok) == 1
    })
    .await;
    assert!(service.counted("siegel_secrets_token_age_seconds") < 120);
    assert_eq!(service.counted("siegel_secrets_sign_ins_total"), 1, "renewed, not signed in anew");

    // All tokens are revoked, as an administrator does after a theft: it signs in again at the next call, and nobody notices.
    clock.advance_ms(FIVE_MINUTES_MS);
    bao.admin(0, Method::POST, "sys/leases/revoke-prefix/auth/approle", json!({ "sync": true })).await;
    let asked = futures::future::join_all((0..20).map(|_| service.secrets.unwrap(tenant(1), &PLACE, &wrapped))).await;
    assert!(asked.iter().all(Result::is_ok));
    assert_eq!(service.counted("siegel_secrets_sign_ins_total"), 2, "once for all of them");

    // The same when the renewal finds it dead.
    bao.admin(0, Method::POST, "sys/leases/revoke-prefix/auth/approle", json!({ "sync": true })).await;
    until("the renewal signs in", async || {
        clock.advance_ms(60_000);
        service.counted("siegel_secrets_sign_ins_total") == 3
    })
    .await;
    assert_eq!(service.counted(failed), 0);
    service.stop().await;
}

#[tokio::test]
async fn f14_a_secret_id_that_was_revoked_is_replaced_without_a_restart() {
    let Some(bao) = Bao::start(1).await else { return };
    let clock = clock();
    let (service, wrapped) = ready(&bao, &clock).await;
    service.stop().await;
    // A file as an administrator keeps it: read at each sign-in.
    let role = Arc::new(Mutex::new(bao.role("upload").await));
    let sign_in: SignIn = Arc::new({
        let role = role.clone();
        move || Ok::<_, SecretsError>(role.lock().unwrap().clone())
    });
    let service = Process::start(VaultSettings { sign_in, ..bao.settings("upload").await }, &clock).await;
    service.secrets.unwrap(tenant(1), &PLACE, &wrapped).await.unwrap();
    let old = json!({ "secret_id": role.lock().unwrap().secret_id.expose() });
    bao.admin(0, Method::POST, "auth/approle/role/upload/secret-id/destroy", old).await;
    bao.admin(0, Method::POST, "sys/leases/revoke-prefix/auth/approle", json!({ "sync": true })).await;
    assert!(service.secrets.unwrap(tenant(1), &PLACE, &wrapped).await.is_ok(), "open");
    clock.advance_ms(FIVE_MINUTES_MS);
    let refusals = "siegel_secrets_failures_total{reason=\"refused\"}";
    for _ in 0..20 {
        let refused = service.secrets.unwrap(tenant(1), &PLACE, &wrapped).await;
        assert_eq!(why(refused), Some(Unavailable::SignedOut));
        clock.advance_ms(PAUSE_MS);
    }
    assert_eq!(service.counted(refusals), 1, "tried once: a store locks out who tries again and again");
    until("it says so", async || {
        clock.advance_ms(PAUSE_MS);
        service.health.limps().iter().any(|limp| limp.why == "signed-out")
    })
    .await;
    until("it is not ready", async || {
        clock.advance_ms(60_000);
        service.health.waiting().iter().any(|waiting| waiting.why == "signed-out")
    })
    .await;
    let new = bao.role("upload").await;
    *role.lock().unwrap() = new;
    until("it signs in", async || {
        clock.advance_ms(PAUSE_MS);
        service.secrets.unwrap(tenant(1), &PLACE, &wrapped).await.is_ok()
    })
    .await;
    until("it is well", async || {
        clock.advance_ms(PAUSE_MS);
        service.health.limps().is_empty() && service.health.waiting().is_empty()
    })
    .await;
    service.stop().await;
}

#[tokio::test]
async fn f14_a_store_that_is_gone_and_comes_back_is_found_again() {
    let Some(bao) = Bao::start(1).await else { return };
    let clock = clock();
    let (service, wrapped) = ready(&bao, &clock).await;
    bao.kill(0);
    assert!(service.secrets.unwrap(tenant(1), &PLACE, &wrapped).await.is_ok(), "open");
    clock.advance_ms(FIVE_MINUTES_MS);
    // A crowd is refused together, and not one after the other: two rounds of calls at most until the pause begins.
    let asked = futures::future::join_all((0..100).map(|_| service.secrets.unwrap(tenant(1), &PLACE, &wrapped))).await;
    assert!(asked.into_iter().all(|answer| why(answer) == Some(Unavailable::Unreachable)));
    let calls = service.counted("siegel_secrets_failures_total{reason=\"unreachable\"}");
    assert!((1..=2).contains(&calls), "{calls} calls");
    bao.run(0).await; // sealed, as after each start
    clock.advance_ms(PAUSE_MS);
    assert_eq!(why(service.secrets.get("page-tokens").await), Some(Unavailable::Sealed));
    bao.unseal(0).await;
    clock.advance_ms(PAUSE_MS);
    until("it answers", async || {
        clock.advance_ms(PAUSE_MS);
        service.secrets.unwrap(tenant(1), &PLACE, &wrapped).await.is_ok()
    })
    .await;
    service.stop().await;
}

#[tokio::test]
async fn f14_too_many_questions_are_refused_and_pass() {
    let Some(bao) = Bao::start(1).await else { return };
    let clock = clock();
    let (service, wrapped) = ready(&bao, &clock).await;
    let quota = json!({ "path": "siegel/", "rate": 1, "interval": "1h" });
    bao.admin(0, Method::POST, "sys/quotas/rate-limit/siegel", quota).await;
    until("the quota is used up", async || {
        why(service.secrets.get("page-tokens").await) == Some(Unavailable::Throttled)
    })
    .await;
    assert!(service.secrets.unwrap(tenant(1), &PLACE, &wrapped).await.is_ok(), "open");
    bao.admin(0, Method::DELETE, "sys/quotas/rate-limit/siegel", Value::Null).await;
    until("it passes", async || service.secrets.get("page-tokens").await.is_ok()).await;
    service.stop().await;
}

#[tokio::test]
async fn f14_the_leader_is_killed_and_nobody_notices_who_only_reads() {
    let Some(bao) = Bao::start(3).await else { return };
    bao.voters().await;
    let clock = clock();
    let (service, wrapped) = ready(&bao, &clock).await;
    let operator = Process::start(bao.settings("operator").await, &clock).await;
    let leader = bao.leader().await;
    bao.kill(leader);
    for _ in 0..20 {
        clock.advance_ms(FIVE_MINUTES_MS);
        assert!(service.secrets.unwrap(tenant(1), &PLACE, &wrapped).await.is_ok(), "a standby answers");
    }
    until("another one leads, and keys are made", async || {
        clock.advance_ms(PAUSE_MS);
        operator.secrets.create_tenant_key(tenant(5)).await.is_ok()
    })
    .await;
    // A standby may hear of it later than the one who made it.
    until("the service has it", async || {
        clock.advance_ms(PAUSE_MS);
        service.secrets.wrap(tenant(5), &PLACE, b"k").await.is_ok()
    })
    .await;
    // Nobody feels it, and whoever is on duty hears of it: of a node that is away, of one that is back and sealed.
    let nodes = async |how: [u64; 3]| {
        let shown = ["open", "away", "sealed"].map(|status| format!("siegel_secrets_nodes{{status=\"{status}\"}}"));
        until("the nodes are shown as they are", async || {
            clock.advance_ms(PAUSE_MS);
            shown.each_ref().map(|name| service.counted(name)) == how
        })
        .await;
    };
    nodes([2, 1, 0]).await;
    bao.run(leader).await;
    nodes([2, 0, 1]).await;
    assert_eq!(service.counted("siegel_secrets_up"), 1);
    bao.unseal(leader).await;
    nodes([3, 0, 0]).await;
    service.stop().await;
    operator.stop().await;
}

/// Who led loses an election and lives on as a standby, which hears of everything a moment late: it has the last word no more.
#[tokio::test]
async fn f14_a_leader_that_stepped_down_is_not_believed_that_a_key_is_missing() {
    let Some(bao) = Bao::start(3).await else { return };
    bao.voters().await;
    let clock = clock();
    let (service, _) = ready(&bao, &clock).await;
    let before = bao.leader().await;
    bao.admin(before, Method::PUT, "sys/step-down", Value::Null).await;
    until("another one leads", async || bao.leader().await != before).await;
    let operator = Process::start(bao.settings("operator").await, &clock).await;
    for number in 10..30 {
        operator.secrets.create_tenant_key(tenant(number)).await.unwrap();
        service.secrets.wrap(tenant(number), &PLACE, b"k").await.unwrap();
    }
    service.stop().await;
    operator.stop().await;
}

/// A proxy of our own in the parts' toxiproxy, in front of a node, so that nobody else is cut.
struct Line {
    http: reqwest::Client,
    url: String,
    address: String,
}

impl Line {
    async fn to(api: &str, upstream: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let there: Value = http.get(format!("{api}/proxies/{upstream}")).send().await.unwrap().json().await.unwrap();
        let name = format!("{upstream}-{}", std::process::id());
        let new = json!({ "name": name, "listen": "127.0.0.1:0", "upstream": there["upstream"], "enabled": true });
        let made: Value = http.post(format!("{api}/proxies")).json(&new).send().await.unwrap().json().await.unwrap();
        let address = format!("https://{}", made["listen"].as_str().unwrap());
        Self { http, url: format!("{api}/proxies/{name}"), address }
    }

    async fn enabled(&self, enabled: bool) {
        let change = self.http.post(&self.url).json(&json!({ "enabled": enabled })).send().await.unwrap();
        assert!(change.status().is_success());
    }

    /// Takes everything and answers nothing.
    async fn swallow(&self) {
        let toxic =
            json!({ "name": "hole", "type": "timeout", "stream": "downstream", "attributes": { "timeout": 0 } });
        let made = self.http.post(format!("{}/toxics", self.url)).json(&toxic).send().await.unwrap();
        assert!(made.status().is_success());
    }

    async fn mend(&self) {
        self.http.delete(format!("{}/toxics/hole", self.url)).send().await.unwrap();
        self.enabled(true).await;
    }

    async fn remove(self) {
        self.http.delete(&self.url).send().await.unwrap();
    }
}

#[tokio::test]
async fn f14_the_parts_keep_the_contract_and_lines_that_are_cut_are_gone_around() {
    let Some(parts) = Parts::for_tests() else { return };
    let (file, clock) = (directory().join("parts.toml"), clock());
    let toxiproxy = parts.toxiproxy.unwrap().api;
    let mut lines = Vec::new();
    for node in ["vault-a", "vault-b", "vault-c"] {
        lines.push(Line::to(&toxiproxy, node).await);
    }
    let mut processes = Vec::new();
    for program in ["operator", "operator", "upload"] {
        let nodes = lines.iter().map(|line| line.address.clone()).collect();
        let settings = VaultSettings { nodes, ..VaultSettings::from_parts(&file, program).unwrap() };
        processes.push(Process::start(settings, &clock).await);
    }
    let [one, other, service] = [0, 1, 2].map(|n: usize| processes[n].secrets.clone());
    let subject = contract::Subject { operators: [one.clone(), other], service: service.clone(), clock: clock.clone() };
    contract::run(&subject, &SystemRng).await.unwrap();

    let ours = TenantId::from_bytes((&SystemRng as &dyn Rng).bytes());
    one.create_tenant_key(ours).await.unwrap();
    let wrapped = service.wrap(ours, &PLACE, b"k").await.unwrap();
    // Each line alone, refused or swallowed: another one leads there.
    for line in &lines {
        for swallowed in [false, true] {
            if swallowed {
                line.swallow().await
            } else {
                line.enabled(false).await
            }
            // At first, perhaps: a standby hears of a new key a moment after the leader has made it.
            until("another line leads there", async || {
                clock.advance_ms(FIVE_MINUTES_MS);
                service.unwrap(ours, &PLACE, &wrapped).await.is_ok()
            })
            .await;
            line.mend().await;
        }
    }
    // All of them: after its deadline a call fails, and then all others at once.
    for line in &lines {
        line.swallow().await;
    }
    clock.advance_ms(FIVE_MINUTES_MS);
    let refused = service.unwrap(ours, &PLACE, &wrapped).await;
    assert_eq!(why(refused), Some(Unavailable::Unreachable));
    for line in &lines {
        line.mend().await;
    }
    clock.advance_ms(PAUSE_MS);
    assert!(service.unwrap(ours, &PLACE, &wrapped).await.is_ok(), "it recovers");
    one.destroy_tenant_key(ours).await.unwrap();
    for process in processes {
        process.stop().await;
    }
    for line in lines {
        line.remove().await;
    }
}
