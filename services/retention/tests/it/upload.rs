//! An upload service that keeps records in memory, and misbehaves when told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use siegel_domain::{ConversationId, Party, RecordId, TenantId};
use siegel_platform::clock::{Clock, ManualClock};
use siegel_proto::upload::v1 as wire;
use siegel_proto::upload::v1::upload_service_server::UploadService;
use tonic::{Request, Response, Status};

#[derive(Clone)]
pub(crate) struct Upload {
    clock: ManualClock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) records: BTreeMap<(TenantId, RecordId), Record>,
    pub(crate) conversations: BTreeMap<(TenantId, ConversationId), Conversation>,
    /// Zones that do not answer.
    pub(crate) away: BTreeSet<&'static str>,
    /// After the shred key is gone, never come back: what a kill at that moment looks like.
    pub(crate) hang_after_shred: bool,
    pub(crate) hung: Arc<tokio::sync::Notify>,
    /// How often erasing was asked for.
    pub(crate) asked: usize,
}

#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) sender: Party,
    pub(crate) recipients: Vec<Party>,
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) state: &'static str,
    pub(crate) erasing_ms: i64,
    pub(crate) shredded_ms: i64,
    /// Zones that still hold its object.
    pub(crate) objects: BTreeSet<&'static str>,
}

pub(crate) struct Conversation {
    pub(crate) second: Party,
    pub(crate) closed: bool,
}

impl Upload {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        Self { clock: clock.clone(), state: Arc::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn record(&self, tenant: TenantId, record: RecordId) -> Record {
        self.lock().records[&(tenant, record)].clone()
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, Status> {
    text.parse().map_err(|_| Status::invalid_argument("id"))
}

#[tonic::async_trait]
impl UploadService for Upload {
    async fn erase_record(
        &self,
        request: Request<wire::EraseRecordRequest>,
    ) -> Result<Response<wire::EraseRecordResponse>, Status> {
        let request = request.into_inner();
        let key = (parse(&request.tenant)?, parse(&request.record)?);
        let now = self.clock.now().0;
        let hung = {
            let mut state = self.lock();
            state.asked += 1;
            let (hang, hung) = (state.hang_after_shred, state.hung.clone());
            let record = state.records.get_mut(&key).ok_or(Status::not_found("record"))?;
            if record.erasing_ms == 0 {
                (record.state, record.erasing_ms, record.shredded_ms) = ("erasing", now, now);
            }
            hang.then_some(hung)
        };
        if let Some(hung) = hung {
            hung.notify_one();
            std::future::pending::<()>().await;
        }
        let mut state = self.lock();
        let away: Vec<String> = state.away.iter().map(|zone| (*zone).to_owned()).collect();
        let gone = state.away.clone();
        let record = state.records.get_mut(&key).ok_or(Status::not_found("record"))?;
        record.objects.retain(|zone| gone.contains(zone));
        let done = record.objects.is_empty();
        if done {
            record.state = "erased";
        }
        let objects = ["zone-a", "zone-b"].into_iter().filter(|zone| !record.objects.contains(zone));
        Ok(Response::new(wire::EraseRecordResponse {
            done,
            waiting_for: if done { Vec::new() } else { away },
            shred_key_destroyed_ms: record.shredded_ms,
            objects: objects
                .map(|zone| wire::ErasedObject {
                    zone: zone.to_owned(),
                    object: "0123-00000".to_owned(),
                    deleted_ms: now,
                    absent_ms: now,
                })
                .collect(),
            tombstones: vec![wire::TombstoneCopy { zone: "zone-a".to_owned(), object: "tombstones/1".to_owned() }],
            sender: record.sender.to_string(),
            recipients: record.recipients.iter().map(ToString::to_string).collect(),
            erasing_ms: record.erasing_ms,
            tombstone_digest: vec![7; 32],
        }))
    }

    async fn erase_conversation(
        &self,
        request: Request<wire::EraseConversationRequest>,
    ) -> Result<Response<wire::EraseConversationResponse>, Status> {
        let request = request.into_inner();
        let key = (parse(&request.tenant)?, parse(&request.conversation)?);
        let mut state = self.lock();
        let conversation = state.conversations.get_mut(&key);
        let found = conversation.is_some();
        if let Some(conversation) = conversation {
            conversation.closed = true;
        }
        Ok(Response::new(wire::EraseConversationResponse { found }))
    }

    async fn list_conversation_records(
        &self,
        request: Request<wire::ListConversationRecordsRequest>,
    ) -> Result<Response<wire::ListConversationRecordsResponse>, Status> {
        let request = request.into_inner();
        let (tenant, id) = (parse(&request.tenant)?, parse(&request.conversation)?);
        let state = self.lock();
        let Some(conversation) = state.conversations.get(&(tenant, id)) else {
            return Ok(Response::new(wire::ListConversationRecordsResponse::default()));
        };
        let records = state.records.iter().filter(|((of, record), value)| {
            *of == tenant && value.conversation == Some(id) && record.to_string() > request.after
        });
        let records = records.take(request.limit as usize).map(|((_, record), _)| record.to_string()).collect();
        let with = conversation.second.to_string();
        Ok(Response::new(wire::ListConversationRecordsResponse { records, found: true, with }))
    }

    async fn get_record_parties(
        &self,
        request: Request<wire::GetRecordPartiesRequest>,
    ) -> Result<Response<wire::GetRecordPartiesResponse>, Status> {
        let request = request.into_inner();
        let state = self.lock();
        let Some(record) = state.records.get(&(parse(&request.tenant)?, parse(&request.record)?)) else {
            return Ok(Response::new(wire::GetRecordPartiesResponse::default()));
        };
        Ok(Response::new(wire::GetRecordPartiesResponse {
            found: true,
            state: record.state.to_owned(),
            sender: record.sender.to_string(),
            recipients: record.recipients.iter().map(ToString::to_string).collect(),
            conversation: record.conversation.map(|id| id.to_string()).unwrap_or_default(),
        }))
    }
}
