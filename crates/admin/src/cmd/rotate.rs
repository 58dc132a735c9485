//! `siegel-admin rotate`: new keys and passwords in the place of old ones, with nothing stopped. Each tenant and each role by
//! itself, and every step may be repeated: whoever is interrupted starts over.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::json;
use siegel_domain::TenantId;
#[cfg(feature = "real")]
use siegel_platform::db::{self, Home};
use siegel_platform::host::Beside;
#[cfg(feature = "real")]
use siegel_platform::secrets::Secrets;
use siegel_platform::secrets::SecretsError;

use crate::args::{Args, Rotate};
use crate::place::Place;

/// Does what was asked for.
pub async fn run(out: &mut impl Write, args: &Args, place: &Place, command: &Rotate) -> Result<ExitCode> {
    let beside = place.open().await?;
    let done = match command {
        Rotate::TenantKeys { tenant, trim } => keys(out, args, place, &beside, *tenant, *trim).await,
        Rotate::PostgresPasswords => passwords(out, args, &beside).await,
    };
    beside.close().await;
    done
}

async fn keys(
    out: &mut impl Write,
    args: &Args,
    place: &Place,
    beside: &Beside,
    tenant: Option<TenantId>,
    trim: bool,
) -> Result<ExitCode> {
    let (rotated, failed) = tenant_keys(beside, place, tenant, trim).await?;
    if args.json {
        let failed: Vec<_> = failed
            .iter()
            .map(|(tenant, error)| json!({ "tenant": tenant.to_string(), "why": error.to_string() }))
            .collect();
        writeln!(out, "{}", json!({ "done": rotated, "trimmed": trim, "failed": failed }))?;
    } else {
        match trim {
            false => writeln!(
                out,
                "{rotated} rotated. In five minutes, which is how long processes keep a key open: siegel-admin rotate tenant-keys --trim"
            )?,
            true => writeln!(out, "{rotated} trimmed: the versions before the newest are destroyed.")?,
        }
        for (tenant, error) in &failed {
            writeln!(out, "FAILED  {tenant}: {error}. It goes on with the key it had; do it again.")?;
        }
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A new password for each role: into the secrets first, where whoever is refused with the old one looks.
#[cfg(feature = "real")]
async fn passwords(out: &mut impl Write, args: &Args, beside: &Beside) -> Result<ExitCode> {
    let Home::Cluster(cluster) = &beside.options.home else { bail!(NO_ROLES) };
    let mut rotated = Vec::new();
    for schema in db::schemas() {
        let drawn = beside.secrets.draw(&Secrets::of_role(schema), 32).await?;
        cluster.set_password(schema, &db::password(&drawn)).await?;
        rotated.push(schema);
    }
    if args.json {
        writeln!(out, "{}", json!({ "rotated": rotated }))?;
    } else {
        writeln!(out, "{} roles have new passwords: {}.", rotated.len(), rotated.join(", "))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "real"))]
async fn passwords(_: &mut impl Write, _: &Args, _: &Beside) -> Result<ExitCode> {
    bail!(NO_ROLES)
}

/// On files nobody signs in.
const NO_ROLES: &str = "embedded parts have no passwords of databases: name real ones with --parts";

/// How many were done, and which were not.
async fn tenant_keys(
    beside: &Beside,
    place: &Place,
    tenant: Option<TenantId>,
    trim: bool,
) -> Result<(usize, Vec<(TenantId, SecretsError)>)> {
    let all = beside.options.home.place(place.state_dir()).provisioned().await?;
    let chosen = match tenant {
        Some(tenant) if !all.contains(&tenant) => bail!("no tenant {tenant} is ready here"),
        Some(tenant) => vec![tenant],
        None => all,
    };
    let (mut done, mut failed) = (0, Vec::new());
    for tenant in chosen {
        let outcome = match trim {
            false => beside.secrets.rotate_tenant_key(tenant).await,
            true => beside.secrets.trim_tenant_key(tenant).await,
        };
        match outcome {
            Ok(()) => done += 1,
            Err(error) => failed.push((tenant, error)),
        }
    }
    Ok((done, failed))
}
