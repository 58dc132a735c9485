//! Another tenant's things do not exist, whatever is tried (FAULTS F36, F37).

use serde_json::{Value, json};
use siegel_api::members::InviteMade;
use siegel_domain::{DeviceId, MemberId, Role, SenderId, TenantId};
use siegel_envelope::RosterChange;
use siegel_platform::db;

use crate::people::{Code, centre};
use crate::world::{random, world};

#[tokio::test]
async fn f37_another_tenants_ids_are_not_found_as_if_they_did_not_exist() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let mallory = centre(&world, 2).await;
    let ben = owner.colleague(&world, Role::Member, "ben").await;
    let cart = owner.sender(&world).await;

    // Bodies that are well made, so that the id decides.
    let roster = mallory.roster(&world).await;
    let change = RosterChange::RemoveMember { member: ben.member };
    let entry = siegel_api::Bytes(siegel_crypto::roster::next(&roster, change, world.now(), mallory.sign()).to_bytes());
    let keys = mallory.user_keys(&world, &roster).await;
    let ring = mallory.ring.as_ref().unwrap();
    let previous = Some(mallory.previous(&world).await);
    let next = ring.with_next(&mut crate::world::ClientRng);
    let epoch = crate::people::epoch_change(&world, &next, &roster, &keys, previous, mallory.sign());
    let epoch = serde_json::to_value(epoch).unwrap();
    let bundle = epoch["bundle"].clone();

    let ids = |member: MemberId, sender: SenderId, device: DeviceId, tenant: TenantId| {
        vec![
            ("POST", format!("/v1/members/{member}/confirm"), json!({ "roster_entry": entry, "bundle": bundle })),
            ("POST", format!("/v1/members/{member}/remove"), json!({ "roster_entry": entry, "epoch": epoch })),
            ("DELETE", format!("/v1/members/{member}"), Value::Null),
            ("GET", format!("/v1/senders/{sender}"), Value::Null),
            ("PATCH", format!("/v1/senders/{sender}"), json!({ "return_report": "never" })),
            ("POST", format!("/v1/senders/{sender}/confirm"), json!({ "roster_entry": entry })),
            ("POST", format!("/v1/senders/{sender}/remove"), json!({ "roster_entry": entry })),
            ("POST", format!("/v1/devices/{device}/revoke"), json!({ "roster_entry": entry, "epoch": epoch })),
            ("GET", format!("/v1/keys/{sender}"), Value::Null),
            ("GET", format!("/v1/keys/{member}"), Value::Null),
            ("GET", format!("/v1/keys/{tenant}"), Value::Null),
        ]
    };
    let theirs = ids(ben.member, cart.sender, ben.machine.device, owner.tenant);
    let nobodys = ids(
        MemberId::from_bytes(random()),
        SenderId::from_bytes(random()),
        DeviceId::from_bytes(random()),
        TenantId::from_bytes(random()),
    );
    let (sign, token) = (Some(mallory.sign()), Some(mallory.machine.token.as_str()));
    for ((method, path, body), (_, missing, _)) in theirs.into_iter().zip(nobodys) {
        let headers = [("if-match", "*"), ("host", "centre-1.siegel.example"), ("x-forwarded-host", "centre-1")];
        let body = (!body.is_null()).then_some(body);
        let answer = world.send((method, &path), body.clone(), &headers, (sign, token)).await;
        let absent = world.send((method, &missing), body, &headers, (sign, token)).await;
        let answer = answer.refused(404, "not-found");
        assert_eq!(answer.bytes, absent.bytes, "{method} {path}");
    }
    for stranger in [ben.member.to_string(), MemberId::from_bytes(random()).to_string(), cart.sender.to_string()] {
        let devices = format!("/v1/devices?principal={stranger}");
        mallory.machine.get(&world, &devices).await.refused(404, "not-found");
    }
    assert_eq!(owner.roster(&world).await.members().len(), 2);
    assert!(ben.machine.get(&world, "/v1/auth/session").await.status.is_success());
}

#[tokio::test]
async fn f36_what_is_no_id_never_reaches_a_query() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    for bad in [
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "snd_%E2%80%AE0123456789abcdefghjkmnpqr",
        "SND_0123456789ABCDEFGHJKMNPQRS",
        "mbr_0123456789abcdefghjkmnpqrs",
        "snd_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "1%20OR%201=1",
        &"a".repeat(500),
    ] {
        let answer = owner.machine.get(&world, &format!("/v1/senders/{bad}")).await;
        answer.refused(400, "invalid-request");
    }
    owner.machine.get(&world, "/v1/keys/rec_0123456789abcdefghjkmnpqrs").await.refused(400, "invalid-request");
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let world = world().await;
    let document = serde_json::to_value(world.app.rest().into_openapi()).unwrap();
    let mut private = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{method} {path} says what it does");
            assert!(operation["responses"].as_object().unwrap().len() > 1 || path == "/v1/info", "{method} {path}");
            if operation.get("security").is_some() {
                continue; // needs none, or a proof alone
            }
            let real = path.replace("{id}", "snd_0123456789abcdefghjkmnpqrs");
            let real = real.replace("{party}", "snd_0123456789abcdefghjkmnpqrs");
            let answer = world.send((&method.to_uppercase(), &real), Some(json!({})), &[], (None, None)).await;
            answer.refused(401, "unauthenticated");
            private += 1;
        }
    }
    assert_eq!(private, 19, "a new private route is counted here, and is private");
}

#[tokio::test]
async fn a_suspended_institution_is_closed() {
    let world = world().await;
    let mut owner = centre(&world, 1).await;
    let code = Code::new();
    owner.machine.post(&world, "/v1/senders", &owner.invite_sender(&code)).await.ok::<InviteMade>();
    let id = owner.tenant.to_string();
    for state in ["suspended", "ready"] {
        let id = &id;
        let change = world.ctx.tenants.change("test.suspend", |tx| {
            Box::pin(async move {
                let sql = "UPDATE tenants SET state = $1 WHERE id = $2";
                db::query(sql).bind(state).bind(id).execute(&mut **tx).await?;
                Ok::<_, siegel_platform::db::DbError>(())
            })
        });
        change.await.unwrap();
        if state == "suspended" {
            owner.machine.renew(&world).await.refused(403, "tenant-suspended");
            crate::people::lookup(&world, Some(owner.tenant), &code).await.refused(403, "tenant-suspended");
            let begun = crate::people::begin(&world, &owner.login, owner.machine.device, crate::people::PASSWORD).await;
            let finish = begun.unwrap().finish;
            let answer = world.post_proved("/v1/auth/login/finish", &finish, owner.sign()).await;
            answer.refused(403, "tenant-suspended");
        }
    }
    owner.machine.took(&owner.machine.renew(&world).await.ok());
}
