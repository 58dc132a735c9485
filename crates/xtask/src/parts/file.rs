//! The parts file: where everything is and what to sign in with, for services and tests (`siegel_platform::parts`).
//!
//! Every credential in it is drawn here and handed to the part, so the file is complete and stays the same whichever
//! parts are started.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;

use super::addresses::{A, B, FRONT, PLACES, POSTGRES, POSTGRES_FRONT, PROXIES, VAULT_FRONT, ZONES, at, proxied};
use super::site::{Site, write_private};
use super::{s3, toxiproxy, vault};

/// Programs that sign in to Kafka, each as itself.
pub(super) const SERVICES: [&str; 6] =
    ["key-directory", "upload", "retention", "notification", "operator", "dealer-api"];

#[derive(Serialize)]
struct Parts {
    ca_file: PathBuf,
    postgres: Postgres,
    s3: Vec<S3>,
    vault: Vault,
    kafka: Kafka,
    #[serde(skip_serializing_if = "Option::is_none")]
    toxiproxy: Option<Toxiproxy>,
}

#[derive(Serialize)]
struct Postgres {
    host: &'static str,
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_user: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_password: Option<String>,
    direct: Vec<String>,
}

#[derive(Serialize)]
struct S3 {
    name: String,
    endpoint: String,
    region: &'static str,
    jurisdiction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_access: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_secret: Option<String>,
}

#[derive(Serialize)]
struct Vault {
    address: String,
    nodes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator_role_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator_secret_id: Option<String>,
    services: BTreeMap<&'static str, AppRole>,
}

#[derive(Serialize)]
struct AppRole {
    role_id: String,
    secret_id: String,
}

#[derive(Serialize)]
struct Kafka {
    bootstrap: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_user: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_password: Option<String>,
    users: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Toxiproxy {
    api: String,
    proxies: Vec<&'static str>,
}

/// Writes the file, and says where.
pub(super) fn write(site: &Site) -> Result<PathBuf> {
    let path = site.path("parts.toml");
    let text = |whose| toml::to_string(&parts(site, whose)?).context("put the parts file together");
    let head = "# Written by `cargo xtask up`. Addresses are those of the proxies, so that tests can cut them.\n\n";
    write_private(&path, format!("{head}{}", text(None)?).as_bytes())?;
    let room = site.room("services")?;
    for service in SERVICES {
        let head = format!("# What siegel-{service} needs, and no more. Written by `cargo xtask up`.\n\n");
        write_private(&room.join(format!("{service}.toml")), format!("{head}{}", text(Some(service))?).as_bytes())?;
    }
    Ok(path)
}

/// Everything, or what one service needs: administrators are for the operator alone.
fn parts(site: &Site, whose: Option<&str>) -> Result<Parts> {
    let provisions = whose.is_none_or(|service| service == "operator");
    let admins = |secret: &str| provisions.then(|| site.secret(secret)).transpose();
    let its = |name: &&'static str| whose.is_none_or(|service| *name == service);
    let zone = |place| -> Result<S3> {
        let name = at("s3", place);
        Ok(S3 {
            name: at("zone", place),
            endpoint: format!("https://{}", proxied(&name)),
            region: s3::REGION,
            jurisdiction: "EU-DE",
            admin_access: provisions.then(|| s3::admin(place)),
            admin_secret: admins(&format!("{name}.admin"))?,
        })
    };
    let role = |name: &'static str| -> Result<(&'static str, AppRole)> {
        let half = |what: &str| site.secret(&format!("vault.{name}.{what}"));
        Ok((name, AppRole { role_id: half("role-id")?, secret_id: half("secret-id")? }))
    };
    let user = |name: &'static str| Ok((name, site.secret(&format!("kafka.{name}"))?));
    Ok(Parts {
        ca_file: site.ca(),
        postgres: Postgres {
            host: FRONT,
            port: POSTGRES_FRONT,
            admin_user: provisions.then_some("siegel_admin"),
            admin_password: admins("postgres.siegel_admin")?,
            direct: [A, B].map(|place| format!("{}:{POSTGRES}", place.host)).into(),
        },
        s3: ZONES.into_iter().map(zone).collect::<Result<_>>()?,
        vault: Vault {
            address: format!("https://{FRONT}:{VAULT_FRONT}"),
            nodes: PLACES.map(|place| format!("https://{}", proxied(&at("vault", place)))).into(),
            operator_role_id: admins("vault.operator.role-id")?,
            operator_secret_id: admins("vault.operator.secret-id")?,
            services: vault::roles().filter(its).map(role).collect::<Result<_>>()?,
        },
        kafka: Kafka {
            bootstrap: proxied("kafka"),
            admin_user: provisions.then_some("admin"),
            admin_password: admins("kafka.admin")?,
            users: SERVICES.into_iter().filter(its).map(user).collect::<Result<_>>()?,
        },
        toxiproxy: whose
            .is_none()
            .then(|| Toxiproxy { api: toxiproxy::api(), proxies: PROXIES.iter().map(|proxy| proxy.name).collect() }),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_is_whole_private_and_the_same_the_next_time() {
        let directory = std::env::temp_dir().join(format!("siegel-parts-file-{}", std::process::id()));
        let path = write(&Site::own_at(directory.clone()).unwrap()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let first = std::fs::read_to_string(&path).unwrap();
        write(&Site::own_at(directory.clone()).unwrap()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first, "credentials are kept");

        let read: toml::Value = toml::from_str(&first).unwrap();
        assert_eq!(read["s3"][0]["endpoint"].as_str(), Some("https://127.0.0.1:7071"));
        assert_eq!(read["kafka"]["bootstrap"].as_str(), Some("127.0.0.1:9192"));
        assert_eq!(read["kafka"]["users"].as_table().unwrap().len(), SERVICES.len());
        let operator = &read["vault"]["services"]["operator"];
        assert_eq!(operator["role_id"], read["vault"]["operator_role_id"]);
        assert_eq!(operator["secret_id"], read["vault"]["operator_secret_id"]);

        let upload = std::fs::read_to_string(directory.join("services/upload.toml")).unwrap();
        assert!(!upload.contains("admin") && !upload.contains("operator"), "{upload}");
        let upload: toml::Value = toml::from_str(&upload).unwrap();
        assert_eq!(upload["kafka"]["users"].as_table().unwrap().len(), 1);
        assert_eq!(upload["vault"]["services"].as_table().unwrap().len(), 1);
        std::fs::remove_dir_all(directory).unwrap();
    }
}
