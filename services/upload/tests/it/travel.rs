//! A record travels: sealed by a sender, held by both zones, listed, opened, answered, fetched.

use siegel_api::records::{CommitAnswer, Fetched, UploadStatus};
use siegel_crypto::{RecordOpener, grant};
use siegel_domain::limits::PART_PLAINTEXT_BYTES;
use siegel_domain::upload::RecordState;
use siegel_domain::{Party, RecordId, RecordKind};
use siegel_envelope::receipt::UploadReceipt;
use siegel_envelope::{Digest, Grant, Manifest, Signed};
use siegel_proto::events::v1::event::Data;

use crate::directory::DUE_MS;
use crate::people::Draft;
use crate::world::{World, world};

#[tokio::test]
async fn c03_c04_a_record_in_two_parts_travels_and_opens() {
    let mut world = world().await;
    let sealed = world.recording(PART_PLAINTEXT_BYTES + 100_000);
    assert_eq!(world.open(&world.sender, &sealed).await.status, 200);
    assert_eq!(world.put(&world.sender, &sealed, 1).await.status, 200);

    // The line broke; what is acknowledged need not be sent again.
    let resumed: UploadStatus = world.open(&world.sender, &sealed).await.into();
    assert_eq!((resumed.state, resumed.parts.len(), resumed.parts[0].number), (RecordState::Open, 1, 1));
    assert_eq!(resumed.parts[0].zones, ["zone-a", "zone-b"]);
    assert_eq!(world.put(&world.sender, &sealed, 0).await.status, 200);
    let progress: UploadStatus = world.get(&world.sender, &format!("/v1/records/{}/upload", sealed.id())).await.into();
    assert_eq!(progress.parts.len(), 2);

    let answer: CommitAnswer = world.commit(&world.sender, &sealed).await.into();
    let receipt: Signed<UploadReceipt> = Signed::open(&answer.receipt, world.app.statements.public_key()).unwrap();
    assert!(receipt.is_whole() && !answer.degraded);
    assert_eq!((receipt.record, receipt.parts, receipt.manifest), (sealed.id(), 2, sealed.manifest.bytes().digest()));
    assert_eq!(
        receipt.zones.iter().map(|zone| (zone.zone.as_str(), zone.parts)).collect::<Vec<_>>(),
        [("zone-a", 2), ("zone-b", 2)]
    );

    let page = world.list(&world.member, "").await;
    assert_eq!((page.items.len(), page.items[0].id, page.items[0].expires_ms), (1, sealed.id(), Some(DUE_MS)));
    assert!(page.items[0].manifest.is_empty() && page.items[0].sender_confirmed && page.items[0].return_report);
    assert_eq!(opened(&world, sealed.id()).await, sealed.plain);

    for zone in [0, 1] {
        assert_eq!(world.objects(zone).len(), 2);
    }
    let told = world.told().await;
    let [Data::RecordCommitted(committed)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (committed.sender.clone(), committed.recipients.clone()),
        (world.sender.party.to_string(), vec![world.ours.to_string()])
    );
    let trail: Vec<String> = world.trail().await.into_iter().map(|(_, action, _)| action).collect();
    assert_eq!(trail, ["upload.open", "record.commit", "record.list", "record.read", "record.download"]);
}

/// Everything the member does to open a record, with the institution's key.
async fn opened(world: &World, record: RecordId) -> Vec<u8> {
    let found = world.read(&world.member, record).await;
    let manifest = Signed::<Manifest>::open(&found.manifest, &world.sender.keys.sign.public()).unwrap();
    let item = &found.grants[0];
    let granter = (world.sender.party, &world.sender.keys.sign.public());
    let grant = Grant::from_bytes(&item.grant).unwrap();
    let key = grant::open(&grant, granter, &manifest, (world.inbox.party, &*world.inbox.key)).unwrap();
    let parts = manifest.parts.len();
    let opener = RecordOpener::new(manifest, key).unwrap();
    let metadata = opener.open_metadata(&found.sealed_metadata).unwrap();
    assert_eq!(metadata.file_name.as_deref(), Some("Erika Mustermann.edf"));
    let mut plain = Vec::new();
    for number in 0..parts as u32 {
        let part = world.get_part(&world.member, record, number).await;
        assert_eq!(part.status, 200);
        let mut out = Vec::new();
        opener.open_part(number, &part.bytes, &mut out).unwrap();
        plain.extend(out);
    }
    plain
}

#[tokio::test]
async fn c05_a_report_goes_back_to_the_sender() {
    let mut world = world().await;
    let recording = world.committed(1_000).await;
    let mut draft = Draft::recording(&world.dice, 500);
    (draft.kind, draft.answers) = (RecordKind::Report, Some(recording.id()));
    let report = draft.seal(&world.member, &[world.sender.to(), world.inbox.to()], &mut world.dice.clone());
    let answer: CommitAnswer = world.post(&world.member, "/v1/records/small", &report.small()).await.into();
    assert_eq!(answer.record, report.id());

    let inbox = world.list(&world.sender, &format!("?answers={}", recording.id())).await;
    assert_eq!(inbox.items.len(), 1);
    let found = world.read(&world.sender, report.id()).await;
    assert_eq!(
        (found.kind, found.sender, found.answers),
        (RecordKind::Report, Party::Tenant(world.ours), Some(recording.id()))
    );
    let item = &found.grants[0];
    assert_eq!((found.grants.len(), item.recipient), (1, world.sender.party));
    let manifest = Signed::<Manifest>::open(&found.manifest, &world.member.keys.sign.public()).unwrap();
    let granter = (world.member.party, &world.member.keys.sign.public());
    let grant = Grant::from_bytes(&item.grant).unwrap();
    let key = grant::open(&grant, granter, &manifest, (world.sender.party, &world.sender.keys.kem)).unwrap();
    let part = world.get_part(&world.sender, report.id(), 0).await;
    let mut plain = Vec::new();
    RecordOpener::new(manifest, key).unwrap().open_part(0, &part.bytes, &mut plain).unwrap();
    assert_eq!(plain, report.plain);
    // The centre's own copy stands in its inbox and among what it sent, once each.
    assert_eq!(world.list(&world.member, "?kind=report").await.items.len(), 1);
    assert_eq!(world.list(&world.member, "?mailbox=sent").await.items.len(), 1);
    assert_eq!(world.list(&world.sender, "?mailbox=sent").await.items[0].id, recording.id());
}

#[tokio::test]
async fn c05_a_report_nobody_wants_back_is_refused() {
    let mut world = world().await;
    for (setting, said, wanted) in [
        ("always", None, Some(true)),
        ("never", None, Some(false)),
        ("always", Some(false), Some(false)),
        ("never", Some(true), Some(true)),
        ("ask", Some(true), Some(true)),
        ("ask", None, None),
    ] {
        let key = world.sender.keys.kem.public().fingerprint();
        world.knows(world.ours, world.sender.party, key, setting);
        let mut draft = Draft::recording(&world.dice, 100);
        draft.return_report = said;
        let recording = draft.seal(&world.sender, &[world.inbox.to()], &mut world.dice);
        let answer = world.post(&world.sender, "/v1/records/small", &recording.small()).await;
        let Some(wanted) = wanted else {
            assert_eq!(
                (answer.code(), &answer.body["fields"][0]["field"]),
                ("invalid-request", &"return_report".into())
            );
            continue;
        };
        assert_eq!(answer.status, 200, "{}", answer.body);
        let mut draft = Draft::recording(&world.dice, 100);
        (draft.kind, draft.answers) = (RecordKind::Report, Some(recording.id()));
        let report = draft.seal(&world.member, &[world.sender.to()], &mut world.dice);
        let opened = world.open(&world.member, &report).await;
        assert_eq!(opened.status == 200, wanted, "{setting} {said:?}: {}", opened.body);
        if !wanted {
            assert_eq!((opened.code(), opened.status.as_u16()), ("report-not-wanted", 409));
            let small = world.post(&world.member, "/v1/records/small", &report.small()).await;
            assert_eq!(small.code(), "report-not-wanted");
        }
    }
    let mut draft = Draft::recording(&world.dice, 100);
    draft.kind = RecordKind::Report;
    let loose = draft.seal(&world.member, &[world.sender.to()], &mut world.dice);
    assert_eq!(world.open(&world.member, &loose).await.status, 400, "a report answers something");
}

#[tokio::test]
async fn c11_a_complete_fetch_is_told_and_counted_once_for_each_key() {
    let mut world = world().await;
    let sealed = world.committed(1_000).await;
    let path = format!("/v1/records/{}/fetched", sealed.id());
    let right = Fetched { manifest_hash: siegel_api::Bytes(sealed.manifest.bytes().digest().as_bytes().to_vec()) };
    let wrong = Fetched { manifest_hash: siegel_api::Bytes(Digest::of(b"another").as_bytes().to_vec()) };
    assert_eq!(world.post(&world.member, &path, &wrong).await.code(), "manifest-refused");
    for (key, fetched) in [("k1", 1), ("k1", 1), ("k2", 2)] {
        let body = serde_json::to_vec(&right).unwrap();
        let request = axum::http::Request::post(&path).header("content-type", "application/json");
        let request = request.header("idempotency-key", key).body(axum::body::Body::from(body)).unwrap();
        assert_eq!(world.send(&world.member.caller, request).await.status, 204);
        assert_eq!(world.read(&world.member, sealed.id()).await.fetched, fetched);
    }
    assert_eq!(world.read(&world.sender, sealed.id()).await.fetched, 0, "the member's fetches are not the sender's");
    let told = world.told().await;
    assert_eq!(told.iter().filter(|data| matches!(data, Data::RecordFetched(_))).count(), 2);
}

#[tokio::test]
async fn m01_nothing_lies_in_the_clear() {
    let mut world = world().await;
    let sealed = world.committed(1_000).await;
    let grant = &sealed.grants[0].grant;
    let canaries: [&[u8]; 4] = [b"Mustermann", &sealed.metadata, grant, &sealed.plain[..64]];
    for path in walk(world.state.path()) {
        let bytes = std::fs::read(&path).unwrap();
        for (at, canary) in canaries.iter().enumerate() {
            let found = bytes.windows(canary.len()).any(|window| window == *canary);
            assert!(!found, "canary {at} lies in {}", path.display());
        }
    }
}

fn walk(root: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}
