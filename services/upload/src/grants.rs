//! Passing a record on: a further grant by its sender, or by a member of a named recipient (PROTOCOL "Grant"). Also how a
//! record is sealed anew after a change of epoch or to a sender that was enrolled again.

use siegel_api::records::AddGrants;
use siegel_domain::limits::RECIPIENTS;
use siegel_domain::{Party, RecordId};
use siegel_envelope::manifest::Recipient;
use siegel_envelope::{Grant, GrantContext, Manifest, SignedBytes};
use siegel_platform::db::DbError;
use siegel_platform::log;
use siegel_platform::{Problem, Reason};
use siegel_proto::events::v1::GrantsAdded;
use siegel_proto::events::v1::event::Data;

use crate::access::{Actor, readable};
use crate::app::App;
use crate::error;
use crate::store::parties::{Mailbox, PartyRow};
use crate::store::{conversations, grants, parties, records};
use crate::verify::{self, VerifiedGrant};

/// Most grants of one record.
const GRANTS: u32 = 1_000;

/// Adds grants; the same grant twice is one.
pub async fn add(app: &App, actor: &Actor, record: RecordId, wish: &AddGrants) -> Result<(), Problem> {
    if wish.grants.is_empty() || wish.grants.len() > RECIPIENTS {
        return Err(Problem::invalid("grants", "must be 1-64"));
    }
    let db = app.db(actor).await?;
    let (row, known) = readable(&db, actor, record).await?;
    if !may_pass_on(actor, &known) {
        return Err(Problem::new(Reason::Forbidden)
            .detail("Only the sender, or a member of a recipient that the sender named, passes a record on."));
    }
    let bytes = records::manifest(db.reader(), record).await?.ok_or_else(error::not_found)?;
    let corrupt = || DbError::corrupt("records", "manifest", record);
    let signed = SignedBytes::from_bytes_of::<Manifest>(&bytes).map_err(|_| corrupt())?;
    let manifest: Manifest = signed.peek().map_err(|_| corrupt())?; // its signature was checked before it was stored

    let mut verified = Vec::with_capacity(wish.grants.len());
    let mut recipients = Vec::with_capacity(wish.grants.len());
    for (at, item) in wish.grants.iter().enumerate() {
        let claimed = Grant::from_bytes(&item.grant).ok().and_then(|grant| grant.peek().ok());
        let granter = claimed.ok_or_else(|| error::grant(at, "is not a grant"))?.granter_key;
        let key = verify::signing_key(app, actor, &granter).await?;
        let (grant, context) = verify::grant(at, item, &manifest, &key)?;
        let GrantContext { granter, recipient, recipient_key, .. } = context;
        if !actor.speaks_as.contains(&granter) {
            return Err(error::grant(at, "names another granter than the one who adds it"));
        }
        recipients.push(Recipient { party: recipient, key: recipient_key });
        verified.push(grant);
    }
    let thread = match row.conversation {
        Some(conversation) => conversations::find(db.reader(), conversation).await?,
        None => None,
    };
    verify::current_keys(app, actor, thread.as_ref(), &recipients).await?;
    if grants::count(db.reader(), record).await? + verified.len() as u32 > GRANTS {
        return Err(Reason::LimitReached.into());
    }
    write(app, actor, &db, &row, &verified).await
}

/// The sender, or a member for whom a named recipient stands: themselves, or their tenant.
fn may_pass_on(actor: &Actor, known: &[PartyRow]) -> bool {
    known.iter().any(|row| {
        let mine = actor.reads_as.contains(&row.party);
        mine && (row.is_sender || (row.named && !matches!(row.party, Party::Sender(_))))
    })
}

async fn write(
    app: &App,
    actor: &Actor,
    db: &siegel_platform::db::Db,
    row: &records::RecordRow,
    verified: &[VerifiedGrant],
) -> Result<(), Problem> {
    let id = &row.id.to_string();
    let shred_key = &app.shred_keys.get(actor.tenant_id(), id).await?.ok_or_else(error::not_found)?;
    db.tx("record.grant", |tx| {
        Box::pin(async move {
            // Erased in between: nothing is sealed under a key that is gone.
            let now = records::find(&mut **tx, row.id).await?.ok_or_else(error::not_found)?;
            let (Some(committed), siegel_domain::upload::RecordState::Committed) = (now.committed, now.state) else {
                return Err(error::wrong_state(now.state));
            };
            let mut added = Vec::new();
            for grant in verified {
                let sealed = shred_key.seal(("grants", &format!("{id}/{}", grant.digest), "sealed"), &grant.bytes);
                if grants::insert(tx, row.id, grant.digest, grant.recipient, &sealed, app.ctx.clock.now()).await? {
                    added.push(grant.recipient.to_string());
                }
                parties::insert(tx, row.id, grant.recipient, Mailbox::Inbox, false, committed).await?;
            }
            if !added.is_empty() {
                let event = GrantsAdded { record: id.clone(), recipients: added, granter: actor.principal.to_string() };
                log::emit(tx, app.source.event(actor.tenant_id(), row.id, Data::GrantsAdded(event))).await?;
            }
            log::audit(tx, app.source.audit_by(actor.tenant_id(), actor.who(), "record.grant", row.id)).await?;
            Ok::<_, Problem>(())
        })
    })
    .await
}
