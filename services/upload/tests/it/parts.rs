//! Parts: what is refused before a zone sees a byte, and what two attempts at one part make of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::Request;
use futures::future::{Either, select};
use siegel_api::records::PartAck;
use siegel_domain::limits::{PART_PLAINTEXT_BYTES, PART_SEALED_BYTES};
use siegel_domain::{Party, RecordId};
use siegel_envelope::PartDigest;

use crate::people::{Dice, Draft};
use crate::world::{HOUR, World, world};

fn writes(world: &World) -> u64 {
    world.faults.iter().map(siegel_platform::zones::faults::Faults::writes).sum()
}

#[tokio::test]
async fn bytes_that_do_not_fit_their_digest_reach_no_zone() {
    let mut world = world().await;
    let sealed = world.recording(300_000);
    world.open(&world.sender, &sealed).await;
    let (right, id) = (sealed.sealed[0].digest, sealed.id());
    let mut flipped = sealed.parts[0].clone();
    flipped[50_000] ^= 1;
    let mut salted = sealed.parts[0].clone();
    salted[0] ^= 1;
    let cut = sealed.parts[0][..100_000].to_vec();
    let longer = [sealed.parts[0].as_slice(), &[0]].concat();
    for (bytes, status) in
        [(flipped, 422), (salted, 422), (cut, 422), (longer, 422), (Vec::new(), 400), (vec![0; 79], 400)]
    {
        let answer = world.send(&world.sender.caller, World::part_request(id, 0, right.as_bytes(), bytes)).await;
        assert!(answer.status == status || answer.status == 400, "{}: {}", answer.status, answer.body);
    }
    let other = PartDigest::from_bytes([7; 32]);
    let answer =
        world.send(&world.sender.caller, World::part_request(id, 0, other.as_bytes(), sealed.parts[0].clone())).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "digest-mismatch"));
    for header in ["", "!", "AAAA", &"A".repeat(44)] {
        let request = Request::put(format!("/v1/records/{id}/parts/0")).header("siegel-part-digest", header);
        let answer = world.send(&world.sender.caller, request.body(Body::from(sealed.parts[0].clone())).unwrap()).await;
        assert_eq!(answer.status, 400, "{header}");
    }
    assert_eq!(writes(&world), 0);
    assert_eq!(world.put(&world.sender, &sealed, 0).await.status, 200, "and the right one is still taken");
}

#[tokio::test]
async fn f28_what_is_too_large_encoded_or_never_ends_is_refused() {
    let mut world = world().await;
    let sealed = world.recording(1_000);
    world.open(&world.sender, &sealed).await;
    let (digest, id) = (sealed.sealed[0].digest, sealed.id());
    let put = || {
        Request::put(format!("/v1/records/{id}/parts/0"))
            .header("siegel-part-digest", siegel_api::Bytes(digest.as_bytes().to_vec()).to_text())
    };

    let declared = put().header("content-length", PART_SEALED_BYTES + 1).body(Body::empty()).unwrap();
    assert_eq!(world.send(&world.sender.caller, declared).await.status, 413);

    // No length, and always another 64 KiB.
    let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0u8; 65_536]));
    let answer = world.send(&world.sender.caller, put().body(Body::from_stream(endless)).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (413, "too-large"));

    // A length, and more than it says.
    let lying = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0u8; 65_536]));
    let request = put().header("content-length", 100_000).body(Body::from_stream(lying)).unwrap();
    assert_eq!(world.send(&world.sender.caller, request).await.status, 400);

    // A body that breaks off.
    let broken = futures::stream::iter([Ok(vec![0u8; 500]), Err(std::io::Error::other("the line broke"))]);
    let request = put().header("content-length", sealed.parts[0].len()).body(Body::from_stream(broken)).unwrap();
    assert_eq!(world.send(&world.sender.caller, request).await.status, 400);

    let gzip = put().header("content-encoding", "gzip").body(Body::from(sealed.parts[0].clone())).unwrap();
    assert_eq!(world.send(&world.sender.caller, gzip).await.code(), "content-encoding");

    // Without a length it is taken, if it is right.
    let pieces = futures::stream::iter(
        sealed.parts[0].chunks(7).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>(),
    );
    assert_eq!(writes(&world), 0);
    assert_eq!(world.send(&world.sender.caller, put().body(Body::from_stream(pieces)).unwrap()).await.status, 200);
}

#[tokio::test]
async fn f30_the_same_part_twice_is_one_and_another_is_refused() {
    let mut world = world().await;
    let sealed = world.recording(300_000);
    world.open(&world.sender, &sealed).await;
    let first: PartAck = world.put(&world.sender, &sealed, 0).await.into();
    let written = writes(&world);
    let again: PartAck = world.put(&world.sender, &sealed, 0).await.into();
    assert_eq!(first, again);
    assert_eq!(writes(&world), written, "nothing is written again");

    let resealed = Draft { record: sealed.id(), ..Draft::recording(&world.dice, 300_000) }.seal(
        &world.sender,
        &[world.inbox.to()],
        &mut world.dice,
    );
    let other = world.put(&world.sender, &resealed, 0).await;
    assert_eq!((other.status.as_u16(), other.code()), (409, "part-conflict"));
    for zone in [0, 1] {
        assert_eq!(world.objects(zone).len(), 1);
    }
}

#[tokio::test]
async fn two_contents_at_once_and_one_wins() {
    let mut world = world().await;
    for round in 0..5 {
        let one = world.recording(200_000 + round);
        let two = Draft { record: one.id(), ..Draft::recording(&world.dice, 200_000 + round) }.seal(
            &world.sender,
            &[world.inbox.to()],
            &mut world.dice,
        );
        world.open(&world.sender, &one).await;
        let (a, b) = futures::join!(world.put(&world.sender, &one, 0), world.put(&world.sender, &two, 0));
        let mut answers = [a.status.as_u16(), b.status.as_u16()];
        let winner = if answers[0] == 200 { &one } else { &two };
        answers.sort_unstable();
        assert_eq!(answers, [200, 409], "{} {}", a.body, b.body);
        for zone in [0, 1] {
            assert_eq!(world.objects(zone).len(), round + 1, "the loser's objects are taken away");
        }
        assert_eq!(world.commit(&world.sender, winner).await.status, 200);
    }
}

#[tokio::test]
async fn parts_come_while_the_upload_is_open_and_from_its_owner() {
    let mut world = world().await;
    let sealed = world.committed(1_000).await;
    let answer = world.put(&world.sender, &sealed, 0).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "record-state"), "after the commit");

    let open = world.recording(1_000);
    assert_eq!(world.put(&world.sender, &open, 0).await.status, 404, "before it is opened");
    world.open(&world.sender, &open).await;
    for other in [&world.second_sender, &world.member, &world.stranger] {
        assert_eq!(world.put(other, &open, 0).await.status, 404);
        assert_eq!(world.commit(other, &open).await.status, 404);
        assert_eq!(world.get(other, &format!("/v1/records/{}/upload", open.id())).await.status, 404);
    }
    assert_eq!(world.open(&world.second_sender, &open).await.code(), "already-exists");
    let digest = open.sealed[0].digest;
    let beyond = World::part_request(open.id(), 16_384, digest.as_bytes(), open.parts[0].clone());
    assert_eq!(world.send(&world.sender.caller, beyond).await.status, 400);
    for path in [
        "/v1/records/rec_../parts/0",
        "/v1/records/rec_%2e%2e%2f/parts/0",
        "/v1/records/%00/parts/0",
        "/v1/records/x/parts/-1",
    ] {
        let request = Request::put(path).body(Body::empty()).unwrap();
        assert_eq!(world.send(&world.sender.caller, request).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn beyond_the_byte_budget_one_is_sent_away() {
    let config = siegel_upload::UploadConfig { budget_wait_ms: 0, ..Default::default() };
    let mut world = crate::world::world_with(config).await;
    let sealed = world.recording(1_000_000);
    world.open(&world.sender, &sealed).await;
    let held = world.app.budget.take(63_500_000 + 100_000, 0).await.unwrap();
    let held_more = world.app.budget.take(3_000_000, 0).await.unwrap();
    let answer = world.put(&world.sender, &sealed, 0).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "over-capacity"));
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(writes(&world), 0);
    drop((held, held_more));
    assert_eq!(world.put(&world.sender, &sealed, 0).await.status, 200);
}

#[tokio::test]
async fn opening_says_early_what_would_be_refused_later() {
    let mut world = world().await;
    let mut draft = Draft::recording(&world.dice, 100);
    draft.answers = Some(RecordId::from_bytes([9; 16]));
    let sealed = draft.seal(&world.sender, &[world.inbox.to()], &mut world.dice);
    assert_eq!(world.open(&world.sender, &sealed).await.status, 404, "answers a record that is not there");
    let foreign = world.committed(100).await;
    draft.answers = Some(foreign.id());
    let sealed = draft.seal(&world.second_sender, &[world.inbox.to()], &mut world.dice);
    assert_eq!(world.open(&world.second_sender, &sealed).await.status, 404, "answers another sender's record");
    assert!(matches!(world.second_sender.party, Party::Sender(_)));

    let config = siegel_upload::UploadConfig { uploads_per_principal: 2, ..Default::default() };
    let mut world = crate::world::world_with(config).await;
    for expected in [200, 200, 409] {
        let sealed = world.recording(10);
        assert_eq!(world.open(&world.sender, &sealed).await.status, expected);
    }
}

#[tokio::test]
async fn f42_records_under_way_are_bounded_for_each_institution() {
    let mut world = world().await;
    world.set_quota_percent(1).await;
    let most = world.app.ctx.quotas.records_in_flight(world.ours);
    let opened: Vec<_> = (0..most).map(|_| world.recording(10)).collect();
    for (at, sealed) in opened.iter().enumerate() {
        let who = [&world.sender, &world.second_sender][at % 2];
        assert_eq!(world.open(who, sealed).await.status, 200);
    }
    let one_more = world.recording(10);
    let refused = world.open(&world.sender, &one_more).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "rate-limited"));
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(world.open(&world.sender, &opened[0]).await.status, 200, "what is under way goes on");
    // One that is finished makes room.
    world.execute("UPDATE records SET state = 'sweeping' WHERE id = (SELECT max(id) FROM records)").await;
    assert_eq!(world.open(&world.sender, &one_more).await.status, 200);
}

/// A commit that fails may have gone through: only a definite no lets go of the bytes.
#[tokio::test]
async fn an_attempt_whose_fate_is_unknown_is_left_to_the_inventory() {
    let mut world = world().await;
    let sealed = world.recording(1_000);
    world.open(&world.sender, &sealed).await;
    world.execute("CREATE TRIGGER fails BEFORE INSERT ON copies BEGIN SELECT RAISE(ABORT, 'no'); END").await;
    assert_eq!(world.put(&world.sender, &sealed, 0).await.status, 500);
    let small = world.recording(1_000);
    assert_eq!(world.post(&world.sender, "/v1/records/small", &small.small()).await.status, 500);
    assert_eq!((world.objects(0).len(), world.objects(1).len()), (2, 2), "nobody knows, so nothing is taken away");
    world.execute("DROP TRIGGER fails").await;
    assert_eq!(world.put(&world.sender, &sealed, 0).await.status, 200);
    world.clock.advance_ms(60 * 24 * HOUR); // every file's real date lies before this
    assert_eq!(siegel_upload::inventory::check_tenant(&world.app, world.ours).await.unwrap(), 4);
    assert_eq!((world.objects(0).len(), world.objects(1).len()), (1, 1));
}

/// Bodies that come slowly hold their share of the budget, for a quarter of an hour at most; nobody else's.
#[tokio::test]
async fn f25_who_sends_slowly_holds_up_nobody_else() {
    let config = siegel_upload::UploadConfig { budget_wait_ms: 0, ..Default::default() };
    let mut world = crate::world::world_with(config).await;
    let sealed = world.recording(2 * PART_PLAINTEXT_BYTES + 1_000);
    world.open(&world.sender, &sealed).await;
    let slow = [0, 1].map(|number| {
        let mut request = World::part_request(sealed.id(), number, sealed.sealed[0].digest.as_bytes(), Vec::new());
        request.headers_mut().insert("content-length", PART_SEALED_BYTES.into());
        *request.body_mut() = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
        world.send(&world.sender.caller, request)
    });
    let mut slow = Box::pin(futures::future::join_all(slow));
    let draft = Draft::recording(&world.dice, 1_000);
    let other = draft.seal(&world.second_sender, &[world.inbox.to()], &mut Dice::new(8));
    let meanwhile = async {
        while world.app.budget.held_bytes() < 2 * PART_SEALED_BYTES as i64 {
            tokio::task::yield_now().await; // until both hold their bytes
        }
        world.open(&world.second_sender, &other).await;
        (world.put(&world.sender, &sealed, 2).await, world.put(&world.second_sender, &other, 0).await)
    };
    let Either::Right(((third, others), _)) = select(&mut slow, Box::pin(meanwhile)).await else {
        panic!("bodies that never come were answered");
    };
    assert_eq!((third.status.as_u16(), third.code()), (429, "rate-limited"));
    assert!(third.headers.contains_key("retry-after"));
    assert_eq!(others.status, 200);
    world.clock.advance_ms(siegel_upload::receive::BODY_MS);
    for answer in slow.await {
        assert_eq!((answer.status.as_u16(), answer.code()), (408, "request-timeout"));
    }
    assert_eq!(world.put(&world.sender, &sealed, 2).await.status, 200);
}

/// The first look at a body is what makes the server say "100 Continue".
#[tokio::test]
async fn a_part_that_is_here_is_not_asked_for_again() {
    let mut world = world().await;
    let sealed = world.uploaded(1_000).await;
    let mut request = World::part_request(sealed.id(), 0, sealed.sealed[0].digest.as_bytes(), Vec::new());
    request.headers_mut().insert("content-length", sealed.parts[0].len().into());
    request.headers_mut().insert("expect", "100-continue".parse().unwrap());
    let looked = Arc::new(AtomicBool::new(false));
    let seen = looked.clone();
    let body = futures::stream::once(async move {
        seen.store(true, Ordering::Relaxed);
        Ok::<_, std::io::Error>(bytes::Bytes::new())
    });
    *request.body_mut() = Body::from_stream(body);
    assert_eq!(world.send(&world.sender.caller, request).await.status, 200);
    assert!(!looked.load(Ordering::Relaxed));
}
