//! Another institution's things do not exist (F37): every route of the API document that takes an id, with an id that is
//! real and foreign. A new route is in the document and so in these tests.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use siegel_api::Bytes;
use siegel_api::members::ReturnReport;
use siegel_api::retention::EraseTarget;
use siegel_client::rng;
use siegel_domain::{ConversationId, DeviceId, JobId, MemberId, Party, ReceiptId, RecordId, Role, SenderId, TenantId};
use siegel_e2e::{Centre, Liar, Raw, Said, World};

use crate::support::{bytes, content, file};

/// The ids of one institution by what the document calls them; `{id}` by the path before it.
type Ids = BTreeMap<&'static str, Vec<String>>;

fn nobodys() -> Ids {
    let parties = [
        SenderId::from_bytes(rng::bytes()).to_string(),
        MemberId::from_bytes(rng::bytes()).to_string(),
        TenantId::from_bytes(rng::bytes()).to_string(),
    ];
    BTreeMap::from([
        ("record", vec![RecordId::from_bytes(rng::bytes()).to_string(); 2]),
        ("receipt", vec![ReceiptId::from_bytes(rng::bytes()).to_string()]),
        ("job", vec![JobId::from_bytes(rng::bytes()).to_string()]),
        ("conversation", vec![ConversationId::from_bytes(rng::bytes()).to_string()]),
        ("devices", vec![DeviceId::from_bytes(rng::bytes()).to_string()]),
        ("members", vec![parties[1].clone()]),
        ("senders", vec![parties[0].clone()]),
        ("tenant", vec![parties[2].clone()]),
        ("party", parties.to_vec()),
    ])
}

/// An institution with one of everything.
async fn theirs(world: &World, centre: &Centre) -> Ids {
    let owner = &centre.owner.session;
    let sender = world.sender(centre, ReturnReport::Always).await.unwrap();
    let member = world.member(centre, "kollegin", Role::Member).await.unwrap();
    let sent = sender.session.upload(file(world, "theirs.edf", &content_of_victim())).send().await.unwrap();
    let gone = sender.session.upload_bytes(b"to be erased".to_vec(), "a.txt").send().await.unwrap();
    let erasure = owner.erase(EraseTarget::Record(gone.record)).await.unwrap();
    let conversation = owner.open_conversation(sender.session.party().unwrap(), Some("Befund")).await.unwrap();
    let sender_id = sender.sender_id().unwrap().to_string();
    let member_id = member.member_id().unwrap().to_string();
    BTreeMap::from([
        ("record", vec![sent.record.to_string(), gone.record.to_string()]),
        ("receipt", vec![sent.receipt_id.to_string()]),
        ("job", vec![erasure.id.to_string()]),
        ("conversation", vec![conversation.to_string()]),
        ("devices", vec![member.session.profile().device.to_string()]),
        ("members", vec![member_id.clone()]),
        ("senders", vec![sender_id.clone()]),
        ("tenant", vec![centre.tenant.to_string()]),
        ("party", vec![sender_id, member_id, Party::Tenant(centre.tenant).to_string()]),
    ])
}

/// Bodies that are well made, so that the id decides: what the stranger's own client sent about the stranger's own things.
async fn bodies(world: &World, liar: &Liar, mine: &Centre) -> BTreeMap<&'static str, Vec<u8>> {
    let owner = &mine.owner.session;
    liar.repent();
    let sender = world.sender(mine, ReturnReport::Always).await.unwrap();
    let member = world.member(mine, "kollege", Role::Member).await.unwrap();
    let sent = sender.session.upload(file(world, "mine.edf", &bytes(2, 1_200_000))).send().await.unwrap();
    content(owner, sent.record, &world.outside("mine")).await.unwrap();
    owner.remove_sender(sender.sender_id().unwrap()).await.unwrap();
    owner.remove_member(member.member_id().unwrap()).await.unwrap();
    let sent = |route: &str| liar.asked(route).last().unwrap_or_else(|| panic!("nobody sent {route}")).body.clone();
    let commit: Value = serde_json::from_slice(&sent("POST /v1/records/*/commit")).unwrap();
    let grants = serde_json::to_vec(&json!({ "grants": commit["grants"] })).unwrap();
    BTreeMap::from([
        ("POST /v1/devices/{id}/revoke", sent("POST /v1/members/*/remove")),
        ("POST /v1/members/{id}/confirm", sent("POST /v1/members/*/confirm")),
        ("POST /v1/members/{id}/remove", sent("POST /v1/members/*/remove")),
        ("POST /v1/senders/{id}/confirm", sent("POST /v1/senders/*/confirm")),
        ("POST /v1/senders/{id}/remove", sent("POST /v1/senders/*/remove")),
        ("PATCH /v1/senders/{id}", json!({ "return_report": "never" }).to_string().into_bytes()),
        ("PATCH /v1/tenants/{tenant}", json!({ "comment": "mine now" }).to_string().into_bytes()),
        ("POST /v1/records/{record}/commit", sent("POST /v1/records/*/commit")),
        ("POST /v1/records/{record}/fetched", sent("POST /v1/records/*/fetched")),
        ("POST /v1/records/{record}/grants", grants),
        ("PUT /v1/records/{record}/parts/{number}", sent("PUT /v1/records/*/parts/*")),
    ])
}

/// `template` with each place filled from `ids`; all combinations.
fn filled(template: &str, ids: &Ids) -> Vec<String> {
    let Some((before, rest)) = template.split_once('{') else { return vec![template.to_owned()] };
    let (name, after) = rest.split_once('}').unwrap();
    let kind = if name == "id" { before.trim_end_matches('/').rsplit('/').next().unwrap() } else { name };
    let number = vec!["0".to_owned()];
    let values = if name == "number" { &number } else { ids.get(kind).unwrap_or_else(|| panic!("no foreign {kind}")) };
    values.iter().flat_map(|value| filled(&format!("{before}{value}{after}"), ids)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn f37_another_institutions_ids_are_not_found_on_any_route() {
    let (world, liar) = World::behind_a_liar().await.unwrap();
    let (victim, mallory) = (world.centre("opfer").await.unwrap(), world.centre("mallory").await.unwrap());
    let foreign = theirs(&world, &victim).await;
    let none = nobodys();
    let bodies = bodies(&world, &liar, &mallory).await;
    let cart = world.sender(&mallory, ReturnReport::Always).await.unwrap();
    let dealer = world.dealer().await.unwrap();
    let callers = [
        ("owner", Raw::of(&mallory.owner, &liar).await.unwrap()),
        ("sender", Raw::of(&cart, &liar).await.unwrap()),
        ("dealer", Raw::of(&dealer, &liar).await.unwrap()),
    ];
    let digest = {
        let body = &bodies["PUT /v1/records/{record}/parts/{number}"];
        Bytes(siegel_envelope::part::digest_of(body).unwrap().as_bytes().to_vec()).to_text()
    };
    let document: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap();
    let (mut asked, mut found) = (0, Vec::new());
    for (template, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap().iter().filter(|_| template.contains('{')) {
            let route = format!("{} {template}", method.to_uppercase());
            let body = match operation.get("requestBody") {
                Some(_) => bodies.get(route.as_str()).unwrap_or_else(|| panic!("a good body for {route}")).clone(),
                None => Vec::new(),
            };
            let kind = if method == "put" { "application/octet-stream" } else { "application/json" };
            let headers =
                [("if-match", "*"), ("content-type", kind), (siegel_api::PART_DIGEST_HEADER, digest.as_str())];
            for (who, caller) in &callers {
                for (theirs, nobodys) in filled(template, &foreign).iter().zip(filled(template, &none)) {
                    let ask = async |path: &str| -> Said {
                        caller.send(&method.to_uppercase(), path, &headers, body.clone()).await.unwrap()
                    };
                    let (answer, absent) = (ask(theirs).await, ask(&nobodys).await);
                    asked += 1;
                    // Whose role may never do it is told so, whatever the id; whoever may is told that there is no such thing.
                    let entitled = *who == if template.starts_with("/v1/tenants") { "dealer" } else { "owner" };
                    let hidden = answer.status == 404 || (!entitled && answer.status == 403);
                    if !hidden || answer != absent {
                        let text = |said: &Said| String::from_utf8_lossy(&said.body).into_owned();
                        found.push(format!("{who}: {method} {theirs}: {} / {}", text(&answer), text(&absent)));
                    }
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(asked > 70, "{asked}");
    // Ids in bodies.
    let record: RecordId = foreign["record"][0].parse().unwrap();
    let conversation: ConversationId = foreign["conversation"][0].parse().unwrap();
    let session = &mallory.owner.session;
    for target in [EraseTarget::Record(record), EraseTarget::Conversation(conversation)] {
        assert_eq!(crate::support::code(session.erase(target).await), "not-found");
    }
    // Nothing of theirs moved.
    assert!(content(&victim.owner.session, record, &world.outside("still")).await.unwrap() == content_of_victim());
    assert_eq!(victim.owner.session.members().await.unwrap().len(), 2);
    world.stop().await.unwrap();
}

fn content_of_victim() -> Vec<u8> {
    bytes(1, 1_200_000)
}

/// A token is good on the device that it was given to, for the request that its proof names, once.
#[tokio::test(flavor = "multi_thread")]
async fn f30_a_copied_token_or_request_is_useless_elsewhere() {
    let (world, liar) = World::behind_a_liar().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let colleague = world.member(&centre, "kollegin", Role::Member).await.unwrap();
    let own = Raw::of(&centre.owner, &liar).await.unwrap();
    let path = "/v1/auth/session";
    assert_eq!(own.send("GET", path, &[], Vec::new()).await.unwrap().status, 200);
    // The same token with a colleague's key, with a stranger's, and with no proof at all.
    for key in [colleague.dir.device_keys().unwrap().sign, crate::liar::stranger().sign] {
        let said = own.stolen_by(&key).send("GET", path, &[], Vec::new()).await.unwrap();
        assert_eq!(said.status, 401, "{said:?}");
    }
    let bare = own.once("GET", path, None, &[], Vec::new()).await.unwrap();
    assert_eq!(bare.status(), 401);
    // A request that was overheard: again, for another path, by another method, and with another token.
    let nonce = bare_nonce(&own, path).await;
    let proof = own.proof("GET", path, nonce.as_deref());
    let first = own.once("GET", path, Some(&proof), &[], Vec::new()).await.unwrap();
    assert_eq!(first.status(), 200);
    let again = own.once("GET", path, Some(&proof), &[], Vec::new()).await.unwrap();
    assert_eq!(again.status(), 401, "a proof is good once");
    for (method, elsewhere) in [("GET", "/v1/members"), ("DELETE", path)] {
        let proof = own.proof("GET", path, nonce.as_deref());
        let said = own.once(method, elsewhere, Some(&proof), &[], Vec::new()).await.unwrap();
        assert_eq!(said.status(), 401, "{method} {elsewhere}");
    }
    let mine = centre.owner.dir.device_keys().unwrap().sign;
    let hers = Raw::of(&colleague, &liar).await.unwrap().stolen_by(&mine);
    let proof = own.proof("GET", path, nonce.as_deref());
    assert_eq!(hers.once("GET", path, Some(&proof), &[], Vec::new()).await.unwrap().status(), 401, "another token");
    world.stop().await.unwrap();
}

/// The platform's nonce, which it tells with a refusal or with any answer.
async fn bare_nonce(own: &Raw, path: &str) -> Option<String> {
    let proof = own.proof("GET", path, None);
    let answer = own.once("GET", path, Some(&proof), &[], Vec::new()).await.unwrap();
    let nonce = answer.headers().get(siegel_api::DPOP_NONCE_HEADER)?;
    Some(nonce.to_str().unwrap().to_owned())
}

/// A route is private by taking a `Caller` (or a device's proof), which nobody can see from its address. These take neither.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_but_these_wants_to_know_who_calls() {
    let open = [
        "GET /v1/info",
        "POST /v1/auth/challenge",
        "POST /v1/auth/enrol/lookup",
        "POST /v1/auth/enrol/password",
        "POST /v1/auth/login/start",
    ];
    let (_world, liar) = World::behind_a_liar().await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let document: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap();
    let mut answered = Vec::new();
    for (template, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            let address = format!("{}{}", liar.url(), filled(template, &nobodys())[0]);
            let request = http.request(method.parse().unwrap(), address).header("content-type", "application/json");
            let answer = request.body("{}").send().await.unwrap();
            if answer.status() != 401 {
                answered.push(format!("{method} {template}"));
            }
        }
    }
    answered.sort();
    assert_eq!(answered, open);
}
