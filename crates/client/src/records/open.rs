//! Deciding whether a record is what it claims to be, and whose it is: the manifest's signature against the roster, the
//! grant's signature and whether its granter may grant, the key against the manifest's commitment. Only then is there
//! something to open.

use std::sync::Arc;

use siegel_api::records::Record;
use siegel_crypto::meta::Metadata;
use siegel_crypto::{KemSecretKey, RecordKey, RecordOpener, grant};
use siegel_domain::{Party, Principal, RecordId};
use siegel_envelope::{Grant, Manifest, Signed, SignedBytes, SigningPublicKey};

use crate::directory::Directory;
use crate::error::{Code, Error, Problem, Result, Untrusted};
use crate::http::Request;
use crate::session::Session;

/// A record that verified. Its parts are fetched when they are asked for.
#[derive(Debug, Clone)]
pub struct Opened {
    pub(super) session: Session,
    pub(super) opener: Arc<RecordOpener>,
    /// What the server says about it: state, kind and times, which nobody signed. Sender, conversation and the answered
    /// record are those of the manifest.
    pub record: Record,
    /// Names, note and type, as the sender sealed them. A file name is never a path: see [`Opened::file_name`].
    pub metadata: Metadata,
    /// Who sealed it.
    pub from: Party,
    /// Who passed it on, if it did not come from the sender itself.
    pub passed_on_by: Option<Party>,
}

impl Session {
    /// Fetches a record's manifest and grant and verifies both; its parts stay where they are.
    pub async fn open_record(&self, id: RecordId) -> Result<Opened> {
        let request = Request::new("GET /v1/records/{record}", &[&id], self.auth());
        let record: Record = self.http().json(&request).await?;
        if record.id != id {
            return Err(Untrusted::Manifest("the server answered with another record".to_owned()).into());
        }
        self.verify(record).await
    }

    pub(super) async fn verify(&self, record: Record) -> Result<Opened> {
        let directory = self.directory().await?;
        match self.verify_with(&directory, &record).await {
            // The sender may have been confirmed since we looked.
            Err(error) if error.code() == Some(Code::NotConfirmed) => {
                let directory = self.refresh_directory().await?;
                self.verify_with(&directory, &record).await
            }
            other => other,
        }
    }

    async fn verify_with(&self, directory: &Directory, record: &Record) -> Result<Opened> {
        let manifest = verified_manifest(directory, record)?;
        let keys = self.opening_keys().await?;
        let (key, granter) = opened_grant(directory, record, &manifest, &keys)?;
        let from = manifest.sender;
        let opener = RecordOpener::new(manifest, key).map_err(|error| Untrusted::Record(error.to_string()))?;
        let metadata = opener
            .open_metadata(&record.sealed_metadata)
            .map_err(|error| Untrusted::Record(format!("its names and notes: {error}")))?;
        let passed_on_by = Some(granter).filter(|granter| *granter != from);
        Ok(Opened {
            session: self.clone(),
            opener: Arc::new(opener),
            record: record.clone(),
            metadata,
            from,
            passed_on_by,
        })
    }

    /// The keys that may open something for us.
    async fn opening_keys(&self) -> Result<Vec<(Party, KemSecretKey)>> {
        match self.profile().principal {
            Principal::Sender(id) => Ok(vec![(id.into(), self.device().kem.clone())]),
            Principal::Dealer(_) => Err(Error::WrongRole("a dealer sees no records")),
            Principal::Member(id) => {
                let ring = self.ring().await?;
                let mine = self.unlocked().as_ref().ok_or(Error::Locked)?.root.user_key();
                let centre = Party::Tenant(ring.tenant());
                let epochs = ring.iter().map(|seed| (centre, seed.inbox_key()));
                Ok(epochs.chain([(Party::Member(id), mine)]).collect())
            }
        }
    }
}

/// The manifest, if the roster knows its signer as the sender it names.
fn verified_manifest(directory: &Directory, record: &Record) -> Result<Signed<Manifest>> {
    let bad = |what: &dyn std::fmt::Display| Error::from(Untrusted::Manifest(what.to_string()));
    let signed = SignedBytes::from_bytes_of::<Manifest>(&record.manifest).map_err(|error| bad(&error))?;
    let claimed: Manifest = signed.peek().map_err(|error| bad(&error))?;
    if claimed.tenant != directory.roster().tenant() || claimed.record != record.id {
        return Err(bad(&"it belongs to another record"));
    }
    // What the list shows beside the manifest is the server's word; where the sender signed it too, it has to be the same.
    let told = (record.sender, record.conversation, record.answers);
    if told != (claimed.sender, claimed.conversation, claimed.answers) {
        return Err(bad(&"the server says another sender, conversation or answered record than the sender signed"));
    }
    let signer = directory.signer(claimed.sender, &claimed.sender_key).ok_or_else(|| {
        Problem::local(Code::NotConfirmed, "Nobody of the centre has confirmed the sender of this record yet")
    })?;
    Signed::open(&record.manifest, signer).map_err(|error| bad(&error))
}

/// The record's key from the first grant that is for one of our keys, and who granted it.
fn opened_grant(
    directory: &Directory,
    record: &Record,
    manifest: &Manifest,
    keys: &[(Party, KemSecretKey)],
) -> Result<(RecordKey, Party)> {
    let bad = |what: &dyn std::fmt::Display| Error::from(Untrusted::Grant(what.to_string()));
    let fingerprints: Vec<_> = keys.iter().map(|(_, key)| key.public().fingerprint()).collect();
    for item in &record.grants {
        let sealed = Grant::from_bytes(&item.grant).map_err(|error| bad(&error))?;
        let context = sealed.peek().map_err(|error| bad(&error))?;
        let mine = keys
            .iter()
            .zip(&fingerprints)
            .find(|((party, _), fingerprint)| *party == context.recipient && **fingerprint == context.recipient_key);
        let Some(((party, key), _)) = mine else { continue };
        if !may_grant(directory, manifest, context.granter) {
            return Err(bad(&"it was made by someone who may not"));
        }
        let granter: &SigningPublicKey = directory
            .signer(context.granter, &context.granter_key)
            .ok_or_else(|| bad(&"it was made by someone who is not in the list"))?;
        let key =
            grant::open(&sealed, (context.granter, granter), manifest, (*party, key)).map_err(|error| bad(&error))?;
        return Ok((key, context.granter));
    }
    Err(bad(&"there is none that any key here opens: the record was sealed for someone else"))
}

/// The sender, or a roster member of a recipient that the manifest names: otherwise a server could have someone of its
/// choice slip a key under a foreign manifest.
fn may_grant(directory: &Directory, manifest: &Manifest, granter: Party) -> bool {
    let centre = Party::Tenant(directory.roster().tenant());
    match granter {
        granter if granter == manifest.sender => true,
        Party::Member(_) => manifest.names(centre) || manifest.names(granter),
        _ => false,
    }
}

impl Opened {
    /// The signed manifest.
    pub fn manifest(&self) -> &Manifest {
        self.opener.manifest()
    }

    /// Bytes of the plaintext.
    pub fn plain_bytes(&self) -> u64 {
        self.manifest().plain_bytes
    }

    /// A name to save it under: the last component of what the sender called it, without anything that could lead
    /// elsewhere or confuse; else the record's id.
    pub fn file_name(&self) -> String {
        self.metadata.file_name.as_deref().and_then(safe_file_name).unwrap_or_else(|| self.record.id.to_string())
    }
}

/// One plain file name, on Linux and Windows alike; none if nothing usable is left.
fn safe_file_name(name: &str) -> Option<String> {
    const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |c: &char| {
        let direction = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        !c.is_control() && !direction && !matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|')
    };
    let name: String = last.chars().filter(plain).take(150).collect();
    let name = name.trim().trim_matches('.').trim();
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let device =
        RESERVED.contains(&stem.as_str()) || (stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")));
    (!name.is_empty() && !device).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::safe_file_name;

    #[test]
    fn a_senders_file_name_never_leads_anywhere() {
        assert_eq!(safe_file_name("Müller_24h.edf").as_deref(), Some("Müller_24h.edf"));
        assert_eq!(safe_file_name("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(safe_file_name("C:\\Windows\\system32\\x.dll").as_deref(), Some("x.dll"));
        assert_eq!(safe_file_name("a\u{202e}fdp.exe\n").as_deref(), Some("afdp.exe"));
        assert_eq!(safe_file_name(".bashrc").as_deref(), Some("bashrc"));
        for bad in ["", "..", "/", "a/..", "NUL", "con.txt", "COM1.edf", "\0\0", "  . "] {
            assert_eq!(safe_file_name(bad), None, "{bad:?}");
        }
    }
}
