//! `siegel.upload.v1`: erasing, for retention.

use std::str::FromStr;

use siegel_domain::{ConversationId, DeviceId, RecordId, TenantId};
use siegel_platform::Problem;
use siegel_proto::upload::v1::upload_service_server::UploadService;
use siegel_proto::upload::v1::{
    EraseConversationRequest, EraseConversationResponse, EraseRecordRequest, EraseRecordResponse,
    GetRecordPartiesRequest, GetRecordPartiesResponse, ListConversationRecordsRequest, ListConversationRecordsResponse,
};
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::erase::{self, Order};
use crate::store::{conversations, erasures, parties, records};

/// Most records of one answer.
const RECORDS: u32 = 500;

/// The gRPC service.
#[derive(Clone)]
pub struct Upload(pub App);

#[tonic::async_trait]
impl UploadService for Upload {
    async fn erase_record(
        &self,
        request: Request<EraseRecordRequest>,
    ) -> Result<Response<EraseRecordResponse>, Status> {
        let request = request.into_inner();
        let order = Order {
            tenant: id(&request.tenant, "tenant")?,
            record: id(&request.record, "record")?,
            actor: request.actor,
            device: device(&request.device)?,
            cause: match request.cause.as_str() {
                "asked" => "asked",
                "expired" => "expired",
                _ => return Err(Problem::invalid("cause", "must be `asked` or `expired`").into()),
            },
        };
        Ok(Response::new(erase::erase(&self.0, order).await?))
    }

    async fn erase_conversation(
        &self,
        request: Request<EraseConversationRequest>,
    ) -> Result<Response<EraseConversationResponse>, Status> {
        let request = request.into_inner();
        let (tenant, conversation) = (id(&request.tenant, "tenant")?, id(&request.conversation, "conversation")?);
        let device = device(&request.device)?;
        let found = erase::erase_conversation(&self.0, tenant, conversation, &request.actor, device).await?;
        Ok(Response::new(EraseConversationResponse { found }))
    }

    async fn list_conversation_records(
        &self,
        request: Request<ListConversationRecordsRequest>,
    ) -> Result<Response<ListConversationRecordsResponse>, Status> {
        let request = request.into_inner();
        let (tenant, conversation) = (id(&request.tenant, "tenant")?, id(&request.conversation, "conversation")?);
        Ok(Response::new(of_conversation(&self.0, tenant, conversation, &request.after, request.limit).await?))
    }

    async fn get_record_parties(
        &self,
        request: Request<GetRecordPartiesRequest>,
    ) -> Result<Response<GetRecordPartiesResponse>, Status> {
        let request = request.into_inner();
        let (tenant, record) = (id(&request.tenant, "tenant")?, id(&request.record, "record")?);
        Ok(Response::new(parties_of(&self.0, tenant, record).await?))
    }
}

async fn of_conversation(
    app: &App,
    tenant: TenantId,
    conversation: ConversationId,
    after: &str,
    limit: u32,
) -> Result<ListConversationRecordsResponse, Problem> {
    let db = app.dbs.get(tenant).await?;
    let Some(thread) = conversations::find(db.reader(), conversation).await? else {
        return Ok(ListConversationRecordsResponse::default());
    };
    let limit = if limit == 0 { RECORDS } else { limit.min(RECORDS) };
    let found = records::of_conversation(db.reader(), conversation, after, limit).await?;
    Ok(ListConversationRecordsResponse {
        records: found.iter().map(ToString::to_string).collect(),
        found: true,
        with: thread.second_party.to_string(),
    })
}

async fn parties_of(app: &App, tenant: TenantId, record: RecordId) -> Result<GetRecordPartiesResponse, Problem> {
    let db = app.dbs.get(tenant).await?;
    let Some(row) = records::find(db.reader(), record).await? else { return Ok(GetRecordPartiesResponse::default()) };
    let recipients: Vec<String> = match erasures::find(db.reader(), record).await? {
        Some(erasure) => erasure.recipients.iter().map(ToString::to_string).collect(),
        None => {
            let parties = parties::of_record(db.reader(), record).await?;
            parties.iter().filter(|row| !row.is_sender).map(|row| row.party.to_string()).collect()
        }
    };
    Ok(GetRecordPartiesResponse {
        found: true,
        state: row.state.as_str().to_owned(),
        sender: row.sender.map(|sender| sender.to_string()).unwrap_or_default(),
        recipients,
        conversation: row.conversation.map(|id| id.to_string()).unwrap_or_default(),
    })
}

fn id<T: FromStr>(text: &str, field: &'static str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::invalid(field, "is not an id of this kind"))
}

fn device(text: &str) -> Result<Option<DeviceId>, Problem> {
    if text.is_empty() { Ok(None) } else { id(text, "device").map(Some) }
}
