//! Who sees what. What is not for someone does not exist for them.

use siegel_api::Bytes;
use siegel_api::conversations::{Conversation, ConversationPage, OpenConversation};
use siegel_api::records::{AddGrants, CommitAnswer, Fetched};
use siegel_crypto::{RecordKey, grant};
use siegel_domain::{ConversationId, DealerId, Party, Principal, RecordId, Role};
use siegel_platform::db;
use siegel_proto::events::v1::event::Data;

use crate::people::{Draft, Inbox, Person, Sealed, grants};
use crate::world::{Answer, World, world};

#[tokio::test]
async fn f37_nothing_of_another_institution_exists() {
    let mut world = world().await;
    let sealed = world.committed(1_000).await;
    let conversation = ConversationId::from_bytes([5; 16]);
    let wish = OpenConversation { conversation, with: world.sender.party, sealed_subject: None };
    assert_eq!(world.post(&world.member, "/v1/conversations", &wish).await.status, 200);
    let (id, made_up) = (sealed.id(), RecordId::from_bytes([0; 16]));
    let fetched = Fetched { manifest_hash: Bytes(sealed.manifest.bytes().digest().as_bytes().to_vec()) };
    let mut dealer = world.stranger.clone();
    (dealer.caller.principal, dealer.caller.tenant) = (Principal::Dealer(DealerId::from_bytes([1; 16])), None);
    dealer.caller.role = Role::Dealer;
    for who in [&world.stranger, &dealer] {
        for record in [id, made_up] {
            let mut bodies = Vec::new();
            for path in ["", "/upload", "/parts/0"] {
                let answer = world.get(who, &format!("/v1/records/{record}{path}")).await;
                assert_eq!(answer.status, 404, "{path}");
                bodies.push(answer.bytes);
            }
            let path = format!("/v1/records/{record}");
            for answer in [
                world.post(who, &format!("{path}/fetched"), &fetched).await,
                world.post(who, &format!("{path}/grants"), &AddGrants { grants: sealed.grants.clone() }).await,
                world.post(who, &format!("{path}/commit"), &sealed.commit()).await,
            ] {
                assert!(
                    answer.status == 404 || (who.caller.tenant.is_none() && answer.status == 403),
                    "{}",
                    answer.status
                );
            }
            assert!(bodies.windows(2).all(|two| two[0] == two[1]), "the answers tell records apart");
        }
        assert_eq!(world.get(who, &format!("/v1/conversations/{conversation}")).await.status, 404);
    }
    assert!(world.list(&world.stranger, "").await.items.is_empty());
    let page: ConversationPage = world.get(&world.stranger, "/v1/conversations").await.into();
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn c06_i06_a_record_is_for_its_parties() {
    let mut world = world().await;
    let sealed = world.committed(1_000).await;
    assert_eq!(world.get(&world.second_sender, &format!("/v1/records/{}", sealed.id())).await.status, 404);
    assert_eq!(world.get_part(&world.second_sender, sealed.id(), 0).await.status, 404);
    assert!(world.list(&world.second_sender, "").await.items.is_empty());
    // Its sender sees it, without a grant: it sealed to the centre and not to itself.
    let own = world.read(&world.sender, sealed.id()).await;
    assert!(own.grants.is_empty() && !own.manifest.is_empty());
    // A member whom nobody has confirmed yet has no mailbox.
    let mut waiting = world.member.clone();
    waiting.caller.confirmed = false;
    assert_eq!(world.get(&waiting, &format!("/v1/records/{}", sealed.id())).await.status, 404);
    assert!(world.list(&waiting, "").await.items.is_empty());
    let draft = Draft::recording(&world.dice, 10);
    let by_waiting = draft.seal(&world.member, &[world.inbox.to()], &mut world.dice);
    assert_eq!(world.open(&waiting, &by_waiting).await.code(), "not-confirmed");
    // A sender whom nobody has confirmed yet sends, and is shown as such.
    let key = world.sender.keys.kem.public().fingerprint();
    let known = crate::directory::Known { key, confirmed: false, return_report: "always" };
    world.directory.data().parties.insert((world.ours, world.sender.party), known);
    assert!(!world.read(&world.member, sealed.id()).await.sender_confirmed);
}

#[tokio::test]
async fn lists_come_in_pages_newest_first() {
    let mut world = world().await;
    let mut sent = Vec::new();
    for n in 0..7 {
        world.clock.advance_ms(i64::from(n % 2)); // some in the same millisecond
        let draft = Draft::recording(&world.dice, 10);
        let sealed = draft.seal(&world.sender, &[world.inbox.to(), world.sender.to()], &mut world.dice);
        let answer: CommitAnswer = world.post(&world.sender, "/v1/records/small", &sealed.small()).await.into();
        sent.push((world.app.ctx.clock.now().0, answer.record.to_string()));
    }
    sent.sort();
    sent.reverse();
    let expected: Vec<String> = sent.into_iter().map(|(_, record)| record).collect();
    for (who, mailbox) in [(&world.member, "inbox"), (&world.sender, "inbox"), (&world.sender, "sent")] {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = world.list(who, &format!("?mailbox={mailbox}&page_size=3{token}")).await;
            assert!(page.items.len() <= 3);
            seen.extend(page.items.iter().map(|item| item.id.to_string()));
            let Some(next) = page.next_page_token else { break };
            let path = format!("/v1/records?mailbox={mailbox}&kind=report&page_token={next}");
            assert_eq!(world.get(who, &path).await.status, 400, "a token is of one list");
            assert_eq!(world.get(&world.second_sender, &format!("/v1/records?page_token={next}")).await.status, 400);
            token = format!("&page_token={next}");
        }
        assert_eq!(seen, expected, "{mailbox}");
    }
    for bad in ["?mailbox=trash", "?page_size=0", "?page_size=201", "?page_token=x", "?kind=letter", "?colour=red"] {
        assert_eq!(world.get(&world.member, &format!("/v1/records{bad}")).await.status, 400, "{bad}");
    }
    assert!(world.list(&world.member, "?kind=report").await.items.is_empty());
}

async fn pass_on(world: &World, who: &Person, sealed: &Sealed, to: &Person) -> Answer {
    let mut dice = world.dice.clone();
    let items = grants(&sealed.manifest, &sealed.sealer, who, &[to.to()], &mut dice);
    world.post(who, &format!("/v1/records/{}/grants", sealed.id()), &AddGrants { grants: items }).await
}

#[tokio::test]
async fn a_record_is_passed_on_by_its_sender_or_a_member_of_a_named_recipient() {
    let mut world = world().await;
    let sealed = world.committed(1_000).await;
    // By a member: the centre hands it to another of its senders.
    let answer = pass_on(&world, &world.member, &sealed, &world.second_sender).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert_eq!(
        pass_on(&world, &world.member, &sealed, &world.second_sender).await.status,
        204,
        "anew, with another grant"
    );
    let found = world.read(&world.second_sender, sealed.id()).await;
    assert_eq!((found.grants.len(), found.grants[0].recipient), (2, world.second_sender.party));
    assert_eq!(world.get_part(&world.second_sender, sealed.id(), 0).await.status, 200);
    assert_eq!(world.list(&world.second_sender, "").await.items.len(), 1);
    // Not by one to whom it was passed on.
    assert_eq!(pass_on(&world, &world.second_sender, &sealed, &world.sender).await.status, 403);
    // Nor under another's name, nor of another record, nor to a key that is not current.
    let mut dice = world.dice.clone();
    let path = format!("/v1/records/{}/grants", sealed.id());
    let by_sender = grants(&sealed.manifest, &sealed.sealer, &world.sender, &[world.second_sender.to()], &mut dice);
    assert_eq!(world.post(&world.member, &path, &AddGrants { grants: by_sender }).await.code(), "signature-refused");
    let other = world.committed(10).await;
    let of_other = grants(&other.manifest, &other.sealer, &world.member, &[world.second_sender.to()], &mut dice);
    assert_eq!(world.post(&world.member, &path, &AddGrants { grants: of_other }).await.code(), "grant-refused");
    let old = Inbox::new(world.ours, 7, &mut dice);
    let stale = grants(&sealed.manifest, &sealed.sealer, &world.member, &[old.to()], &mut dice);
    assert_eq!(world.post(&world.member, &path, &AddGrants { grants: stale }).await.code(), "epoch-changed");
    assert_eq!(world.post(&world.member, &path, &AddGrants { grants: vec![] }).await.status, 400);
    assert_eq!(pass_on(&world, &world.stranger, &sealed, &world.second_sender).await.status, 404);

    let told = world.told().await;
    let added: Vec<_> =
        told.iter().filter_map(|data| if let Data::GrantsAdded(added) = data { Some(added) } else { None }).collect();
    assert_eq!(added.len(), 2);
    assert_eq!(added[0].recipients, [world.second_sender.party.to_string()]);
    assert!(matches!(world.second_sender.party, Party::Sender(_)));
    // The same grant sent twice is one.
    let key = RecordKey::clone(sealed.sealer.key());
    let to = world.second_sender.to();
    let item =
        grant::seal(&sealed.manifest, &key, (to.0, &to.1), (world.member.party, &world.member.keys.sign), &mut dice)
            .unwrap();
    let item = siegel_api::records::GrantItem { recipient: to.0, grant: Bytes(item.to_bytes()) };
    for _ in 0..2 {
        assert_eq!(world.post(&world.member, &path, &AddGrants { grants: vec![item.clone()] }).await.status, 204);
    }
    assert_eq!(world.read(&world.second_sender, sealed.id()).await.grants.len(), 3);
}

#[tokio::test]
async fn m04_a_conversation_is_for_its_two_sides() {
    let mut world = world().await;
    let conversation = ConversationId::from_bytes([5; 16]);
    let subject = Bytes(b"sealed by the client".to_vec());
    let wish =
        OpenConversation { conversation, with: Party::Tenant(world.ours), sealed_subject: Some(subject.clone()) };
    let opened: Conversation = world.post(&world.sender, "/v1/conversations", &wish).await.into();
    assert_eq!((opened.with, opened.sealed_subject.as_ref(), opened.records), (wish.with, Some(&subject), 0));
    assert_eq!(world.post(&world.sender, "/v1/conversations", &wish).await.status, 200, "repeated");
    let other = OpenConversation { sealed_subject: None, ..wish.clone() };
    assert_eq!(world.post(&world.sender, "/v1/conversations", &other).await.code(), "already-exists");
    assert_eq!(world.post(&world.second_sender, "/v1/conversations", &wish).await.code(), "already-exists");
    let fresh =
        |with| OpenConversation { conversation: ConversationId::from_bytes([6; 16]), with, sealed_subject: None };
    for (who, with) in [
        (&world.sender, world.second_sender.party),
        (&world.sender, Party::Tenant(world.other)),
        (&world.member, Party::Tenant(world.ours)),
    ] {
        assert_eq!(world.post(who, "/v1/conversations", &fresh(with)).await.status, 400);
    }
    let unknown = fresh(Party::Sender(siegel_domain::SenderId::from_bytes([88; 16])));
    assert_eq!(world.post(&world.member, "/v1/conversations", &unknown).await.code(), "recipient-unknown");

    // A record each way; each has a key of its own (M02).
    world.clock.advance_ms(10);
    let to_centre = Draft { conversation: Some(conversation), ..Draft::recording(&world.dice, 100) }.seal(
        &world.sender,
        &[world.inbox.to()],
        &mut world.dice,
    );
    let back = Draft { conversation: Some(conversation), ..Draft::recording(&world.dice, 100) }.seal(
        &world.member,
        &[world.sender.to()],
        &mut world.dice,
    );
    for (who, sealed) in [(&world.sender, &to_centre), (&world.member, &back)] {
        assert_eq!(world.post(who, "/v1/records/small", &sealed.small()).await.status, 200);
    }
    assert_ne!(to_centre.manifest.commitment, back.manifest.commitment);
    let seen: Conversation = world.get(&world.member, &format!("/v1/conversations/{conversation}")).await.into();
    assert_eq!((seen.with, seen.records, seen.last_activity_ms - seen.created_ms), (world.sender.party, 2, 10));
    assert_eq!(world.list(&world.sender, &format!("?conversation={conversation}")).await.items.len(), 1);
    assert_eq!(world.list(&world.member, &format!("?conversation={conversation}&mailbox=sent")).await.items.len(), 1);

    // Others do not see it, do not write into it and are not written to in it.
    assert_eq!(world.get(&world.second_sender, &format!("/v1/conversations/{conversation}")).await.status, 404);
    let intruder = Draft { conversation: Some(conversation), ..Draft::recording(&world.dice, 100) }.seal(
        &world.second_sender,
        &[world.inbox.to()],
        &mut world.dice,
    );
    assert_eq!(world.open(&world.second_sender, &intruder).await.status, 404);
    let leak = Draft { conversation: Some(conversation), ..Draft::recording(&world.dice, 100) }.seal(
        &world.member,
        &[world.second_sender.to()],
        &mut world.dice,
    );
    assert_eq!(world.post(&world.member, "/v1/records/small", &leak.small()).await.code(), "recipient-unknown");

    let second = OpenConversation { with: world.second_sender.party, ..fresh(world.second_sender.party) };
    assert_eq!(world.post(&world.member, "/v1/conversations", &second).await.status, 200);
    let all: ConversationPage = world.get(&world.member, "/v1/conversations?page_size=1").await.into();
    let rest: ConversationPage = world
        .get(&world.member, &format!("/v1/conversations?page_size=1&page_token={}", all.next_page_token.unwrap()))
        .await
        .into();
    assert_eq!((all.items.len(), rest.items.len(), rest.next_page_token), (1, 1, None));
    let own: ConversationPage = world.get(&world.sender, "/v1/conversations").await.into();
    assert_eq!(own.items.iter().map(|item| item.id).collect::<Vec<_>>(), [conversation]);
}

#[tokio::test]
async fn a_suspended_institution_is_told_so_and_loses_nothing() {
    let mut world = world().await;
    let sealed = world.committed(100).await;
    let set = async |world: &World, state: &'static str| {
        let (id, state) = (&world.ours.to_string(), state);
        let change = world.app.ctx.tenants.change("test.state", |tx| {
            Box::pin(async move {
                db::query("UPDATE tenants SET state = $2 WHERE id = $1")
                    .bind(id)
                    .bind(state)
                    .execute(&mut **tx)
                    .await?;
                Ok::<_, siegel_platform::db::DbError>(())
            })
        });
        change.await.unwrap();
    };
    set(&world, "suspended").await;
    assert_eq!(world.get(&world.member, "/v1/records").await.code(), "tenant-suspended");
    set(&world, "ready").await;
    assert_eq!(world.get_part(&world.member, sealed.id(), 0).await.status, 200);
}

#[tokio::test]
async fn c12_a_zone_outside_the_jurisdiction_is_refused() {
    let mut world = world().await;
    let id = &world.ours.to_string();
    let change = world.app.ctx.tenants.change("test.jurisdiction", |tx| {
        Box::pin(async move {
            db::query("UPDATE tenants SET jurisdiction = 'CH' WHERE id = $1").bind(id).execute(&mut **tx).await?;
            Ok::<_, siegel_platform::db::DbError>(())
        })
    });
    change.await.unwrap();
    let sealed = world.recording(100);
    assert_eq!(world.open(&world.sender, &sealed).await.code(), "jurisdiction");
    assert_eq!(world.post(&world.sender, "/v1/records/small", &sealed.small()).await.code(), "jurisdiction");
}
