//! What a service's own credentials do not reach: others' secrets, passwords, the CA's key, schemas, topics. Each refusal is the part's
//! own, under the policies and rules of `infra`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;
use siegel_domain::TenantId;
use siegel_platform::clock::SystemClock;
use siegel_platform::db::{Cluster, DbError, DbOptions, Home, TenantDbs, contract, schemas_of};
use siegel_platform::parts::{PartEnv, Parts};
use siegel_platform::rng::{Rng, SystemRng};
use siegel_platform::secrets::{Secrets, SecretsError, VaultSettings};
use siegel_platform::tls::{InsideTls, Tls};
use siegel_platform::wait;

/// A service's secrets, signed in as itself, in an installation of its own: folders of other installations have the same rules.
async fn of(dir: &Path, service: &str, installation: &str) -> Secrets {
    let text = std::fs::read_to_string(siegel_platform::parts::directory().join("parts.toml")).unwrap();
    let mut table: toml::Table = text.parse().unwrap();
    table["postgres"].as_table_mut().unwrap().insert("installation".into(), installation.into());
    let file = dir.join("parts.toml");
    std::fs::write(&file, table.to_string()).unwrap();
    Secrets::open_vault(VaultSettings::from_parts(&file, service).unwrap(), PartEnv::of_its_own()).await.unwrap()
}

fn drawn(what: &str) -> String {
    format!("{what}_{:012x}", (&SystemRng as &dyn Rng).below(1 << 47))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_services_role_reads_no_secret_of_another_one() {
    if Parts::for_tests().is_none() {
        return;
    }
    let (dir, installation) = (tempfile::tempdir().unwrap(), drawn("priv"));
    let operator = of(dir.path(), "operator", &installation).await;
    let tenant = TenantId::from_bytes((&SystemRng as &dyn Rng).bytes());
    let everything = [
        "postgres/key_directory",
        "postgres/upload",
        "postgres/keys",
        "postgres/retention",
        "postgres/notification",
        "postgres/operator",
        "postgres/provider",
        "tls/ca",
        "tls/upload",
        "tls/inside/upload",
        "tls/retention",
        "tls/inside/retention",
        "tls/inside/operator",
        "zones/zone-a/0123",
    ];
    for name in everything {
        operator.get_or_create(name, 32).await.unwrap_or_else(|error| panic!("the operator makes {name}: {error}"));
    }
    let of_kafka = ["kafka/upload", "kafka/retention"];
    for name in of_kafka {
        let made = of(dir.path(), "server", &installation).await.get_or_create(name, 32).await;
        made.unwrap_or_else(|error| panic!("siegel-admin makes {name}: {error}"));
        assert!(matches!(operator.put(name, b"mine").await, Err(SecretsError::Denied)), "the operator writes {name}");
    }
    operator.create_tenant_key(tenant).await.unwrap();
    let upload = of(dir.path(), "upload", &installation).await;
    upload.put("upload/own", b"its own").await.unwrap();
    let of_tenant = [format!("tenant/{tenant}/data-key"), format!("tenant/{tenant}/opaque-1")];
    let may = |service: &str, name: &str| {
        let own = service.replace('-', "_");
        match name.split_once('/').unwrap() {
            ("postgres", schema) => schema == "provider" || schema == own || (service == "upload" && schema == "keys"),
            ("kafka", user) => user == service,
            ("tls", place) => place == service || place == format!("inside/{service}"),
            ("zones", _) => service == "upload",
            ("upload", _) => service == "upload",
            (_, place) => {
                (place.ends_with("data-key") && ["upload", "key-directory"].contains(&service))
                    || (place.ends_with("opaque-1") && service == "key-directory")
            }
        }
    };
    let names: Vec<_> = everything
        .into_iter()
        .chain(of_kafka)
        .map(str::to_owned)
        .chain(of_tenant)
        .chain(["upload/own".into()])
        .collect();
    for service in ["key-directory", "upload", "retention", "notification", "dealer-api"] {
        let secrets = of(dir.path(), service, &installation).await;
        for name in &names {
            let read = secrets.get(name).await;
            let refused = matches!(read, Err(SecretsError::Denied));
            assert_eq!(refused, !may(service, name), "{service} reads {name}: refused {refused}");
        }
        // What the operator makes nobody replaces.
        for name in [
            "tls/ca",
            "tls/inside/upload",
            "postgres/upload",
            "postgres/provider",
            "tls/ca-certificate",
            "kafka/upload",
        ] {
            assert!(matches!(secrets.put(name, b"mine").await, Err(SecretsError::Denied)), "{service} writes {name}");
        }
        let opens = secrets.wrap(tenant, &["a"], b"b").await;
        assert_eq!(opens.is_ok(), ["upload", "key-directory"].contains(&service), "{service} and a tenant's rows");
        assert!(secrets.rotate_tenant_key(tenant).await.is_err(), "{service} rotates a tenant's key");
    }
    assert!(operator.wrap(tenant, &["a"], b"b").await.is_err(), "the operator opens nothing");
    operator.destroy_tenant_key(tenant).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_come_from_the_operator_and_none_has_anothers_name() {
    if Parts::for_tests().is_none() {
        return;
    }
    let (dir, installation) = (tempfile::tempdir().unwrap(), drawn("priv"));
    let clock = SystemClock::shared();
    let operator = Arc::new(of(dir.path(), "operator", &installation).await);
    let inside = InsideTls::open("operator", operator.clone(), clock.clone()).await.unwrap();
    let for_others = inside.for_others("operator").await.unwrap().expect("the operator holds the CA's key");
    let upload = Arc::new(of(dir.path(), "upload", &installation).await);
    let names = ["upload.example".to_owned()];
    // Upload waits for what the operator makes meanwhile.
    let asked = wait::until_open(&*clock, async || {
        let inside = InsideTls::open("upload", upload.clone(), clock.clone()).await?;
        let public = Tls::open_as("tls/upload", dir.path(), upload.clone(), &names, clock.clone()).await?;
        Ok((inside, public))
    });
    let ((inside, public), ()) = tokio::select! {
        asked = async { (asked.await.unwrap(), ()) } => asked,
        () = async { loop { for_others.make().await.unwrap(); clock.sleep(100).await; } } => unreachable!(),
    };
    assert!(inside.for_others("upload").await.unwrap().is_none(), "upload signs nothing");
    assert_eq!(public.ca_expires(), inside.ca_expires());
    // One that asks for another's name is given none.
    let bad = serde_json::to_vec(&["retention.siegel.internal"]).unwrap();
    let before = upload.get("tls/upload").await.unwrap().unwrap();
    upload.put("upload/tls-names", &bad).await.unwrap();
    for_others.make().await.unwrap();
    assert_eq!(upload.get("tls/upload").await.unwrap().unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_services_role_in_postgres_reads_no_schema_of_another_one() {
    let Some(mut parts) = Parts::for_tests() else { return };
    parts.postgres.installation = drawn("priv");
    let password = async |schema: &str| Ok::<_, DbError>(format!("test-{schema}").into());
    let made = Arc::new(Cluster::open(&parts.postgres, &parts.ca_file, password).await.unwrap());
    static THINGS: std::sync::LazyLock<siegel_platform::db::Migrations> =
        std::sync::LazyLock::new(contract::migrations);
    let tenant = TenantId::from_bytes((&SystemRng as &dyn Rng).bytes());
    made.mark_ready(tenant).await.unwrap();
    let as_service = |service: &str| {
        let known = schemas_of(service).into_iter().map(|schema| (schema, format!("test-{schema}").into())).collect();
        Arc::new(Cluster::of_service(&parts.postgres, &parts.ca_file, known).unwrap())
    };
    let upload = as_service("upload");
    let options = DbOptions { home: Home::Cluster(upload.clone()), ..DbOptions::default() };
    let dbs = TenantDbs::new("/nowhere".as_ref(), "upload", &THINGS, options);
    dbs.get(tenant).await.unwrap();
    // Nothing of provisioning is to be had with a service's roles.
    assert!(upload.make(TenantId::from_bytes([9; 16])).await.is_err());
    assert!(upload.drop_tenant(tenant).await.is_err());
    // Nor are there passwords for another's roles; and with one's own another's tables are refused.
    assert!(upload.way_to(tenant, "retention").is_err());
    let (_, connect) = as_service("retention").way_to(tenant, "retention").unwrap();
    let mut retention = sqlx::ConnectOptions::connect(&connect).await.unwrap();
    for statement in [
        "SELECT * FROM upload.things",
        "CREATE TABLE keys.mine (a INT)",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "ALTER ROLE CURRENT_USER CREATEROLE",
        "SET ROLE pg_monitor",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&mut retention).await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {refused}");
    }
    let _ = sqlx::Connection::close(retention).await;
    dbs.close_all().await;
    made.drop_all().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_services_user_writes_to_no_topic_of_another_one() {
    let Some(parts) = Parts::for_tests() else { return };
    let client = |user: &str, password: &str| {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &parts.kafka.bootstrap)
            .set("security.protocol", "SASL_SSL")
            .set("ssl.ca.location", parts.ca_file.to_string_lossy())
            .set("sasl.mechanisms", "SCRAM-SHA-512")
            .set("sasl.username", user)
            .set("sasl.password", password)
            .set("message.timeout.ms", "20000");
        config
    };
    let name = drawn("priv");
    let topic = |service: &str| format!("siegel.{service}.{name}");
    let names = ["upload", "retention", "operator"].map(topic);
    let (user, password) = parts.kafka.admin().unwrap();
    let admin: AdminClient<DefaultClientContext> = client(user, password.expose()).create().unwrap();
    let new: Vec<_> = names.iter().map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(-1))).collect();
    admin.create_topics(&new, &AdminOptions::new()).await.unwrap();
    let send = async |service: &str, topic: &str| {
        let producer: FutureProducer = client(service, parts.kafka.users[service].expose()).create().unwrap();
        let record = FutureRecord::<(), [u8]>::to(topic).payload(&b"mine"[..]);
        producer.send(record, Duration::from_secs(20)).await.map_err(|(error, _)| error)
    };
    for (service, other) in [("notification", "upload"), ("upload", "retention"), ("dealer-api", "operator")] {
        let refused = send(service, &topic(other)).await.unwrap_err();
        let denied = KafkaError::MessageProduction(RDKafkaErrorCode::TopicAuthorizationFailed);
        assert_eq!(refused, denied, "{service} writes to {other}'s topic");
        let mine: AdminClient<DefaultClientContext> =
            client(service, parts.kafka.users[service].expose()).create().unwrap();
        let made = mine.delete_topics(&[&topic(other)], &AdminOptions::new()).await.unwrap();
        assert!(matches!(made[0], Err((_, RDKafkaErrorCode::TopicAuthorizationFailed))), "{service} deletes: {made:?}");
    }
    send("upload", &topic("upload")).await.unwrap();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    admin.delete_topics(&names, &AdminOptions::new()).await.unwrap();
}
