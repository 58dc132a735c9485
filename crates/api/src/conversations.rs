//! `/v1/conversations`: threads of records between the members of a tenant and a second party (M04). A conversation
//! holds no key: each record in it has its own (M02).

use serde::{Deserialize, Serialize};
use siegel_domain::{ConversationId, Party};

use crate::Bytes;

/// `POST /v1/conversations`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenConversation {
    /// The conversation, drawn by the client.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub conversation: ConversationId,
    /// The second party: a sender now, a patient later. A sender names its tenant here.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub with: Party,
    /// The subject, sealed by the client; shown to those who hold the label key, else absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sealed_subject: Option<Bytes>,
}

/// A thread.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conversation {
    /// The conversation.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: ConversationId,
    /// The second party.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub with: Party,
    /// The sealed subject.
    pub sealed_subject: Option<Bytes>,
    /// When it was opened.
    pub created_ms: i64,
    /// The last record committed in it.
    pub last_activity_ms: i64,
    /// Committed records in it.
    pub records: u32,
}

/// A page of conversations.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConversationPage {
    /// The conversations, latest activity first.
    pub items: Vec<Conversation>,
    /// The next page's token.
    pub next_page_token: Option<String>,
}
