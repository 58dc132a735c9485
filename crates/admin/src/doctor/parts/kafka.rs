//! Kafka: brokers, topics, and the users of the services.

use std::collections::BTreeMap;
use std::path::Path;

use futures::future::join_all;
use siegel_domain::time::DAY_MS;
use siegel_platform::inspect::Failure;
use siegel_platform::inspect::kafka::{self, Cluster};
use siegel_platform::log::{KafkaSettings, kafka_users};
use siegel_platform::parts::{Credential, PartEnv, Parts};
use siegel_platform::secrets::{Secrets, VaultSettings};

use super::super::Finding;
use super::{count, failed};

const CHECK: &str = "kafka";
const AWAY: &str = "start its brokers. Nothing is lost meanwhile: events wait in the outboxes and go on by themselves";

/// Looks at the cluster and signs in as each service.
pub(super) async fn check(file: &Path, parts: &Parts) -> Vec<Finding> {
    let what = format!("Kafka at {}", parts.kafka.bootstrap);
    let refused = "put the password of this user into the parts file, or make the user: kafka-configs.sh --alter --entity-type users";
    let cluster = match kafka::cluster(parts).await {
        Ok(cluster) => cluster,
        Err(failure) => return vec![failed(CHECK, &what, &failure, AWAY, refused)],
    };
    let mut found = judge(&what, &cluster);
    let passwords = passwords(file, parts).await;
    let ask = |(service, password)| async move { (service, kafka::user(parts, service, password).await) };
    let users = join_all(passwords.iter().map(|(name, password)| ask((name.as_str(), password)))).await;
    let well = users.iter().filter(|(_, answer)| answer.is_ok()).count();
    if well > 0 {
        found.push(Finding::ok(CHECK, format!("{} of services signed in", count(well, "user"))));
    }
    for (service, answer) in &users {
        if let Err(failure) = answer {
            // The brokers answered the administrator a moment ago: who is not let in shows as a line that breaks.
            let failure = &match failure {
                Failure::Away(said) => Failure::SignIn(said.clone()),
                other => other.clone(),
            };
            found.push(failed(CHECK, &format!("the user {service}"), failure, AWAY, refused));
        }
    }
    found
}

/// As programs have them: once they were replaced they lie among the secrets. If those can't be read, which has its own line, the
/// parts file's.
async fn passwords(file: &Path, parts: &Parts) -> BTreeMap<String, Credential> {
    let settings = KafkaSettings::from_parts(parts);
    let Ok(sign_in) = VaultSettings::from_parts(file, "server") else { return settings.users };
    let env = PartEnv::of_its_own();
    let _ends = env.shutdown.guard();
    match Secrets::open_vault(sign_in, env.clone()).await {
        Ok(secrets) => kafka_users::passwords(&settings, &secrets).await,
        Err(_) => settings.users,
    }
}

fn judge(what: &str, cluster: &Cluster) -> Vec<Finding> {
    let mut found = Vec::new();
    let brokers = count(cluster.brokers, "broker");
    found.push(Finding::ok(CHECK, format!("{what} answers: {brokers}, {}", count(cluster.topics.len(), "topic"))));
    if !cluster.missing.is_empty() {
        let seen = format!("{} not there, the first is {}", count(cluster.missing.len(), "topic"), cluster.missing[0]);
        let next = "the operator (or siegel-server) makes them when it starts: is it running?";
        found.push(Finding::warn(CHECK, seen, next));
    }
    let mut say = |finding: fn(&'static str, String, String) -> Finding, seen: &str, names: Vec<&str>, next: &str| {
        if let Some(first) = names.first() {
            let seen = format!("{} {seen}, the first is {first}", count(names.len(), "topic"));
            found.push(finding(CHECK, seen, next.to_owned()));
        }
    };
    let named = |bad: &dyn Fn(&kafka::Topic) -> bool| {
        cluster.topics.iter().filter(|topic| bad(topic)).map(|topic| topic.name.as_str()).collect::<Vec<_>>()
    };
    let leaderless = named(&|topic| topic.leaderless > 0);
    say(Finding::fail, "with partitions that nobody leads", leaderless, "bring the brokers back that hold them");
    let behind = named(&|topic| topic.behind > 0);
    say(Finding::warn, "with copies that are behind", behind, "is a broker away? It catches up by itself");
    let stuck = named(&|topic| topic.least_in_sync.is_some_and(|least| least > topic.copies));
    say(
        Finding::fail,
        "whose min.insync.replicas is more than there are copies, so that nothing can be written",
        stuck,
        "kafka-configs.sh --alter --entity-type topics --add-config min.insync.replicas=…",
    );
    let single = named(&|topic| topic.copies < 2);
    say(
        Finding::warn,
        "with one copy",
        single,
        "with one broker less events are late until it is back, and never lost; three copies and min.insync.replicas=2 avoid it",
    );
    let short = named(&|topic| topic.retention_ms.is_some_and(|ms| (0..DAY_MS).contains(&ms)));
    say(
        Finding::warn,
        "that keep less than a day",
        short,
        "a consumer that was away for longer reads the outboxes instead, which costs the databases; seven days are the default",
    );
    found
}

#[cfg(test)]
mod tests {
    use siegel_platform::inspect::kafka::Topic;

    use super::super::super::Health;
    use super::*;

    #[test]
    fn copies_are_counted_and_what_nobody_can_write_to_is_a_failure() {
        let topic = Topic {
            name: "siegel.upload".into(),
            partitions: 12,
            leaderless: 0,
            copies: 3,
            behind: 0,
            least_in_sync: Some(2),
            retention_ms: Some(7 * DAY_MS),
        };
        let worst = |change: &dyn Fn(&mut Topic)| {
            let mut topic = topic.clone();
            change(&mut topic);
            let cluster = Cluster { brokers: 3, topics: vec![topic], missing: Vec::new() };
            judge("it", &cluster).iter().map(|line| line.health).max().unwrap()
        };
        assert_eq!(worst(&|_| {}), Health::Ok);
        assert_eq!(worst(&|topic| topic.behind = 1), Health::Warn);
        assert_eq!(worst(&|topic| topic.least_in_sync = Some(4)), Health::Fail);
        assert_eq!(worst(&|topic| topic.leaderless = 1), Health::Fail);
        assert_eq!(worst(&|topic| (topic.copies, topic.least_in_sync) = (1, Some(1))), Health::Warn);
        assert_eq!(worst(&|topic| topic.retention_ms = Some(1_000)), Health::Warn);
        assert_eq!(worst(&|topic| topic.retention_ms = Some(-1)), Health::Ok);
        let missing = Cluster { brokers: 1, topics: Vec::new(), missing: vec!["siegel.upload".into()] };
        assert_eq!(judge("it", &missing).last().unwrap().health, Health::Warn);
    }
}
