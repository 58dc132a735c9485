//! Receipts outlive what they are about, for those whom it concerned.

use serde_json::json;
use siegel_domain::Role;
use siegel_proto::events::v1::GrantsAdded;
use siegel_proto::events::v1::event::Data;

use crate::world::{as_sender, member, sender, world};

#[tokio::test]
async fn a_receipt_is_for_the_tenant_and_the_parties_alone() {
    let world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    let granted =
        GrantsAdded { record: record.to_string(), recipients: vec![sender(6).to_string()], granter: String::new() };
    world.tell("upload", world.ours, &record.to_string(), Data::GrantsAdded(granted)).await;
    world.settle().await;
    let done = world.erase(&member(world.ours, Role::Owner), json!({ "record": record })).await;
    let path = format!("/v1/receipts/{}", done.body["receipts"][0].as_str().unwrap());
    for who in [member(world.ours, Role::Member), as_sender(world.ours, 5), as_sender(world.ours, 6)] {
        assert_eq!(world.get(&who, &path).await.body["record"], record.to_string());
        let listed = world.get(&who, &format!("/v1/receipts?record={record}")).await;
        assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);
    }
    for who in [as_sender(world.ours, 7), as_sender(world.other, 5), member(world.other, Role::Owner)] {
        assert_eq!(world.get(&who, &path).await.status, 404);
        assert_eq!(world.get(&who, "/v1/receipts").await.body["items"], json!([]));
    }
}

#[tokio::test]
async fn receipts_come_in_pages_newest_first() {
    let world = world().await;
    let owner = member(world.ours, Role::Owner);
    let mut made = Vec::new();
    for n in 0..5 {
        let record = world.commit(world.ours, n, 5).await;
        let done = world.erase(&owner, json!({ "record": record })).await;
        made.push(done.body["receipts"][0].as_str().unwrap().to_owned());
        world.clock.advance_ms(i64::from(n) % 2); // some in the same millisecond
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/receipts?page_size=2".to_owned());
    loop {
        let page = world.get(&owner, &path).await;
        let items = page.body["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(token) = page.body["next_page_token"].as_str() else { break };
        let elsewhere = world.get(&member(world.other, Role::Owner), &format!("/v1/receipts?page_token={token}")).await;
        assert_eq!(elsewhere.status, 400);
        path = format!("/v1/receipts?page_size=2&page_token={token}");
    }
    assert_eq!(seen.len(), 5);
    seen.sort_unstable();
    made.sort_unstable();
    assert_eq!(seen, made, "each once");
}
