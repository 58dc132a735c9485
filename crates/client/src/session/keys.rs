//! A member's clear keys: in memory only, in this process or in the agent between two calls.

use siegel_crypto::secret::Secret;
use siegel_crypto::{EpochRing, UserRoot, bundle};
use siegel_domain::{SessionId, TenantId};
use siegel_envelope::SignedBytes;
use siegel_envelope::epoch::Bundle;
use zeroize::Zeroizing;

use super::Session;
use crate::directory::Directory;
use crate::error::{Error, Result, Untrusted};
use crate::http::Request;

const VERSION: u8 = 1;

/// What a login unlocks. `Debug` shows nothing; everything is wiped when dropped.
#[derive(Debug, Clone)]
pub struct Unlocked {
    pub(crate) session: SessionId,
    pub(crate) root: UserRoot,
    /// The centre's keys; none until a member has confirmed this one.
    pub(crate) ring: Option<EpochRing>,
    /// Whether they are newer than what the caller handed in.
    pub(crate) changed: bool,
}

impl Unlocked {
    /// The form that an agent holds: version, session, root, and (if there are any) tenant and seeds in order.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let seeds = self.ring.as_ref().map_or(0, |ring| ring.iter().count());
        // Room for all of it at once: a vector that grows leaves copies behind.
        let mut out = Zeroizing::new(Vec::with_capacity(1 + 16 + 32 + 16 + 32 * seeds));
        out.push(VERSION);
        out.extend_from_slice(self.session.as_bytes());
        out.extend_from_slice(self.root.secret().expose());
        if let Some(ring) = &self.ring {
            out.extend_from_slice(ring.tenant().as_bytes());
            ring.iter().for_each(|seed| out.extend_from_slice(seed.secret().expose()));
        }
        out
    }

    /// Reads that form; none if it is not one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (root, rest) = rest.split_first_chunk::<32>()?;
        let ring = match rest.split_first_chunk::<16>() {
            None if rest.is_empty() => None,
            None => return None,
            Some((tenant, seeds)) => {
                let whole = seeds.len().is_multiple_of(32);
                let seeds = seeds.chunks_exact(32).filter_map(Secret::from_slice);
                Some(EpochRing::from_seeds(TenantId::from_bytes(*tenant), seeds).filter(|_| whole)?)
            }
        };
        (*version == VERSION).then(|| Self {
            session: SessionId::from_bytes(*session),
            root: UserRoot::from_secret(Secret::copy_of(root)),
            ring,
            changed: false,
        })
    }
}

impl Session {
    /// The unlocked keys, for an agent to hold; none for machines.
    pub fn keys(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.unlocked().as_ref().map(Unlocked::to_bytes)
    }

    /// The same, if they changed since the session was made: an agent should hold these instead.
    pub fn changed_keys(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.unlocked().as_ref().filter(|unlocked| unlocked.changed).map(Unlocked::to_bytes)
    }

    /// The centre's keys as of the newest epoch. Fetches the bundle if the epoch is newer than what was unlocked.
    pub async fn ring(&self) -> Result<EpochRing> {
        let directory = self.directory().await?;
        let epoch = directory.epoch().ok_or(Untrusted::Bundle("the centre has no key yet".to_owned()))?;
        let known = self.unlocked().as_ref().ok_or(Error::Locked)?.ring.clone();
        match known {
            Some(ring) if ring.fits(epoch) => Ok(ring),
            _ => {
                let bundle = self.sealed_bundle().await?;
                self.open_bundle(&directory, &bundle)
            }
        }
    }

    /// The newest bundle as it lies at the platform; refused while this member is not confirmed.
    pub(crate) async fn sealed_bundle(&self) -> Result<SignedBytes> {
        const ROUTE: &str = "GET /v1/keys/bundle";
        let answer: siegel_api::keys::SealedBundle = self.http().json(&Request::new(ROUTE, &[], self.auth())).await?;
        SignedBytes::from_bytes_of::<Bundle>(&answer.bundle).map_err(|error| Error::answer(ROUTE, error))
    }

    /// Opens a bundle that the verified roster allows, checks it against epoch and memory, and keeps its keys.
    pub(crate) fn open_bundle(&self, directory: &Directory, signed: &SignedBytes) -> Result<EpochRing> {
        let bad = |what: &dyn std::fmt::Display| Error::from(Untrusted::Bundle(what.to_string()));
        let opened = Bundle::open_current(signed, directory.roster()).map_err(|error| bad(&error))?;
        let member = self.member()?;
        let user_key = self.unlocked().as_ref().ok_or(Error::Locked)?.root.user_key();
        let ring = bundle::open(&opened, member, &user_key).map_err(|error| bad(&error))?;
        if !directory.epoch().is_some_and(|epoch| ring.fits(epoch)) {
            return Err(bad(&"they are not the current ones"));
        }
        self.remembering(|memory| {
            if opened.revision < memory.bundle_revision {
                return Err(Untrusted::Rollback("the centre's sealed keys are older than they were").into());
            }
            memory.bundle_revision = opened.revision;
            Ok(())
        })?;
        self.set_ring(ring.clone());
        Ok(ring)
    }

    pub(crate) fn set_ring(&self, ring: EpochRing) {
        if let Some(unlocked) = self.unlocked().as_mut() {
            unlocked.ring = Some(ring);
            unlocked.changed = true;
        }
    }

    pub(crate) fn unlocked(&self) -> std::sync::MutexGuard<'_, Option<Unlocked>> {
        self.0.unlocked.lock().expect("nothing panics while it is held")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    #[test]
    fn unlocked_keys_survive_the_agent_and_damage_is_noticed() {
        let tenant = TenantId::from_bytes([1; 16]);
        let ring = EpochRing::first(tenant, &mut rng::system()).with_next(&mut rng::system());
        let root = UserRoot::generate(&mut rng::system());
        let session = SessionId::from_bytes([2; 16]);
        for ring in [None, Some(ring)] {
            let unlocked = Unlocked { session, root: root.clone(), ring, changed: false };
            let bytes = unlocked.to_bytes();
            let read = Unlocked::from_bytes(&bytes).unwrap();
            assert_eq!((read.session, &read.root, &read.ring), (session, &root, &unlocked.ring));
            assert!(Unlocked::from_bytes(&bytes[..bytes.len() - 1]).is_none());
            assert!(Unlocked::from_bytes(&[&[9], &bytes[1..]].concat()).is_none(), "another version");
        }
        assert!(Unlocked::from_bytes(&[]).is_none());
    }
}
