//! A practice with its own key: R02-R04, K03.

use siegel_api::members::ReturnReport;
use siegel_client::SignIn;
use siegel_client::password::{Lack, Password};
use siegel_domain::Role;
use siegel_e2e::{PASSWORD, World, canary_hits, files_below};
use zeroize::Zeroizing;

use crate::support::code;

#[tokio::test(flavor = "multi_thread")]
async fn r02_the_user_key_comes_from_the_login_details_on_the_device() {
    let world = World::start().await.unwrap();
    let centre = world.centre("praxis").await.unwrap();
    let first = centre.owner.session.keys().unwrap();
    let again = SignIn::at(centre.owner.dir.clone()).password(PASSWORD).await.unwrap();
    let root = |keys: &[u8]| keys[17..49].to_vec(); // version, session id, then the user root
    assert_eq!(root(&first), root(&again.keys().unwrap()), "the same details give the same key");
    // On the device lies what opens nothing alone: neither the root nor the practice's keys.
    let seeds: Vec<Vec<u8>> = again.ring().await.unwrap().iter().map(|seed| seed.secret().expose().to_vec()).collect();
    for secret in std::iter::once(root(&first)).chain(seeds) {
        assert!(canary_hits(centre.owner.dir.path(), &secret).is_empty());
    }
    assert!(!files_below(centre.owner.dir.path()).is_empty());
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn r03_the_practice_key_is_random_and_stored_wrapped_only() {
    let world = World::start().await.unwrap();
    let one = world.centre("eins").await.unwrap();
    let two = world.centre("zwei").await.unwrap();
    let seed = |ring: siegel_crypto::EpochRing| *ring.current().secret().expose();
    let (a, b) = (seed(one.owner.session.ring().await.unwrap()), seed(two.owner.session.ring().await.unwrap()));
    assert_ne!(a, b);
    // A colleague gets it by a member's hand, and removing the colleague makes a new one that it never saw.
    let colleague = world.member(&one, "kollegin", Role::Member).await.unwrap();
    assert_eq!(seed(colleague.session.ring().await.unwrap()), a);
    one.owner.session.remove_member(colleague.member_id().unwrap()).await.unwrap();
    let next = seed(one.owner.session.ring().await.unwrap());
    assert_ne!(next, a);
    assert_eq!(
        seed(colleague.session.ring().await.unwrap_or(
            siegel_crypto::EpochRing::from_seeds(one.tenant, [siegel_crypto::secret::Secret::copy_of(&a)]).unwrap()
        )),
        a
    );
    for secret in [a, b, next] {
        assert!(world.hits(&secret).await.unwrap().is_empty());
    }
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn r04_the_password_is_verified_unseen_and_only_then_keys_are_handed_out() {
    let world = World::start().await.unwrap();
    let centre = world.centre("praxis").await.unwrap();
    let wrong = SignIn::at(centre.owner.dir.clone()).password("Herzschlag-25-Stunden").await;
    let wrong = wrong.expect_err("a wrong password does not sign in");
    // A name nobody has is answered alike: same error, nothing more to learn.
    let mut stranger = centre.owner.dir.load().unwrap();
    stranger.person.as_mut().unwrap().login = format!("niemand@{}", centre.handle);
    let other = world.profile("stranger");
    other.store_device_keys(&centre.owner.dir.device_keys().unwrap()).unwrap();
    other.save(&stranger).unwrap();
    let unknown = SignIn::at(other).password(PASSWORD).await.expect_err("nobody signs in");
    assert_eq!(wrong.to_string(), unknown.to_string());
    assert!(world.hits(PASSWORD.as_bytes()).await.unwrap().is_empty());
    // Signed out, the session hands out nothing more.
    let session = SignIn::at(centre.owner.dir.clone()).password(PASSWORD).await.unwrap();
    session.sign_out().await.unwrap();
    assert_eq!(code(session.who().await), "session-revoked");
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn k03_passwords_have_eleven_characters_of_four_kinds() {
    let lacks = |text: &str| Password::new(Zeroizing::new(text.to_owned()), "erika").err().unwrap_or_default();
    assert_eq!(lacks("Kurz-1aaaaa"), []);
    assert_eq!(lacks("Kurz-1aaaa"), [Lack::Length]);
    assert_eq!(lacks("kleinbuchstaben-1"), [Lack::Upper]);
    assert_eq!(lacks("GROSSBUCHSTABEN-1"), [Lack::Lower]);
    assert_eq!(lacks("Ohne-Ziffern-hier"), [Lack::Digit]);
    assert_eq!(lacks("OhneSonderzeichen1"), [Lack::Special]);
    // And enrolling takes nothing but a password that kept the rule: there is no other way to call it.
    let world = World::start().await.unwrap();
    let centre = world.centre("praxis").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Ask).await.unwrap();
    assert!(SignIn::at(sender.dir.clone()).machine().is_ok());
    world.stop().await.unwrap();
}
