//! Who may see and do what here. Another tenant's things, and things that do not concern the caller, answer 404 like
//! those that do not exist.

use siegel_api::retention::EraseTarget;
use siegel_domain::upload::RecordState;
use siegel_domain::{Party, Permission, Principal, RecordId, TenantId};
use siegel_platform::auth::Caller;
use siegel_platform::peer::ask;
use siegel_platform::{Problem, Reason};
use siegel_proto::upload::v1::{
    GetRecordPartiesRequest, GetRecordPartiesResponse, ListConversationRecordsRequest, ListConversationRecordsResponse,
};

use crate::app::App;

/// How long a question to upload may take.
const ASK_MS: i64 = 5_000;

/// As whom somebody looks: a member sees everything of the tenant (`None`), a sender what concerns it.
pub fn viewer(caller: &Caller) -> Result<(TenantId, Option<Party>), Problem> {
    let tenant = caller.tenant_id()?;
    match caller.principal {
        Principal::Member(_) => {
            caller.require(Permission::ReadMailbox)?;
            Ok((tenant, None))
        }
        Principal::Sender(sender) => Ok((tenant, Some(Party::Sender(sender)))),
        Principal::Dealer(_) => Err(Reason::NotFound.into()),
    }
}

/// Passes if the caller, whose role allows erasing, may erase this target (M06): a member of the tenant, the record's own sender, or the second party
/// of the conversation. Answers with that second party.
pub async fn may_erase(app: &App, caller: &Caller, target: &EraseTarget) -> Result<Option<Party>, Problem> {
    let tenant = caller.tenant_id()?;
    let own = match caller.principal {
        Principal::Member(_) => None,
        Principal::Sender(sender) => Some(Party::Sender(sender)),
        Principal::Dealer(_) => return Err(Reason::NotFound.into()),
    };
    let not_found = || Problem::new(Reason::NotFound);
    match target {
        EraseTarget::Record(record) => {
            let parties = record_parties(app, tenant, *record).await?;
            if !parties.found || own.is_some_and(|own| parties.sender != own.to_string()) {
                return Err(not_found());
            }
            match RecordState::parse(&parties.state) {
                Some(RecordState::Committed | RecordState::Erasing | RecordState::Erased) => Ok(None),
                // To members an upload that was not committed does not exist; its sender can let it be swept.
                _ if own.is_none() => Err(not_found()),
                _ => Err(Problem::new(Reason::RecordState)
                    .detail("The upload was never committed; it is swept by itself a day after its last part.")),
            }
        }
        EraseTarget::Conversation(conversation) => {
            let answer = conversation_of(app, tenant, &conversation.to_string()).await?;
            let second: Option<Party> = answer.with.parse().ok();
            if !answer.found || (own.is_some() && second != own) {
                return Err(not_found());
            }
            Ok(second)
        }
    }
}

async fn record_parties(app: &App, tenant: TenantId, record: RecordId) -> Result<GetRecordPartiesResponse, Problem> {
    let request = GetRecordPartiesRequest { tenant: tenant.to_string(), record: record.to_string() };
    let answer = ask(&app.ctx.clock, ASK_MS, app.upload.clone().get_record_parties(request)).await;
    Ok(answer.ok_or(Problem::new(Reason::Timeout))?.map_err(Problem::from)?.into_inner())
}

async fn conversation_of(
    app: &App,
    tenant: TenantId,
    conversation: &str,
) -> Result<ListConversationRecordsResponse, Problem> {
    let request = ListConversationRecordsRequest {
        tenant: tenant.to_string(),
        conversation: conversation.to_owned(),
        after: String::new(),
        limit: 1,
    };
    let answer = ask(&app.ctx.clock, ASK_MS, app.upload.clone().list_conversation_records(request)).await;
    Ok(answer.ok_or(Problem::new(Reason::Timeout))?.map_err(Problem::from)?.into_inner())
}
