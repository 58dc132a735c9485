//! Lists of records: the inbox (granted to the actor or their tenant) and what was sent, newest first, page by page.

use siegel_api::page::PageQuery;
use siegel_api::records::{RecordPage, RecordQuery};
use siegel_domain::Party;
use siegel_platform::Problem;
use siegel_platform::http::page::page_size;

use crate::access::Actor;
use crate::app::App;
use crate::read;
use crate::store::parties::{self, Filter, Mailbox};
use crate::store::records::RecordRow;

/// A page of the actor's mailbox.
pub async fn list(app: &App, actor: &Actor, query: &RecordQuery) -> Result<RecordPage, Problem> {
    let mailbox = match query.mailbox.as_deref() {
        None | Some("inbox") => Mailbox::Inbox,
        Some("sent") => Mailbox::Sent,
        Some(_) => return Err(Problem::invalid("mailbox", "must be `inbox` or `sent`")),
    };
    let filter = Filter {
        kind: query.kind.map(|kind| kind.as_str()),
        conversation: query.conversation.map(|id| id.to_string()),
        answers: query.answers.map(|id| id.to_string()),
    };
    let page = PageQuery { page_size: query.page_size, page_token: query.page_token.clone() };
    let size = page_size(&page)?;
    let scope = scope(actor, mailbox, &filter);
    let scope: Vec<&str> = scope.iter().map(String::as_str).collect();
    let before: (i64, String) = match &page.page_token {
        Some(token) => app.tokens.open(&scope, token)?,
        None => (i64::MAX, String::new()),
    };

    let db = app.db(actor).await?;
    let mut rows = Vec::new();
    for &party in &actor.reads_as {
        let cursor = (before.0, before.1.as_str());
        rows.extend(parties::page(db.reader(), party, mailbox, cursor, &filter, size + 1).await?);
    }
    let (rows, more) = newest(rows, size as usize);
    let next_page_token = match rows.last() {
        Some(last) if more => {
            let cursor = (last.committed.map_or(0, |committed| committed.0), last.id.to_string());
            Some(app.tokens.seal(&scope, &cursor))
        }
        _ => None,
    };
    let items = read::show(app, actor, &db, &rows).await?;
    read::audit_read(app, actor, &db, "record.list", actor.tenant_id()).await?;
    Ok(RecordPage { items, next_page_token })
}

/// The parties' lists as one, each record once; and whether there is more.
fn newest(mut rows: Vec<RecordRow>, size: usize) -> (Vec<RecordRow>, bool) {
    rows.sort_by_key(|row| std::cmp::Reverse((row.committed, row.id.to_string())));
    rows.dedup_by_key(|row| row.id);
    let more = rows.len() > size;
    rows.truncate(size);
    (rows, more)
}

/// What a token is good for: this list, of this actor, with these filters.
fn scope(actor: &Actor, mailbox: Mailbox, filter: &Filter) -> Vec<String> {
    let parties: Vec<String> = actor.reads_as.iter().map(Party::to_string).collect();
    vec![
        "records".to_owned(),
        actor.tenant_id().to_string(),
        parties.join(" "),
        mailbox.as_str().to_owned(),
        filter.kind.unwrap_or_default().to_owned(),
        filter.conversation.clone().unwrap_or_default(),
        filter.answers.clone().unwrap_or_default(),
    ]
}
