//! Erasing at once and for good (M06), and receipts: what the platform signed is verified here before it is believed.

use std::time::Duration;

use siegel_api::retention::{Deadline, EraseTarget, Erasure, ErasureState, Receipt, ReceiptPage};
use siegel_domain::{JobId, ReceiptId, RecordId};
use siegel_envelope::receipt::{EraseReceipt, UploadReceipt};
use siegel_envelope::{Signed, SigningPublicKey};

use crate::error::{Error, Result, Untrusted};
use crate::http::Request;
use crate::session::Session;
use crate::time::{Moment, sleep};

const POLL: Duration = Duration::from_millis(250);

/// A receipt that verified.
#[derive(Debug, Clone)]
pub enum VerifiedReceipt {
    /// The platform took a record.
    Upload(Signed<UploadReceipt>),
    /// The platform erased a record.
    Erase(Signed<EraseReceipt>),
}

impl VerifiedReceipt {
    /// Verifies a receipt of any kind against the platform's statement key, as a profile pins it. Needs no network.
    pub fn open(bytes: &[u8], statement_key: &SigningPublicKey) -> Result<Self, Untrusted> {
        match Signed::<UploadReceipt>::open(bytes, statement_key) {
            Ok(receipt) => Ok(Self::Upload(receipt)),
            Err(siegel_envelope::VerifyError::Kind) => Signed::<EraseReceipt>::open(bytes, statement_key)
                .map(Self::Erase)
                .map_err(|error| Untrusted::Receipt(error.to_string())),
            Err(error) => Err(Untrusted::Receipt(error.to_string())),
        }
    }

    /// The receipt's id.
    pub fn id(&self) -> ReceiptId {
        match self {
            Self::Upload(receipt) => receipt.receipt,
            Self::Erase(receipt) => receipt.receipt,
        }
    }

    /// The record it is about.
    pub fn record(&self) -> RecordId {
        match self {
            Self::Upload(receipt) => receipt.record,
            Self::Erase(receipt) => receipt.record,
        }
    }
}

impl Session {
    /// Asks for an erasure. From the answer on nobody can read it any more.
    pub async fn erase(&self, target: EraseTarget) -> Result<Erasure> {
        let request = Request::new("POST /v1/retention/erasures", &[], self.auth()).json(&target);
        self.http().json(&request).await
    }

    /// How far an erasure is.
    pub async fn erasure(&self, id: JobId) -> Result<Erasure> {
        self.http().json(&Request::new("GET /v1/retention/erasures/{id}", &[&id], self.auth())).await
    }

    /// Waits for an erasure to be done, at most `patience`; answers with how it stands then.
    pub async fn await_erasure(&self, mut erasure: Erasure, patience: Duration) -> Result<Erasure> {
        let since = Moment::now();
        while erasure.state != ErasureState::Done && since.elapsed() < patience {
            sleep(POLL).await;
            erasure = self.erasure(erasure.id).await?;
        }
        Ok(erasure)
    }

    /// A receipt, verified and kept beside the profile.
    pub async fn receipt(&self, id: ReceiptId) -> Result<VerifiedReceipt> {
        let receipt: Receipt = self.http().json(&Request::new("GET /v1/receipts/{id}", &[&id], self.auth())).await?;
        let verified = VerifiedReceipt::open(&receipt.receipt, &self.profile().statement_key)?;
        let tenant = match &verified {
            VerifiedReceipt::Upload(receipt) => receipt.tenant,
            VerifiedReceipt::Erase(receipt) => receipt.tenant,
        };
        if verified.id() != id || tenant != self.profile().tenant()?.id {
            return Err(Untrusted::Receipt("it is another one".to_owned()).into());
        }
        self.dir().keep_receipt(id, &receipt.receipt)?;
        Ok(verified)
    }

    /// The receipts that the platform keeps for the centre.
    pub async fn receipts(&self) -> Result<Vec<Receipt>> {
        self.pages("GET /v1/receipts", |page: ReceiptPage| (page.items, page.next_page_token)).await
    }

    /// When a record is erased by itself (C11).
    pub async fn deadline(&self, record: RecordId) -> Result<Deadline> {
        self.http().json(&Request::new("GET /v1/retention/records/{record}", &[&record], self.auth())).await
    }
}

/// A profile's pinned key reads the receipts that it kept, without a line to anywhere.
pub fn verify_offline(dir: &crate::profile::ProfileDir, bytes: &[u8]) -> Result<VerifiedReceipt> {
    VerifiedReceipt::open(bytes, &dir.load()?.statement_key).map_err(Error::from)
}
