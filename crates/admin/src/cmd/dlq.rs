//! `siegel-admin dlq`: events that a consumer could not make sense of, in every tenant's databases of the services that consume.

use std::io::Write;
use std::process::ExitCode;
use std::sync::LazyLock;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use siegel_domain::TenantId;
use siegel_platform::clock::{Clock as _, SystemClock};
use siegel_platform::db::{DbError, Migrations, TenantDbs};
use siegel_platform::host::Beside;
use siegel_platform::log::{DeadLetter, dead_letters, redrive};

use crate::args::{Args, Dlq};
use crate::place::Place;
use crate::words::moment;

/// The services that consume, and their databases.
static CONSUMERS: [(&str, &LazyLock<Migrations>); 2] =
    [("retention", &siegel_retention::app::MIGRATIONS), ("operator", &siegel_operator::app::MIGRATIONS)];

/// A letter, and where it lies.
struct Lying {
    service: usize,
    tenant: TenantId,
    letter: DeadLetter,
}

/// Does what was asked for.
pub async fn run(out: &mut impl Write, args: &Args, place: &Place, command: &Dlq) -> Result<ExitCode> {
    let beside = place.open().await?;
    let services = CONSUMERS
        .map(|(service, migrations)| TenantDbs::new(place.state_dir(), service, migrations, beside.options.clone()));
    let done = act(out, args, place, command, &beside, &services).await;
    for service in &services {
        service.close_all().await;
    }
    beside.close().await;
    done
}

async fn act(
    out: &mut impl Write,
    args: &Args,
    place: &Place,
    command: &Dlq,
    beside: &Beside,
    services: &[TenantDbs],
) -> Result<ExitCode> {
    let all = lying(place, beside, services).await?;
    match command {
        Dlq::List if args.json => {
            let shown: Vec<Value> = all.iter().map(shown).collect();
            writeln!(out, "{}", serde_json::to_string_pretty(&shown)?)?;
        }
        Dlq::List if all.is_empty() => writeln!(out, "Nothing lies there: every event was understood.")?,
        Dlq::List => {
            for Lying { tenant, letter, .. } in &all {
                let (event, again) = (&letter.event, if letter.redriven { ", to be handled anew" } else { "" });
                let parked = moment(letter.parked);
                writeln!(
                    out,
                    "{}  {}  {tenant}  {parked}  {}: {}{again}",
                    event.id, event.r#type, letter.consumer, letter.reason
                )?;
            }
        }
        Dlq::Show { event } => {
            for lying in named(&all, event)? {
                writeln!(out, "{}", serde_json::to_string_pretty(&shown(lying))?)?;
                if !args.json {
                    writeln!(out, "{:#?}", lying.letter.event.data)?;
                }
            }
        }
        Dlq::Redrive { event, .. } => {
            let chosen = match event {
                Some(event) => named(&all, event)?,
                None => all.iter().collect(),
            };
            let now = SystemClock::new().now();
            let mut marked = 0;
            for Lying { service, tenant, letter } in &chosen {
                let db = services[*service].get(*tenant).await?;
                marked += usize::from(redrive(&db, &beside.provider, *tenant, letter, now).await?);
            }
            if args.json {
                writeln!(out, "{}", json!({ "redriven": marked }))?;
            } else {
                writeln!(
                    out,
                    "{marked} to be handled anew. The running service does it within seconds; `dlq list` shows what is left."
                )?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything that lies anywhere.
async fn lying(place: &Place, beside: &Beside, services: &[TenantDbs]) -> Result<Vec<Lying>> {
    let mut found = Vec::new();
    for tenant in beside.options.home.place(place.state_dir()).provisioned().await? {
        for (service, dbs) in services.iter().enumerate() {
            let letters = match dbs.get(tenant).await {
                Ok(db) => dead_letters(&db).await?,
                Err(DbError::NoSuchTenant) => Vec::new(), // given up meanwhile
                Err(error) => return Err(error.into()),
            };
            found.extend(letters.into_iter().map(|letter| Lying { service, tenant, letter }));
        }
    }
    Ok(found)
}

/// The letters of an event: one for each consumer that did not understand it.
fn named<'a>(all: &'a [Lying], event: &str) -> Result<Vec<&'a Lying>> {
    let of: Vec<_> = all.iter().filter(|lying| lying.letter.event.id == event).collect();
    if of.is_empty() {
        bail!("no event {event} lies there; `siegel-admin dlq list` shows what does");
    }
    Ok(of)
}

fn shown(Lying { tenant, letter, .. }: &Lying) -> Value {
    let event = &letter.event;
    json!({
        "event": event.id,
        "type": event.r#type,
        "source": event.source,
        "subject": event.subject,
        "time_ms": event.time_ms,
        "tenant": tenant.to_string(),
        "consumer": letter.consumer,
        "position": letter.position,
        "reason": letter.reason,
        "parked_ms": letter.parked.0,
        "redriven": letter.redriven,
    })
}
