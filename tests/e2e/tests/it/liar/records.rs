//! Records as a dishonest store may hand them out (F29, F41): another one, a mixture of two, or somebody else's word.

use siegel_api::members::ReturnReport;
use siegel_api::records::Record;
use siegel_client::RecordQuery;
use siegel_domain::{ConversationId, RecordId};

use super::{RECORD, Stage, flipped, nothing_left, refused};

#[tokio::test(flavor = "multi_thread")]
async fn f29_a_record_is_what_its_sender_signed_or_it_is_not_shown() {
    let stage = Stage::set().await;
    let owner = &stage.centre.owner.session;
    let send = async |text: &str| {
        stage.sender.session.upload_bytes(text.as_bytes().to_vec(), "ecg.edf").note(text).send().await.unwrap().record
    };
    let (asked, other) = (send("Erika Mustermann").await, send("Max Mustermann").await);
    let second = stage.world.sender(&stage.centre, ReturnReport::Always).await.unwrap();
    let of_another_sender =
        second.session.upload_bytes(b"Lieschen Mueller".to_vec(), "ecg.edf").send().await.unwrap().record;
    let honest = |id: RecordId| async move { owner.open_record(id).await.unwrap().record };
    let (other, foreign) = (honest(other).await, honest(of_another_sender).await);
    type Lie = Box<dyn Fn(&mut Record) + Send>;
    let with = |change: fn(&mut Record, &Record), from: &Record| -> Lie {
        let from = from.clone();
        Box::new(move |told| change(told, &from))
    };
    let lies: Vec<(&str, Lie, &str)> = vec![
        ("another record", with(|told, other| *told = other.clone(), &other), "untrusted-manifest"),
        (
            "another record under the asked id",
            with(|told, other| *told = Record { id: told.id, ..other.clone() }, &other),
            "untrusted-manifest",
        ),
        ("another manifest", with(|told, other| told.manifest = other.manifest.clone(), &other), "untrusted-manifest"),
        ("another grant", with(|told, other| told.grants = other.grants.clone(), &other), "untrusted-grant"),
        ("another sender's grant", with(|told, other| told.grants = other.grants.clone(), &foreign), "untrusted-grant"),
        ("no grant", with(|told, _| told.grants.clear(), &other), "untrusted-grant"),
        (
            "another record's names and notes",
            with(|told, other| told.sealed_metadata = other.sealed_metadata.clone(), &other),
            "untrusted-record",
        ),
        (
            "changed names and notes",
            with(|told, _| told.sealed_metadata = flipped(&told.sealed_metadata), &other),
            "untrusted-record",
        ),
        ("a changed manifest", with(|told, _| told.manifest = flipped(&told.manifest), &other), "untrusted-manifest"),
        (
            "half a manifest",
            with(|told, _| told.manifest.0.truncate(told.manifest.0.len() / 2), &other),
            "untrusted-manifest",
        ),
        (
            "a changed grant",
            with(|told, _| told.grants[0].grant = flipped(&told.grants[0].grant), &other),
            "untrusted-grant",
        ),
        ("another sender than signed", with(|told, other| told.sender = other.sender, &foreign), "untrusted-manifest"),
        (
            "an answer to something it does not answer",
            with(|told, other| told.answers = Some(other.id), &other),
            "untrusted-manifest",
        ),
        (
            "another conversation",
            with(|told, _| told.conversation = Some(ConversationId::from_bytes([3; 16])), &other),
            "untrusted-manifest",
        ),
    ];
    for (why, lie, key) in lies {
        stage.liar.repent();
        stage.liar.lie(RECORD, move |_, answer| answer.change(|told| lie(told)));
        refused(owner.open_record(asked).await, key, why);
    }
    // One bad record in a list hides none of the others, and shows nothing of itself.
    stage.liar.repent();
    let bad = asked.to_string();
    stage.liar.lie(RECORD, move |said, answer| {
        if said.what.ends_with(&bad) {
            answer.change::<Record>(|told| told.manifest = flipped(&told.manifest));
        }
    });
    let (listed, _) = owner.listing(&RecordQuery::default()).await.unwrap();
    assert_eq!(listed.len(), 3);
    for listing in &listed {
        assert_eq!(listing.opened.is_err(), listing.record.id == asked);
    }
    stage.end().await;
}

/// A roster member of nowhere: a grant made by someone whom neither manifest nor roster entitles is refused, even though
/// it opens (the attacker holds the record's key, say as another recipient).
#[tokio::test(flavor = "multi_thread")]
async fn f29_a_grant_by_someone_who_may_not_is_refused_though_it_opens() {
    let stage = Stage::set().await;
    let owner = &stage.centre.owner;
    let second = stage.world.sender(&stage.centre, ReturnReport::Always).await.unwrap();
    let sent = stage.sender.session.upload_bytes(b"for the centre".to_vec(), "a.txt").send().await.unwrap();
    let record = owner.session.open_record(sent.record).await.unwrap().record;
    let (manifest, key) = crate::sealed::opened_by_hand(&stage.centre, &stage.sender, sent.record).await;
    let ring = owner.session.ring().await.unwrap();
    let inbox = ring.current().inbox_key().public();
    let (them, device) = (second.session.party().unwrap(), second.dir.device_keys().unwrap().sign);
    let to = (siegel_domain::Party::Tenant(stage.centre.tenant), &inbox);
    let grant = siegel_crypto::grant::seal(&manifest, &key, to, (them, &device), &mut siegel_client::rng::system());
    let grant = grant.unwrap().to_bytes();
    stage.liar.lie(RECORD, move |_, answer| {
        answer.change::<Record>(|told| told.grants[0].grant = grant.clone().into());
    });
    refused(owner.session.open_record(sent.record).await, "untrusted-grant", "a grant by another sender");
    let got = stage.world.outside("got");
    std::fs::create_dir(&got).unwrap();
    let kept = crate::support::content(&owner.session, record.id, &got.join("a.txt")).await;
    refused(kept, "untrusted-grant", "a grant by another sender");
    nothing_left(&got, b"for the centre", "a grant by another sender");
    stage.end().await;
}
