//! Apache Kafka in one process (KRaft), with TLS, a user for each service, and rules for what each may do.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::addresses::{A, KAFKA, KAFKA_CONTROLLER, proxied};
use super::cache::{Source, Tool};
use super::file::SERVICES;
use super::site::{Site, write_private};
use super::wait::Patience;
use super::{Part, nothing_left, render, tls};
use crate::needs::Need;
use crate::tree;

const TOOL: Tool = Tool { name: "kafka", version: "4.1.1", pinned: "infra/kafka", source: Source::Maven };

pub(super) const PART: Part = Part {
    name: "kafka",
    tools: &[TOOL],
    needs: &[Need::Java, Need::Openssl],
    processes: &["kafka"],
    start,
    look,
    after: nothing_left,
};

fn start(site: &Site) -> Result<String> {
    let process = site.process("kafka");
    if !process.alive() {
        let config = configure(site)?;
        format_once(site, &config)?;
        // Enough for what tests put through it (400 MB resident), and a collector that needs no threads.
        let mut java = java(site)?;
        java.args(["-Xmx384m", "-XX:+UseSerialGC", "kafka.Kafka"]).arg(&config);
        process.start(&mut java, &[(A.host, KAFKA), (A.host, KAFKA_CONTROLLER)])?;
    }
    process.wait("kafka, waiting for its port", Patience::seconds(60), listens)?;
    // It waits by itself until Kafka answers.
    set_up(site).context("users and rules of Kafka")?;
    Ok(format!("{}, told to clients as {}", address(), proxied("kafka")))
}

/// Writes what Kafka and its set-up read; answers with Kafka's own.
fn configure(site: &Site) -> Result<PathBuf> {
    let pair = tls::pair(site, "kafka", A.host)?;
    let keystore = site.path("kafka/keystore.pem");
    let data = site.room("kafka/data")?;
    write_private(&keystore, &[fs::read(&pair.cert)?, fs::read(&pair.key)?].concat())?;
    let config = render::template(
        "infra/kafka/server.properties",
        &[
            ("host", A.host),
            ("port", &KAFKA.to_string()),
            ("controller_port", &KAFKA_CONTROLLER.to_string()),
            ("advertised", &proxied("kafka")),
            ("data", &data.to_string_lossy()),
            ("keystore", &keystore.to_string_lossy()),
            ("ca", &site.ca().to_string_lossy()),
            ("admin", &site.secret("kafka.admin")?),
        ],
    )?;
    let file = site.path("kafka/server.properties");
    write_private(&file, config.as_bytes())?;
    Ok(file)
}

/// Its directory, with the one user that has to be there before it starts.
fn format_once(site: &Site, config: &PathBuf) -> Result<()> {
    if site.path("kafka/data/meta.properties").is_file() {
        return Ok(());
    }
    // Java has no other way to hand it over; it is seen in the list of processes for two seconds, once.
    let admin = format!("SCRAM-SHA-512=[name=admin,password={}]", site.secret("kafka.admin")?);
    let mut java = java(site)?;
    // Any 16 bytes, in this alphabet: one cluster has nobody to be confused with.
    java.args(["kafka.tools.StorageTool", "format", "-t", "U2llZ2VsLXBhcnRzLTAwMQ", "-c"]).arg(config);
    let output = java.args(["--add-scram", &admin]).output().context("run java")?;
    if !output.status.success() {
        bail!("format Kafka's directory: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Users and rules, at the first start and whenever they changed.
fn set_up(site: &Site) -> Result<()> {
    let users = SERVICES.into_iter().map(|name| Ok(format!("{name} {}\n", site.secret(&format!("kafka.{name}"))?)));
    let users = users.collect::<Result<String>>()?;
    let rules = tree::root().join("infra/kafka/rules.txt");
    let wanted = format!("{users}{}", fs::read_to_string(&rules)?);
    let done = site.path("kafka/set-up");
    if fs::read_to_string(&done).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    let (users_file, client) = (site.path("kafka/users"), site.path("kafka/admin.properties"));
    write_private(&users_file, users.as_bytes())?;
    let login = "org.apache.kafka.common.security.scram.ScramLoginModule required";
    let client_text = format!(
        "bootstrap.servers={}\nsecurity.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n\
         ssl.truststore.type=PEM\nssl.truststore.location={}\nrequest.timeout.ms=5000\n\
         default.api.timeout.ms=40000\n\
         sasl.jaas.config={login} username=\"admin\" password=\"{}\";\n",
        proxied("kafka"),
        site.ca().display(),
        site.secret("kafka.admin")?,
    );
    write_private(&client, client_text.as_bytes())?;
    let mut java = java(site)?;
    java.arg(tree::root().join("infra/kafka/Setup.java")).arg(&client).arg(&users_file).arg(&rules);
    let output = java.output().context("run java")?;
    if !output.status.success() {
        bail!("Setup.java: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    write_private(&done, wanted.as_bytes())
}

fn look(_: &Site, _: &str) -> Result<String> {
    listens().with_context(|| format!("nothing listens on {}", address()))?;
    Ok(format!("{}, told to clients as {}", address(), proxied("kafka")))
}

fn listens() -> Option<()> {
    std::net::TcpStream::connect((A.host, KAFKA)).ok().map(drop)
}

fn address() -> String {
    format!("{}:{KAFKA}", A.host)
}

fn java(site: &Site) -> Result<Command> {
    let mut java = Command::new("java");
    java.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).env("HOME", site.directory());
    // By a variable: only Java may expand the star.
    java.env("CLASSPATH", TOOL.home()?.join("jars/*"));
    java.arg(format!("-Dlog4j2.configurationFile={}", tree::root().join("infra/kafka/log4j2.properties").display()));
    Ok(java)
}
