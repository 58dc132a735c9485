//! Bundles: all epoch seeds under a fresh key, and that key sealed to each member. Recipients come from a verified
//! roster and from nowhere else, so that a server can't slip a phantom member in.

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use siegel_domain::MemberId;
use siegel_envelope::cbor::Blob;
use siegel_envelope::epoch::{Bundle, BundleKey, EPOCHS_PER_BUNDLE};
use siegel_envelope::{Digest, KemPublicKey, Roster, Signed, Suite};
use zeroize::Zeroizing;

use crate::aead::{Aes256Gcm, TAG};
use crate::keys::{EpochRing, KemSecretKey, SigningSecretKey};
use crate::secret::Secret;
use crate::{OpenError, hpke_box};

/// Why a bundle was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The user key of a roster member is missing, or is not the one the roster names.
    #[error("the key of a member is missing or not the one the roster names")]
    MemberKey(MemberId),
    /// More epochs than a bundle holds.
    #[error("a bundle holds at most {EPOCHS_PER_BUNDLE} epochs")]
    TooMany,
}

/// Seals all seeds of `ring` to every member of `roster`. `user_keys` holds the members' keys in full, from wherever:
/// each is compared with the roster. `previous` is the bundle before, as revision and digest.
pub fn seal(
    ring: &EpochRing,
    roster: &Roster,
    user_keys: &BTreeMap<MemberId, KemPublicKey>,
    previous: Option<(u64, Digest)>,
    device: &SigningSecretKey,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Signed<Bundle>, BundleError> {
    let epoch = ring.current().number();
    if epoch > EPOCHS_PER_BUNDLE as u64 {
        return Err(BundleError::TooMany);
    }
    let mut seeds = Zeroizing::new(Vec::with_capacity(epoch as usize * 32 + TAG));
    ring.iter().for_each(|seed| seeds.extend_from_slice(seed.secret().expose()));
    let revision = previous.map_or(0, |(revision, _)| revision) + 1;
    let key = Secret::generate(rng);
    let aad = Bundle::seeds_aad(Suite::ONE, ring.tenant(), revision, epoch);
    let tag = Aes256Gcm::new(&key).seal_in_place([0; 12], &aad, &mut seeds);
    seeds.extend_from_slice(&tag);

    let mut bundle = Bundle {
        suite: Suite::ONE,
        tenant: ring.tenant(),
        revision,
        epoch,
        previous: previous.map(|(_, digest)| digest),
        roster: roster.head(),
        sealed: Blob(seeds.to_vec()),
        keys: Vec::with_capacity(roster.members().len()),
    };
    for (member, known) in roster.members() {
        let missing = BundleError::MemberKey(*member);
        let to = user_keys.get(member).filter(|key| key.fingerprint() == known.user_key).ok_or(missing)?;
        let info = bundle.key_info(*member, known.user_key);
        let (enc, ct) = hpke_box::seal_key(to, &info, &key, rng).map_err(|_| missing)?;
        bundle.keys.push(BundleKey { member: *member, user_key: known.user_key, enc, ct });
    }
    Ok(device.sign(bundle))
}

/// Opens a bundle with a member's user key. The bundle must come from [`Bundle::open_current`], which checks it
/// against the roster; compare the ring with the epoch's statement ([`EpochRing::fits`]) before using it.
pub fn open(bundle: &Bundle, member: MemberId, user_key: &KemSecretKey) -> Result<EpochRing, OpenError> {
    let mine = user_key.public().fingerprint();
    let slot = bundle.keys.iter().find(|key| key.member == member && key.user_key == mine);
    let slot = slot.ok_or(OpenError::Authentication)?;
    let key = hpke_box::open_key(&user_key.0, &slot.enc, &bundle.key_info(member, mine), &slot.ct)?;
    let length = bundle.sealed.0.len().checked_sub(TAG).ok_or(OpenError::Authentication)?;
    if bundle.epoch > EPOCHS_PER_BUNDLE as u64 || length != bundle.epoch as usize * 32 {
        return Err(OpenError::Authentication);
    }
    let mut seeds = Zeroizing::new(vec![0; length]);
    let aad = Bundle::seeds_aad(bundle.suite, bundle.tenant, bundle.revision, bundle.epoch);
    Aes256Gcm::new(&key)
        .open_into([0; 12], &aad, &bundle.sealed.0, &mut seeds)
        .map_err(|_| OpenError::Authentication)?;
    let seeds = seeds.chunks_exact(32).filter_map(Secret::from_slice);
    EpochRing::from_seeds(bundle.tenant, seeds).ok_or(OpenError::Authentication)
}
