//! The audit trail of all services.

use siegel_domain::Role;
use siegel_proto::events::v1::Audit;
use siegel_proto::events::v1::event::Data;

use crate::world::{World, as_sender, member, world};

async fn note(world: &World, service: &str, actor: &str, action: &str, object: &str) {
    let audit = Audit {
        actor: actor.into(),
        action: action.into(),
        object: object.into(),
        outcome: "ok".into(),
        ..Default::default()
    };
    world.tell(service, world.ours, object, Data::Audit(audit)).await;
}

#[tokio::test]
async fn k01_every_service_writes_one_trail_and_it_can_be_searched() {
    let world = world().await;
    for n in 0..7 {
        note(&world, "key-directory", "mbr_a", "session.begin", &format!("ses_{n}")).await;
        note(&world, "upload", "snd_b", "record.commit", &format!("rec_{n}")).await;
    }
    note(&world, "operator", "dlr_c", "tenant.change", "tnt_x").await;
    world.settle().await;
    let owner = member(world.ours, Role::Owner);
    let all = world.get(&owner, "/v1/audit?page_size=200").await;
    let lines = all.body["items"].as_array().unwrap();
    assert_eq!(lines.len(), 15);
    let sequences: Vec<u64> = lines.iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.is_sorted_by(|a, b| a > b), "newest first: {sequences:?}");

    let (mut seen, mut path) = (0, "/v1/audit?action=record.commit&page_size=3".to_owned());
    loop {
        let page = world.get(&owner, &path).await;
        let items = page.body["items"].as_array().unwrap();
        assert!(items.iter().all(|line| line["actor"] == "snd_b"));
        seen += items.len();
        let Some(token) = page.body["next_page_token"].as_str() else { break };
        assert_eq!(world.get(&owner, &format!("/v1/audit?page_token={token}")).await.status, 400, "of other filters");
        path = format!("/v1/audit?action=record.commit&page_size=3&page_token={token}");
    }
    assert_eq!(seen, 7);
    assert_eq!(world.get(&owner, "/v1/audit?actor=dlr_c").await.body["items"][0]["action"], "tenant.change");
    assert_eq!(
        world.get(&owner, "/v1/audit?object=rec_3&actor=mbr_a").await.body["items"].as_array().unwrap().len(),
        0
    );
}

#[tokio::test]
async fn the_trail_is_for_those_who_may_see_it_and_of_their_tenant() {
    let world = world().await;
    note(&world, "upload", "snd_b", "record.commit", "rec_1").await;
    world.settle().await;
    for who in [member(world.ours, Role::Member), as_sender(world.ours, 5)] {
        assert_eq!(world.get(&who, "/v1/audit").await.status, 403);
    }
    assert!(
        world.get(&member(world.other, Role::Owner), "/v1/audit").await.body["items"].as_array().unwrap().is_empty()
    );
    let owner = member(world.ours, Role::Owner);
    for bad in ["/v1/audit?colour=red", "/v1/audit?page_size=0", "/v1/audit?page_token=AAAA"] {
        assert_eq!(world.get(&owner, bad).await.status, 400, "{bad}");
    }
    let long = "x".repeat(65);
    assert_eq!(world.get(&owner, &format!("/v1/audit?object={long}")).await.status, 400);
}
