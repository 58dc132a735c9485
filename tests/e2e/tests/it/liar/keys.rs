//! Keys, rosters and epochs as a dishonest directory may show them (F31).

use siegel_api::keys::{KeyAnswer, KeyProof, RosterPage};
use siegel_api::members::{MemberPage, Standing};
use siegel_domain::{DeviceId, MemberId, Party, Role, Timestamp};
use siegel_e2e::Answer;
use siegel_envelope::directory::{Checkpoint, KeyStatement};
use siegel_envelope::epoch::Bundle;
use siegel_envelope::roster::RosterDevice;
use siegel_envelope::{Roster, RosterChange, Signed, SignedBytes};

use super::{KEYS, ROSTER, SMALL, Stage, refused, statement_key, stranger};

const EPOCHS: &str = "POST /v1/keys/epochs";

/// Entries and statement in place of what the directory says, whatever was asked for.
fn shows(
    entries: &[SignedBytes],
    statement: Option<&SignedBytes>,
) -> impl FnMut(&siegel_e2e::Asked, &mut Answer) + use<> {
    let entries: Vec<siegel_api::Bytes> = entries.iter().map(|entry| entry.to_bytes().into()).collect();
    let epoch_statement = statement.map(|statement| statement.to_bytes().into());
    move |_, answer| {
        let page = RosterPage { entries: entries.clone(), more: false, epoch_statement: epoch_statement.clone() };
        answer.change::<RosterPage>(|told| *told = page);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_no_record_is_sealed_to_a_key_that_the_members_did_not_sign() {
    let stage = Stage::set().await;
    let tenant = Party::Tenant(stage.centre.tenant);
    let mine = stage.sender.session.party().unwrap();
    // Honest answers about the centre and about someone else, to mix.
    let answers = std::sync::Arc::new(std::sync::Mutex::new(Vec::<KeyAnswer>::new()));
    let kept = answers.clone();
    stage.liar.lie(KEYS, move |asked, answer| {
        if !asked.what.ends_with("/roster") {
            kept.lock().unwrap().push(answer.json());
        }
    });
    stage.centre.owner.session.recipient(mine).await.unwrap();
    stage.sender.session.recipient(tenant).await.unwrap();
    let (about_me, about_centre) = {
        let answers = answers.lock().unwrap();
        (answers[0].clone(), answers[1].clone())
    };
    let other = stranger();
    let forged = {
        let KeyProof::Statement { statement } = &about_centre.proof;
        let honest: KeyStatement = SignedBytes::from_bytes_of::<KeyStatement>(statement).unwrap().peek().unwrap();
        other.sign.sign(honest).to_bytes()
    };
    type Lie = Box<dyn Fn(&mut KeyAnswer) + Send>;
    let lies: Vec<(&str, Lie)> = vec![
        ("another key", {
            let key = other.kem.public().as_bytes().to_vec();
            Box::new(move |told| told.bundle.kem_key = key.clone().into())
        }),
        ("what is no key", Box::new(|told| told.bundle.kem_key = vec![1; 1216].into())),
        ("half a key", Box::new(|told| told.bundle.kem_key.0.truncate(600))),
        ("an answer about someone else", {
            let answer = about_me.clone();
            Box::new(move |told| *told = answer.clone())
        }),
        ("someone else's bundle under the centre's name", {
            let answer = about_me.clone();
            Box::new(move |told| *told = KeyAnswer { party: tenant, ..answer.clone() })
        }),
        ("a statement about someone else", {
            let proof = about_me.proof.clone();
            Box::new(move |told| told.proof = proof.clone())
        }),
        ("a statement by another signer", {
            Box::new(move |told| told.proof = KeyProof::Statement { statement: forged.clone().into() })
        }),
        ("an additional signing key", {
            let key = other.sign.public().as_bytes().to_vec();
            Box::new(move |told| told.bundle.sign_keys.push(key.clone().into()))
        }),
        ("no checkpoint", Box::new(|told| told.checkpoint = Vec::new().into())),
        ("a changed checkpoint", Box::new(|told| told.checkpoint = super::flipped(&told.checkpoint))),
    ];
    for (why, lie) in lies {
        stage.liar.repent();
        stage.liar.lie(KEYS, move |asked, answer| {
            if !asked.what.ends_with("/roster") {
                answer.change(|told| lie(told));
            }
        });
        stage.sends_nothing(&stage.sender.session, "untrusted-key", why).await;
    }
    stage.liar.repent();
    stage.sender.session.upload_bytes(b"now honest".to_vec(), "a.txt").send().await.unwrap();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_a_roster_that_was_not_signed_by_the_centre_is_not_believed() {
    let stage = Stage::set().await;
    let other = stage.world.centre("andere").await.unwrap();
    let directory = stage.centre.owner.session.refresh_directory().await.unwrap();
    let honest = stage.centre.owner.dir.roster_entries();
    let elsewhere = other.owner.dir.roster_entries();
    let roster = directory.roster();
    let newcomer = stranger();
    let phantom = RosterChange::AddMember {
        member: MemberId::from_bytes([7; 16]),
        role: Role::Owner,
        user_key: newcomer.kem.public().fingerprint(),
        recovery_key: None,
        device: RosterDevice {
            device: DeviceId::from_bytes([8; 16]),
            sign: newcomer.sign.public(),
            kem: newcomer.kem.public().fingerprint(),
        },
    };
    let by_nobody = siegel_crypto::roster::next(roster, phantom.clone(), Timestamp(1), &newcomer.sign);
    // A sender is in the roster too, and may not bring anybody in.
    let by_a_sender = stage.sender.dir.device_keys().unwrap().sign;
    let by_a_sender = siegel_crypto::roster::next(roster, phantom, Timestamp(1), &by_a_sender);
    let with = |entry: &Signed<siegel_envelope::RosterEntry>| [&honest[..], &[entry.bytes().clone()]].concat();
    let swapped = [&honest[..1], &honest[2..3], &honest[1..2], &honest[3..]].concat();
    let cases: Vec<(&str, Vec<SignedBytes>, &str)> = vec![
        ("a phantom member", with(&by_nobody), "untrusted-roster"),
        ("a phantom member that a sender signed", with(&by_a_sender), "untrusted-roster"),
        ("another centre's members", elsewhere, "untrusted-roster"),
        ("nobody", Vec::new(), "untrusted-roster"),
        ("without its first entry", honest[1..].to_vec(), "untrusted-roster"),
        ("without an entry in between", [&honest[..1], &honest[2..]].concat(), "untrusted-roster"),
        ("in another order", swapped, "untrusted-roster"),
        ("with the current key withheld", honest.clone(), "untrusted-rollback"),
    ];
    for (why, entries, key) in cases {
        // First contact: nothing is known but the root that came with the code.
        std::fs::remove_file(stage.sender.dir.path().join("roster.cbor")).ok();
        stage.liar.repent();
        stage.liar.lie(ROSTER, shows(&entries, None));
        stage.sends_nothing(&stage.sender_again(), key, why).await;
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_going_back_forking_and_freezing_are_noticed() {
    let stage = Stage::set().await;
    let owner = &stage.centre.owner;
    let colleague = stage.world.member(&stage.centre, "kollegin", Role::Member).await.unwrap();
    let before = owner.session.refresh_directory().await.unwrap();
    let old_entries = owner.dir.roster_entries();
    let old_roster: Roster = before.roster().clone();
    let old_statement = statement(&stage).await;
    owner.session.remove_member(colleague.member_id().unwrap()).await.unwrap();
    stage.sender.session.upload_bytes(b"under the new key".to_vec(), "a.txt").send().await.unwrap();
    let entries = owner.dir.roster_entries();
    assert!(entries.len() >= old_entries.len() + 2, "the removal and the new key");

    // An owner's device that works for the attacker can sign another history: not for those who saw the first.
    let change = RosterChange::RemoveSender { sender: stage.sender.sender_id().unwrap() };
    let insider = owner.dir.device_keys().unwrap().sign;
    let mut fork = old_roster.clone();
    let mut forked = old_entries.clone();
    for change in [change, RosterChange::SetRole { member: owner.member_id().unwrap(), role: Role::Owner }] {
        let entry = siegel_crypto::roster::next(&fork, change, Timestamp(2), &insider);
        if fork.append(entry.bytes()).is_ok() {
            forked.push(entry.bytes().clone());
        }
    }
    let memory = stage.sender.dir.memory().unwrap();
    let cases = [
        (
            "yesterday's members, to one who lost the list",
            true,
            &old_entries,
            Some(&old_statement),
            "untrusted-rollback",
        ),
        ("another history, to one who lost the list", true, &forked, Some(&old_statement), "untrusted-rollback"),
        ("another history, to one who has the list", false, &forked, Some(&old_statement), "untrusted-roster"),
        ("yesterday's key", false, &Vec::new(), Some(&old_statement), "untrusted-key"),
        ("no key", false, &Vec::new(), None, "untrusted-rollback"),
    ];
    for (why, lost, entries, statement, key) in cases {
        if lost {
            std::fs::remove_file(stage.sender.dir.path().join("roster.cbor")).ok();
        }
        stage.liar.repent();
        stage.liar.lie(ROSTER, shows(entries, statement));
        stage.sends_nothing(&stage.sender_again(), key, why).await;
        assert_eq!(stage.sender.dir.memory().unwrap(), memory, "{why}: a lie is not remembered");
        stage.liar.repent();
        stage.sender_again().refresh_directory().await.unwrap();
    }
    // The removal is shown, the new key withheld: who was removed could still read.
    std::fs::remove_file(stage.sender.dir.path().join("roster.cbor")).ok();
    std::fs::remove_file(stage.sender.dir.path().join("memory.toml")).ok();
    let mut first = shows(&entries[..old_entries.len() + 1], Some(&old_statement));
    let mut again = shows(&[], Some(&old_statement));
    let mut told = 0;
    stage.liar.lie(ROSTER, move |asked, answer| {
        told += 1;
        // Read from the beginning once, then on from there.
        if told == 1 { first(asked, answer) } else { again(asked, answer) }
    });
    stage.sends_nothing(&stage.sender_again(), "untrusted-key", "a removal without a new key").await;
    stage.end().await;
}

/// The newest epoch's statement as the directory hands it out.
async fn statement(stage: &Stage) -> SignedBytes {
    let page = std::sync::Arc::new(std::sync::Mutex::new(None));
    let kept = page.clone();
    stage.liar.lie(ROSTER, move |_, answer| *kept.lock().unwrap() = answer.json::<RosterPage>().epoch_statement);
    stage.centre.owner.session.refresh_directory().await.unwrap();
    stage.liar.repent();
    let bytes = page.lock().unwrap().take().expect("there is one");
    SignedBytes::from_bytes_of::<siegel_envelope::epoch::EpochStatement>(&bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_a_checkpoint_that_goes_back_is_refused_and_an_old_one_is_said_loudly() {
    let stage = Stage::set().await;
    stage.sender.session.upload_bytes(b"first".to_vec(), "a.txt").send().await.unwrap();
    let sign = statement_key(&stage.world).await;
    let seen = stage.sender.dir.memory().unwrap().checkpoint.unwrap();
    let seen = Signed::<Checkpoint>::open(&hex::decode(&seen).unwrap(), &sign.public()).unwrap();
    // The attacker holds the platform's own key, and still can't take a longer list back.
    let longer = sign.sign(Checkpoint { sequence: seen.sequence + 5, ..(*seen).clone() });
    let mut memory = stage.sender.dir.memory().unwrap();
    memory.checkpoint = Some(hex::encode(longer.to_bytes()));
    let honest = stage.sender.dir.memory().unwrap();
    stage.liar.repent();
    stage.sender.dir.remember(&memory).unwrap();
    stage.sends_nothing(&stage.sender_again(), "untrusted-rollback", "a checkpoint that goes back").await;
    stage.sender.dir.remember(&honest).unwrap();
    // Two days old and otherwise right: a directory that someone froze looks just so.
    let two_days = 2 * siegel_domain::time::DAY_MS;
    stage.liar.lie(KEYS, move |asked, answer| {
        if !asked.what.ends_with("/roster") {
            answer.change::<KeyAnswer>(|told| {
                let now = Signed::<Checkpoint>::open(&told.checkpoint, &sign.public()).unwrap();
                let old = Checkpoint { time: Timestamp(now.time.0 - two_days), ..(*now).clone() };
                told.checkpoint = sign.sign(old).to_bytes().into();
            });
        }
    });
    let sent = stage.sender_again().upload_bytes(b"second".to_vec(), "a.txt").send().await.unwrap();
    assert_eq!(sent.directory_silent_h, Some(48), "the caller is told, and the command line says it");
    stage.liar.repent();
    let sent = stage.sender_again().upload_bytes(b"third".to_vec(), "a.txt").send().await.unwrap();
    assert_eq!(sent.directory_silent_h, None);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_a_phantom_in_a_list_gets_no_key_of_the_centre() {
    let stage = Stage::set().await;
    let owner = &stage.centre.owner.session;
    let colleague = stage.world.member(&stage.centre, "kollegin", Role::Member).await.unwrap();
    let phantom = MemberId::from_bytes([0x66; 16]);
    stage.liar.lie("GET /v1/members", move |_, answer| {
        answer.change::<MemberPage>(|page| {
            let mut item = page.items[0].clone();
            (item.id, item.standing) = (phantom, Standing::Active);
            page.items.push(item);
        });
    });
    let listed = owner.members().await.unwrap();
    let shown = listed.iter().find(|member| member.item.id == phantom).unwrap();
    assert!(!shown.in_roster, "the list says so, the roster does not");
    owner.rotate_epoch().await.unwrap();
    let change: siegel_api::keys::EpochChange = serde_json::from_slice(&stage.liar.asked(EPOCHS)[0].body).unwrap();
    let bundle: Bundle = SignedBytes::from_bytes_of::<Bundle>(&change.bundle).unwrap().peek().unwrap();
    let mut sealed_to: Vec<MemberId> = bundle.keys.iter().map(|key| key.member).collect();
    let mut members = vec![stage.centre.owner.member_id().unwrap(), colleague.member_id().unwrap()];
    sealed_to.sort();
    members.sort();
    assert_eq!(sealed_to, members);

    // A colleague's key swapped: nobody gets anything.
    stage.liar.repent();
    let key = stranger().kem.public().as_bytes().to_vec();
    stage.liar.lie(&format!("GET /v1/keys/{}", colleague.member_id().unwrap()), move |_, answer| {
        answer.change::<KeyAnswer>(|told| told.bundle.kem_key = key.clone().into());
    });
    refused(owner.rotate_epoch().await, "untrusted-key", "a colleague's key swapped");
    assert!(stage.liar.asked(EPOCHS).is_empty());
    let report = owner.upload_bytes(b"Befund".to_vec(), "a.txt").to(colleague.member_id().unwrap()).send().await;
    refused(report, "untrusted-key", "a colleague's key swapped");
    assert!(stage.liar.asked(SMALL).is_empty());
    // And the sender's, when the report goes back.
    stage.liar.repent();
    let key = stranger().kem.public().as_bytes().to_vec();
    let sender = stage.sender.sender_id().unwrap();
    stage.liar.lie(&format!("GET /v1/keys/{sender}"), move |_, answer| {
        answer.change::<KeyAnswer>(|told| told.bundle.kem_key = key.clone().into());
    });
    refused(owner.upload_bytes(b"Befund".to_vec(), "a.txt").to(sender).send().await, "untrusted-key", "a sender's key");
    assert!(stage.liar.asked(SMALL).is_empty());
    stage.end().await;
}
