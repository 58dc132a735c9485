//! What a device keeps on disk for itself, such as the state of an interrupted upload: sealed to the device's own
//! X-Wing key, so that it needs no login to write and opens nowhere else.
//!
//! Form: HPKE's enc (1120) ‖ ciphertext; info = CBOR `["siegel/1/device-state", purpose, device key]`.

use minicbor::bytes::{ByteSlice, ByteVec};
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use siegel_domain::RecordId;
use siegel_envelope::grant::Enc;
use siegel_envelope::manifest::PartEntry;
use siegel_envelope::{Digest, Fingerprint, cbor};
use zeroize::Zeroizing;

use crate::keys::{DeviceKeys, KemSecretKey};
use crate::secret::{RecordKey, Secret};
use crate::{OpenError, hpke_box};

fn info(purpose: &str, device: Fingerprint) -> Vec<u8> {
    cbor::encode(&("siegel/1/device-state", purpose, device))
}

/// Seals `plain` for the device itself. `purpose` names what it is, so that one file can't stand in for another.
pub fn seal(device: &DeviceKeys, purpose: &str, plain: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Vec<u8> {
    let public = device.kem.public();
    let (enc, ct) = hpke_box::seal(&public, &info(purpose, public.fingerprint()), plain, rng)
        .expect("a key derived from our own seed can be sealed to");
    [&enc.as_bytes()[..], &ct].concat()
}

/// Opens what [`seal`] made.
pub fn open(device: &KemSecretKey, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (enc, ct) = sealed.split_at_checked(Enc::LEN).ok_or(OpenError::Authentication)?;
    let enc = Enc::from_slice(enc).ok_or(OpenError::Authentication)?;
    hpke_box::open(&device.0, &enc, &info(purpose, device.public().fingerprint()), ct)
}

/// An acknowledged part of an interrupted upload.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ResumePart {
    /// As it will stand in the manifest.
    #[n(0)]
    pub entry: PartEntry,
    /// BLAKE3-256 of its plaintext: another hash now means the file changed, and then it is a new record.
    #[n(1)]
    pub plain_hash: Digest,
}

/// The state of an interrupted upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The record.
    pub record: RecordId,
    /// The record's key.
    pub key: RecordKey,
    /// Bytes of the file when the upload began.
    pub plain_bytes: u64,
    /// Acknowledged parts in order.
    pub parts: Vec<ResumePart>,
}

const RESUME: &str = "siegel/1/resume";
/// Most bytes of a part in the state's encoding.
const PART_BYTES: usize = 96;
/// All parts, and the rest.
const RESUME_BYTES: usize = 2 * 1024 * 1024;

impl Resume {
    /// Seals the state: CBOR `[record, key, plain bytes, parts]` under the purpose `siegel/1/resume`.
    pub fn seal(&self, device: &DeviceKeys, rng: &mut (impl CryptoRng + ?Sized)) -> Vec<u8> {
        let key = <&ByteSlice>::from(&self.key.secret().expose()[..]);
        let room = 128 + self.parts.len() * PART_BYTES;
        let plain = Zeroizing::new(cbor::encode_within(&(self.record, key, self.plain_bytes, &self.parts), room));
        seal(device, RESUME, &plain, rng)
    }

    /// Opens what [`Resume::seal`] made.
    pub fn open(device: &KemSecretKey, sealed: &[u8]) -> Result<Self, OpenError> {
        let plain = open(device, RESUME, sealed)?;
        let (record, key, plain_bytes, parts): (RecordId, ByteVec, u64, Vec<ResumePart>) =
            cbor::decode(&plain, RESUME_BYTES).map_err(|_| OpenError::Authentication)?;
        let key = Zeroizing::new(Vec::from(key));
        let key = RecordKey::from_secret(Secret::from_slice(&key).ok_or(OpenError::Authentication)?);
        Ok(Self { record, key, plain_bytes, parts })
    }
}
