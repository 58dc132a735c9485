//! Sending a file: open, parts, commit; resumed where it broke off; refused if the file changes meanwhile.

use std::fs::{File, Metadata as FileMetadata};
use std::path::Path;

use siegel_api::records::{CommitAnswer, CommitUpload, PartAck, UploadStatus};
use siegel_crypto::secret::RecordKey;
use siegel_crypto::state::{Resume, ResumePart};
use siegel_crypto::{RecordContext, RecordSealer};
use siegel_domain::RecordId;
use siegel_domain::limits::SMALL_RECORD_BYTES;
use siegel_domain::upload::RecordState;
use siegel_envelope::manifest::PartEntry;
use siegel_envelope::{Manifest, PartLayout, SignedBytes, part};

use super::commit::{ATTEMPTS, Finished};
use super::outgoing::{Outgoing, Sent, Source};
use super::parts::Parts;
use super::resume::{self, Kept, ResumeFile};
use crate::error::{Code, Error, Result};
use crate::http::Request;
use crate::rng;
use crate::session::blocking;

const OPEN: &str = "POST /v1/records";
const COMMIT: &str = "POST /v1/records/{record}/commit";

impl Outgoing<'_> {
    /// Seals and sends it, and answers when the platform has signed for it.
    pub async fn send(self) -> Result<Sent> {
        match &self.source {
            Source::Bytes(bytes) if bytes.len() > SMALL_RECORD_BYTES => {
                Err(Error::input("bytes", "more than 1 MiB is sent from a file"))
            }
            Source::Bytes(bytes) => self.send_small(bytes).await,
            Source::File(path) => self.send_file(path).await,
        }
    }

    async fn send_file(&self, path: &Path) -> Result<Sent> {
        let file = File::open(path).map_err(Error::file(path))?;
        let before = file.metadata().map_err(Error::file(path))?;
        if !before.is_file() {
            return Err(Error::input("file", "is not a plain file; pack a directory first (zip, tar)"));
        }
        if before.len() <= SMALL_RECORD_BYTES as u64 {
            let plain = zeroize::Zeroizing::new(read_whole(&file, before.len()).map_err(Error::file(path))?);
            unchanged(path, &file, &before)?;
            return self.send_small(&plain).await;
        }
        let layout = part::layout(before.len()).map_err(|error| Error::input("file", error))?;
        let resume = ResumeFile::of(self.session.dir(), self.session.device(), path)?;
        if let Some(sent) = self.finish_commit(&resume, path, &file, layout).await? {
            return Ok(sent);
        }
        // Before a byte is sealed: a key that does not verify should not be found out after an hour of sending.
        self.verified_recipients().await?;
        let (mut kept, file) = self.open_upload(&resume, path, file, layout).await?;
        let sealer = resume::sealer(self.context(kept.state.record)?, &kept.state);

        self.meter.add(layout.sealed_total().saturating_sub(sealed_bytes_of(&kept.missing, layout)));
        let mut replaced = Vec::new();
        loop {
            let parts = Parts {
                session: self.session,
                sealer: &sealer,
                path,
                file: file.try_clone().map_err(Error::file(path))?,
                layout,
                meter: self.meter.clone(),
            };
            let (missing, state) = (std::mem::take(&mut kept.missing), &mut kept.state);
            let sent = parts.send(missing, |number, sealed| {
                replaced.extend(resume::note(state, number, sealed).map(|noted| (number, noted)));
                resume.save(state)
            });
            let Err(error) = sent.await else { break };
            let arrived = match error.code() {
                Some(Code::PartConflict) => self.arrived_late(&kept.state, &mut replaced, path, &file, layout).await?,
                _ => None,
            };
            let Some(on) = arrived else {
                forget_if_changed(&resume, &error);
                return Err(error);
            };
            kept = Kept { kept_bytes: kept.kept_bytes, ..on };
            resume.save(&kept.state)?; // a commit whose answer is lost is checked against what lies on disk
        }
        unchanged(path, &file, &before).inspect_err(|error| forget_if_changed(&resume, error))?;

        let parts: Vec<PartEntry> = kept.state.parts.iter().map(|part| part.entry).collect();
        let metadata = sealer
            .seal_metadata(&self.metadata, &mut rng::system())
            .map_err(|error| Error::input("note and names", error))?;
        let finished =
            Finished { outgoing: self, sealer: &sealer, plain_bytes: before.len(), parts, sealed_metadata: metadata };
        let sent = self.commit(&finished, &resume, kept.kept_bytes).await?;
        resume.forget();
        Ok(sent)
    }

    fn context(&self, record: RecordId) -> Result<RecordContext> {
        Ok(RecordContext {
            tenant: self.session.profile().tenant()?.id,
            record,
            sender: self.session.party()?,
            sender_key: self.session.device().sign.fingerprint(),
        })
    }

    /// Goes on with an interrupted upload of this very file, or begins a new one.
    async fn open_upload(
        &self,
        resume: &ResumeFile,
        path: &Path,
        file: File,
        layout: PartLayout,
    ) -> Result<(Kept, File)> {
        if let Some(state) = resume.load(layout.plain_bytes) {
            match self.status(state.record).await {
                Ok(status) if status.state == RecordState::Open => {
                    let mut source = file.try_clone().map_err(Error::file(path))?;
                    let kept = blocking(move || resume::compare(state, &status.parts, &mut source, layout)).await;
                    if let Some(kept) = kept.map_err(Error::file(path))? {
                        return Ok((kept, file));
                    }
                }
                // Swept meanwhile, opened with other options, or committed: it is over.
                Ok(_) => {}
                Err(error) if error.retryable() => return Err(error),
                Err(error) => tracing::debug!(%error, "an interrupted upload can't go on"),
            }
            resume.forget();
        }
        let record = RecordId::from_bytes(rng::bytes());
        let key = RecordKey::generate(&mut rng::system());
        let state = Resume { record, key, plain_bytes: layout.plain_bytes, parts: Vec::new() };
        resume.save(&state)?;
        self.status(record).await?;
        Ok((Kept { state, missing: (0..layout.parts).collect(), kept_bytes: 0 }, file))
    }

    /// A part is there already, with other bytes: one that was on its way when the line broke, and arrived after we had asked
    /// what had. It counts if it is what stood in the state before that part was sealed anew. `None`: it is not ours.
    async fn arrived_late(
        &self,
        state: &Resume,
        replaced: &mut Vec<(u32, ResumePart)>,
        path: &Path,
        file: &File,
        layout: PartLayout,
    ) -> Result<Option<Kept>> {
        let (mut state, mut found) = (state.clone(), false);
        let status = self.status(state.record).await?;
        replaced.retain(|(number, noted)| {
            let ours = |ack: &PartAck| ack.number == *number && ack.digest[..] == noted.entry.digest.as_bytes()[..];
            let arrived = status.parts.iter().any(ours);
            if arrived {
                state.parts[*number as usize] = noted.clone();
                found = true;
            }
            !arrived // another one may arrive later still
        });
        if !found {
            return Ok(None);
        }
        let mut source = file.try_clone().map_err(Error::file(path))?;
        let kept = blocking(move || resume::compare(state, &status.parts, &mut source, layout)).await;
        kept.map_err(Error::file(path))
    }

    /// Opens the upload; repeated for an open one, it says how it stands.
    async fn status(&self, record: RecordId) -> Result<UploadStatus> {
        let request = Request::new(OPEN, &[], self.session.auth()).json(&self.opening(record));
        self.session.http().json(&request).await
    }

    async fn commit(&self, finished: &Finished<'_>, resume: &ResumeFile, resumed_bytes: u64) -> Result<Sent> {
        let record = finished.sealer.context().record;
        for attempt in 1.. {
            let recipients = self.verified_recipients().await?;
            let (body, manifest) = finished.commit(&recipients)?;
            resume.save_commit(&serde_json::to_vec(&body).expect("the API's types always encode"))?;
            let request = Request::new(COMMIT, &[&record], self.session.auth()).json(&body);
            match self.session.http().json::<CommitAnswer>(&request).await {
                Ok(answer) => return finished.receipt(answer, manifest, resumed_bytes, &recipients),
                Err(error) if error.code() == Some(Code::EpochChanged) && attempt < ATTEMPTS => {
                    self.session.refresh_directory().await?;
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// If this file's commit was sent and its answer lost, the same commit again brings the receipt.
    async fn finish_commit(
        &self,
        resume: &ResumeFile,
        path: &Path,
        file: &File,
        layout: PartLayout,
    ) -> Result<Option<Sent>> {
        let plain_bytes = layout.plain_bytes;
        let (Some(state), Some(body)) = (resume.load(plain_bytes), resume.load_commit()) else { return Ok(None) };
        let mut source = file.try_clone().map_err(Error::file(path))?;
        let (state, same) = blocking(move || {
            let same = resume::is_same_file(&state, &mut source, layout);
            (state, same)
        })
        .await;
        if !same.map_err(Error::file(path))? {
            return Ok(None);
        }
        let Ok(body) = serde_json::from_slice::<CommitUpload>(&body) else { return Ok(None) };
        let Ok(manifest) = SignedBytes::from_bytes_of::<Manifest>(&body.manifest) else { return Ok(None) };
        let request = Request::new(COMMIT, &[&state.record], self.session.auth()).json(&body);
        let answer = match self.session.http().json::<CommitAnswer>(&request).await {
            Ok(answer) => answer,
            Err(error) if error.retryable() => return Err(error),
            Err(_) => return Ok(None),
        };
        let sealer = RecordSealer::resume(self.context(state.record)?, state.key.clone());
        let finished = Finished {
            outgoing: self,
            sealer: &sealer,
            plain_bytes,
            parts: state.parts.iter().map(|part| part.entry).collect(),
            sealed_metadata: body.sealed_metadata.to_vec(),
        };
        let sent = finished.receipt(answer, manifest.digest(), plain_bytes, &[])?;
        resume.forget();
        Ok(Some(sent))
    }
}

fn sealed_bytes_of(numbers: &[u32], layout: PartLayout) -> u64 {
    numbers.iter().filter_map(|number| layout.sealed_len(*number)).map(|length| length as u64).sum()
}

fn forget_if_changed(resume: &ResumeFile, error: &Error) {
    if matches!(error, Error::FileChanged(_)) || error.code() == Some(Code::PartConflict) {
        resume.forget();
    }
}

/// Length and time of change are what they were when it was opened.
fn unchanged(path: &Path, file: &File, before: &FileMetadata) -> Result<()> {
    let now = file.metadata().map_err(Error::file(path))?;
    let same = now.len() == before.len() && now.modified().ok() == before.modified().ok();
    if same { Ok(()) } else { Err(Error::FileChanged(path.to_owned())) }
}

fn read_whole(mut file: &File, length: u64) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::with_capacity(length as usize + 1);
    // One byte more than expected shows a file that grew.
    std::io::Read::read_to_end(&mut std::io::Read::take(&mut file, length + 1), &mut plain)?;
    Ok(plain)
}
