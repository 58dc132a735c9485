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
    toxiproxy: Toxiproxy,
}

#[derive(Serialize)]
struct Postgres {
    host: &'static str,
    port: u16,
    admin_user: &'static str,
    admin_password: String,
    direct: Vec<String>,
}

#[derive(Serialize)]
struct S3 {
    name: String,
    endpoint: String,
    region: &'static str,
    jurisdiction: &'static str,
    admin_access: String,
    admin_secret: String,
}

#[derive(Serialize)]
struct Vault {
    address: String,
    nodes: Vec<String>,
    operator_role_id: String,
    operator_secret_id: String,
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
    admin_user: &'static str,
    admin_password: String,
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
    let text = toml::to_string(&parts(site)?).context("put the parts file together")?;
    let head = "# Written by `cargo xtask up`. Addresses are those of the proxies, so that tests can cut them.\n\n";
    write_private(&path, format!("{head}{text}").as_bytes())?;
    Ok(path)
}

fn parts(site: &Site) -> Result<Parts> {
    let zone = |place| -> Result<S3> {
        let name = at("s3", place);
        Ok(S3 {
            name: at("zone", place),
            endpoint: format!("https://{}", proxied(&name)),
            region: s3::REGION,
            jurisdiction: "EU-DE",
            admin_access: s3::admin(place),
            admin_secret: site.secret(&format!("{name}.admin"))?,
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
            admin_user: "siegel_admin",
            admin_password: site.secret("postgres.siegel_admin")?,
            direct: [A, B].map(|place| format!("{}:{POSTGRES}", place.host)).into(),
        },
        s3: ZONES.into_iter().map(zone).collect::<Result<_>>()?,
        vault: Vault {
            address: format!("https://{FRONT}:{VAULT_FRONT}"),
            nodes: PLACES.map(|place| format!("https://{}", proxied(&at("vault", place)))).into(),
            operator_role_id: site.secret("vault.operator.role-id")?,
            operator_secret_id: site.secret("vault.operator.secret-id")?,
            services: vault::roles().map(role).collect::<Result<_>>()?,
        },
        kafka: Kafka {
            bootstrap: proxied("kafka"),
            admin_user: "admin",
            admin_password: site.secret("kafka.admin")?,
            users: SERVICES.into_iter().map(user).collect::<Result<_>>()?,
        },
        toxiproxy: Toxiproxy { api: toxiproxy::api(), proxies: PROXIES.iter().map(|proxy| proxy.name).collect() },
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
        std::fs::remove_dir_all(directory).unwrap();
    }
}
