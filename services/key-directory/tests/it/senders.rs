//! Senders: set up by the centre, edited with an ETag, removed.

use serde_json::json;
use siegel_api::auth::Who;
use siegel_api::members::{RemoveSender, ReturnReport, Sender, SenderPage, Standing};
use siegel_crypto::{label, roster};
use siegel_domain::Role;
use siegel_envelope::RosterChange;
use siegel_proto::keydirectory::v1::ResolvePartyRequest;

use crate::people::{Machine, centre};
use crate::world::{Answer, World, world};

async fn patch(world: &World, who: &Machine, path: &str, tag: Option<&str>, body: serde_json::Value) -> Answer {
    let headers: Vec<(&str, &str)> = tag.map(|tag| ("if-match", tag)).into_iter().collect();
    world.send(("PATCH", path), Some(body), &headers, (Some(&who.keys.sign), Some(&who.token))).await
}

fn tag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn c02_the_centre_sets_a_sender_up_and_confirms_it() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let cart = owner.new_sender(&world).await;
    let page: SenderPage = owner.machine.get(&world, "/v1/senders").await.ok();
    let item = &page.items[0];
    assert_eq!((item.id, item.standing), (cart.sender, Standing::Pending));
    assert!(item.pending.is_some());
    let name = label::open(owner.ring.as_ref().unwrap(), &cart.sender.to_string(), item.sealed_label.as_ref().unwrap());
    assert_eq!(name.unwrap().as_str(), "Praxis West");

    let request = owner.sender_confirmation(&world, &cart).await;
    let path = format!("/v1/senders/{}/confirm", cart.sender);
    let confirmed: Sender = owner.machine.post(&world, &path, &request).await.ok();
    assert!(confirmed.standing == Standing::Active && confirmed.pending.is_none());
    owner.machine.post(&world, &path, &request).await.ok::<Sender>();
    let who: Who = {
        let mut machine = Machine::new(cart.machine.tenant, cart.machine.device, cart.machine.keys);
        machine.session = cart.machine.session;
        machine.took(&machine.renew(&world).await.ok());
        machine.get(&world, "/v1/auth/session").await.ok()
    };
    assert_eq!((who.role, who.confirmed), (Role::Sender, true));
}

#[tokio::test]
async fn a_sender_with_a_swapped_key_is_not_confirmed() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let (cart, other) = (owner.new_sender(&world).await, owner.new_sender(&world).await);
    let mut device = cart.machine.in_roster();
    device.kem = other.machine.in_roster().kem;
    let roster = owner.roster(&world).await;
    let path = format!("/v1/senders/{}/confirm", cart.sender);
    for change in [
        RosterChange::AddSender { sender: cart.sender, device },
        RosterChange::AddSender { sender: cart.sender, device: other.machine.in_roster() },
        RosterChange::AddSender { sender: other.sender, device: cart.machine.in_roster() },
    ] {
        let entry = roster::next(&roster, change, world.now(), owner.sign());
        let request = json!({ "roster_entry": siegel_api::Bytes(entry.to_bytes()) });
        owner.machine.post(&world, &path, &request).await.refused(422, "roster-refused");
    }
    // The sender signs itself in: it is not entitled.
    let change = RosterChange::AddSender { sender: cart.sender, device: cart.machine.in_roster() };
    let entry = roster::next(&roster, change, world.now(), &cart.machine.keys.sign);
    let request = json!({ "roster_entry": siegel_api::Bytes(entry.to_bytes()) });
    cart.machine.post(&world, &path, &request).await.refused(403, "forbidden");
    owner.machine.post(&world, &path, &request).await.refused(422, "signature-refused");
    assert_eq!(owner.roster(&world).await.length(), roster.length());
}

#[tokio::test]
async fn c05_the_wish_about_reports_is_edited_by_the_version_that_was_read() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let cart = owner.sender(&world).await;
    let path = format!("/v1/senders/{}", cart.sender);
    let read = cart.machine.get(&world, &path).await;
    let (first, own) = (tag(&read), read.ok::<Sender>());
    assert_eq!(own.return_report, ReturnReport::Ask);
    assert!(own.sealed_label.is_none(), "what the centre calls it is the centre's");

    patch(&world, &cart.machine, &path, None, json!({ "return_report": "always" }))
        .await
        .refused(428, "precondition-required");
    let done = patch(&world, &cart.machine, &path, Some(&first), json!({ "return_report": "always" })).await;
    let second = tag(&done);
    assert_eq!(done.ok::<Sender>().return_report, ReturnReport::Always);
    patch(&world, &owner.machine, &path, Some(&first), json!({ "return_report": "never" }))
        .await
        .refused(412, "precondition-failed");
    let done = patch(&world, &owner.machine, &path, Some(&second), json!({ "return_report": "never" })).await;
    assert!(done.ok::<Sender>().sealed_label.is_some());

    for body in [
        json!({ "return_report": "never", "standing": "active" }),
        json!({ "return_report": "sometimes" }),
        json!({}),
        json!({ "return_report": "never", "sealed_label": "AAAA" }),
    ] {
        patch(&world, &owner.machine, &path, Some("*"), body).await.refused(400, "invalid-request");
    }
    let request = ResolvePartyRequest { tenant: owner.tenant.to_string(), party: cart.sender.to_string() };
    let party = world.directory().resolve_party(request).await.unwrap().into_inner();
    assert_eq!((party.return_report.as_str(), party.role.as_str(), party.confirmed), ("never", "sender", true));
    let changes = world.events(owner.tenant).await;
    assert_eq!(changes.iter().filter(|event| event.r#type == "siegel.sender.changed.v1").count(), 2);
}

#[tokio::test]
async fn a_sender_sees_itself_and_no_other() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let (cart, other) = (owner.sender(&world).await, owner.sender(&world).await);
    let path = format!("/v1/senders/{}", other.sender);
    cart.machine.get(&world, &path).await.refused(404, "not-found");
    patch(&world, &cart.machine, &path, Some("*"), json!({ "return_report": "never" })).await.refused(404, "not-found");
    cart.machine.get(&world, "/v1/senders").await.refused(403, "forbidden");
    cart.machine.get(&world, "/v1/members").await.refused(403, "forbidden");
    cart.machine.get(&world, "/v1/keys/bundle").await.refused(403, "forbidden");
    let devices = format!("/v1/devices?principal={}", other.sender);
    cart.machine.get(&world, &devices).await.refused(404, "not-found");
}

#[tokio::test]
async fn a_removed_sender_is_out_at_once() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let cart = owner.sender(&world).await;
    let path = format!("/v1/senders/{}/remove", cart.sender);
    let bare = owner.machine.post(&world, &path, &RemoveSender { roster_entry: None }).await;
    assert_eq!(bare.refused(400, "invalid-request").field(), "roster_entry");
    cart.machine.get(&world, "/v1/auth/session").await.ok::<Who>();
    let revoke = format!("/v1/devices/{}/revoke", cart.machine.device);
    owner.machine.post(&world, &revoke, &json!({})).await.refused(422, "roster-refused");

    let change = RosterChange::RemoveSender { sender: cart.sender };
    let entry = roster::next(&owner.roster(&world).await, change, world.now(), owner.sign());
    let request = RemoveSender { roster_entry: Some(entry.to_bytes().into()) };
    owner.machine.post(&world, &path, &request).await.done();
    cart.machine.get(&world, "/v1/auth/session").await.refused(401, "session-revoked");
    cart.machine.challenge_login(&world).await.refused(401, "login-failed");
    assert!(owner.roster(&world).await.senders().is_empty());
    owner.machine.post(&world, &path, &request).await.done();
    let request = ResolvePartyRequest { tenant: owner.tenant.to_string(), party: cart.sender.to_string() };
    assert!(!world.directory().resolve_party(request).await.unwrap().into_inner().found);

    // One that nobody confirmed goes without a signature.
    let cart = owner.new_sender(&world).await;
    let path = format!("/v1/senders/{}/remove", cart.sender);
    owner.machine.post(&world, &path, &RemoveSender { roster_entry: None }).await.done();
    cart.machine.get(&world, "/v1/auth/session").await.refused(401, "session-revoked");
}
