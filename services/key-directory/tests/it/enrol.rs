//! From a code to a registered device.

use serde_json::json;
use siegel_api::enrol::{EnrolDealer, EnrolInvite, EnrolLookup, EnrolMember, EnrolSender, Enrolled};
use siegel_api::members::InviteMade;
use siegel_crypto::{DeviceKeys, invite};
use siegel_domain::time::{DAY_MS, HOUR_MS};
use siegel_domain::{Role, TenantId};
use siegel_envelope::EnrolmentCode;
use siegel_key_directory::admin::{NewDealer, add_dealer};
use siegel_platform::db;
use siegel_platform::rng::SystemRng;
use siegel_platform::testing::URL;

use crate::people::{Cart, Code, Machine, body, centre, lookup, member_request, owner_request};
use crate::world::{ClientRng, World, world};

#[tokio::test]
async fn c01_the_first_owner_founds_the_institution() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let roster = owner.roster(&world).await;
    assert_eq!((roster.length(), roster.epoch().unwrap().number, roster.epoch_due()), (2, 1, false));
    assert_eq!(roster.members()[&owner.member].role, Role::Owner);
    let kinds: Vec<_> = world.events(owner.tenant).await.iter().map(|event| event.r#type.clone()).collect();
    assert_eq!(&kinds[..2], ["siegel.principal.enrolled.v1", "siegel.epoch.changed.v1"]);
    assert_eq!(world.audit(owner.tenant).await, ["tenant.found ok", "auth.login ok"]);
}

#[tokio::test]
async fn a_used_code_says_so_and_only_its_user_gets_the_answer_again() {
    let world = world().await;
    let code = Code::new();
    let tenant = world.tenant(1, &code.hash()).await;
    let (request, owner) = owner_request(&world, tenant, 1, &code).await;
    let (late, latecomer) = owner_request(&world, tenant, 1, &code).await;
    let first = world.post_proved("/v1/auth/enrol/owner", &request, owner.sign()).await.ok::<Enrolled>();
    let again = world.post_proved("/v1/auth/enrol/owner", &request, owner.sign()).await.ok::<Enrolled>();
    assert_eq!(first.device, again.device, "the answer was lost on the way: nothing is done twice");
    assert_eq!(world.events(tenant).await.len(), 3);

    lookup(&world, Some(tenant), &code).await.refused(410, "invite-used");
    world.post_proved("/v1/auth/enrol/owner", &late, latecomer.sign()).await.refused(410, "invite-used");
}

#[tokio::test]
async fn an_expired_code_says_so() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let code = Code::new();
    let made: InviteMade = owner.machine.post(&world, "/v1/senders", &owner.invite_sender(&code)).await.ok();
    assert_eq!(made.expires_ms, world.now().0 + 72 * HOUR_MS);
    world.clock.advance_ms(72 * HOUR_MS - 1);
    lookup(&world, Some(owner.tenant), &code).await.ok::<EnrolInvite>();
    world.clock.advance_ms(1);
    lookup(&world, Some(owner.tenant), &code).await.refused(410, "invite-expired");
    let keys = DeviceKeys::generate(&mut ClientRng);
    let request = EnrolSender { tenant: owner.tenant, auth: code.auth(), device: body(&keys), mac: vec![0; 32].into() };
    world.post_proved("/v1/auth/enrol/sender", &request, &keys.sign).await.refused(410, "invite-expired");

    let founders = Code::new();
    let tenant = world.tenant(2, &founders.hash()).await;
    // The time runs from the making of the code, whether anybody showed it or not.
    let unseen = Code::new();
    let other = world.tenant(3, &unseen.hash()).await;
    lookup(&world, Some(tenant), &founders).await.ok::<EnrolInvite>();
    world.clock.advance_ms(DAY_MS);
    lookup(&world, Some(tenant), &founders).await.refused(410, "invite-expired");
    lookup(&world, Some(other), &unseen).await.refused(410, "invite-expired");
}

#[tokio::test]
async fn an_unknown_and_a_foreign_code_are_not_found_alike() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let other = centre(&world, 2).await;
    let code = Code::new();
    owner.machine.post(&world, "/v1/senders", &owner.invite_sender(&code)).await.ok::<InviteMade>();
    let nowhere = TenantId::from_bytes([99; 16]);
    let answers = [
        lookup(&world, Some(owner.tenant), &Code::new()).await,
        lookup(&world, Some(other.tenant), &code).await,
        lookup(&world, Some(nowhere), &code).await,
        lookup(&world, None, &code).await,
    ];
    for answer in answers {
        let answer = answer.refused(404, "not-found");
        let unknown = lookup(&world, Some(owner.tenant), &Code::new()).await;
        assert_eq!(answer.bytes, unknown.bytes);
    }
    let short = EnrolLookup { tenant: Some(owner.tenant), auth: vec![1; 31].into() };
    assert_eq!(world.post("/v1/auth/enrol/lookup", &short).await.refused(400, "invalid-request").field(), "auth");
}

#[tokio::test]
async fn a_code_that_the_dealer_replaced_is_worthless() {
    let world = world().await;
    let (old, new) = (Code::new(), Code::new());
    let tenant = world.tenant(1, &old.hash()).await;
    lookup(&world, Some(tenant), &old).await.ok::<EnrolInvite>();
    let (hash, id) = (new.hash(), tenant.to_string());
    let (hash, id) = (&hash, &id);
    let replacing = world.ctx.tenants.change("test.replace", |tx| {
        Box::pin(async move {
            let sql = "UPDATE tenants SET owner_auth_hash = $1 WHERE id = $2";
            db::query(sql).bind(&hash[..]).bind(id).execute(&mut **tx).await?;
            Ok::<_, siegel_platform::db::DbError>(())
        })
    });
    replacing.await.unwrap();
    lookup(&world, Some(tenant), &old).await.refused(404, "not-found");
    let (request, owner) = owner_request(&world, tenant, 1, &new).await;
    world.post_proved("/v1/auth/enrol/owner", &request, owner.sign()).await.ok::<Enrolled>();
}

#[tokio::test]
async fn keys_that_do_not_fit_are_refused_and_the_code_stays_good() {
    let world = world().await;
    let code = Code::new();
    let tenant = world.tenant(1, &code.hash()).await;
    let (request, owner) = owner_request(&world, tenant, 1, &code).await;
    let (other, _) = owner_request(&world, tenant, 1, &code).await;
    let thief = DeviceKeys::generate(&mut ClientRng);
    let path = "/v1/auth/enrol/owner";

    world.post_proved(path, &request, &thief.sign).await.refused(422, "signature-refused");
    let mut swapped = request.clone();
    swapped.device = body(&thief);
    world.post_proved(path, &swapped, &thief.sign).await.refused(422, "roster-refused");
    let mut swapped = request.clone();
    swapped.device.kem_key = body(&thief).kem_key;
    world.post_proved(path, &swapped, owner.sign()).await.refused(422, "roster-refused");
    let mut swapped = request.clone();
    swapped.person.user_key = other.person.user_key.clone();
    let refused = world.post_proved(path, &swapped, owner.sign()).await.refused(400, "invalid-request");
    assert_eq!(refused.field(), "person.slot", "the slot is bound to the user key");
    let mut swapped = request.clone();
    swapped.person.slot = other.person.slot.clone();
    let refused = world.post_proved(path, &swapped, owner.sign()).await.refused(400, "invalid-request");
    assert_eq!(refused.field(), "person.slot");
    let mut swapped = request.clone();
    swapped.roster_entry = other.roster_entry.clone();
    world.post_proved(path, &swapped, owner.sign()).await.refused(422, "roster-refused");
    let mut swapped = request.clone();
    swapped.epoch = other.epoch.clone();
    world.post_proved(path, &swapped, owner.sign()).await.refused(422, "signature-refused");
    let mut swapped = request.clone();
    swapped.epoch.statement = other.epoch.statement.clone();
    world.post_proved(path, &swapped, owner.sign()).await.refused(422, "roster-refused");
    let mut swapped = request.clone();
    swapped.epoch.bundle = other.epoch.bundle.clone();
    world.post_proved(path, &swapped, owner.sign()).await.refused(422, "roster-refused");

    assert!(world.events(tenant).await.is_empty(), "nothing of it was kept");
    world.post_proved(path, &request, owner.sign()).await.ok::<Enrolled>();
}

#[tokio::test]
async fn forms_are_checked_before_anything_is_stored() {
    let world = world().await;
    let code = Code::new();
    let tenant = world.tenant(1, &code.hash()).await;
    let (request, owner) = owner_request(&world, tenant, 1, &code).await;
    let good = serde_json::to_value(&request).unwrap();
    for (field, value) in [
        ("person.login_name", json!("Anna")),
        ("person.login_name", json!("anna@centre-1")),
        ("person.login_name", json!("an\u{202e}na")),
        ("person.opaque_record", json!("AAAA")),
        ("person.user_key", json!("AAAA")),
        ("person.slot", json!("AAAA")),
        ("person.recovery_slot", json!("AAAA")),
        ("person.recovery_key", json!("AAAA")),
        ("device.kem_key", json!("AAAA")),
        ("device.sign_key", json!("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")), // of small order
        ("roster_entry", json!("AAAA")),
        ("epoch.statement", json!("AAAA")),
        ("auth", json!("AAAA")),
        ("role", json!("owner")),
        ("device.device", json!("dev_0123456789abcdefghjkmnpqrs")),
        ("person.role", json!("owner")),
    ] {
        let mut bad = good.clone();
        let slot = field.split('.').fold(&mut bad, |value, name| &mut value[name]);
        *slot = value;
        let answer = world
            .send(("POST", "/v1/auth/enrol/owner"), Some(bad), &[], (Some(owner.sign()), None))
            .await
            .refused(400, "invalid-request");
        assert_eq!(answer.field(), field);
    }
    assert!(world.events(tenant).await.is_empty());
}

#[tokio::test]
async fn r05_a_member_waits_for_a_colleague_and_sees_nothing_until_then() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let mut ben = owner.newcomer(&world, Role::Member, "ben").await;
    let finished = ben.sign_in(&world).await;
    assert!(finished.bundle.is_none() && !finished.token.who.confirmed);
    ben.machine.get(&world, "/v1/members").await.refused(403, "not-confirmed");
    ben.machine.get(&world, "/v1/keys/bundle").await.refused(403, "not-confirmed");

    owner.confirm(&world, ben.member).await.ok::<siegel_api::members::Member>();
    let renewed: siegel_api::auth::TokenAnswer = ben.machine.renew(&world).await.ok();
    assert!(renewed.who.confirmed);
    ben.machine.took(&renewed);
    assert_eq!(ben.members(&world).await.len(), 2);
    let finished = ben.sign_in(&world).await;
    assert!(finished.bundle.is_some());
    assert_eq!(ben.ring.unwrap().current().secret(), owner.ring.unwrap().current().secret());
}

#[tokio::test]
async fn a_name_and_a_key_are_taken_once() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let code = Code::new();
    let invite = owner.invite_member(&code, Role::Member);
    owner.machine.post(&world, "/v1/members/invites", &invite).await.ok::<InviteMade>();
    let (mut request, person) = member_request(&world, owner.tenant, &code, "anna").await;
    let path = "/v1/auth/enrol/member";
    let taken = world.post_proved(path, &request, person.sign()).await.refused(409, "already-exists");
    assert_eq!(taken.field(), "person.login_name");
    request.person.login_name = "ben".to_owned();
    world.post_proved(path, &request, person.sign()).await.ok::<Enrolled>();

    let code = Code::new();
    owner.machine.post(&world, "/v1/senders", &owner.invite_sender(&code)).await.ok::<InviteMade>();
    let request =
        EnrolSender { tenant: owner.tenant, auth: code.auth(), device: person.machine.body(), mac: vec![0; 32].into() };
    let known = world.post_proved("/v1/auth/enrol/sender", &request, person.sign()).await;
    assert_eq!(known.refused(409, "already-exists").field(), "device.sign_key");
}

#[tokio::test]
async fn a_code_lets_in_as_what_it_was_made_for() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let code = Code::new();
    owner.machine.post(&world, "/v1/senders", &owner.invite_sender(&code)).await.ok::<InviteMade>();
    let members = Code::new();
    let invite = owner.invite_member(&members, Role::Member);
    owner.machine.post(&world, "/v1/members/invites", &invite).await.ok::<InviteMade>();
    let (request, person) = member_request(&world, owner.tenant, &members, "ben").await;
    let as_member = EnrolMember { auth: code.auth(), ..request.clone() };
    let refused = world.post_proved("/v1/auth/enrol/member", &as_member, person.sign()).await;
    assert_eq!(refused.refused(400, "invalid-request").field(), "auth");
    let as_sender =
        EnrolSender { tenant: owner.tenant, auth: members.auth(), device: request.device, mac: request.mac };
    let refused = world.post_proved("/v1/auth/enrol/sender", &as_sender, person.sign()).await;
    assert_eq!(refused.refused(400, "invalid-request").field(), "auth");
}

#[tokio::test]
async fn two_at_once_with_one_code_are_one() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let code = Code::new();
    owner.machine.post(&world, "/v1/senders", &owner.invite_sender(&code)).await.ok::<InviteMade>();
    let keys = [DeviceKeys::generate(&mut ClientRng), DeviceKeys::generate(&mut ClientRng)];
    let request = |keys: &DeviceKeys| EnrolSender {
        tenant: owner.tenant,
        auth: code.auth(),
        device: body(keys),
        mac: vec![0; 32].into(),
    };
    let path = "/v1/auth/enrol/sender";
    let (requests, world) = (keys.each_ref().map(request), &world);
    let (a, b) = futures::join!(
        world.post_proved(path, &requests[0], &keys[0].sign),
        world.post_proved(path, &requests[1], &keys[1].sign)
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 410], "{} {}", a.body, b.body);
}

/// `siegel-admin dealer add`, and the dealer at their machine.
pub(crate) async fn dealer(world: &World) -> Machine {
    let new = NewDealer { label: "Medizintechnik Süd", public_url: URL, ca: None, code_hours: 72 };
    let added = add_dealer(world.ctx.tenants.db(), &world.clock, &SystemRng, new).await.unwrap();
    let code: EnrolmentCode = added.code.parse().unwrap();
    let auth = (*invite::auth(&code.secret).as_bytes()).into();
    let found: EnrolInvite = world.post("/v1/auth/enrol/lookup", &EnrolLookup { tenant: None, auth }).await.ok();
    assert_eq!((found.role, found.principal), (Role::Dealer, added.dealer.to_string()));
    let keys = DeviceKeys::generate(&mut ClientRng);
    let auth = (*invite::auth(&code.secret).as_bytes()).into();
    let request = EnrolDealer { auth, sign_key: body(&keys).sign_key };
    let enrolled: Enrolled = world.post_proved("/v1/auth/enrol/dealer", &request, &keys.sign).await.ok();
    assert_eq!(enrolled.device, found.device);
    let other = DeviceKeys::generate(&mut ClientRng);
    let late = EnrolDealer { auth: request.auth.clone(), sign_key: body(&other).sign_key };
    world.post_proved("/v1/auth/enrol/dealer", &late, &other.sign).await.refused(410, "invite-used");
    world.post_proved("/v1/auth/enrol/dealer", &request, &keys.sign).await.ok::<Enrolled>();
    let mut machine = Machine::new(None, enrolled.device, keys);
    machine.took(&machine.challenge_login(world).await.ok());
    machine
}

#[tokio::test]
async fn a_dealer_enrols_with_the_providers_code_and_belongs_to_no_institution() {
    let world = world().await;
    let dealer = dealer(&world).await;
    let who: siegel_api::auth::Who = dealer.get(&world, "/v1/auth/session").await.ok();
    assert_eq!((who.role, who.tenant), (Role::Dealer, None));
    for path in ["/v1/keys/roster", "/v1/keys/bundle", "/v1/members", "/v1/senders"] {
        let status = dealer.get(&world, path).await.status.as_u16();
        assert!(status == 403 || status == 404, "{path}: {status}");
    }
    let audit: Vec<(Vec<u8>,)> = db::query_as("SELECT data FROM dealer_audit ORDER BY position")
        .fetch_all(world.ctx.tenants.db().reader())
        .await
        .unwrap();
    assert_eq!(audit.len(), 3, "added, enrolled, signed in");
    let short = NewDealer { label: " ", public_url: URL, ca: None, code_hours: 72 };
    assert!(add_dealer(world.ctx.tenants.db(), &world.clock, &SystemRng, short).await.is_err());
}

#[tokio::test]
async fn a_sender_enrols_and_may_send_before_it_is_confirmed() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let cart = owner.new_sender(&world).await;
    let who: siegel_api::auth::Who = cart.machine.get(&world, "/v1/auth/session").await.ok();
    assert_eq!((who.role, who.confirmed), (Role::Sender, false));
    let unknown = Cart { machine: Machine::new(None, who.device, DeviceKeys::generate(&mut ClientRng)), ..cart };
    unknown.machine.challenge_login(&world).await.refused(401, "login-failed");
}
