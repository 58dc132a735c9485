//! A profile: who this machine is at one centre, in a directory of its own.
//!
//! ```text
//! profile.toml   address, pinned fingerprints, ids: no secret
//! device.key     the device's private keys, mode 0600: the only secret on disk
//! memory.toml    the newest state of the directory that was seen (an older one is refused)
//! roster.cbor    verified entries, so that only new ones are fetched
//! receipts/      what the platform signed
//! resume/        interrupted uploads, sealed to the device's own key
//! ```
//! The operating system's key store can take `device.key`'s place later: [`keys`] is the only module that touches it.

mod keys;
mod memory;
mod receipts;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use siegel_domain::{DeviceId, Principal, Role, TenantId};
use siegel_envelope::{Digest, Fingerprint, SigningPublicKey};

use crate::error::{Error, Result};
use crate::http::{Config, Trust};
use crate::os;

pub use memory::Memory;
pub use receipts::StoredReceipt;

/// Who this machine is, at which platform and centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// `https://host[:port]`.
    pub url: String,
    /// BLAKE3 of the platform's own CA certificate; absent if a public CA vouches for the host.
    pub ca: Option<Digest>,
    /// A PEM file of CAs to believe instead of the system's, for hosts behind a company's CA.
    pub ca_file: Option<PathBuf>,
    /// The centre; a dealer has none.
    pub tenant: Option<Tenant>,
    /// Who signs in.
    pub principal: Principal,
    /// What they are to the centre.
    pub role: Role,
    /// This machine.
    pub device: DeviceId,
    /// A person's login, for members.
    pub person: Option<Person>,
    /// The key that signs the platform's receipts and statements, as first seen.
    pub statement_key: SigningPublicKey,
}

/// What a member's device knows of its person: a slot that claims anything else is not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `name@handle`.
    pub login: String,
    /// Fingerprint of the user key that the root in the slot derives to.
    pub user_key: Fingerprint,
    /// Version of this device's slot.
    pub slot_version: u64,
}

/// The centre of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// The part after `@` in login names.
    pub handle: String,
    /// Its name.
    pub name: String,
    /// The root of its roster: everything that is believed about its members and keys starts here.
    pub root: Fingerprint,
}

impl Profile {
    /// Whose certificates are believed.
    pub fn trust(&self) -> Trust {
        match (&self.ca, &self.ca_file) {
            (Some(ca), _) => Trust::Pinned(*ca.as_bytes()),
            (None, Some(file)) => Trust::File(file.clone()),
            (None, None) => Trust::System,
        }
    }

    /// How to reach the platform.
    pub fn config(&self) -> Config {
        Config::new(self.url.clone(), self.trust())
    }

    /// The centre, or an error for a dealer.
    pub fn tenant(&self) -> Result<&Tenant> {
        self.tenant.as_ref().ok_or(Error::WrongRole("a dealer belongs to no centre and sees no records"))
    }
}

/// The directory of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileDir(PathBuf);

impl ProfileDir {
    /// The profile kept in this directory; nothing is read yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether a profile lies here.
    pub fn exists(&self) -> bool {
        self.file().is_file()
    }

    /// Reads the profile.
    pub fn load(&self) -> Result<Profile> {
        let path = self.file();
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::profile(&self.0, "there is none"));
            }
            other => other.map_err(Error::file(&path))?,
        };
        let file: File = toml::from_str(&text).map_err(|error| Error::profile(&path, error.message()))?;
        file.read().map_err(|why| Error::profile(&path, why))
    }

    /// Writes the profile.
    pub fn save(&self, profile: &Profile) -> Result<()> {
        os::private_dir(&self.0).map_err(Error::file(&self.0))?;
        let path = self.file();
        let text = toml::to_string(&File::of(profile)).expect("strings and options of strings always encode");
        os::replace(&path, text.as_bytes()).map_err(Error::file(&path))
    }

    /// Deletes the profile with its keys. What was sealed to them only is lost.
    pub fn delete(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.0).map_err(Error::file(&self.0))
    }

    /// The directory of interrupted uploads.
    pub fn resume_dir(&self) -> PathBuf {
        self.0.join("resume")
    }

    fn file(&self) -> PathBuf {
        self.0.join("profile.toml")
    }
}

/// `profile.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    url: String,
    ca_fingerprint: Option<String>,
    ca_file: Option<PathBuf>,
    principal: Principal,
    role: Role,
    device: DeviceId,
    statement_key: String,
    person: Option<PersonFile>,
    tenant: Option<TenantFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonFile {
    login: String,
    user_key: String,
    slot_version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantFile {
    id: TenantId,
    handle: String,
    name: String,
    root: String,
}

const VERSION: u32 = 1;

impl File {
    fn of(profile: &Profile) -> Self {
        Self {
            version: VERSION,
            url: profile.url.clone(),
            ca_fingerprint: profile.ca.map(|ca| ca.to_hex()),
            ca_file: profile.ca_file.clone(),
            principal: profile.principal,
            role: profile.role,
            device: profile.device,
            person: profile.person.as_ref().map(|person| PersonFile {
                login: person.login.clone(),
                user_key: person.user_key.to_hex(),
                slot_version: person.slot_version,
            }),
            statement_key: hex::encode(profile.statement_key.as_bytes()),
            tenant: profile.tenant.as_ref().map(|tenant| TenantFile {
                id: tenant.id,
                handle: tenant.handle.clone(),
                name: tenant.name.clone(),
                root: tenant.root.to_hex(),
            }),
        }
    }

    fn read(self) -> Result<Profile, String> {
        if self.version != VERSION {
            return Err(format!("version {} was written by a newer program; update this one", self.version));
        }
        let statement_key = hex::decode(&self.statement_key).ok().and_then(|bytes| bytes.try_into().ok());
        let statement_key = statement_key.and_then(|bytes| SigningPublicKey::from_bytes(bytes).ok());
        let tenant = self.tenant.map(|tenant| {
            let root = tenant.root.parse().map_err(|error| format!("tenant.root: {error}"))?;
            Ok::<_, String>(Tenant { id: tenant.id, handle: tenant.handle, name: tenant.name, root })
        });
        let person = self.person.map(|person| {
            let user_key = person.user_key.parse().map_err(|error| format!("person.user_key: {error}"))?;
            Ok::<_, String>(Person { login: person.login, user_key, slot_version: person.slot_version })
        });
        let ca = self.ca_fingerprint.map(|text| text.parse().map_err(|error| format!("ca_fingerprint: {error}")));
        Ok(Profile {
            url: self.url,
            ca: ca.transpose()?,
            ca_file: self.ca_file,
            tenant: tenant.transpose()?,
            principal: self.principal,
            role: self.role,
            device: self.device,
            person: person.transpose()?,
            statement_key: statement_key.ok_or("statement_key: not a key")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use siegel_crypto::SigningSecretKey;
    use siegel_crypto::secret::Secret;
    use siegel_domain::{MemberId, TenantId};

    use super::*;

    fn profile() -> Profile {
        Profile {
            url: "https://127.0.0.1:8443".to_owned(),
            ca: Some(Digest::of(b"ca")),
            ca_file: None,
            tenant: Some(Tenant {
                id: TenantId::from_bytes([1; 16]),
                handle: "herzzentrum".to_owned(),
                name: "Herzzentrum \"Nord\"".to_owned(),
                root: Fingerprint::from_bytes([2; 32]),
            }),
            principal: MemberId::from_bytes([3; 16]).into(),
            role: Role::Owner,
            device: DeviceId::from_bytes([4; 16]),
            person: Some(Person {
                login: "anna@herzzentrum".to_owned(),
                user_key: Fingerprint::from_bytes([6; 32]),
                slot_version: 1,
            }),
            statement_key: SigningSecretKey::from_seed(&Secret::copy_of(&[5; 32])).public(),
        }
    }

    #[test]
    fn a_profile_survives_the_file_and_bad_files_are_named() {
        let temp = tempfile::tempdir().unwrap();
        let dir = ProfileDir::at(temp.path().join("p"));
        assert!(matches!(dir.load(), Err(Error::Profile { .. })));
        dir.save(&profile()).unwrap();
        assert_eq!(dir.load().unwrap(), profile());
        let dealer = Profile { tenant: None, ca: None, person: None, ..profile() };
        dir.save(&dealer).unwrap();
        assert_eq!(dir.load().unwrap(), dealer);

        let text = std::fs::read_to_string(dir.file()).unwrap();
        for (from, to) in [("version = 1", "version = 9"), ("role = \"owner\"", "role = \"king\""), ("url", "uri")] {
            std::fs::write(dir.file(), text.replace(from, to)).unwrap();
            assert!(matches!(dir.load(), Err(Error::Profile { .. })), "{to}");
        }
    }
}
