//! What signs in at the real parts: roles in PostgreSQL, users of buckets, users at Kafka.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use siegel_domain::TenantId;
use siegel_platform::clock::SystemClock;
use siegel_platform::db::{self, Home};
use siegel_platform::host::{Beside, PartsChoice};
use siegel_platform::log::{KafkaSettings, kafka_users};
use siegel_platform::parts::Parts;
use siegel_platform::peer::SERVICES;
use siegel_platform::rng::SystemRng;
use siegel_platform::secrets::Secrets;
use siegel_platform::zones::{Replaced, ZoneMetrics, Zones};

use super::{NO_PARTS, chosen};
use crate::args::Args;
use crate::place::Place;

fn parts(place: &Place) -> Result<Parts> {
    let PartsChoice::File(file) = &place.config.parts else { bail!(NO_PARTS) };
    Ok(Parts::read(file)?)
}

/// A new password for each role: into the secrets first, where whoever is refused with the old one looks.
pub(super) async fn passwords(out: &mut impl Write, args: &Args, beside: &Beside) -> Result<ExitCode> {
    let Home::Cluster(cluster) = &beside.options.home else { bail!(NO_PARTS) };
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

/// Bucket by bucket. A zone that does not answer is not asked for the buckets behind it.
pub(super) async fn buckets(
    out: &mut impl Write,
    args: &Args,
    place: &Place,
    beside: &Beside,
    tenant: Option<TenantId>,
) -> Result<ExitCode> {
    let parts = parts(place)?;
    let names = beside.secrets.get("zones/buckets").await?.context("no bucket was ever made here")?;
    let names = names.as_slice().try_into().context("what buckets are called by is damaged")?;
    let (clock, rng, metrics) = (SystemClock::shared(), Arc::new(SystemRng), ZoneMetrics::default());
    let zones = Zones::open_s3(&parts.s3, &parts.ca_file, beside.secrets.clone(), names, clock, rng, metrics)?;
    let (mut done, mut failed, mut shared) = (0, Vec::new(), Vec::new());
    let tenants = chosen(beside, place, tenant).await?;
    for zone in zones.both() {
        for tenant in &tenants {
            match zone.replace_credentials(&zones.bucket(*tenant)).await {
                Ok(Replaced::Credentials) => done += 1,
                Ok(Replaced::Nothing) => {
                    shared.push(zone.name);
                    break;
                }
                Err(error) => {
                    let away = error.is_failure();
                    failed.push((zone.name, *tenant, error));
                    if away {
                        break;
                    }
                }
            }
        }
    }
    if args.json {
        let failed: Vec<_> = failed
            .iter()
            .map(
                |(zone, tenant, error)| json!({ "zone": zone, "tenant": tenant.to_string(), "why": error.to_string() }),
            )
            .collect();
        writeln!(out, "{}", json!({ "done": done, "one_account": shared, "failed": failed }))?;
    } else {
        writeln!(out, "{done} rotated: the former credentials of these buckets open nothing.")?;
        for zone in &shared {
            writeln!(out, "{zone} has one account for all tenants: change it there and in the parts files.")?;
        }
        for (zone, tenant, error) in &failed {
            writeln!(out, "FAILED  {zone} {tenant}: {error}. It goes on with those it had; do it again.")?;
        }
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Service by service.
pub(super) async fn kafka(
    out: &mut impl Write,
    args: &Args,
    place: &Place,
    beside: &Beside,
    service: Option<&str>,
) -> Result<ExitCode> {
    let (settings, clock) = (KafkaSettings::from_parts(&parts(place)?), SystemClock::new());
    let (mut rotated, mut failed) = (Vec::new(), BTreeMap::new());
    for one in SERVICES.into_iter().filter(|one| service.is_none_or(|service| service == *one)) {
        match kafka_users::rotate_password(&settings, &beside.secrets, one, &SystemRng, &clock).await {
            Ok(()) => rotated.push(one),
            Err(error) => {
                failed.insert(one, error.to_string());
            }
        }
    }
    if args.json {
        writeln!(out, "{}", json!({ "rotated": rotated, "failed": failed }))?;
    } else {
        if !rotated.is_empty() {
            writeln!(out, "New passwords at Kafka: {}. The former ones open nothing.", rotated.join(", "))?;
        }
        for (service, why) in &failed {
            writeln!(out, "FAILED  {service}: {why}. It goes on with the password it had; do it again.")?;
        }
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
