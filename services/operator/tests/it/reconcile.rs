//! Tenants become and stay what they should be, whatever happens between two steps.

use siegel_crds::Resource;
use siegel_domain::{Role, TenantId};
use siegel_operator::grpc;
use siegel_operator::pipeline::apply::step;
use siegel_operator::pipeline::dereference::actual;
use siegel_operator::pipeline::plan::{plan, wanted};
use siegel_operator::{App, reconcile, relay};
use siegel_platform::Reason;
use siegel_platform::db::{DbOptions, TenantDbs, tenant_directory};
use siegel_platform::log::{EventSource, emit};
use siegel_platform::tenants::{NewTenant, TenantState, insert};
use siegel_platform::testing;
use siegel_proto::events::v1::Enrolled;
use siegel_proto::events::v1::event::Data;

use crate::world::{dealer, id, start, world};

/// A row and nothing else, as a dealer API in another process would leave it.
async fn asked_for(app: &App, jurisdiction: &str) -> TenantId {
    let new = NewTenant {
        id: TenantId::from_bytes([42; 16]),
        dealer: testing::dealer(&app.ctx, 1).await,
        handle: "asked-for".into(),
        display_name: "Asked for".into(),
        comment: String::new(),
        durability: Default::default(),
        jurisdiction: jurisdiction.into(),
        owner_invite_auth_hash: vec![1; 32],
        owner_code_expires_ms: i64::MAX,
        created: app.ctx.clock.now(),
    };
    let new = &new;
    let write = app.ctx.tenants.change("test.insert", |tx| Box::pin(async move { insert(tx, new).await }));
    write.await.unwrap();
    new.id
}

fn state(app: &App, tenant: TenantId) -> TenantState {
    app.ctx.tenants.get(tenant).unwrap().state
}

#[tokio::test]
async fn a_second_pass_makes_no_write() {
    let world = world().await;
    let tenant = asked_for(&world.app, "EU").await;
    let first = reconcile::pass(&world.app, tenant).await.unwrap().unwrap();
    assert_eq!((first.steps, first.status_written, first.settled), (5, true, true));
    assert_eq!(state(&world.app, tenant), TenantState::Ready);
    let changes = *world.app.ctx.tenants.subscribe().borrow();
    for _ in 0..3 {
        let next = reconcile::pass(&world.app, tenant).await.unwrap().unwrap();
        assert_eq!((next.steps, next.status_written, next.settled), (0, false, true));
    }
    assert_eq!(*world.app.ctx.tenants.subscribe().borrow(), changes);
    assert!(grpc::steps(&world.app, tenant).await.unwrap().is_empty());
}

#[tokio::test]
async fn killed_after_each_step_it_ends_the_same() {
    for stop in 0..5 {
        let world = world().await;
        let tenant = asked_for(&world.app, "EU").await;
        let planned = plan(&wanted(2), &actual(&world.app.ctx, tenant).await);
        for change in planned.steps.iter().take(stop) {
            step(&world.app.ctx, tenant, change).await.unwrap();
        }
        let app = start(world.state.path(), &world.clock).await; // a new process
        while reconcile::run_once(&app).await.unwrap() > 0 {}
        assert_eq!(state(&app, tenant), TenantState::Ready, "stopped after {stop}");
        assert!(grpc::steps(&app, tenant).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_zone_that_is_away_is_waited_for_and_seen() {
    let world = world().await;
    let tenant = asked_for(&world.app, "EU").await;
    let (zone, away) = (world.state.path().join("zones/b"), world.state.path().join("zones/away"));
    std::fs::rename(&zone, &away).unwrap();
    while reconcile::run_once(&world.app).await.unwrap() > 0 {}
    assert_eq!(state(&world.app, tenant), TenantState::Provisioning);
    assert!(world.app.ctx.tenants.get(tenant).unwrap().conditions.contains("Unreachable"));
    std::fs::rename(&away, &zone).unwrap();
    assert_eq!(reconcile::run_once(&world.app).await.unwrap(), 0, "not before its pause is over");
    world.clock.advance_ms(2_000);
    reconcile::run_once(&world.app).await.unwrap();
    assert_eq!(state(&world.app, tenant), TenantState::Ready);

    std::fs::rename(&zone, &away).unwrap();
    world.clock.advance_ms(15 * 60_000);
    reconcile::run_once(&world.app).await.unwrap();
    assert_eq!(state(&world.app, tenant), TenantState::Ready, "a lost zone closes nobody (R08)");
}

#[tokio::test]
async fn drift_is_found_and_mended_but_a_lost_key_is_not_made_anew() {
    let world = world().await;
    let tenant = asked_for(&world.app, "EU").await;
    reconcile::pass(&world.app, tenant).await.unwrap();
    let bucket = world.app.ctx.zones.bucket(tenant);
    world.app.ctx.zones.a.delete_bucket(&bucket).await.unwrap();
    world.app.ctx.secrets.destroy_tenant_key(tenant).await.unwrap();
    let steps = grpc::steps(&world.app, tenant).await.unwrap();
    let steps: Vec<_> = steps.iter().map(|s| (s.action.as_str(), s.resource.as_str(), s.zone.as_str())).collect();
    assert_eq!(steps, [("create", "Bucket", "zone-a")]);
    reconcile::pass(&world.app, tenant).await.unwrap();
    assert!(world.app.ctx.zones.a.has_bucket(&bucket).await.unwrap());
    assert!(!world.app.ctx.secrets.has_tenant_key(tenant).await.unwrap());
    assert!(world.app.ctx.tenants.get(tenant).unwrap().conditions.contains("KeyLost"));
}

#[tokio::test]
async fn c12_what_came_from_elsewhere_is_refused_with_a_reason() {
    let world = world().await;
    let tenant = asked_for(&world.app, "CH").await;
    let pass = reconcile::pass(&world.app, tenant).await.unwrap().unwrap();
    assert_eq!((pass.steps, pass.settled), (0, false));
    assert_eq!(state(&world.app, tenant), TenantState::Failed);
    assert!(world.app.ctx.tenants.get(tenant).unwrap().conditions.contains("OutsideJurisdiction"));
    assert_eq!(grpc::steps(&world.app, tenant).await.unwrap_err().reason(), Reason::Jurisdiction);
    assert!(!tenant_directory(world.state.path(), tenant).exists(), "nothing was made");
}

#[tokio::test]
async fn what_is_not_ours_is_neither_adopted_nor_deleted() {
    let world = world().await;
    let tenant = asked_for(&world.app, "EU").await;
    let directory = tenant_directory(world.state.path(), tenant);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("upload.db"), b"someone else's").unwrap();
    reconcile::pass(&world.app, tenant).await.unwrap();
    assert_eq!(state(&world.app, tenant), TenantState::Failed);
    assert_eq!(std::fs::read(directory.join("upload.db")).unwrap(), b"someone else's");
    let seen = actual(&world.app.ctx, tenant).await;
    assert_eq!(
        seen[&siegel_operator::pipeline::Target::new(Resource::ReadyMark)],
        siegel_operator::pipeline::Seen::Missing
    );
}

#[tokio::test]
async fn acts_of_dealers_reach_the_tenants_own_log_once() {
    let world = world().await;
    let tenant = id(&world.create(dealer(1), "centre").await);
    while relay::run_once(&world.app).await.unwrap() > 0 {}
    let kinds = || async {
        let events = world.app.ctx.log.read("operator", tenant, 0, 100).await.unwrap();
        events.into_iter().map(|stored| stored.event.r#type).collect::<Vec<_>>()
    };
    assert_eq!(kinds().await, ["siegel.audit.v1", "siegel.tenant.changed.v1"]);
    assert_eq!(relay::run_once(&world.app).await.unwrap(), 0);
    assert_eq!(kinds().await.len(), 2);
}

#[tokio::test]
async fn the_first_owner_is_learnt_of_and_ends_the_dealers_say() {
    let world = &world().await;
    let tenant = id(&world.create(dealer(1), "centre").await);
    let directory = std::sync::Arc::new(TenantDbs::new(
        world.state.path(),
        "key-directory",
        &siegel_operator::app::MIGRATIONS, // any database with an outbox
        DbOptions::default(),
    ));
    world.app.ctx.log.register(directory.clone());
    let source = EventSource::new("/siegel/key-directory", world.app.ctx.clock.clone(), world.app.ctx.rng.clone());
    let enrolled = |role: Role| {
        let data = Enrolled { principal: "mbr_x".into(), role: role.as_str().into(), device: "dev_x".into() };
        source.event(tenant, "mbr_x", Data::Enrolled(data))
    };
    let patch = |hash: [u8; 32]| async move {
        let path = format!("/v1/tenants/{tenant}");
        let body = serde_json::json!({ "owner_auth_hash": siegel_api::Bytes::from(hash) });
        world.ask(dealer(1), axum::http::Method::PATCH, &path, &[("if-match", "*")], body).await
    };
    let tell = |event| {
        let directory = directory.clone();
        async move {
            let event = &event;
            let db = directory.get(tenant).await.unwrap();
            db.tx("test.emit", |tx| {
                Box::pin(async move { emit(tx, siegel_proto::events::v1::Event::clone(event)).await })
            })
            .await
            .unwrap();
        }
    };
    tell(enrolled(Role::Sender)).await;
    world.app.owners.run_once().await.unwrap();
    let renewed = patch([1; 32]).await;
    assert_eq!(renewed.status, 200, "a new code, while no owner is there");
    let until = world.app.ctx.clock.now().0 + 14 * siegel_domain::time::DAY_MS;
    assert_eq!(renewed.body["owner_code_expires_ms"], until, "and new time to use it");
    tell(enrolled(Role::Owner)).await;
    world.app.owners.run_once().await.unwrap();
    assert_eq!(world.get(dealer(1), &format!("/v1/tenants/{tenant}")).await.body["owner_enrolled"], true);
    let refused = patch([2; 32]).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (410, "invite-used"));
}
