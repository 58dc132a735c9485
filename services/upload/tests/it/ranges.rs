//! Ranges of parts, as clients ask for them to open a piece of a large record.

use axum::body::Body;
use axum::http::Request;
use siegel_domain::limits::CHUNK_BYTES;
use siegel_envelope::part::PartShape;

use crate::people::Sealed;
use crate::world::{Answer, World, world};

async fn range(world: &World, sealed: &Sealed, header: &str) -> Answer {
    let request = Request::get(format!("/v1/records/{}/parts/0", sealed.id())).header("range", header);
    world.send(&world.member.caller, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_range_is_exactly_what_was_asked_for() {
    let mut world = world().await;
    let sealed = world.committed(6 * CHUNK_BYTES + 777).await;
    let part = &sealed.parts[0];
    let shape = PartShape::of_plain(sealed.plain.len());
    let (end, trailer) = (part.len(), shape.trailer_start());
    let edges = [
        (0, 32),
        (0, 1),
        (31, 33),
        (32, 33),
        (trailer - 1, trailer + 1),
        (trailer, end),
        (end - 1, end),
        (0, end),
        (shape.chunk_range(3).end - 1, shape.chunk_range(3).end + 1),
        (shape.chunk_range(4).start, shape.chunk_range(5).end),
        (10, end - 10),
        (300_000, 300_001),
    ];
    for (from, to) in edges {
        let answer = range(&world, &sealed, &format!("bytes={from}-{}", to - 1)).await;
        assert_eq!(answer.status, 206);
        assert!(answer.bytes == part[from..to], "{from}-{to}: {} bytes", answer.bytes.len());
        assert_eq!(answer.headers["content-range"], format!("bytes {from}-{}/{end}", to - 1));
        assert_eq!(answer.headers["content-length"], (to - from).to_string());
    }
    let mut dice = world.dice.clone();
    for _ in 0..40 {
        let [a, b] = [0, 1].map(|_| u32::from_be_bytes(dice_bytes(&mut dice)) as usize % end);
        let (from, to) = (a.min(b), a.max(b) + 1);
        let answer = range(&world, &sealed, &format!("bytes={from}-{}", to - 1)).await;
        assert!(answer.bytes == part[from..to], "{from}-{to}");
    }
    assert!(range(&world, &sealed, "bytes=-10").await.bytes == part[end - 10..]);
    assert!(range(&world, &sealed, "bytes=5-").await.bytes == part[5..]);
    for ignored in ["bytes=0-1,5-6", "lines=1-2", "bytes=9-3"] {
        assert_eq!(range(&world, &sealed, ignored).await.status, 200, "{ignored}");
    }
    let beyond = range(&world, &sealed, &format!("bytes={end}-")).await;
    assert_eq!((beyond.status.as_u16(), beyond.code()), (416, "range-not-satisfiable"));
    assert_eq!(beyond.headers["content-range"], format!("bytes */{end}"));
}

fn dice_bytes(dice: &mut crate::people::Dice) -> [u8; 4] {
    dice.bytes()
}

#[tokio::test]
async fn a_range_of_something_else_is_the_whole() {
    let mut world = world().await;
    let sealed = world.committed(1_000).await;
    let whole = world.get_part(&world.member, sealed.id(), 0).await;
    let etag = whole.headers["etag"].to_str().unwrap().to_owned();
    for (known, status) in [(etag.as_str(), 206), ("\"other\"", 200)] {
        let request = Request::get(format!("/v1/records/{}/parts/0", sealed.id()));
        let request = request.header("range", "bytes=0-9").header("if-range", known).body(Body::empty()).unwrap();
        assert_eq!(world.send(&world.member.caller, request).await.status, status);
    }
    assert_eq!(world.get_part(&world.member, sealed.id(), 1).await.status, 404, "there is one part");
}

#[tokio::test]
async fn a_download_is_one_line_of_the_audit_trail() {
    let mut world = world().await;
    let sealed = world.committed(1_000_000).await;
    for from in 0..20 {
        range(&world, &sealed, &format!("bytes={from}-{}", from + 100)).await;
    }
    let lines = async |world: &World| {
        world.trail().await.into_iter().filter(|(_, action, _)| action == "record.download").count()
    };
    assert_eq!(lines(&world).await, 1);
    world.clock.advance_ms(6 * 60_000);
    range(&world, &sealed, "bytes=0-1").await;
    assert_eq!(lines(&world).await, 2, "and another after a while");
}
