//! Secrets are never shown, and names and codes open only where they belong.

use siegel_crypto::invite::{self, Promise};
use siegel_crypto::keys::{DeviceKeys, EpochRing, UserRoot};
use siegel_crypto::recovery::RecoveryKey;
use siegel_crypto::secret::{RecordKey, Secret};
use siegel_crypto::{RecordSealer, label};
use siegel_domain::{MemberId, Principal, Role};
use siegel_envelope::Digest;

use crate::world::{OWNER, TENANT, context, rng, tenant};

#[test]
fn f40_debug_shows_no_secret() {
    let seed = [0x5a; 32];
    let secret = Secret::copy_of(&seed);
    let device = DeviceKeys::from_bytes(&[0x5a; 64]).expect("64 bytes");
    let ring = EpochRing::from_seeds(TENANT, [secret.clone()]).expect("one");
    let recovery = RecoveryKey::generate(&mut rng("recovery"));
    let shown = [
        format!("{secret:?}"),
        format!("{device:?}"),
        format!("{:?}", UserRoot::from_secret(secret.clone())),
        format!("{ring:?}"),
        format!("{:?}", RecordKey::from_secret(secret.clone())),
        format!("{:?}", RecordSealer::resume(context(&device), RecordKey::from_secret(secret.clone()))),
        format!("{recovery:?}"),
        format!("{:?}", invite::generate(&mut rng("code"))),
    ];
    for text in shown {
        assert!(text.contains("REDACTED"), "{text}");
        assert!(!text.contains("90, 90") && !text.contains("5a5a") && !text.contains(&*recovery.to_text()), "{text}");
    }
}

#[test]
fn device_keys_survive_being_stored() {
    let keys = DeviceKeys::generate(&mut rng("store"));
    let back = DeviceKeys::from_bytes(&keys.to_bytes()).expect("64 bytes");
    assert_eq!(back.sign.public(), keys.sign.public());
    assert_eq!(back.kem.public(), keys.kem.public());
    assert!(DeviceKeys::from_bytes(&keys.to_bytes()[..63]).is_none());
}

#[test]
fn a_code_s_secret_opens_for_members_and_for_its_invitation_only() {
    let (centre, rng) = (tenant(), &mut rng("invite"));
    let code = invite::generate(rng);
    let hash = invite::auth(&code).stored();
    let promise = Promise { principal: Principal::Member(OWNER), role: Role::Member };
    let sealed = invite::seal_code(centre.ring.current(), &code, promise, rng);
    assert_eq!(invite::open_code(&centre.ring, &sealed, &hash, promise).ok().as_ref(), Some(&code));
    let promoted = Promise { role: Role::Owner, ..promise };
    assert!(invite::open_code(&centre.ring, &sealed, &hash, promoted).is_err(), "the server made it an owner's");
    let exchanged = Promise { principal: MemberId::from_bytes([7; 16]).into(), ..promise };
    assert!(invite::open_code(&centre.ring, &sealed, &hash, exchanged).is_err(), "the server exchanged newcomers");
    assert!(invite::open_code(&centre.ring, &sealed, &Digest::of(b"another invitation"), promise).is_err());
    let stranger = EpochRing::first(TENANT, rng);
    assert!(invite::open_code(&stranger, &sealed, &hash, promise).is_err());
    assert!(invite::open_code(&centre.ring, &sealed[..20], &hash, promise).is_err());
    assert!(!sealed.windows(16).any(|window| window == code.as_bytes()));
}

#[test]
fn names_stay_readable_in_later_epochs() {
    let (centre, rng) = (tenant(), &mut rng("label"));
    let sealed = label::seal(centre.ring.current(), "snd_x", "Praxis Müller", rng).expect("short");
    let later = centre.ring.with_next(rng);
    assert_eq!(label::open(&later, "snd_x", &sealed).expect("ours").as_str(), "Praxis Müller");
    assert!(label::seal(later.current(), "snd_x", &"n".repeat(3000), rng).is_err());
    let short = label::seal(later.current(), "snd_x", "A", rng).expect("short");
    assert_eq!(short.len(), sealed.len(), "short names have one length");
}
