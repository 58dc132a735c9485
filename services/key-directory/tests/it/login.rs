//! People signing in, and guessing.

use siegel_api::auth::{LoginFinish, LoginStart, LoginStarted};
use siegel_api::enrol::EnrolInvite;
use siegel_api::members::InviteMade;
use siegel_crypto::DeviceKeys;
use siegel_crypto::login::{ClientLogin, LoginError};
use siegel_domain::time::{DAY_MS, SECOND_MS};
use siegel_domain::{DeviceId, Role};

use crate::people::{Code, PASSWORD, begin, centre, lookup};
use crate::world::{Answer, ClientRng, World, random, world};

/// A start without a finish, as a guesser sends it.
async fn guess(world: &World, login: &str, device: DeviceId) -> Answer {
    let (_, request) = ClientLogin::start(b"guess", &mut ClientRng).unwrap();
    let request = LoginStart { login: login.to_owned(), device, request: request.into() };
    world.post("/v1/auth/login/start", &request).await
}

#[tokio::test]
async fn r04_a_wrong_password_opens_nothing() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let wrong = begin(&world, &owner.login, owner.machine.device, "Wrong-Horse-7").await;
    assert_eq!(wrong.err(), Some(LoginError::Refused), "the client knows at once");

    // A client that finishes all the same.
    let begun = begin(&world, &owner.login, owner.machine.device, PASSWORD).await.unwrap();
    let mut finish = begun.finish.clone();
    finish.finalization.0[0] ^= 1;
    let path = "/v1/auth/login/finish";
    let refused = world.post_proved(path, &finish, owner.sign()).await.refused(401, "login-failed");
    assert!(!refused.body.to_string().contains("slot"));
    world.post_proved(path, &begun.finish, owner.sign()).await.refused(401, "login-failed"); // used up
    assert!(world.audit(owner.tenant).await.contains(&"auth.login login-failed".to_owned()));
}

#[tokio::test]
async fn r06_only_a_registered_device_gets_in() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let unregistered = begin(&world, &owner.login, DeviceId::from_bytes(random()), PASSWORD).await;
    assert_eq!(unregistered.err(), Some(LoginError::Refused), "as with a wrong password");
    // Right device and password, but the proof is by another key.
    let begun = begin(&world, &owner.login, owner.machine.device, PASSWORD).await.unwrap();
    let thief = DeviceKeys::generate(&mut ClientRng);
    world.post_proved("/v1/auth/login/finish", &begun.finish, &thief.sign).await.refused(401, "login-failed");
    // A colleague's device with one's own name.
    let ben = owner.colleague(&world, Role::Member, "ben").await;
    assert_eq!(begin(&world, &owner.login, ben.machine.device, PASSWORD).await.err(), Some(LoginError::Refused));
    let begun = begin(&world, &owner.login, owner.machine.device, PASSWORD).await.unwrap();
    world.post_proved("/v1/auth/login/finish", &begun.finish, ben.sign()).await.refused(401, "login-failed");
}

/// Known and unknown names cost the same: as many transactions of the same names, as much randomness (each step of OPAQUE
/// and of sealing draws some), an answer as long. How long it takes is measured by `cargo xtask bench -- --only equal-time`.
#[tokio::test]
async fn f34_an_unknown_name_costs_the_same_work() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let ben = owner.colleague(&world, Role::Member, "ben").await;
    let nobody = DeviceId::from_bytes(random());
    let kinds = [
        ("a name and its device", owner.login.clone(), owner.machine.device),
        ("a name and a colleague's device", owner.login.clone(), ben.machine.device),
        ("a name and no device", owner.login.clone(), nobody),
        ("no name and somebody's device", "nobody@centre-1".to_owned(), owner.machine.device),
        ("no name and no device", "no.one@centre-1".to_owned(), nobody),
    ];
    let mut costs = Vec::new();
    for round in 0..2 {
        for (what, login, device) in &kinds {
            let (answer, transactions, drawn) = world.work(guess(&world, login, *device)).await;
            assert!(answer.status.is_success(), "{what}: {}", answer.body);
            let header = |name: &str| answer.headers.get(name).cloned();
            let seen = (answer.bytes.len(), answer.headers.len(), header("content-type"), header("content-length"));
            costs.push((round, *what, (transactions, drawn, seen)));
        }
    }
    // The first try of an account makes a row, later ones change it; within a round all are alike.
    for round in 0..2 {
        let mut of_round = costs.iter().filter(|(of, _, _)| *of == round);
        let (_, first, cost) = of_round.next().unwrap();
        assert!(!cost.0.is_empty() && cost.1 > 0, "the count counts: {cost:?}");
        for (_, what, other) in of_round {
            assert_eq!(other, cost, "{what}, beside {first}");
        }
    }
}

/// Same status, same length, same shape, and ids that stay the same: neither name, device nor institution can be found
/// out by asking. That the work is equal is a matter of one code path (`login::start` has no branch on whether there is a
/// member but for which record it reads), and counted above.
#[tokio::test]
async fn f34_unknown_names_are_answered_alike() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let nobody = DeviceId::from_bytes(random());
    let known = guess(&world, &owner.login, owner.machine.device).await;
    let others = [
        guess(&world, "nobody@centre-1", owner.machine.device).await,
        guess(&world, "nobody@centre-1", nobody).await,
        guess(&world, &owner.login, nobody).await,
        guess(&world, "anna@nowhere", nobody).await,
    ];
    for other in &others {
        assert_eq!((other.status, other.bytes.len()), (known.status, known.bytes.len()), "{}", other.body);
        assert_eq!(other.headers.get("content-type"), known.headers.get("content-type"));
    }
    let ids = |answer: &Answer| answer.body["identifiers"].clone();
    assert_eq!(ids(&others[0]), ids(&others[1]), "made up once and for all");
    assert_ne!(ids(&others[2])["member"], owner.member.to_string(), "the true id is for registered devices");
    assert_eq!(ids(&others[0])["tenant"], owner.tenant.to_string());
    assert_ne!(ids(&others[3])["tenant"], owner.tenant.to_string());
    assert_eq!(ids(&guess(&world, "anna@nowhere", nobody).await), ids(&others[3]));

    let fake: LoginStarted = guess(&world, "nobody@centre-1", nobody).await.ok();
    for attempt in [fake.attempt, others[3].body["attempt"].as_str().and_then(siegel_api::Bytes::from_text).unwrap()] {
        let finish = LoginFinish { attempt, finalization: vec![0; 64].into() };
        world.post_proved("/v1/auth/login/finish", &finish, owner.sign()).await.refused(401, "login-failed");
    }
}

#[tokio::test]
async fn guessing_without_finishing_is_slowed_down_and_the_right_user_gets_in() {
    let world = world().await;
    let mut owner = centre(&world, 1).await;
    let stranger = DeviceId::from_bytes(random());
    for _ in 0..5 {
        guess(&world, &owner.login, stranger).await.ok::<LoginStarted>();
    }
    let refused = guess(&world, &owner.login, stranger).await.refused(429, "rate-limited");
    assert_eq!(refused.headers["retry-after"], "2");
    guess(&world, &owner.login, DeviceId::from_bytes(random())).await.refused(429, "rate-limited"); // another device id
    owner.sign_in(&world).await; // from their own device, undisturbed

    // A name that does not exist slows down just so, here and at institutions that do not exist.
    for login in ["nobody@centre-1", "anna@nowhere"] {
        for _ in 0..5 {
            guess(&world, login, stranger).await.ok::<LoginStarted>();
        }
        let refused = guess(&world, login, stranger).await.refused(429, "rate-limited");
        assert_eq!(refused.headers["retry-after"], "2");
    }
    world.clock.advance_ms(SECOND_MS);
    guess(&world, &owner.login, stranger).await.ok::<LoginStarted>();
    guess(&world, &owner.login, stranger).await.refused(429, "rate-limited");
    world.clock.advance_ms(DAY_MS);
    guess(&world, &owner.login, stranger).await.ok::<LoginStarted>();
}

#[tokio::test]
async fn who_has_the_device_is_slowed_down_too_and_a_finish_refunds_only_itself() {
    let world = world().await;
    let mut owner = centre(&world, 1).await;
    let device = owner.machine.device;
    for _ in 0..4 {
        guess(&world, &owner.login, device).await.ok::<LoginStarted>();
    }
    for _ in 0..3 {
        owner.sign_in(&world).await; // charged and refunded: stays at four
    }
    guess(&world, &owner.login, device).await.ok::<LoginStarted>();
    guess(&world, &owner.login, device).await.refused(429, "rate-limited");
    world.clock.advance_ms(SECOND_MS);
    owner.sign_in(&world).await;
    world.clock.advance_ms(SECOND_MS);
    guess(&world, &owner.login, device).await.ok::<LoginStarted>();
    let audit = world.audit(owner.tenant).await;
    assert!(audit.contains(&"auth.login.repeated login-failed".to_owned()), "{audit:?}");
}

#[tokio::test]
async fn charges_survive_a_restart() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    for _ in 0..5 {
        guess(&world, &owner.login, owner.machine.device).await.ok::<LoginStarted>();
    }
    let world = world.restarted().await;
    guess(&world, &owner.login, owner.machine.device).await.refused(429, "rate-limited");
}

#[tokio::test]
async fn an_attempt_is_good_once_for_a_minute_and_where_it_began() {
    let world = world().await;
    let mut owner = centre(&world, 1).await;
    let other = centre(&world, 2).await;
    let path = "/v1/auth/login/finish";
    let begun = begin(&world, &owner.login, owner.machine.device, PASSWORD).await.unwrap();
    let mut moved = begun.finish.clone();
    moved.attempt.0[..16].copy_from_slice(other.tenant.as_bytes());
    world.post_proved(path, &moved, owner.sign()).await.refused(401, "login-failed");
    for bad in [vec![], vec![0; 16], begun.finish.attempt.0[..100].to_vec()] {
        let finish = LoginFinish { attempt: bad.into(), ..begun.finish.clone() };
        world.post_proved(path, &finish, owner.sign()).await.refused(401, "login-failed");
    }
    world.clock.advance_ms(60_000);
    world.post_proved(path, &begun.finish, owner.sign()).await.refused(401, "login-failed");

    let begun = begin(&world, &owner.login, owner.machine.device, PASSWORD).await.unwrap();
    let first = world.post_proved(path, &begun.finish, owner.sign()).await;
    assert!(first.status.is_success());
    world.post_proved(path, &begun.finish, owner.sign()).await.refused(401, "login-failed");
    owner.sign_in(&world).await;
}

#[tokio::test]
async fn what_is_no_login_is_refused_with_the_field() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    for (login, request, field) in [
        ("anna", vec![0; 96], "login"),
        ("Anna@centre-1", vec![0; 96], "login"),
        ("anna@centre-1@x", vec![0; 96], "login"),
        ("anna@centre-1", vec![0; 95], "request"),
        ("anna@centre-1", vec![0xff; 96], "request"),
    ] {
        let request = LoginStart { login: login.to_owned(), device: owner.machine.device, request: request.into() };
        let answer = world.post("/v1/auth/login/start", &request).await.refused(400, "invalid-request");
        assert_eq!(answer.field(), field);
        assert!(!answer.body.to_string().contains("anna"));
    }
}

/// C10, I01: the files of the directory hold neither names nor labels nor keys in the clear.
#[tokio::test]
async fn c10_no_name_and_no_code_lies_in_the_files() {
    let world = world().await;
    let owner = centre(&world, 1).await;
    let ben = owner.colleague(&world, Role::Member, "benedikt-berg").await;
    let code = Code::new();
    let invite = owner.invite_sender(&code);
    owner.machine.post(&world, "/v1/senders", &invite).await.ok::<InviteMade>();
    lookup(&world, Some(owner.tenant), &code).await.ok::<EnrolInvite>();
    let slots = [&owner, &ben].map(|person| person.root.secret().expose().to_vec());
    let canaries: Vec<Vec<u8>> = [
        b"benedikt".to_vec(),
        b"Dr. Ben".to_vec(),
        b"Praxis West".to_vec(),
        PASSWORD.as_bytes().to_vec(),
        code.0.as_bytes().to_vec(),
        code.auth().0,
        invite.sealed_code.0.clone(),
        invite.sealed_label.0.clone(),
    ]
    .into_iter()
    .chain(slots)
    .collect();
    let file = world.database(owner.tenant);
    let mut looked_at = 0;
    for entry in walk(world.state.path()) {
        let bytes = std::fs::read(&entry).unwrap();
        looked_at += 1;
        for canary in &canaries {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_slice());
            assert!(!found, "{} holds {:?}", entry.display(), String::from_utf8_lossy(canary));
        }
    }
    assert!(file.exists() && looked_at > 3);
    for event in world.events(owner.tenant).await {
        let text = format!("{event:?}");
        assert!(!text.contains("anna") && !text.contains("benedikt"), "{text}");
    }
}

fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
