//! Threads of records between the members of a tenant and a second party (M04): a sender now, a patient later. A thread
//! has no key for its records, each of which has its own (M02); its subject is sealed by the client and lies under a
//! shred key like a record's metadata.

use siegel_api::Bytes;
use siegel_api::conversations::{Conversation, ConversationPage, OpenConversation};
use siegel_api::page::PageQuery;
use siegel_domain::limits::SEALED_METADATA_BYTES;
use siegel_domain::{ConversationId, Party, Principal};
use siegel_platform::db::Db;
use siegel_platform::http::page::page_size;
use siegel_platform::log;
use siegel_platform::{Problem, Reason};
use siegel_proto::events::v1::ConversationOpened;
use siegel_proto::events::v1::event::Data;

use crate::access::Actor;
use crate::app::App;
use crate::error;
use crate::read::audit_read;
use crate::store::conversations::{self, ConversationRow};

/// Opens a thread; repeating it with the same values is answered alike.
pub async fn open(app: &App, actor: &Actor, wish: &OpenConversation) -> Result<Conversation, Problem> {
    if wish.sealed_subject.as_ref().is_some_and(|subject| subject.len() > SEALED_METADATA_BYTES) {
        return Err(Problem::invalid("sealed_subject", "is longer than 64 KiB"));
    }
    let db = app.db(actor).await?;
    if let Some(row) = conversations::find(db.reader(), wish.conversation).await? {
        return repeated(app, actor, wish, &row).await;
    }
    let second_party = second_party(app, actor, wish.with).await?;
    let (id, now) = (&wish.conversation.to_string(), app.ctx.clock.now());
    let sealed = &match &wish.sealed_subject {
        Some(subject) => {
            let shred_key = app.shred_keys.get_or_create(actor.tenant_id(), id, now).await?;
            Some(shred_key.seal(("conversations", id, "sealed_subject"), subject))
        }
        None => None,
    };
    let opened = db.tx("conversation.open", |tx| {
        Box::pin(async move {
            let conversation = wish.conversation;
            if !conversations::insert(tx, conversation, second_party, actor.principal, sealed.as_deref(), now).await? {
                return Ok(());
            }
            let event = ConversationOpened { conversation: id.clone(), with: second_party.to_string() };
            let tenant = actor.tenant_id();
            log::emit(tx, app.source.event(tenant, conversation, Data::ConversationOpened(event))).await?;
            log::audit(tx, app.source.audit_by(tenant, actor.who(), "conversation.open", conversation)).await?;
            Ok::<_, Problem>(())
        })
    });
    opened.await?;
    let row = conversations::find(db.reader(), wish.conversation).await?.ok_or_else(error::not_found)?;
    repeated(app, actor, wish, &row).await
}

/// One thread.
pub async fn read(app: &App, actor: &Actor, conversation: ConversationId) -> Result<Conversation, Problem> {
    let db = app.db(actor).await?;
    let row = readable(&db, actor, conversation).await?;
    audit_read(app, actor, &db, "conversation.read", conversation).await?;
    show(app, actor, &row).await
}

/// A page of the actor's threads, the latest activity first.
pub async fn list(app: &App, actor: &Actor, query: &PageQuery) -> Result<ConversationPage, Problem> {
    let size = page_size(query)?;
    // Members with the right to the mailbox see all threads of the tenant, others those they are the second side of.
    let tenants = actor.reads_as.contains(&Party::Tenant(actor.tenant_id()));
    let second_party = if tenants { None } else { actor.reads_as.first().copied() };
    let (tenant, whose) =
        (actor.tenant_id().to_string(), second_party.map(|party| party.to_string()).unwrap_or_default());
    let scope = ["conversations", &tenant, &whose];
    let before: (i64, String) = match &query.page_token {
        Some(token) => app.tokens.open(&scope, token)?,
        None => (i64::MAX, String::new()),
    };
    let db = app.db(actor).await?;
    let mut rows = conversations::page(db.reader(), second_party, (before.0, &before.1), size + 1).await?;
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next_page_token = rows.last().filter(|_| more);
    let next_page_token =
        next_page_token.map(|last| app.tokens.seal(&scope, &(last.last_activity.0, last.id.to_string())));
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(show(app, actor, row).await?);
    }
    audit_read(app, actor, &db, "conversation.list", actor.tenant_id()).await?;
    Ok(ConversationPage { items, next_page_token })
}

/// Refuses unless the actor may add a record to this thread: it is open, and they stand on one of its sides.
pub async fn joinable(db: &Db, actor: &Actor, conversation: ConversationId) -> Result<ConversationRow, Problem> {
    let row = conversations::find(db.reader(), conversation).await?.ok_or_else(error::not_found)?;
    if !is_a_side(&actor.speaks_as, actor, &row) {
        return Err(error::not_found());
    }
    if row.erased.is_some() { Err(Reason::Gone.into()) } else { Ok(row) }
}

async fn readable(db: &Db, actor: &Actor, conversation: ConversationId) -> Result<ConversationRow, Problem> {
    let row = conversations::find(db.reader(), conversation).await?.ok_or_else(error::not_found)?;
    if !is_a_side(&actor.reads_as, actor, &row) {
        return Err(error::not_found());
    }
    if row.erased.is_some() { Err(Reason::Gone.into()) } else { Ok(row) }
}

fn is_a_side(parties: &[Party], actor: &Actor, row: &ConversationRow) -> bool {
    parties.contains(&Party::Tenant(actor.tenant_id())) || parties.contains(&row.second_party)
}

/// The side that is not the tenant: the sender that a member names, or the sender that opens the thread itself.
async fn second_party(app: &App, actor: &Actor, with: Party) -> Result<Party, Problem> {
    let unknown = || Problem::new(Reason::RecipientUnknown).field("with", "is not known here");
    match (actor.principal, with) {
        (Principal::Sender(sender), Party::Tenant(tenant)) if tenant == actor.tenant_id() => Ok(Party::Sender(sender)),
        (Principal::Member(_), Party::Sender(_)) => {
            app.directory.party(actor.tenant_id(), with).await?.map(|_| with).ok_or_else(unknown)
        }
        _ => Err(Problem::invalid("with", "a member names a sender, a sender names its institution")),
    }
}

async fn repeated(
    app: &App,
    actor: &Actor,
    wish: &OpenConversation,
    row: &ConversationRow,
) -> Result<Conversation, Problem> {
    let shown = show(app, actor, row).await?;
    let same =
        row.opened_by == actor.principal && shown.with == wish.with && shown.sealed_subject == wish.sealed_subject;
    if same && row.erased.is_none() { Ok(shown) } else { Err(Reason::AlreadyExists.into()) }
}

/// A thread as the actor sees it: `with` is the other side.
async fn show(app: &App, actor: &Actor, row: &ConversationRow) -> Result<Conversation, Problem> {
    let id = row.id.to_string();
    let sealed_subject = match &row.sealed_subject {
        Some(sealed) => {
            let shred_key = app.shred_keys.get(actor.tenant_id(), &id).await?.ok_or_else(error::not_found)?;
            Some(Bytes(shred_key.open(("conversations", &id, "sealed_subject"), sealed)?))
        }
        None => None,
    };
    let with = if actor.is_sender() { Party::Tenant(actor.tenant_id()) } else { row.second_party };
    let (created_ms, last_activity_ms) = (row.created.0, row.last_activity.0);
    Ok(Conversation { id: row.id, with, sealed_subject, created_ms, last_activity_ms, records: row.records })
}
