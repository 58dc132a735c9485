//! A centre and a sender on a server of their own: what every measurement through the platform needs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use siegel_client::api::members::ReturnReport;
use siegel_client::api::retention::{EraseTarget, ErasureState};
use siegel_client::api::tenants::Durability;
use siegel_client::password::Password;
use siegel_client::profile::ProfileDir;
use siegel_client::{Enrolment, NewTenant, Session, SignIn};
use siegel_domain::{Principal, RecordId};
use siegel_envelope::part;
use zeroize::Zeroizing;

use crate::parts::Ground;
use crate::server::{Server, Transport, program};

pub(crate) const PASSWORD: &str = "Herzschlag-24-Stunden";
const LOGIN: &str = "inhaberin";
/// Pieces of the plaintext that are opened and compared after each upload.
const SAMPLES: u64 = 5;
const SAMPLE_BYTES: u64 = 4096;
/// What an erased record may leave in a zone: its tombstone.
const TOMBSTONE_BYTES: u64 = 4096;

/// A running platform with people.
pub(crate) struct World {
    /// The process.
    pub server: Server,
    /// Where each of its zones keeps objects.
    zones: [PathBuf; 2],
    /// The centre's owner, signed in.
    pub owner: Session,
    /// The sender's profile, for programs that send.
    pub sender: PathBuf,
}

impl World {
    /// Starts a server on `place/state`, and enrols everybody. The people's profiles lie in `people`: their disks are not
    /// the server's.
    pub(crate) async fn start(place: &Path, people: &Path, transport: Transport) -> Result<Self> {
        let state = place.join("state");
        let zones = ["a", "b"].map(|zone| state.join("zones").join(zone));
        Self::begin(&state, people, transport, None, zones, Durability::Strict).await
    }

    /// The same on real parts: state of the process and people in `place`.
    pub(crate) async fn on_parts(ground: &Ground, place: &Path, durability: Durability) -> Result<Self> {
        let (state, people) = (place.join("state"), place.join("people"));
        Self::begin(&state, &people, Transport::Tls, Some(&ground.file), ground.zones(), durability).await
    }

    async fn begin(
        state: &Path,
        people: &Path,
        transport: Transport,
        parts: Option<&Path>,
        zones: [PathBuf; 2],
        durability: Durability,
    ) -> Result<Self> {
        let server = Server::start_on(state, transport, parts)?;
        let profile = |name: &str| ProfileDir::at(people.join(name));
        let dealer = profile("dealer");
        Enrolment::begin(&dealers_code(state, parts)?, None, None).await?.dealer(&dealer).await?;
        let dealer = SignIn::at(dealer).machine()?;
        let new = NewTenant {
            handle: "messung".to_owned(),
            display_name: "Messung".to_owned(),
            comment: String::new(),
            jurisdiction: "EU".to_owned(),
            durability,
        };
        let (_, code) = dealer.create_tenant(new).await?;
        let password = Password::new(Zeroizing::new(PASSWORD.to_owned()), LOGIN)
            .map_err(|lacks| anyhow!("the password of the measurement lacks {lacks:?}"))?;
        let owner = profile("owner");
        Enrolment::begin(&code, None, None).await?.owner(&owner, LOGIN, &password).await?;
        let owner = SignIn::at(owner).password(PASSWORD).await?;
        let invitation = owner.invite_sender("Praxis", ReturnReport::Never, None).await?;
        let sender = profile("sender");
        Enrolment::begin(&invitation.code, None, None).await?.sender(&sender).await?;
        let Principal::Sender(id) = invitation.principal else { anyhow::bail!("not a sender's code") };
        owner.confirm_sender(id).await?;
        Ok(Self { server, zones, owner, sender: sender.path().to_owned() })
    }

    /// Bytes that lie in each zone.
    pub(crate) fn zone_bytes(&self) -> Result<[u64; 2]> {
        Ok([bytes_below(&self.zones[0])?, bytes_below(&self.zones[1])?])
    }

    /// Fails unless both zones hold `record` of `plain` whole (`before` is what they held without it), and samples of
    /// it open to what the file says.
    pub(crate) async fn check(&self, record: RecordId, plain: &Path, before: [u64; 2]) -> Result<()> {
        let bytes = std::fs::metadata(plain)?.len();
        let sealed = part::layout(bytes).context("the layout of the file")?.sealed_total();
        let now = self.zone_bytes()?;
        let came = [now[0] - before[0], now[1] - before[1]];
        ensure!(came == [sealed, sealed], "the zones took {came:?} bytes, a record of {sealed} was sent");
        let opened = self.owner.open_record(record).await?;
        ensure!(opened.plain_bytes() == bytes, "the record has another length than the file");
        let file = std::fs::File::open(plain)?;
        for sample in 0..SAMPLES {
            let length = SAMPLE_BYTES.min(bytes);
            let from = (bytes - length) / (SAMPLES - 1) * sample;
            let read = opened.range(from..from + length, &siegel_client::Meter::default()).await?;
            let mut expected = vec![0; length as usize];
            std::os::unix::fs::FileExt::read_exact_at(&file, &mut expected, from)?;
            ensure!(read == expected, "a sample at {from} opens to something else than the file holds");
        }
        Ok(())
    }

    /// Erases a record and waits until the zones hold nothing of it but its tombstone.
    pub(crate) async fn erase(&self, record: RecordId, before: [u64; 2]) -> Result<()> {
        let erasure = self.owner.erase(EraseTarget::Record(record)).await?;
        let erasure = self.owner.await_erasure(erasure, Duration::from_secs(120)).await?;
        ensure!(erasure.state == ErasureState::Done, "a record was not erased within two minutes");
        let left = self.zone_bytes()?;
        ensure!(
            left.iter().zip(before).all(|(left, before)| *left <= before + TOMBSTONE_BYTES),
            "the zones still hold {left:?} bytes after the erasure"
        );
        Ok(())
    }
}

/// A dealer's code, as the provider makes it.
fn dealers_code(state: &Path, parts: Option<&Path>) -> Result<String> {
    let mut admin = Command::new(program("siegel-admin")?);
    admin.arg("--state").arg(state);
    if let Some(parts) = parts {
        admin.arg("--parts").arg(parts);
    }
    let output = admin.args(["dealer", "add"]).stderr(Stdio::piped()).output()?;
    ensure!(output.status.success(), "siegel-admin dealer add: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Bytes of all files below a directory, but the mark of a zone.
pub(crate) fn bytes_below(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            sum += bytes_below(&entry.path())?;
        } else if entry.file_name() != "siegel-zone" {
            sum += metadata.len();
        }
    }
    Ok(sum)
}
