//! `siegel-admin rotate`: new keys and passwords in the place of old ones, with nothing stopped. Each tenant and each role by
//! itself, and every step may be repeated: whoever is interrupted starts over.

#[cfg(feature = "real")]
mod parts;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::json;
use siegel_domain::TenantId;
use siegel_platform::host::Beside;
use siegel_platform::secrets::SecretsError;

use crate::args::{Args, Rotate};
use crate::place::Place;

/// Does what was asked for.
pub async fn run(out: &mut impl Write, args: &Args, place: &Place, command: &Rotate) -> Result<ExitCode> {
    let beside = place.open().await?;
    let done = match command {
        Rotate::TenantKeys { tenant, trim } => keys(out, args, place, &beside, *tenant, *trim).await,
        #[cfg(feature = "real")]
        Rotate::PostgresPasswords => parts::passwords(out, args, &beside).await,
        #[cfg(feature = "real")]
        Rotate::BucketCredentials { tenant } => parts::buckets(out, args, place, &beside, *tenant).await,
        #[cfg(feature = "real")]
        Rotate::KafkaPasswords { service } => parts::kafka(out, args, place, &beside, service.as_deref()).await,
        #[cfg(not(feature = "real"))]
        _ => Err(anyhow::anyhow!(NO_PARTS)),
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

/// On files nobody signs in.
const NO_PARTS: &str = "embedded parts have no users, whose passwords could be replaced: name real ones with --parts";

/// How many were done, and which were not.
async fn tenant_keys(
    beside: &Beside,
    place: &Place,
    tenant: Option<TenantId>,
    trim: bool,
) -> Result<(usize, Vec<(TenantId, SecretsError)>)> {
    let (mut done, mut failed) = (0, Vec::new());
    for tenant in chosen(beside, place, tenant).await? {
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

/// That tenant, or all that are ready.
async fn chosen(beside: &Beside, place: &Place, tenant: Option<TenantId>) -> Result<Vec<TenantId>> {
    let all = beside.options.home.place(place.state_dir()).provisioned().await?;
    match tenant {
        Some(tenant) if !all.contains(&tenant) => bail!("no tenant {tenant} is ready here"),
        Some(tenant) => Ok(vec![tenant]),
        None => Ok(all),
    }
}
