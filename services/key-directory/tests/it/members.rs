//! Members: invited, confirmed, removed; their devices.

use siegel_api::auth::Who;
use siegel_api::enrol::EnrolInvite;
use siegel_api::members::{DevicePage, InviteMade, Member, MemberPage, RemoveMember, RevokeDevice, Standing};
use siegel_crypto::login::LoginError;
use siegel_crypto::roster;
use siegel_domain::Role;
use siegel_envelope::RosterChange;

use crate::people::{Code, PASSWORD, Person, begin, centre, epoch_change, lookup, member_request};
use crate::world::{Answer, ClientRng, World, world};

/// What removes a member or revokes a device: the change, and the epoch after it.
async fn change_and_epoch(world: &World, owner: &Person, change: RosterChange) -> RemoveMember {
    let mut roster = owner.roster(world).await;
    let entry = roster::next(&roster, change, world.now(), owner.sign());
    roster.append(entry.bytes()).unwrap();
    let keys = owner.user_keys(world, &roster).await;
    let ring = owner.ring.as_ref().unwrap().with_next(&mut ClientRng);
    let previous = Some(owner.previous(world).await);
    let epoch = epoch_change(world, &ring, &roster, &keys, previous, owner.sign());
    RemoveMember { roster_entry: entry.to_bytes().into(), epoch }
}

async fn remove(world: &World, owner: &Person, who: &Person) -> (RemoveMember, Answer) {
    let request = change_and_epoch(world, owner, RosterChange::RemoveMember { member: who.member }).await;
    let answer = owner.machine.post(world, &format!("/v1/members/{}/remove", who.member), &request).await;
    (request, answer)
}

#[tokio::test]
async fn a_removed_member_is_out_at_once_and_of_what_comes() {
    let world = world().await;
    let mut owner = centre(&world, 1).await;
    let ben = owner.colleague(&world, Role::Member, "ben").await;
    ben.machine.get(&world, "/v1/auth/session").await.ok::<Who>();
    let (request, answer) = remove(&world, &owner, &ben).await;
    answer.done();

    ben.machine.get(&world, "/v1/auth/session").await.refused(401, "session-revoked");
    ben.machine.renew(&world).await.refused(401, "session-revoked");
    assert_eq!(begin(&world, &ben.login, ben.machine.device, PASSWORD).await.err(), Some(LoginError::Refused));
    let roster = owner.roster(&world).await;
    assert!(!roster.members().contains_key(&ben.member));
    assert_eq!((roster.epoch().unwrap().number, roster.epoch_due()), (2, false));
    assert_eq!(owner.member_item(&world, ben.member).await.standing, Standing::Removed);
    owner.machine.get(&world, &format!("/v1/keys/{}", ben.member)).await.refused(404, "not-found");
    owner.sign_in(&world).await; // the new bundle opens

    // The answer was lost: the same request again changes nothing.
    let path = format!("/v1/members/{}/remove", ben.member);
    owner.machine.post(&world, &path, &request).await.done();
    assert_eq!(owner.roster(&world).await.length(), roster.length());
    // Their name is free again, their key is not.
    let benedikt = owner.newcomer(&world, Role::Member, "ben").await;
    assert_ne!(benedikt.member, ben.member);
}

#[tokio::test]
async fn a_removal_without_a_fitting_epoch_changes_nothing() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let ben = owner.colleague(&world, Role::Member, "ben").await;
    let cara = owner.colleague(&world, Role::Member, "cara").await;
    let good = change_and_epoch(&world, &owner, RosterChange::RemoveMember { member: ben.member }).await;
    let other = change_and_epoch(&world, &owner, RosterChange::RemoveMember { member: cara.member }).await;
    let path = format!("/v1/members/{}/remove", ben.member);
    let length = owner.roster(&world).await.length();

    owner.machine.post(&world, &path, &other).await.refused(422, "roster-refused"); // about somebody else
    let mut mixed = good.clone();
    mixed.epoch = other.epoch.clone();
    owner.machine.post(&world, &path, &mixed).await.refused(409, "roster-conflict");
    let mut mixed = good.clone();
    mixed.epoch.bundle = other.epoch.bundle.clone(); // sealed to the one who is removed
    owner.machine.post(&world, &path, &mixed).await.refused(422, "roster-refused");
    let mut mixed = good.clone();
    mixed.epoch.statement = other.epoch.statement.clone();
    owner.machine.post(&world, &path, &mixed).await.refused(422, "roster-refused");

    ben.machine.get(&world, "/v1/auth/session").await.ok::<Who>();
    assert_eq!(owner.roster(&world).await.length(), length);
    ben.machine.post(&world, &path, &good).await.refused(403, "forbidden"); // members don't remove members
    owner.machine.post(&world, &path, &good).await.done();
}

#[tokio::test]
async fn the_last_owner_stays() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let mut roster = owner.roster(&world).await;
    let change = RosterChange::RemoveMember { member: owner.member };
    let entry = roster::next(&roster, change, world.now(), owner.sign());
    assert!(roster.append(entry.bytes()).is_err());
    let keys = owner.user_keys(&world, &roster).await;
    let ring = owner.ring.as_ref().unwrap().with_next(&mut ClientRng);
    let epoch = epoch_change(&world, &ring, &roster, &keys, Some(owner.previous(&world).await), owner.sign());
    let request = RemoveMember { roster_entry: entry.to_bytes().into(), epoch };
    let path = format!("/v1/members/{}/remove", owner.member);
    owner.machine.post(&world, &path, &request).await.refused(422, "roster-refused");
    owner.machine.get(&world, "/v1/auth/session").await.ok::<Who>();
}

#[tokio::test]
async fn of_two_appends_at_once_one_wins() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let people =
        [owner.newcomer(&world, Role::Member, "ben").await, owner.newcomer(&world, Role::Member, "cara").await];
    // Both are signed as the next entry of the same roster.
    let requests =
        [owner.confirmation(&world, people[0].member).await, owner.confirmation(&world, people[1].member).await];
    let paths = people.each_ref().map(|person| format!("/v1/members/{}/confirm", person.member));
    let (machine, at) = (&owner.machine, &world);
    let (a, b) = futures::join!(machine.post(at, &paths[0], &requests[0]), machine.post(at, &paths[1], &requests[1]));
    let loser = usize::from(a.status.is_success());
    let answers = [a, b];
    assert!(answers[1 - loser].status.is_success(), "{}", answers[1 - loser].body);
    assert_eq!((answers[loser].status.as_u16(), answers[loser].code()), (409, "roster-conflict"));

    let roster = owner.roster(&world).await;
    assert_eq!(roster.members().len(), 2);
    assert!(!roster.members().contains_key(&people[loser].member));
    owner.machine.post(&world, &paths[loser], &requests[loser]).await.refused(409, "roster-conflict");
    let again: Member = owner.confirm(&world, people[loser].member).await.ok(); // read again, signed again
    assert_eq!(again.standing, Standing::Active);
    let winner: Member = owner.machine.post(&world, &paths[1 - loser], &requests[1 - loser]).await.ok();
    assert_eq!(winner.standing, Standing::Active, "the same confirmation again answers the same");
}

#[tokio::test]
async fn a_confirmation_that_does_not_fit_what_was_enrolled_is_refused() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let ben = owner.newcomer(&world, Role::Member, "ben").await;
    let good = owner.confirmation(&world, ben.member).await;
    let path = format!("/v1/members/{}/confirm", ben.member);
    let roster = owner.roster(&world).await;
    let user_key = ben.root.user_key().public().fingerprint();
    let add = |role, user_key, device| {
        let change = RosterChange::AddMember { member: ben.member, role, user_key, recovery_key: None, device };
        roster::next(&roster, change, world.now(), owner.sign())
    };
    let mut device = ben.machine.in_roster();
    device.sign = siegel_crypto::DeviceKeys::generate(&mut ClientRng).sign.public();
    let wrong = [
        add(Role::Owner, user_key, ben.machine.in_roster()), // another role
        add(Role::Member, owner.root.user_key().public().fingerprint(), ben.machine.in_roster()), // another user key
        add(Role::Member, user_key, device),                 // a swapped device key
    ];
    for entry in wrong {
        let mut request = good.clone();
        request.roster_entry = entry.to_bytes().into();
        owner.machine.post(&world, &path, &request).await.refused(422, "roster-refused");
    }
    let mut request = good.clone();
    request.bundle.0[200] ^= 1;
    let broken = owner.machine.post(&world, &path, &request).await;
    assert!(matches!(broken.status.as_u16(), 400 | 422), "{}", broken.body);
    let mut forged = good.clone();
    *forged.roster_entry.0.last_mut().unwrap() ^= 1;
    owner.machine.post(&world, &path, &forged).await.refused(422, "signature-refused");
    assert_eq!(owner.roster(&world).await.length(), roster.length());
    owner.machine.post(&world, &path, &good).await.ok::<Member>();
}

#[tokio::test]
async fn only_owners_bring_members_in_and_no_request_makes_itself_more() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let ben = owner.colleague(&world, Role::Member, "ben").await;
    let code = Code::new();
    let path = "/v1/members/invites";
    ben.machine.post(&world, path, &owner.invite_member(&code, Role::Member)).await.refused(403, "forbidden");
    for role in [Role::Sender, Role::Dealer] {
        let refused = owner.machine.post(&world, path, &owner.invite_member(&code, role)).await;
        assert_eq!(refused.refused(400, "invalid-request").field(), "role");
    }
    let good = serde_json::to_value(owner.invite_member(&code, Role::Member)).unwrap();
    for (field, value) in [
        ("standing", serde_json::json!("active")),
        ("expires_in_h", serde_json::json!(721)),
        ("expires_in_h", serde_json::json!(0)),
        ("auth_hash", serde_json::json!("AAAA")),
        ("sealed_label", serde_json::json!("")),
        ("sealed_code", serde_json::json!("A".repeat(1_400))),
        ("member", serde_json::json!("snd_0123456789abcdefghjkmnpqrs")),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        let refused = owner.machine.ask(&world, "POST", path, Some(bad)).await;
        assert_eq!(refused.refused(400, "invalid-request").field(), field);
    }
    assert_eq!(owner.members(&world).await.len(), 2, "nothing of it was kept");
}

#[tokio::test]
async fn inviting_twice_with_one_code_is_one_invitation() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let code = Code::new();
    let request = owner.invite_member(&code, Role::Member);
    let first: InviteMade = owner.machine.post(&world, "/v1/members/invites", &request).await.ok();
    let again: InviteMade = owner.machine.post(&world, "/v1/members/invites", &request).await.ok();
    assert_eq!(first.invite, again.invite);
    let other = owner.invite_member(&code, Role::Member);
    let refused = owner.machine.post(&world, "/v1/members/invites", &other).await.refused(409, "already-exists");
    assert_eq!(refused.field(), "auth_hash");
    let mut taken = owner.invite_member(&Code::new(), Role::Member);
    taken.member = owner.member;
    let refused = owner.machine.post(&world, "/v1/members/invites", &taken).await.refused(409, "already-exists");
    assert_eq!(refused.field(), "member");
}

#[tokio::test]
async fn an_invitation_can_be_withdrawn_until_it_is_confirmed() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let code = Code::new();
    let invite = owner.invite_member(&code, Role::Member);
    owner.machine.post(&world, "/v1/members/invites", &invite).await.ok::<InviteMade>();
    owner.machine.ask(&world, "DELETE", &format!("/v1/members/{}", invite.member), None).await.done();
    lookup(&world, Some(owner.tenant), &code).await.refused(410, "invite-used");

    let mut ben = owner.newcomer(&world, Role::Member, "ben").await;
    ben.sign_in(&world).await;
    let path = format!("/v1/members/{}", ben.member);
    owner.machine.ask(&world, "DELETE", &path, None).await.done();
    ben.machine.get(&world, "/v1/auth/session").await.refused(401, "session-revoked");
    let owners = format!("/v1/members/{}", owner.member);
    owner.machine.ask(&world, "DELETE", &owners, None).await.refused(422, "roster-refused");
}

#[tokio::test]
async fn f33_a_revoked_device_is_dead_at_once() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let ben = owner.colleague(&world, Role::Owner, "ben").await;
    let path = format!("/v1/devices/{}/revoke", ben.machine.device);
    let bare = owner.machine.post(&world, &path, &RevokeDevice::default()).await.refused(400, "invalid-request");
    assert_eq!(bare.field(), "roster_entry");
    ben.machine.get(&world, "/v1/auth/session").await.ok::<Who>();

    let change = RosterChange::RemoveDevice { member: ben.member, device: ben.machine.device };
    let RemoveMember { roster_entry, epoch } = change_and_epoch(&world, &owner, change).await;
    let request = RevokeDevice { roster_entry: Some(roster_entry), epoch: Some(epoch) };
    owner.machine.post(&world, &path, &request).await.done();
    ben.machine.get(&world, "/v1/auth/session").await.refused(401, "session-revoked");
    ben.machine.renew(&world).await.refused(401, "session-revoked");
    assert_eq!(begin(&world, &ben.login, ben.machine.device, PASSWORD).await.err(), Some(LoginError::Refused));
    owner.machine.post(&world, &path, &request).await.done();

    let page: DevicePage = owner.machine.get(&world, &format!("/v1/devices?principal={}", ben.member)).await.ok();
    assert!(page.items.iter().all(|device| device.revoked && !device.current));
    let own: DevicePage = owner.machine.get(&world, "/v1/devices?page_size=200").await.ok();
    assert!(own.items.len() == 1 && own.items[0].current && own.items[0].last_seen_day_ms.is_some());
    assert_eq!(owner.roster(&world).await.epoch().unwrap().number, 2);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    for _ in 0..4 {
        world.clock.advance_ms(1_000);
        let invite = owner.invite_member(&Code::new(), Role::Member);
        owner.machine.post(&world, "/v1/members/invites", &invite).await.ok::<InviteMade>();
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/members?page_size=2".to_owned());
    loop {
        let page: MemberPage = owner.machine.get(&world, &path).await.ok();
        assert!(page.items.len() <= 2);
        seen.extend(page.items.iter().map(|item| item.created_ms));
        let Some(token) = page.next_page_token else { break };
        path = format!("/v1/members?page_size=2&page_token={token}");
    }
    assert!(seen.len() == 5 && seen.is_sorted());
    for bad in ["page_size=0", "page_size=201", "page_token=AAAA", "size=3"] {
        owner.machine.get(&world, &format!("/v1/members?{bad}")).await.refused(400, "invalid-request");
    }
    let other = centre(&world, 2).await;
    let foreign = path.clone();
    other.machine.get(&world, &foreign).await.refused(400, "invalid-request");
}

#[tokio::test]
async fn an_enrolment_of_someone_who_was_withdrawn_meanwhile_is_refused() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let code = Code::new();
    let invite = owner.invite_member(&code, Role::Member);
    owner.machine.post(&world, "/v1/members/invites", &invite).await.ok::<InviteMade>();
    lookup(&world, Some(owner.tenant), &code).await.ok::<EnrolInvite>();
    let (request, person) = member_request(&world, owner.tenant, &code, "ben").await;
    owner.machine.ask(&world, "DELETE", &format!("/v1/members/{}", invite.member), None).await.done();
    let late = world.post_proved("/v1/auth/enrol/member", &request, person.sign()).await;
    late.refused(410, "invite-used");
    let fresh = owner.newcomer(&world, Role::Member, "ben").await;
    assert_ne!(fresh.member, person.member);
}
