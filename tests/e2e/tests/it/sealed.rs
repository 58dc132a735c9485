//! What the provider has, and that it is not enough: C09, C10, R01, M01-M03.

use siegel_api::members::ReturnReport;
use siegel_client::RecordQuery;
use siegel_crypto::{RecordKey, RecordOpener, grant};
use siegel_domain::{Party, Role};
use siegel_e2e::{Centre, Person, World, WorldOptions, canary_hits, contains, files_below};
use siegel_envelope::{Grant, Manifest, Signed, SignedBytes};

use crate::support::{bytes, code, content, file};

/// The record's manifest and key, as the centre's own client finds them.
pub(crate) async fn opened_by_hand(
    centre: &Centre,
    sender: &Person,
    record: siegel_domain::RecordId,
) -> (Signed<Manifest>, RecordKey) {
    let owner = &centre.owner.session;
    let record = owner.open_record(record).await.unwrap().record;
    let directory = owner.refresh_directory().await.unwrap();
    let claimed: Manifest = SignedBytes::from_bytes_of::<Manifest>(&record.manifest).unwrap().peek().unwrap();
    let signer = directory.signer(sender.session.party().unwrap(), &claimed.sender_key).unwrap();
    let manifest = Manifest::verify(&record.manifest, signer).unwrap();
    let sealed = Grant::from_bytes(&record.grants[0].grant).unwrap();
    let inbox = owner.ring().await.unwrap().current().inbox_key();
    let from = (sender.session.party().unwrap(), signer);
    let key = grant::open(&sealed, from, &manifest, (Party::Tenant(centre.tenant), &inbox)).unwrap();
    (manifest, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn c09_neither_provider_nor_dealer_gets_at_contents() {
    let world = World::start().await.unwrap();
    let dealer = world.dealer().await.unwrap();
    let centre = world.centre_with(&dealer, "herz", Default::default()).await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let sent = sender.session.upload_bytes(b"contents".to_vec(), "ecg.edf").send().await.unwrap();
    assert_eq!(code(dealer.session.records(&RecordQuery::default()).await), "not-found");
    assert!(dealer.session.open_record(sent.record).await.is_err());
    // Everything the provider holds, every secret of the platform included, opens no grant: none of the 32-byte windows
    // of its secrets is a key that the record was sealed to.
    let (manifest, _) = opened_by_hand(&centre, &sender, sent.record).await;
    let record = centre.owner.session.open_record(sent.record).await.unwrap().record;
    let sealed = Grant::from_bytes(&record.grants[0].grant).unwrap();
    let directory = centre.owner.session.directory().await.unwrap();
    let signer = directory.signer(sender.session.party().unwrap(), &manifest.sender_key).unwrap();
    let mut tried = 0;
    for (_, secret) in world.secrets().await.unwrap() {
        for window in secret.windows(32) {
            let seed = siegel_crypto::secret::Secret::from_slice(window).unwrap();
            let key = siegel_crypto::KemSecretKey::from_seed(seed);
            let (from, to) = ((sender.session.party().unwrap(), signer), (Party::Tenant(centre.tenant), &key));
            assert!(grant::open(&sealed, from, &manifest, to).is_err());
            tried += 1;
        }
    }
    assert!(tried > 5, "the platform's secrets were tried");
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_personal_data_is_nowhere_in_the_clear() {
    // Alone, since it looks at what is left when the platform has stopped.
    let world = World::with(WorldOptions::alone()).await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let colleague = world.member(&centre, "dr.kanarie", Role::Member).await.unwrap();
    let invitation = centre.owner.session.invite_sender("Praxis Kanarienvogel", ReturnReport::Ask, None).await.unwrap();
    let sender = world.enrol_sender(&invitation).await.unwrap();
    centre.owner.session.confirm_sender(sender.sender_id().unwrap()).await.unwrap();
    let path = file(&world, "Mustermann-Erika-1961.edf", b"Mustermann, Erika, 17.04.1961, I48.0");
    let sent =
        sender.session.upload(&path).note("Patientin kollabierte nachts").return_report(false).send().await.unwrap();
    let thread = colleague
        .session
        .open_conversation(sender.session.party().unwrap(), Some("Betreff Vorhofflimmern"))
        .await
        .unwrap();
    colleague
        .session
        .upload_bytes(b"Bitte um Rueckruf wegen Erika".to_vec(), "antwort.txt")
        .conversation(thread)
        .to(sender.sender_id().unwrap())
        .send()
        .await
        .unwrap();
    content(&centre.owner.session, sent.record, &world.outside("opened")).await.unwrap();
    let canaries: [&[u8]; 11] = [
        b"Mustermann",
        b"17.04.1961",
        b"Patientin kollabierte",
        b"Praxis Kanarienvogel",
        b"dr.kanarie",
        b"inhaberin",
        b"Vorhofflimmern",
        b"Bitte um Rueckruf",
        b"antwort.txt",
        siegel_e2e::PASSWORD.as_bytes(),
        invitation.code.as_bytes(),
    ];
    for canary in canaries {
        let hits = world.hits(canary).await.unwrap();
        assert!(hits.is_empty(), "{} in {hits:?}", String::from_utf8_lossy(canary));
    }
    let files = world.files().await.unwrap();
    let names: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
    assert!(names.iter().all(|name| !name.contains("Mustermann") && !name.contains("herz")), "{names:?}");
    // What a process writes at its end holds none of them either.
    let state = world.state();
    let _kept = world.keep();
    world.stop().await.unwrap();
    assert!(!files_below(&state).is_empty(), "it is looked at before it goes");
    for canary in canaries {
        let hits = canary_hits(&state, canary);
        assert!(hits.is_empty(), "stopped: {} in {hits:?}", String::from_utf8_lossy(canary));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r01_sealed_with_aes_256_on_the_device_before_anything_leaves_it() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let plain = bytes(1, 700_000);
    let path = file(&world, "ecg.edf", &plain);
    let sent = sender.session.upload(&path).send().await.unwrap();
    // What lies in the zone is what left the device: it opens with the record's key as AES-256-GCM, and nothing else.
    let objects = world.objects("a");
    let sealed =
        objects.iter().map(|path| std::fs::read(path).unwrap()).find(|bytes| bytes.len() > plain.len()).unwrap();
    let (manifest, key) = opened_by_hand(&centre, &sender, sent.record).await;
    let opener = RecordOpener::new(manifest, key).unwrap();
    let mut out = Vec::new();
    opener.open_part(0, &sealed, &mut out).unwrap();
    assert_eq!(out, plain);
    assert!(world.hits(&plain[1000..1040]).await.unwrap().is_empty());
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_transport_and_a_second_layer_in_storage() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let sent = sender.session.upload_bytes(b"ecg".to_vec(), "ecg.edf").send().await.unwrap();
    let record = centre.owner.session.open_record(sent.record).await.unwrap().record;
    // Sealed by the device already, and sealed once more before it is stored: the device's ciphertext is in no file.
    for column in [&record.grants[0].grant[40..80], &record.sealed_metadata[8..48]] {
        assert!(world.hits(column).await.unwrap().is_empty());
    }
    // The control: what needs no second layer is found by the same search.
    assert!(!world.hits(&record.manifest[40..80]).await.unwrap().is_empty());
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_who_breaks_one_message_has_none_of_the_others() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let thread = sender.session.open_conversation(siegel_domain::Party::Tenant(centre.tenant), None).await.unwrap();
    let mut keys = Vec::new();
    for text in ["first", "second"] {
        let sent = sender
            .session
            .upload_bytes(text.as_bytes().to_vec(), "message.txt")
            .kind(siegel_domain::RecordKind::Message)
            .conversation(thread)
            .send()
            .await
            .unwrap();
        keys.push(opened_by_hand(&centre, &sender, sent.record).await);
    }
    let (second, first) = (keys.pop().unwrap(), keys.pop().unwrap());
    assert_ne!(first.1.secret().expose(), second.1.secret().expose());
    // The key of one message does not pass for the other's: its commitment does not hold.
    assert!(RecordOpener::new(second.0, first.1).is_err());
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn m03_each_institution_has_a_database_of_its_own() {
    let world = World::start().await.unwrap();
    let mut places = Vec::new();
    for handle in ["eins", "zwei"] {
        let centre = world.centre(handle).await.unwrap();
        let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
        let sent = sender.session.upload_bytes(b"ecg".to_vec(), "ecg.edf").send().await.unwrap();
        let record = centre.owner.session.open_record(sent.record).await.unwrap().record;
        places.push((world.database(centre.tenant).await.unwrap(), record.manifest[40..80].to_vec()));
    }
    for (ours, theirs) in [(0, 1), (1, 0)] {
        let (files, manifest) = (&places[ours].0, &places[theirs].1);
        assert!(!files.is_empty() && files.iter().all(|file| !places[theirs].0.contains(file)));
        let strangers = files.iter().filter(|file| contains(&std::fs::read(file).unwrap_or_default(), manifest));
        assert_eq!(strangers.count(), 0, "one institution's record in the other's database");
        // The control: the same search finds it where the platform has it.
        assert!(!world.hits(manifest).await.unwrap().is_empty());
    }
    world.stop().await.unwrap();
}
