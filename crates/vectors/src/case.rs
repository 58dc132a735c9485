//! The shape of a vector file. Bytes are lower-case hex.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Bytes, as hex in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hex(pub Vec<u8>);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        hex::decode(text.as_ref()).map(Self).map_err(serde::de::Error::custom)
    }
}

impl<T: AsRef<[u8]>> From<T> for Hex {
    fn from(bytes: T) -> Self {
        Self(bytes.as_ref().to_vec())
    }
}

/// One vector.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// Its file's name, without folder and `.json`.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// The input.
    #[serde(flatten)]
    pub body: Body,
    /// The verdict; its shape depends on the kind.
    pub expect: Value,
}

/// The input by kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Body {
    /// A record as it reaches a recipient. Verdict: `{"verdict":"opens", "plain_bytes", "plain_blake3", "metadata"}`,
    /// with a range `{"verdict":"opens","range_blake3"}`, or `{"verdict":"refused", "stage", "released"}`: the first
    /// check that fails (manifest, grant, commitment, metadata, part) and how many plaintext bytes came out before.
    Record(Box<RecordCase>),
    /// A signed object alone. Verdict `"accepted"` or `"refused"`.
    Signed(SignedCase),
    /// An enrolment code's text. Verdict: its fields, or `"refused"`.
    Code {
        /// The text.
        text: String,
    },
    /// A newcomer's offer and its MAC. Verdict `"accepted"` or `"refused"`.
    Mac {
        /// The code's 16 secret bytes.
        secret: Hex,
        /// The offer.
        offer: Hex,
        /// The MAC.
        mac: Hex,
    },
    /// What is derived from a secret. Verdict: the outputs by name.
    Derive(DeriveCase),
    /// A key slot. Verdict: `{"root_blake3"}` or `"refused"`.
    Slot(SlotCase),
    /// A key bundle, its signature by `signer` included. Verdict: `{"seeds": [blake3 …]}` or `"refused"`.
    Bundle {
        /// The signing key.
        signer: Hex,
        /// The signed bundle.
        bundle: Hex,
        /// The member who opens.
        member: String,
        /// The member's root.
        root: Hex,
    },
    /// A sealed name. Verdict: the text, or `"refused"`.
    Label {
        /// The tenant.
        tenant: String,
        /// Epoch seeds from number 1 on.
        seeds: Vec<Hex>,
        /// What is named.
        subject: String,
        /// The sealed name.
        label: Hex,
    },
    /// A chain of roster entries. Verdict: `{"head", "length", "epoch", "epoch_due", "members", "senders"}` or
    /// `{"refused_at": n}`.
    Roster {
        /// The root the reader expects.
        root: Hex,
        /// The signed entries.
        entries: Vec<Hex>,
    },
}

/// A record and what its recipient knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordCase {
    /// The sender, by the roster.
    pub sender: PublicParty,
    /// Who granted, by the roster.
    pub granter: PublicParty,
    /// The recipient and its X-Wing seed.
    pub recipient: SecretParty,
    /// The signed manifest.
    pub manifest: Hex,
    /// The grant.
    pub grant: Hex,
    /// The sealed metadata.
    pub metadata: Hex,
    /// Long byte strings that the parts are put together from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, Source>,
    /// Each sealed part, as pieces to be joined.
    pub parts: Vec<Vec<Piece>>,
    /// Open only these plaintext bytes: from, to (exclusive).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
}

/// A party and its Ed25519 key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublicParty {
    /// The id.
    pub party: String,
    /// 32 bytes.
    pub key: Hex,
}

/// A party and its X-Wing seed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SecretParty {
    /// The id.
    pub party: String,
    /// 32 bytes.
    pub kem_seed: Hex,
}

/// A long byte string.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A file beside the vectors.
    File(String),
    /// A sealed part, sealed anew by whoever runs the vector: too long to keep as a file.
    Seal(Box<SealSource>),
}

/// A sealed part by its ingredients. Plaintext = bytes `skip..` of the BLAKE3 output stream of `plain_seed`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SealSource {
    /// 32 bytes.
    pub record_key: Hex,
    /// Bound into the keys.
    pub tenant: String,
    /// Bound into the keys.
    pub record: String,
    /// Bound into the keys.
    pub sender: String,
    /// Fingerprint bound into the keys.
    pub sender_key: Hex,
    /// The part's number.
    pub part: u32,
    /// Whether the record ends with it.
    pub last: bool,
    /// 32 bytes.
    pub salt: Hex,
    /// Seed of the plaintext.
    pub plain_seed: String,
    /// Bytes of the stream to skip.
    pub plain_skip: u64,
    /// Bytes of the part's plaintext.
    pub plain_bytes: usize,
}

/// A piece of a part.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Piece {
    /// A slice of a source.
    Slice {
        /// The source's name.
        source: String,
        /// First byte.
        from: usize,
        /// Behind the last byte.
        to: usize,
    },
    /// These bytes.
    Bytes {
        /// The bytes.
        hex: Hex,
    },
}

/// A signed object of some type.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignedCase {
    /// `manifest`, `epoch`, `tombstone`, …
    pub object: String,
    /// The Ed25519 key it is checked against.
    pub key: Hex,
    /// The wire form.
    pub bytes: Hex,
}

/// A secret and where it belongs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeriveCase {
    /// `device`, `user-root`, `epoch-seed`, `code`, `recovery-key`, `record-key`.
    pub secret_kind: String,
    /// The secret.
    pub secret: Hex,
    /// The rest of the context, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, Value>,
}

/// A slot and what its owner knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlotCase {
    /// The slot.
    pub slot: Hex,
    /// CBOR of the context the owner expects.
    pub expected: Hex,
    /// Export key, PRF output or recovery key.
    pub secret: Hex,
    /// The device's X-Wing seed, if it is a device slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Hex>,
}
