//! Conversations: threads of records with a second party (M04). A thread holds no key; each record in it has its own
//! (M02). Its subject is sealed by the centre and read by its members only.

use siegel_api::conversations::{Conversation, ConversationPage, OpenConversation};
use siegel_domain::{ConversationId, Party, Role};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::http::Request;
use crate::people::{invite_name, open_name};
use crate::rng;
use crate::session::Session;

impl Session {
    /// Opens a thread with a second party; a sender opens one with its centre (and can't seal a subject).
    pub async fn open_conversation(&self, with: Party, subject: Option<&str>) -> Result<ConversationId> {
        let conversation = ConversationId::from_bytes(rng::bytes());
        let sealed_subject = match subject {
            None => None,
            Some(_) if self.profile().role == Role::Sender => {
                return Err(Error::input("subject", "only members of the centre can give a thread one"));
            }
            Some(subject) => Some(invite_name(&self.ring().await?, &conversation.to_string(), subject)?),
        };
        let body = OpenConversation { conversation, with, sealed_subject };
        let request = Request::new("POST /v1/conversations", &[], self.auth()).json(&body);
        self.http().done(&request).await?;
        Ok(conversation)
    }

    /// The threads, latest activity first, with their subjects as far as they open.
    pub async fn conversations(&self) -> Result<Vec<(Conversation, Option<Zeroizing<String>>)>> {
        let items: Vec<Conversation> =
            self.pages("GET /v1/conversations", |page: ConversationPage| (page.items, page.next_page_token)).await?;
        let sealed = items.iter().any(|item| item.sealed_subject.is_some());
        let ring = if sealed && self.profile().role != Role::Sender { Some(self.ring().await?) } else { None };
        Ok(items
            .into_iter()
            .map(|item| {
                let subject =
                    ring.as_ref().and_then(|ring| open_name(ring, &item.id.to_string(), item.sealed_subject.as_ref()));
                (item, subject)
            })
            .collect())
    }
}
