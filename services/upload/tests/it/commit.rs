//! Commits: what is verified, what is refused, and that nothing is half done.

use siegel_api::Bytes;
use siegel_api::records::{CommitAnswer, CommitUpload};
use siegel_domain::limits::PART_PLAINTEXT_BYTES;
use siegel_domain::{ConversationId, RecordId, TenantId};
use siegel_envelope::{Digest, Suite};
use siegel_proto::events::v1::event::Data;
use siegel_upload::sweep;

use crate::people::{Draft, Inbox, Person, Sealed, grants};
use crate::world::{Answer, World, world};

async fn try_commit(world: &World, who: &Person, sealed: &Sealed, body: &CommitUpload) -> Answer {
    world.post(who, &format!("/v1/records/{}/commit", sealed.id()), body).await
}

#[tokio::test]
async fn a_missing_part_is_named_and_then_sent() {
    let mut world = world().await;
    let sealed = world.recording(PART_PLAINTEXT_BYTES + 10);
    world.open(&world.sender, &sealed).await;
    assert_eq!(world.commit(&world.sender, &sealed).await.code(), "part-missing");
    world.put(&world.sender, &sealed, 1).await;
    assert_eq!(world.commit(&world.sender, &sealed).await.code(), "part-missing", "the first of two");
    world.put(&world.sender, &sealed, 0).await;
    assert_eq!(world.commit(&world.sender, &sealed).await.status, 200);
}

#[tokio::test]
async fn f04_a_repeated_commit_gets_the_same_receipt() {
    let mut world = world().await;
    let sealed = world.uploaded(1_000).await;
    let (one, two) = futures::join!(world.commit(&world.sender, &sealed), world.commit(&world.sender, &sealed));
    let done = [&one, &two].into_iter().filter(|answer| answer.status == 200).count();
    assert!(
        done >= 1 && [&one, &two].iter().all(|answer| answer.status == 200 || answer.code() == "conflict"),
        "{one:?} {two:?}"
    );
    let first: CommitAnswer = world.commit(&world.sender, &sealed).await.into();
    let again: CommitAnswer = world.commit(&world.sender, &sealed).await.into();
    assert_eq!((&first.receipt, first.receipt_id), (&again.receipt, again.receipt_id));
    let told = world.told().await;
    assert_eq!(told.iter().filter(|data| matches!(data, Data::RecordCommitted(_))).count(), 1);

    let other = sealed.commit_as(&world.sender, |manifest| manifest.client_time.0 += 1);
    assert_eq!(try_commit(&world, &world.sender, &sealed, &other).await.code(), "record-state", "another manifest");
}

#[tokio::test]
async fn f29_a_manifest_that_does_not_fit_is_refused() {
    let mut world = world().await;
    let sealed = world.uploaded(300_000).await;
    type Change = fn(&mut siegel_envelope::Manifest);
    let changes: [(&str, Change, &str); 12] = [
        ("tenant", |m| m.tenant = TenantId::from_bytes([9; 16]), "manifest-refused"),
        ("record", |m| m.record = RecordId::from_bytes([9; 16]), "manifest-refused"),
        ("conversation", |m| m.conversation = Some(ConversationId::from_bytes([9; 16])), "manifest-refused"),
        ("answers", |m| m.answers = Some(RecordId::from_bytes([9; 16])), "manifest-refused"),
        ("digest", |m| m.parts[0].digest = siegel_envelope::PartDigest::from_bytes([9; 32]), "manifest-refused"),
        ("size", |m| m.parts[0].sealed_bytes += 1, "manifest-refused"),
        ("plain size", |m| m.plain_bytes += 1, "manifest-refused"),
        ("metadata", |m| m.metadata_hash = Digest::of(b"other"), "manifest-refused"),
        ("nobody", |m| m.recipients.clear(), "manifest-refused"),
        ("commitment", |m| m.commitment = Digest::of(b"other"), "grant-refused"),
        ("sender's key", |m| m.sender_key = siegel_envelope::Fingerprint::from_bytes([9; 32]), "grant-refused"),
        ("suite", |m| m.suite = Suite(7), "unsupported-version"),
    ];
    for (what, change, code) in changes {
        let body = sealed.commit_as(&world.sender, change);
        let answer = try_commit(&world, &world.sender, &sealed, &body).await;
        assert_eq!(answer.code(), code, "{what}: {}", answer.body);
    }
    let mut cut = sealed.commit();
    cut.manifest.0.pop();
    assert_eq!(try_commit(&world, &world.sender, &sealed, &cut).await.code(), "manifest-refused");
    let metadata = CommitUpload { sealed_metadata: Bytes(vec![0; 70_000]), ..sealed.commit() };
    assert_eq!(try_commit(&world, &world.sender, &sealed, &metadata).await.status, 400);
    assert_eq!(world.commit(&world.sender, &sealed).await.status, 200, "each refusal left the upload open");
}

#[tokio::test]
async fn a_manifest_by_someone_else_is_refused() {
    let mut world = world().await;
    let sealed = world.uploaded(1_000).await;
    let unknown = Person::sender(world.ours, 99, &mut world.dice);
    for (who, signer) in
        [("nobody's key", &unknown), ("another sender's", &world.second_sender), ("a member's", &world.member)]
    {
        let body = sealed.commit_as(signer, |_| {});
        assert_eq!(try_commit(&world, &world.sender, &sealed, &body).await.code(), "signature-refused", "{who}");
    }
    // A signature that is not over these bytes.
    let mut forged = sealed.commit();
    let last = forged.manifest.0.len() - 1;
    forged.manifest.0[last] ^= 1;
    assert_eq!(try_commit(&world, &world.sender, &sealed, &forged).await.code(), "signature-refused");
    // A key that was revoked a moment ago.
    world.revoke(&world.sender);
    assert_eq!(world.commit(&world.sender, &sealed).await.code(), "signature-refused");
    world.admit(&world.sender);
    assert_eq!(world.commit(&world.sender, &sealed).await.status, 200);
}

#[tokio::test]
async fn ciphertext_signed_again_by_another_sender_is_refused() {
    let mut world = world().await;
    let stolen = world.uploaded(1_000).await;
    // The thief has the sealed parts and uploads them as a record of their own.
    let mut own = Draft::recording(&world.dice, 1_000).seal(&world.second_sender, &[world.inbox.to()], &mut world.dice);
    (own.parts, own.sealed) = (stolen.parts.clone(), stolen.sealed.clone());
    world.open(&world.second_sender, &own).await;
    assert_eq!(world.put(&world.second_sender, &own, 0).await.status, 200);
    let thief = &world.second_sender;
    // Under the victim's name, under the victim's record, with the victim's own manifest and grants.
    let own_id = own.id();
    let as_victim = stolen.commit_as(thief, |manifest| manifest.record = own_id);
    assert_eq!(try_commit(&world, thief, &own, &as_victim).await.code(), "manifest-refused");
    assert_eq!(try_commit(&world, thief, &own, &stolen.commit()).await.code(), "signature-refused");
    let (party, key) = (thief.party, thief.keys.sign.fingerprint());
    let as_thief = stolen.commit_as(thief, |manifest| {
        (manifest.record, manifest.sender, manifest.sender_key) = (own_id, party, key);
    });
    // The grants are the victim's: bound to the victim's record and commitment, signed by the victim.
    assert_eq!(try_commit(&world, thief, &own, &as_thief).await.code(), "grant-refused");
    assert_eq!(try_commit(&world, thief, &stolen, &stolen.commit()).await.status, 404);
}

#[tokio::test]
async fn each_named_recipient_gets_one_grant_of_the_senders() {
    let mut world = world().await;
    let sealed = world.uploaded(1_000).await;
    let other = world.uploaded(1_000).await;
    let to = [world.inbox.to()];
    let mut dice = world.dice.clone();
    let by_other = grants(&sealed.manifest, &sealed.sealer, &world.second_sender, &to, &mut dice);
    let unnamed = grants(&sealed.manifest, &sealed.sealer, &world.sender, &[world.sender.to()], &mut dice);
    let mut relabelled = sealed.grants.clone();
    relabelled[0].recipient = world.sender.party;
    let mut torn = sealed.grants.clone();
    torn[0].grant.0.truncate(100);
    let cases = [
        ("none", vec![]),
        ("two", [sealed.grants.clone(), sealed.grants.clone()].concat()),
        ("another granter's", by_other),
        ("for someone not named", unnamed),
        ("relabelled", relabelled),
        ("of another record", other.grants.clone()),
        ("torn", torn),
    ];
    for (what, grants) in cases {
        let answer = try_commit(&world, &world.sender, &sealed, &CommitUpload { grants, ..sealed.commit() }).await;
        assert_eq!(answer.code(), "grant-refused", "{what}: {}", answer.body);
    }
    let many = vec![sealed.grants[0].clone(); 65];
    let answer = try_commit(&world, &world.sender, &sealed, &CommitUpload { grants: many, ..sealed.commit() }).await;
    assert_eq!(answer.status, 400);
    assert_eq!(world.commit(&world.sender, &sealed).await.status, 200);
}

#[tokio::test]
async fn a_new_epoch_asks_for_new_grants_and_no_byte_again() {
    let mut world = world().await;
    let sealed = world.uploaded(300_000).await;
    let next = Inbox::new(world.ours, 2, &mut world.dice);
    world.knows(world.ours, next.party, next.key.public().fingerprint(), "");
    let stale = world.commit(&world.sender, &sealed).await;
    assert_eq!((stale.status.as_u16(), stale.code()), (409, "epoch-changed"));

    let written = world.faults[0].writes();
    let mut fields = sealed.fields.clone();
    fields.recipients[0].key = next.key.public().fingerprint();
    let manifest = sealed.sealer.finish(fields, &world.sender.keys.sign).unwrap();
    let grants = grants(&manifest, &sealed.sealer, &world.sender, &[next.to()], &mut world.dice);
    let body = CommitUpload { manifest: Bytes(manifest.to_bytes()), grants, ..sealed.commit() };
    assert_eq!(try_commit(&world, &world.sender, &sealed, &body).await.status, 200);
    assert_eq!(world.faults[0].writes(), written);
}

#[tokio::test]
async fn recipients_are_known_here() {
    let mut world = world().await;
    let stranger_inbox = Inbox::new(world.other, 1, &mut world.dice);
    world.knows(world.other, stranger_inbox.party, stranger_inbox.key.public().fingerprint(), "");
    let nobody = Person::sender(world.ours, 77, &mut world.dice);
    for (what, to) in [
        ("another institution", stranger_inbox.to()),
        ("nobody", nobody.to()),
        ("another sender", world.second_sender.to()),
    ] {
        let draft = Draft::recording(&world.dice, 100);
        let sealed = draft.seal(&world.sender, &[to], &mut world.dice);
        world.open(&world.sender, &sealed).await;
        world.put(&world.sender, &sealed, 0).await;
        let answer = world.commit(&world.sender, &sealed).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (422, "recipient-unknown"), "{what}");
    }
    let draft = Draft::recording(&world.dice, 100);
    let sealed = draft.seal(&world.member, &[world.sender.to(), world.second_sender.to()], &mut world.dice);
    world.open(&world.member, &sealed).await;
    world.put(&world.member, &sealed, 0).await;
    assert_eq!(world.commit(&world.member, &sealed).await.status, 200, "the institution writes to its senders");
    assert_eq!(world.list(&world.second_sender, "").await.items.len(), 1);
}

#[tokio::test]
async fn f23_what_a_killed_process_left_committing_is_open_again() {
    let mut world = world().await;
    let (one, two) = (world.uploaded(1_000).await, world.uploaded(1_000).await);
    world.execute("UPDATE records SET state = 'committing'").await;
    world.restart().await;
    assert_eq!(world.put(&world.sender, &one, 0).await.code(), "conflict");
    // A client that is quicker than the worker takes it over; the worker opens the other one.
    assert_eq!(world.commit(&world.sender, &one).await.status, 200);
    sweep::run_once(&world.app).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM records WHERE state = 'open'").await, 1);
    assert_eq!(world.commit(&world.sender, &two).await.status, 200);
    world.restart().await;
    let answer: CommitAnswer = world.commit(&world.sender, &two).await.into();
    assert_eq!(answer.record, two.id(), "and after another restart the receipt is the same");
}

#[tokio::test]
async fn a_commit_that_can_not_be_written_down_did_not_happen() {
    let mut world = world().await;
    let sealed = world.uploaded(1_000).await;
    // The audit line of the commit fails; everything before it in the transaction must go with it.
    world.execute(
        "CREATE TRIGGER no_audit BEFORE INSERT ON outbox WHEN NEW.type = 'siegel.audit.v1' BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    .await;
    assert_eq!(world.commit(&world.sender, &sealed).await.status, 500);
    assert_eq!(world.get(&world.member, "/v1/records").await.status, 500, "what can't be written down is not shown");
    world.execute("DROP TRIGGER no_audit").await;
    assert!(world.told().await.is_empty());
    assert_eq!(world.count("SELECT count(*) FROM parties").await + world.count("SELECT count(*) FROM grants").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM records WHERE state = 'open'").await, 1);
    assert_eq!(world.commit(&world.sender, &sealed).await.status, 200);
}

/// Ids are drawn by clients: two institutions may have the same one.
#[tokio::test]
async fn a_commit_of_another_institution_is_not_this_one() {
    let mut world = world().await;
    let sealed = world.uploaded(100).await;
    let _theirs = world.app.committing.begin((world.other, sealed.id()));
    assert_eq!(world.commit(&world.sender, &sealed).await.status, 200);
}
