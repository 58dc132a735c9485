//! What dealers and tenants may ask, and what they may not.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use siegel_domain::{Role, TenantId};

use crate::world::{dealer, id, member, order, sender, world};

#[tokio::test]
async fn c01_a_dealer_sets_an_institution_up_and_it_is_ready_at_once() {
    let world = world().await;
    let made = world.create(dealer(1), "herzzentrum-nord").await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(made.body["phase"], "ready");
    assert_eq!(made.headers["location"], format!("/v1/tenants/{}", id(&made)));
    assert_eq!(made.headers["etag"], made.body["etag"].as_str().unwrap());
    let mut shown = made.body.clone();
    shown["id"] = "tnt_…".into();
    insta::assert_json_snapshot!("created", shown);
    let page = world.get(dealer(1), "/v1/tenants").await;
    assert_eq!(page.body["items"][0]["id"], made.body["id"]);
}

#[tokio::test]
async fn c08_the_comment_is_for_the_dealer_and_the_centre_and_is_one_plain_line() {
    let world = world().await;
    let tenant = id(&world.create(dealer(1), "centre").await);
    assert_eq!(world.get(dealer(1), &format!("/v1/tenants/{tenant}")).await.body["comment"], "K-4711");
    let own = world.get(member(tenant, Role::Member), "/v1/tenants/self").await;
    assert_eq!((own.status, &own.body["comment"]), (StatusCode::OK, &json!("K-4711")));
    assert_eq!(world.get(sender(tenant), "/v1/tenants/self").await.status, StatusCode::FORBIDDEN);
    for bad in ["=HYPERLINK(\"http://x\")", "+1", "a\r\nSet-Cookie: x", "\u{202e}a", &"x".repeat(201)] {
        let mut order = order("another");
        order["comment"] = bad.into();
        let refused = world.ask(dealer(1), Method::POST, "/v1/tenants", &[], order).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "invalid-request"), "{bad:?}");
        assert_eq!(refused.body["fields"][0]["field"], "comment");
        assert!(!refused.body.to_string().contains(bad), "a refusal repeats no value");
    }
}

#[tokio::test]
async fn c12_a_zone_outside_the_jurisdiction_is_refused() {
    let world = world().await;
    for elsewhere in ["CH", "EU-FR", "US"] {
        let mut order = order("elsewhere");
        order["jurisdiction"] = elsewhere.into();
        let refused = world.ask(dealer(1), Method::POST, "/v1/tenants", &[], order).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "jurisdiction"));
    }
    assert!(world.app.ctx.tenants.list().is_empty(), "nothing was made");
}

#[tokio::test]
async fn a_handle_is_taken_once_and_a_repetition_is_the_same_request() {
    let world = world().await;
    let key = [("idempotency-key", "order-1")];
    let first = world.ask(dealer(1), Method::POST, "/v1/tenants", &key, order("centre")).await;
    let again = world.ask(dealer(1), Method::POST, "/v1/tenants", &key, order("centre")).await;
    assert_eq!((again.status, id(&again)), (StatusCode::CREATED, id(&first)));
    let other = world.ask(dealer(1), Method::POST, "/v1/tenants", &key, order("other")).await;
    assert_eq!((other.status, other.code()), (StatusCode::CONFLICT, "idempotency-mismatch"));
    let taken = world.create(dealer(2), "centre").await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, "handle-taken"));
    assert_eq!(world.app.ctx.tenants.list().len(), 1);
}

#[tokio::test]
async fn another_dealers_tenant_does_not_exist() {
    let world = world().await;
    let tenant = id(&world.create(dealer(1), "centre").await);
    let path = format!("/v1/tenants/{tenant}");
    let missing = format!("/v1/tenants/{}", TenantId::from_bytes([99; 16]));
    for path in [&path, &missing] {
        let read = world.get(dealer(2), path).await;
        assert_eq!((read.status, read.code()), (StatusCode::NOT_FOUND, "not-found"));
        let patch = json!({ "comment": "mine" });
        let changed = world.ask(dealer(2), Method::PATCH, path, &[("if-match", "*")], patch).await;
        assert_eq!(changed.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(world.get(dealer(2), "/v1/tenants").await.body["items"], json!([]));
    for no_dealer in [member(tenant, Role::Owner), sender(tenant)] {
        assert_eq!(world.get(no_dealer.clone(), &path).await.status, StatusCode::FORBIDDEN);
        assert_eq!(world.create(no_dealer, "x-y-z").await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(world.get(dealer(1), "/v1/tenants/..%2f..%2fetc").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_edit_says_which_version_it_means() {
    let world = world().await;
    let made = world.create(dealer(1), "centre").await;
    let (path, etag) = (format!("/v1/tenants/{}", id(&made)), made.body["etag"].as_str().unwrap().to_owned());
    let patch = |headers: Vec<(&'static str, String)>, body: Value| {
        let (world, path) = (&world, path.clone());
        async move {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            world.ask(dealer(1), Method::PATCH, &path, &headers, body).await
        }
    };
    assert_eq!(patch(vec![], json!({ "comment": "a" })).await.status, StatusCode::PRECONDITION_REQUIRED);
    let done = patch(vec![("if-match", etag.clone())], json!({ "comment": " K-4712 ", "durability": "strict" })).await;
    assert_eq!((done.status, &done.body["comment"]), (StatusCode::OK, &json!("K-4712")));
    assert_eq!(done.body["durability"], "strict");
    assert_ne!(done.body["etag"], etag);
    let late = patch(vec![("if-match", etag)], json!({ "comment": "b" })).await;
    assert_eq!((late.status, late.code()), (StatusCode::PRECONDITION_FAILED, "precondition-failed"));
    let unknown = patch(vec![("if-match", "*".into())], json!({ "handle": "mine" })).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST, "only what can be changed is known");
}

#[tokio::test]
async fn a_list_comes_in_pages_newest_first() {
    let world = world().await;
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(id(&world.create(dealer(1), &format!("centre-{n}")).await).to_string());
        world.clock.advance_ms(1_000);
    }
    made.reverse();
    let (mut seen, mut path) = (Vec::new(), "/v1/tenants?page_size=2".to_owned());
    loop {
        let page = world.get(dealer(1), &path).await;
        let items = page.body["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(token) = page.body["next_page_token"].as_str() else { break };
        let stolen = world.get(dealer(2), &format!("/v1/tenants?page_token={token}")).await;
        assert_eq!(stolen.status, StatusCode::BAD_REQUEST, "a token is good for its list alone");
        path = format!("/v1/tenants?page_size=2&page_token={token}");
    }
    assert_eq!(seen, made);
}
