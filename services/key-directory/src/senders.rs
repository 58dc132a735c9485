//! The senders of a tenant: listed by the centre, and each to itself.

use siegel_api::members::{PatchSender, Sender, SenderPage, Standing};
use siegel_api::page::PageQuery;
use siegel_domain::{Permission, Principal, SenderId, TenantId};
use siegel_platform::auth::Caller;
use siegel_platform::db::Db;
use siegel_platform::{Problem, Reason, log};
use siegel_proto::events::v1 as events;
use siegel_proto::events::v1::event::Data;

use crate::app::{Directory, Place};
use crate::members::pending;
use crate::paging::{cut, read_page};
use crate::store::senders;
use crate::store::senders::{SenderRow, return_report_str};

/// A sender and its version, for the ETag.
pub(crate) type Versioned = (Sender, i64);

/// A page, oldest first, for the centre.
pub(crate) async fn list(directory: &Directory, caller: &Caller, query: &PageQuery) -> Result<SenderPage, Problem> {
    caller.require(Permission::ManageSenders)?;
    let tenant = caller.tenant_id()?;
    let db = directory.db(tenant).await?;
    let scope = ["senders", &tenant.to_string()];
    let (after, size) = read_page(&directory.pages, &scope, query)?;
    let rows = senders::page(db.reader(), after, size + 1).await?;
    let (rows, next) = cut(rows, size, |row| (row.created_ms, row.id.to_string()));
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(show(directory, &db, tenant, row, true).await?.0);
    }
    Ok(SenderPage { items, next_page_token: next.map(|cursor| directory.pages.seal(&scope, &cursor)) })
}

/// One sender: any for the centre, itself for a sender. Others do not exist.
pub(crate) async fn get(directory: &Directory, caller: &Caller, id: SenderId) -> Result<Versioned, Problem> {
    let for_centre = may_see(caller, id)?;
    let tenant = caller.tenant_id()?;
    let db = directory.db(tenant).await?;
    one(directory, &db, tenant, id, for_centre).await
}

/// The centre changes a sender's setting, or the sender its own wish (C05). `version` is the one that was read.
pub(crate) async fn patch(
    directory: &Directory,
    caller: &Caller,
    id: SenderId,
    version: i64,
    patch: PatchSender,
) -> Result<Versioned, Problem> {
    let for_centre = may_see(caller, id)?;
    let tenant = caller.tenant_id()?;
    let db = directory.db(tenant).await?;
    let wish = patch.return_report;
    let patching = db.tx("sender.patch", |tx| {
        Box::pin(async move {
            let row = senders::get(&mut **tx, id).await?.filter(|row| row.standing != Standing::Removed);
            row.ok_or(Reason::NotFound)?;
            if !senders::set_return_report(tx, id, version, wish).await? {
                return Err(Problem::new(Reason::PreconditionFailed));
            }
            let source = &directory.source;
            let told =
                events::SenderChanged { sender: id.to_string(), return_report: return_report_str(wish).to_owned() };
            log::emit(tx, source.event(tenant, id, Data::SenderChanged(told))).await?;
            log::audit(tx, source.audit_by(tenant, caller.who(), "sender.change", id)).await?;
            Ok(())
        })
    });
    patching.await?;
    one(directory, &db, tenant, id, for_centre).await
}

/// One sender, after a change.
pub(crate) async fn one(
    directory: &Directory,
    db: &Db,
    tenant: TenantId,
    id: SenderId,
    for_centre: bool,
) -> Result<Versioned, Problem> {
    let row = senders::get(db.reader(), id).await?.ok_or(Reason::NotFound)?;
    show(directory, db, tenant, row, for_centre).await
}

/// True for the centre, false for the sender itself; to everybody else the sender does not exist.
fn may_see(caller: &Caller, id: SenderId) -> Result<bool, Problem> {
    if caller.principal == Principal::Sender(id) {
        return Ok(false);
    }
    match caller.principal {
        Principal::Member(_) => caller.require(Permission::ManageSenders).map(|()| true),
        _ => Err(Reason::NotFound.into()),
    }
}

async fn show(
    directory: &Directory,
    db: &Db,
    tenant: TenantId,
    row: SenderRow,
    for_centre: bool,
) -> Result<Versioned, Problem> {
    let id = row.id.to_string();
    let (mut sealed_label, mut waiting) = (None, None);
    if for_centre {
        let label = directory.unseal(tenant, Place("senders", &id, "sealed_label"), &row.sealed_label).await?;
        sealed_label = Some(label.into());
        if row.standing == Standing::Pending {
            waiting = Some(pending(directory, db, tenant, Principal::Sender(row.id)).await?);
        }
    }
    let sender = Sender {
        id: row.id,
        standing: row.standing,
        sealed_label,
        return_report: row.return_report,
        pending: waiting,
        created_ms: row.created_ms,
    };
    Ok((sender, row.version))
}
