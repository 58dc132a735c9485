//! Small records (≤ 1 MiB): manifest, grants and the one part in a single request.

use siegel_api::records::{CommitAnswer, SmallRecord};
use siegel_crypto::{RecordContext, RecordSealer};
use siegel_domain::RecordId;

use super::commit::{ATTEMPTS, Finished};
use super::outgoing::{Outgoing, Sent};
use crate::error::{Code, Error, Result};
use crate::http::Request;
use crate::rng;

impl Outgoing<'_> {
    /// Seals and sends `plain`.
    pub(super) async fn send_small(&self, plain: &[u8]) -> Result<Sent> {
        let rng = &mut rng::system();
        let session = self.session;
        let context = RecordContext {
            tenant: session.profile().tenant()?.id,
            record: RecordId::from_bytes(rng::bytes()),
            sender: session.party()?,
            sender_key: session.device().sign.fingerprint(),
        };
        let sealer = RecordSealer::new(context, rng);
        let mut part = Vec::new();
        let sealed = sealer.seal_part(0, true, plain, rng, &mut part).map_err(|error| Error::input("record", error))?;
        let metadata =
            sealer.seal_metadata(&self.metadata, rng).map_err(|error| Error::input("note and names", error))?;
        let finished = Finished {
            outgoing: self,
            sealer: &sealer,
            plain_bytes: plain.len() as u64,
            parts: vec![sealed.entry()],
            sealed_metadata: metadata,
        };
        let length = part.len() as u64;
        let part = siegel_api::Bytes(part);
        for attempt in 1.. {
            let recipients = self.verified_recipients().await?;
            let (commit, manifest) = finished.commit(&recipients)?;
            let body = SmallRecord { open: self.opening(context.record), commit, part: part.clone() };
            let request = Request::new("POST /v1/records/small", &[], session.auth()).json(&body);
            match session.http().json::<CommitAnswer>(&request).await {
                Ok(answer) => {
                    self.meter.add(length);
                    return finished.receipt(answer, manifest, 0, &recipients);
                }
                Err(error) if error.code() == Some(Code::EpochChanged) && attempt < ATTEMPTS => {
                    session.refresh_directory().await?;
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the loop ends by returning")
    }
}
