//! Sessions and tokens: proved, renewed, ended.

use siegel_api::auth::{Challenge, ChallengeRequest, RenewRequest, TokenAnswer, Who};
use siegel_domain::time::{HOUR_MS, MINUTE_MS};
use siegel_domain::{DeviceId, SessionId, TenantId};
use siegel_platform::testing::URL;
use siegel_proto::keydirectory::v1::CheckSessionRequest;

use crate::enrol::dealer;
use crate::people::{Machine, centre};
use crate::world::{World, random, world};

async fn alive(world: &World, machine: &Machine) -> bool {
    let tenant = machine.tenant.map(|tenant| tenant.to_string()).unwrap_or_default();
    let request = CheckSessionRequest { tenant, session: machine.session.to_string() };
    world.directory().check_session(request).await.unwrap().into_inner().alive
}

#[tokio::test]
async fn a_token_lasts_five_minutes_and_a_session_until_it_is_idle() {
    let world = world().await;
    let mut owner = centre(&world, 1).await;
    let who: Who = owner.machine.get(&world, "/v1/auth/session").await.ok();
    assert_eq!(who.principal, owner.member.into());
    world.clock.advance_ms(5 * MINUTE_MS);
    owner.machine.get(&world, "/v1/auth/session").await.refused(401, "token-expired");
    for _ in 0..3 {
        world.clock.advance_ms(11 * HOUR_MS);
        owner.machine.took(&owner.machine.renew(&world).await.ok());
        owner.machine.get(&world, "/v1/auth/session").await.ok::<Who>();
    }
    assert!(alive(&world, &owner.machine).await);
    world.clock.advance_ms(12 * HOUR_MS + 1);
    owner.machine.renew(&world).await.refused(401, "session-revoked");
    assert!(!alive(&world, &owner.machine).await);
    owner.sign_in(&world).await;
}

#[tokio::test]
async fn f30_a_copied_token_is_worthless_at_another_device() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let thief = centre(&world, 2).await;
    let stolen = Some(owner.machine.token.as_str());
    let path = ("GET", "/v1/members");
    world.send(path, None, &[], (Some(thief.sign()), stolen)).await.refused(401, "unauthenticated");
    world.send(path, None, &[], (None, stolen)).await.refused(401, "unauthenticated");
    // A proof that was recorded on the way, sent again.
    let proof = world.proof(owner.sign(), "GET", "/v1/members", stolen);
    let headers = [("dpop", proof.as_str())];
    assert!(world.send(path, None, &headers, (None, stolen)).await.status.is_success());
    world.send(path, None, &headers, (None, stolen)).await.refused(401, "unauthenticated");
    // Neither session nor tenant of another can be renewed with one's own key.
    let request = RenewRequest { session: owner.machine.session, tenant: Some(owner.tenant) };
    world.post_proved("/v1/auth/renew", &request, thief.sign()).await.refused(401, "unauthenticated");
    for tenant in [Some(thief.tenant), Some(TenantId::from_bytes([9; 16])), None] {
        let request = RenewRequest { session: owner.machine.session, tenant };
        world.post_proved("/v1/auth/renew", &request, owner.sign()).await.refused(401, "session-revoked");
    }
}

#[tokio::test]
async fn who_signs_out_is_out_at_once() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    owner.machine.ask(&world, "DELETE", "/v1/auth/session", None).await.done();
    owner.machine.get(&world, "/v1/auth/session").await.refused(401, "session-revoked");
    owner.machine.renew(&world).await.refused(401, "session-revoked");
    assert!(!alive(&world, &owner.machine).await);
    assert!(world.audit(owner.tenant).await.contains(&"auth.logout ok".to_owned()));
}

#[tokio::test]
async fn a_restart_forgets_neither_sessions_nor_who_signed_out() {
    let world = world().await;
    let mut owner = centre(&world, 1).await;
    let gone = centre(&world, 2).await;
    gone.machine.ask(&world, "DELETE", "/v1/auth/session", None).await.done();
    let world = world.restarted().await;
    gone.machine.get(&world, "/v1/auth/session").await.refused(401, "session-revoked");
    owner.machine.get(&world, "/v1/auth/session").await.ok::<Who>();
    owner.machine.took(&owner.machine.renew(&world).await.ok());
    owner.sign_in(&world).await;
}

#[tokio::test]
async fn a_machine_signs_its_challenge_once_for_this_server() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let cart = owner.new_sender(&world).await;
    let machine = &cart.machine;
    let request = ChallengeRequest { device: machine.device, tenant: machine.tenant };
    let challenge: Challenge = world.post("/v1/auth/challenge", &request).await.ok();
    let path = "/v1/auth/token";

    let elsewhere = machine.answer(&challenge, "https://evil.example");
    world.post_proved(path, &elsewhere, &machine.keys.sign).await.refused(401, "login-failed");
    let good = machine.answer(&challenge, URL);
    world.post_proved(path, &good, owner.sign()).await.refused(401, "login-failed"); // another device's proof
    let mut other = good.clone();
    other.signed = owner.machine.answer(&challenge, URL).signed;
    world.post_proved(path, &other, &machine.keys.sign).await.refused(401, "login-failed");
    let token: TokenAnswer = world.post_proved(path, &good, &machine.keys.sign).await.ok();
    assert!(!token.who.confirmed);
    world.post_proved(path, &good, &machine.keys.sign).await.refused(401, "login-failed"); // used

    let challenge: Challenge = world.post("/v1/auth/challenge", &request).await.ok();
    world.clock.advance_ms(60_000);
    let late = machine.answer(&challenge, URL);
    world.post_proved(path, &late, &machine.keys.sign).await.refused(401, "login-failed");
}

#[tokio::test]
async fn a_challenge_is_handed_out_for_devices_that_do_not_exist_too() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let cart = owner.new_sender(&world).await;
    let (nobody, nowhere) = (DeviceId::from_bytes(random()), TenantId::from_bytes(random()));
    let mut lengths = Vec::new();
    for (device, tenant) in [
        (cart.machine.device, Some(owner.tenant)),
        (nobody, Some(owner.tenant)),
        (nobody, Some(nowhere)),
        (nobody, None),
    ] {
        let answer = world.post("/v1/auth/challenge", &ChallengeRequest { device, tenant }).await;
        lengths.push((answer.status, answer.bytes.len()));
        let challenge: Challenge = answer.ok();
        let machine = Machine::new(tenant, device, siegel_crypto::DeviceKeys::generate(&mut crate::world::ClientRng));
        let request = machine.answer(&challenge, URL);
        world.post_proved("/v1/auth/token", &request, &machine.keys.sign).await.refused(401, "login-failed");
    }
    lengths.dedup();
    assert_eq!(lengths.len(), 1);
    // A member's device needs its member's password too.
    owner.machine.challenge_login(&world).await.refused(401, "login-failed");
}

#[tokio::test]
async fn a_dealers_session_is_one_like_the_others() {
    let world = world().await;
    let mut dealer = dealer(&world).await;
    assert!(alive(&world, &dealer).await);
    dealer.took(&dealer.renew(&world).await.ok());
    dealer.ask(&world, "DELETE", "/v1/auth/session", None).await.done();
    dealer.get(&world, "/v1/auth/session").await.refused(401, "session-revoked");
    dealer.renew(&world).await.refused(401, "session-revoked");
    assert!(!alive(&world, &dealer).await);
    dealer.took(&dealer.challenge_login(&world).await.ok());
    dealer.post(&world, &format!("/v1/devices/{}/revoke", dealer.device), &serde_json::json!({})).await.done();
    dealer.get(&world, "/v1/auth/session").await.refused(401, "session-revoked");
    dealer.challenge_login(&world).await.refused(401, "login-failed");
}

#[tokio::test]
async fn the_feed_tells_of_a_session_that_ended_at_once() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let mut feed =
        world.directory().watch_revocations(siegel_proto::keydirectory::v1::WatchRevocationsRequest {}).await;
    let feed = feed.as_mut().unwrap().get_mut();
    let snapshot = feed.message().await.unwrap().unwrap();
    assert!(snapshot.snapshot && snapshot.sessions.is_empty());
    owner.machine.ask(&world, "DELETE", "/v1/auth/session", None).await.done();
    let news = feed.message().await.unwrap().unwrap();
    assert_eq!(news.sessions, [owner.machine.session.to_string()]);
}

#[tokio::test]
async fn a_session_that_does_not_exist_is_dead() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let mut machine = Machine::new(
        Some(owner.tenant),
        owner.machine.device,
        siegel_crypto::DeviceKeys::generate(&mut crate::world::ClientRng),
    );
    machine.session = SessionId::from_bytes(random());
    assert!(!alive(&world, &machine).await);
    machine.tenant = Some(TenantId::from_bytes(random()));
    assert!(!alive(&world, &machine).await);
}
