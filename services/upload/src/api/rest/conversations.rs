//! `/v1/conversations`.

use axum::extract::State;
use siegel_api::conversations::{Conversation, ConversationPage, OpenConversation};
use siegel_api::page::PageQuery;
use siegel_api::problem::ProblemBody;
use siegel_domain::{ConversationId, Permission};
use siegel_platform::Problem;
use siegel_platform::auth::Caller;
use siegel_platform::http::{Json, Path, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Actor;
use crate::app::App;
use crate::conversations;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post_conversation, get_conversations)).routes(routes!(get_conversation))
}

/// Opens a conversation between the institution and a sender.
///
/// A member names the sender, a sender its institution. Repeating it with the same values is answered alike.
#[utoipa::path(
    post, path = "/v1/conversations", tag = "conversations", operation_id = "openConversation",
    request_body(content = OpenConversation, example = json!({
        "conversation": "cnv_01h2xcejqtf2nbrexx3vqjhp41", "with": "snd_01h2xcejqtf2nbrexx3vqjhp42"
    })),
    responses(
        (status = 200, description = "The conversation", body = Conversation),
        (status = 409, description = "`already-exists`", body = ProblemBody),
        (status = 422, description = "`recipient-unknown`", body = ProblemBody),
    )
)]
async fn post_conversation(
    State(app): State<App>,
    caller: Caller,
    Json(wish): Json<OpenConversation>,
) -> Result<Json<Conversation>, Problem> {
    caller.require(Permission::Send)?;
    let actor = Actor::of(&app, &caller)?;
    conversations::open(&app, &actor, &wish).await.map(Json)
}

/// Lists the caller's conversations, the latest activity first.
#[utoipa::path(
    get, path = "/v1/conversations", tag = "conversations", operation_id = "listConversations",
    params(PageQuery),
    responses((status = 200, description = "A page", body = ConversationPage))
)]
async fn get_conversations(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<ConversationPage>, Problem> {
    let actor = Actor::of(&app, &caller)?;
    conversations::list(&app, &actor, &query).await.map(Json)
}

/// Gives a conversation.
#[utoipa::path(
    get, path = "/v1/conversations/{conversation}", tag = "conversations", operation_id = "getConversation",
    params(("conversation" = String, Path, description = "The conversation")),
    responses(
        (status = 200, description = "The conversation", body = Conversation),
        (status = 404, description = "No such conversation for the caller", body = ProblemBody),
        (status = 410, description = "It was erased", body = ProblemBody),
    )
)]
async fn get_conversation(
    State(app): State<App>,
    caller: Caller,
    Path(conversation): Path<ConversationId>,
) -> Result<Json<Conversation>, Problem> {
    let actor = Actor::of(&app, &caller)?;
    conversations::read(&app, &actor, conversation).await.map(Json)
}
