//! Login and key slots as a dishonest server may answer them (F31, F32).

use siegel_api::auth::{LoginFinished, LoginStarted};
use siegel_api::keys::SealedBundle;
use siegel_client::SignIn;
use siegel_domain::{MemberId, Role, TenantId};
use siegel_e2e::PASSWORD;

use super::{Stage, flipped, refused};

const START: &str = "POST /v1/auth/login/start";
const FINISH: &str = "POST /v1/auth/login/finish";

#[tokio::test(flavor = "multi_thread")]
async fn f32_a_server_can_not_bend_the_login() {
    let stage = Stage::set().await;
    // Two people, because the honest platform slows one down who begins and does not finish.
    let colleague = stage.world.member(&stage.centre, "kollegin", Role::Member).await.unwrap();
    let dirs = [&stage.centre.owner.dir, &colleague.dir];
    let login = |who: usize| async move { SignIn::at(dirs[who].clone()).password(PASSWORD).await.map(drop) };
    type Lie = Box<dyn Fn(&mut LoginStarted) + Send>;
    let lies: Vec<(&str, Lie, &str)> = vec![
        ("a changed answer", Box::new(|told| told.response = flipped(&told.response)), "problem-login-failed"),
        ("half an answer", Box::new(|told| told.response.0.truncate(100)), "untrusted-login"),
        ("an answer of noughts", Box::new(|told| told.response.0.fill(0)), "untrusted-login"),
        (
            "another member",
            Box::new(|told| told.identifiers.member = MemberId::from_bytes([1; 16])),
            "problem-login-failed",
        ),
        (
            "another centre",
            Box::new(|told| told.identifiers.tenant = TenantId::from_bytes([1; 16])),
            "problem-login-failed",
        ),
        ("another setup", Box::new(|told| told.identifiers.setup += 1), "problem-login-failed"),
    ];
    for (at, (why, lie, key)) in lies.into_iter().enumerate() {
        stage.liar.repent();
        stage.liar.lie(START, move |_, answer| answer.change(|told| lie(told)));
        refused(login(at % 2).await, key, why);
        assert!(stage.liar.asked(FINISH).is_empty(), "{why}: the client proved nothing to it");
    }
    // Parameters of the hash are no part of the answer; a server that offers cheaper ones is not heard.
    stage.liar.repent();
    stage.liar.lie(START, |_, answer| {
        answer.change::<serde_json::Value>(|told| {
            told["ksf"] = serde_json::json!({ "m_kib": 8, "t": 1, "p": 1 });
            told["suite"] = 0.into();
        });
    });
    login(0).await.unwrap();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_slots_and_bundles_of_others_or_of_yesterday_open_nothing() {
    let stage = Stage::set().await;
    let owner = &stage.centre.owner;
    let colleague = stage.world.member(&stage.centre, "kollegin", Role::Member).await.unwrap();
    // Yesterday's bundle and the colleague's slot, as the server has them.
    let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::<LoginFinished>::new()));
    let honest = kept.clone();
    stage.liar.lie(FINISH, move |_, answer| honest.lock().unwrap().push(answer.json()));
    SignIn::at(colleague.dir.clone()).password(PASSWORD).await.unwrap();
    let theirs = kept.lock().unwrap().remove(0);
    stage.liar.repent();
    let old: SealedBundle = theirs.bundle.clone().unwrap();
    owner.session.rotate_epoch().await.unwrap();
    let login = || async { SignIn::at(owner.dir.clone()).password(PASSWORD).await.map(drop) };
    login().await.unwrap();
    type Lie = Box<dyn Fn(&mut LoginFinished) + Send>;
    let lies: Vec<(&str, Lie)> = vec![
        ("a colleague's slot", Box::new(move |told| told.slot = theirs.slot.clone())),
        ("a changed slot", Box::new(|told| told.slot = flipped(&told.slot))),
        ("yesterday's keys", Box::new(move |told| told.bundle = Some(old.clone()))),
        ("changed keys", {
            Box::new(|told| {
                let bundle = told.bundle.as_mut().unwrap();
                bundle.bundle = flipped(&bundle.bundle);
            })
        }),
    ];
    for (why, lie) in lies {
        stage.liar.repent();
        stage.liar.lie(FINISH, move |_, answer| answer.change(|told| lie(told)));
        refused(login().await, "untrusted-bundle", why);
    }
    stage.liar.repent();
    login().await.unwrap();
    stage.end().await;
}
