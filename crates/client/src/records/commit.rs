//! Committing: the signed manifest, a grant to each recipient's verified key, and the receipt that is checked before
//! anyone is told that it arrived. If a recipient's key changed meanwhile, only manifest and grants are made anew.

use siegel_api::records::{CommitAnswer, CommitUpload, GrantItem};
use siegel_crypto::seal::ManifestFields;
use siegel_crypto::{RecordSealer, grant};
use siegel_domain::{Party, Timestamp};
use siegel_envelope::manifest::{PartEntry, Recipient as Named};
use siegel_envelope::receipt::UploadReceipt;
use siegel_envelope::{Digest, Manifest, Signed};

use super::outgoing::{Outgoing, Sent};
use crate::directory::Recipient;
use crate::error::{Error, Result, Untrusted};
use crate::rng;

/// Times that the recipients' keys may change while we commit.
pub(super) const ATTEMPTS: u32 = 4;

/// A record whose parts are all sealed.
pub(super) struct Finished<'a> {
    pub(super) outgoing: &'a Outgoing<'a>,
    pub(super) sealer: &'a RecordSealer,
    pub(super) plain_bytes: u64,
    pub(super) parts: Vec<PartEntry>,
    pub(super) sealed_metadata: Vec<u8>,
}

impl Finished<'_> {
    /// Manifest and grants for these recipients.
    pub(super) fn commit(&self, recipients: &[Recipient]) -> Result<(CommitUpload, Digest)> {
        let session = self.outgoing.session;
        let device = &session.device().sign;
        let named = |recipient: &Recipient| Named { party: recipient.party, key: recipient.key.fingerprint() };
        let fields = ManifestFields {
            conversation: self.outgoing.conversation,
            recipients: recipients.iter().map(named).collect(),
            plain_bytes: self.plain_bytes,
            parts: self.parts.clone(),
            metadata_hash: Digest::of(&self.sealed_metadata),
            answers: self.outgoing.answers,
            client_time: Timestamp(session.now_ms()),
            checkpoint: recipients.last().map(|recipient| recipient.checkpoint),
        };
        let manifest = self.sealer.finish(fields, device).map_err(|error| Error::input("record", error))?;
        let me = session.party()?;
        let grants = recipients.iter().map(|to| self.grant(&manifest, to, (me, device)));
        let digest = manifest.bytes().digest();
        let body = CommitUpload {
            manifest: manifest.to_bytes().into(),
            sealed_metadata: self.sealed_metadata.clone().into(),
            grants: grants.collect::<Result<_>>()?,
        };
        Ok((body, digest))
    }

    fn grant(
        &self,
        manifest: &Signed<Manifest>,
        to: &Recipient,
        granter: (Party, &siegel_crypto::SigningSecretKey),
    ) -> Result<GrantItem> {
        let sealed = grant::seal(manifest, self.sealer.key(), (to.party, &to.key), granter, &mut rng::system())
            .map_err(|error| Error::from(Untrusted::Key(error.to_string())))?;
        Ok(GrantItem { recipient: to.party, grant: sealed.to_bytes().into() })
    }

    /// Checks what the platform signed and keeps it.
    pub(super) fn receipt(
        &self,
        answer: CommitAnswer,
        manifest: Digest,
        resumed_bytes: u64,
        recipients: &[Recipient],
    ) -> Result<Sent> {
        let bad = |why: String| Error::from(Untrusted::Receipt(why));
        let session = self.outgoing.session;
        let receipt = Signed::<UploadReceipt>::open(&answer.receipt, &session.profile().statement_key)
            .map_err(|error| bad(error.to_string()))?;
        let fits = receipt.receipt == answer.receipt_id
            && receipt.tenant == session.profile().tenant()?.id
            && receipt.record == self.sealer.context().record
            && receipt.manifest == manifest
            && receipt.parts as usize == self.parts.len();
        if !fits {
            return Err(bad("it is about another record".to_owned()));
        }
        let receipt_path = session.dir().keep_receipt(answer.receipt_id, &answer.receipt)?;
        Ok(Sent {
            record: receipt.record,
            receipt_id: answer.receipt_id,
            degraded: answer.degraded || !receipt.is_whole(),
            receipt,
            receipt_path,
            plain_bytes: self.plain_bytes,
            resumed_bytes,
            directory_silent_h: recipients.iter().filter_map(|recipient| recipient.silent_h).max(),
        })
    }
}
