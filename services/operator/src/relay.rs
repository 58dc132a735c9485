//! Carries what was done to a tenant from the provider database into the tenant's own outbox, where its audit trail and
//! its event stream read it. A tenant exists before it has a database, so these events wait; each arrives once, since an
//! event that is there already is not written again.

use prost::Message;
use siegel_domain::TenantId;
use siegel_platform::db::{self, DbError};
use siegel_platform::log::emit;
use siegel_platform::telemetry;
use siegel_platform::tenants::TenantState;
use siegel_proto::events::v1::Event;

use crate::app::App;

/// Events carried in one run.
const BATCH: i64 = 200;

/// A run of the worker. Returns how many events were carried.
pub async fn run_once(app: &App) -> Result<usize, DbError> {
    let waiting: Vec<(String,)> =
        db::query_as("SELECT DISTINCT subject FROM outbox").fetch_all(app.ctx.tenants.db().reader()).await?;
    let mut carried = 0;
    for (subject,) in waiting {
        let tenant: TenantId = subject.parse().map_err(|_| DbError::corrupt("outbox", "subject", "?"))?;
        let open = app.ctx.tenants.get(tenant).is_some_and(|view| view.state != TenantState::Provisioning);
        if open {
            match carry(app, tenant).await {
                Ok(events) => carried += events,
                Err(DbError::NoSuchTenant) => {} // failed before it had a directory: its events wait for a better day
                Err(error) => return Err(error),
            }
        }
    }
    Ok(carried)
}

async fn carry(app: &App, tenant: TenantId) -> Result<usize, DbError> {
    let rows: Vec<(i64, Vec<u8>)> =
        db::query_as("SELECT position, data FROM outbox WHERE subject = $1 ORDER BY position LIMIT $2")
            .bind(tenant.to_string())
            .bind(BATCH)
            .fetch_all(app.ctx.tenants.db().reader())
            .await?;
    let events: Vec<(i64, Event)> = rows
        .into_iter()
        .map(|(position, data)| match Event::decode(data.as_slice()) {
            Ok(event) => Ok((position, event)),
            Err(_) => Err(DbError::corrupt("outbox", "data", position)),
        })
        .collect::<Result<_, _>>()?;
    if events.is_empty() {
        return Ok(0);
    }
    let events = &events;

    let own = app.dbs.get(tenant).await?;
    own.tx("operator.carry", |tx| {
        Box::pin(async move {
            for (_, event) in events {
                let known: Option<(i64,)> = db::query_as("SELECT position FROM outbox WHERE event_id = $1")
                    .bind(&event.id)
                    .fetch_optional(&mut **tx)
                    .await?;
                if known.is_none() {
                    let span = tracing::info_span!("operator.carry", event.id, event.r#type, %tenant);
                    telemetry::caused_by(&event.traceparent, span, emit(tx, event.clone())).await?;
                }
            }
            Ok::<_, DbError>(())
        })
    })
    .await?;
    let provider = app.ctx.tenants.db();
    provider
        .tx("operator.carried", |tx| {
            Box::pin(async move {
                // One by one: in PostgreSQL an event of a lower position may have been committed since.
                for (position, _) in events {
                    db::query("DELETE FROM outbox WHERE position = $1").bind(*position).execute(&mut **tx).await?;
                }
                Ok::<_, DbError>(())
            })
        })
        .await?;
    Ok(events.len())
}
