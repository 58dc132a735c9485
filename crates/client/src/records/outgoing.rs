//! What is to be sent, said step by step: `session.upload("ecg.edf").note("…").send().await?`.

use std::path::{Path, PathBuf};

use siegel_api::records::OpenUpload;
use siegel_crypto::meta::Metadata;
use siegel_domain::{ConversationId, Party, ReceiptId, RecordId, RecordKind};
use siegel_envelope::Signed;
use siegel_envelope::receipt::UploadReceipt;

use crate::directory::Recipient;
use crate::error::{Error, Result};
use crate::http::Meter;
use crate::session::Session;

/// Where the bytes come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A file; large ones resume after an interruption.
    File(PathBuf),
    /// Bytes in memory, at most [`siegel_domain::limits::SMALL_RECORD_BYTES`].
    Bytes(Vec<u8>),
}

/// A record to be sent.
#[derive(Debug)]
pub struct Outgoing<'a> {
    pub(super) session: &'a Session,
    pub(super) source: Source,
    pub(super) to: Vec<Party>,
    pub(super) kind: RecordKind,
    pub(super) metadata: Metadata,
    pub(super) conversation: Option<ConversationId>,
    pub(super) answers: Option<RecordId>,
    pub(super) return_report: Option<bool>,
    pub(super) meter: Meter,
}

/// A record that the platform has taken.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The record.
    pub record: RecordId,
    /// The receipt's id.
    pub receipt_id: ReceiptId,
    /// What the platform signed; verified.
    pub receipt: Signed<UploadReceipt>,
    /// Where the receipt is kept.
    pub receipt_path: PathBuf,
    /// Bytes of the plaintext.
    pub plain_bytes: u64,
    /// Bytes that were there already from an interrupted upload.
    pub resumed_bytes: u64,
    /// One storage zone holds it already, the other gets it as soon as it is back.
    pub degraded: bool,
    /// Hours since the directory last signed its state, if more than a day: someone may be holding back that a recipient's
    /// key was changed or taken away. Tell people, loudly.
    pub directory_silent_h: Option<u64>,
}

impl Session {
    /// Sends a file. Without [`Outgoing::to`] it goes to the centre.
    pub fn upload(&self, file: impl AsRef<Path>) -> Outgoing<'_> {
        let path = file.as_ref().to_owned();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let media_type = name.as_deref().map(media_type).map(str::to_owned);
        let metadata = Metadata { file_name: name, media_type, ..Metadata::default() };
        self.outgoing(Source::File(path), metadata)
    }

    /// Sends bytes from memory, at most 1 MiB.
    pub fn upload_bytes(&self, bytes: Vec<u8>, file_name: &str) -> Outgoing<'_> {
        let metadata = Metadata {
            file_name: Some(file_name.to_owned()),
            media_type: Some(media_type(file_name).to_owned()),
            ..Metadata::default()
        };
        self.outgoing(Source::Bytes(bytes), metadata)
    }

    fn outgoing(&self, source: Source, metadata: Metadata) -> Outgoing<'_> {
        let kind = match self.profile().principal {
            siegel_domain::Principal::Sender(_) => RecordKind::Recording,
            _ => RecordKind::Message,
        };
        Outgoing {
            session: self,
            source,
            to: Vec::new(),
            kind,
            metadata,
            conversation: None,
            answers: None,
            return_report: None,
            meter: Meter::default(),
        }
    }
}

impl Outgoing<'_> {
    /// Whom it is sealed to; may be called again for several.
    #[must_use]
    pub fn to(mut self, party: impl Into<Party>) -> Self {
        self.to.push(party.into());
        self
    }

    /// What it is: a recording, a report, a message.
    #[must_use]
    pub const fn kind(mut self, kind: RecordKind) -> Self {
        self.kind = kind;
        self
    }

    /// A note to the recipient; sealed.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.metadata.note = Some(note.into());
        self
    }

    /// A title for lists; sealed.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.metadata.title = Some(title.into());
        self
    }

    /// A further sealed field.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.fields.push((name.into(), value.into()));
        self
    }

    /// The thread it belongs to.
    #[must_use]
    pub const fn conversation(mut self, conversation: ConversationId) -> Self {
        self.conversation = Some(conversation);
        self
    }

    /// The record it answers.
    #[must_use]
    pub const fn answers(mut self, record: RecordId) -> Self {
        self.answers = Some(record);
        self
    }

    /// Whether the sender wishes the report back (C05).
    #[must_use]
    pub const fn return_report(mut self, wish: bool) -> Self {
        self.return_report = Some(wish);
        self
    }

    /// Counts sealed bytes as they leave.
    #[must_use]
    pub fn meter(mut self, meter: Meter) -> Self {
        self.meter = meter;
        self
    }

    /// The recipients: those that were named, else the centre.
    fn recipients(&self) -> Result<Vec<Party>> {
        let mut to = self.to.clone();
        if to.is_empty() {
            to.push(Party::Tenant(self.session.profile().tenant()?.id));
        }
        to.sort();
        to.dedup();
        if to.len() > siegel_domain::limits::RECIPIENTS {
            return Err(Error::input("recipients", "at most 64"));
        }
        Ok(to)
    }

    /// Their verified keys, as of now.
    pub(super) async fn verified_recipients(&self) -> Result<Vec<Recipient>> {
        let mut recipients = Vec::new();
        for party in self.recipients()? {
            recipients.push(self.session.recipient(party).await?);
        }
        Ok(recipients)
    }

    pub(super) fn opening(&self, record: RecordId) -> OpenUpload {
        OpenUpload {
            record,
            kind: self.kind,
            conversation: self.conversation,
            answers: self.answers,
            return_report: self.return_report,
        }
    }
}

/// The media type by the name's ending: what this field exchanges.
pub(crate) fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("edf" | "bdf") => "application/x-edf",
        Some("dcm") => "application/dicom",
        Some("pdf") => "application/pdf",
        Some("txt" | "log") => "text/plain",
        Some("csv") => "text/csv",
        Some("xml" | "scp" | "hl7") => "application/xml",
        Some("json") => "application/json",
        Some("zip") => "application/zip",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        _ => "application/octet-stream",
    }
}
