//! Senders and an evaluation centre: C01-C08, C12.

use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_client::{Enrolment, NewTenant, RecordQuery, Trust};
use siegel_crypto::KemSecretKey;
use siegel_domain::{Party, Permission, Principal, RecordKind, Role};
use siegel_e2e::World;
use siegel_envelope::{Grant, Manifest, SignedBytes};

use crate::support::{bytes, code, content, file, save};

#[tokio::test(flavor = "multi_thread")]
async fn c01_a_dealer_creates_a_centre_and_hands_its_first_code_over() {
    let world = World::start().await.unwrap();
    let dealer = world.dealer().await.unwrap();
    let centre = world.centre_with(&dealer, "herzzentrum", Default::default()).await.unwrap();
    let seen = dealer.session.tenant(centre.tenant).await.unwrap();
    assert_eq!((seen.phase.as_str(), &seen.handle), ("ready", &centre.handle));
    // Another dealer sees nothing of it, and nobody creates a second of that name.
    let other = world.dealer().await.unwrap();
    assert_eq!(code(other.session.tenant(centre.tenant).await), "not-found");
    assert!(other.session.tenants().await.unwrap().is_empty());
    assert!(world.centre_with(&other, "herzzentrum", Default::default()).await.is_err());
    // The owner is in, and the dealer's code is used up, as soon as the operator has heard of it.
    while !dealer.session.tenant(centre.tenant).await.unwrap().owner_enrolled {
        siegel_e2e::moment(Duration::from_millis(20)).await;
    }
    assert_eq!(centre.owner.session.who().await.unwrap().role, Role::Owner);
    assert!(!Role::Dealer.allows(Permission::ReadMailbox));
    assert_eq!(code(dealer.session.renew_owner_code(centre.tenant).await), "invite-used");
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn c02_the_centre_sets_up_a_sender_and_its_code_never_meets_the_server() {
    let world = World::start().await.unwrap();
    let centre = world.centre("labor-west").await.unwrap();
    let owner = &centre.owner.session;
    let invitation = owner.invite_sender("Praxis Dr. Adler", ReturnReport::Always, None).await.unwrap();
    let root = Enrolment::begin(&invitation.code, None, None).await.unwrap().fingerprint();
    assert_eq!(root, Some(owner.profile().tenant().unwrap().root), "the code names the centre's root");
    let sender = world.enrol_sender(&invitation).await.unwrap();
    // Until a member confirms, the record is there but not trusted.
    let sent = sender.session.upload_bytes(b"before confirming".to_vec(), "a.txt").send().await.unwrap();
    assert_eq!(code(owner.open_record(sent.record).await), "not-confirmed");
    let Principal::Sender(id) = invitation.principal else { panic!("a sender's code") };
    owner.confirm_sender(id).await.unwrap();
    assert_eq!(content(owner, sent.record, &world.outside("opened")).await.unwrap(), b"before confirming");
    // Used once.
    let again = world.profile("again");
    let refused = match Enrolment::begin(&invitation.code, None, None).await {
        Ok(enrolment) => enrolment.sender(&again).await,
        Err(error) => Err(error),
    };
    assert_eq!(code(refused), "invite-used");
    let listed = owner.senders().await.unwrap();
    assert_eq!(listed[0].name.as_ref().map(|name| name.as_str()), Some("Praxis Dr. Adler"));
    assert!(listed[0].in_roster);
    assert!(world.hits(invitation.code.as_bytes()).await.unwrap().is_empty());
    assert!(world.hits(b"Praxis Dr. Adler").await.unwrap().is_empty());
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn c04_the_centre_is_told_downloads_and_reports() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let mut events = centre.owner.session.events(None);
    events.listen().await.unwrap();
    let recording = bytes(4, 9_000_000);
    let path = file(&world, "ecg.edf", &recording);
    let sent = sender.session.upload(&path).note("24 h").send().await.unwrap();
    let told = loop {
        let event = events.next().await.unwrap();
        if event.kind == "siegel.record.committed.v1" {
            break event;
        }
    };
    assert_eq!(told.subject, sent.record.to_string());
    let (list, _) = centre.owner.session.listing(&RecordQuery::default()).await.unwrap();
    let opened = list[0].opened.as_ref().unwrap();
    assert_eq!((opened.file_name().as_str(), opened.metadata.note.as_deref()), ("ecg.edf", Some("24 h")));
    assert_eq!(save(opened, &world.outside("opened.edf")).await.unwrap(), recording);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn c05_report_goes_back_to_the_sender() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let owner = &centre.owner.session;
    let report = async |sender: &siegel_e2e::Person, wish: Option<bool>| {
        let mut outgoing = sender.session.upload_bytes(b"ecg".to_vec(), "ecg.edf");
        if let Some(wish) = wish {
            outgoing = outgoing.return_report(wish);
        }
        let sent = outgoing.send().await?;
        let to = sender.sender_id().unwrap();
        let back = owner
            .upload_bytes(b"Sinusrhythmus".to_vec(), "report.txt")
            .kind(RecordKind::Report)
            .answers(sent.record)
            .to(to)
            .send()
            .await?;
        content(&sender.session, back.record, &world.outside("report.txt")).await
    };
    let always = world.sender(&centre, ReturnReport::Always).await.unwrap();
    assert_eq!(report(&always, None).await.unwrap(), b"Sinusrhythmus");
    let never = world.sender(&centre, ReturnReport::Never).await.unwrap();
    assert_eq!(code(report(&never, None).await), "report-not-wanted");
    let ask = world.sender(&centre, ReturnReport::Ask).await.unwrap();
    assert_eq!(code(report(&ask, None).await), "invalid-request", "each upload has to say");
    assert_eq!(code(report(&ask, Some(false)).await), "report-not-wanted");
    assert_eq!(report(&ask, Some(true)).await.unwrap(), b"Sinusrhythmus");
    // The centre may change it, and so may the sender itself.
    owner.set_return_report(never.sender_id().unwrap(), ReturnReport::Always).await.unwrap();
    assert_eq!(report(&never, None).await.unwrap(), b"Sinusrhythmus");
    always.session.set_return_report(always.sender_id().unwrap(), ReturnReport::Never).await.unwrap();
    assert_eq!(code(report(&always, None).await), "report-not-wanted");
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn c06_a_record_delivered_to_the_wrong_place_can_not_be_opened_there() {
    let world = World::start().await.unwrap();
    let (right, wrong) = (world.centre("right").await.unwrap(), world.centre("wrong").await.unwrap());
    let sender = world.sender(&right, ReturnReport::Always).await.unwrap();
    let sent = sender.session.upload_bytes(b"for the right centre".to_vec(), "ecg.edf").send().await.unwrap();
    // The other centre does not even see that it exists; nor may the sender open what it sealed for the centre.
    assert_eq!(code(wrong.owner.session.open_record(sent.record).await), "not-found");
    assert!(sender.session.open_record(sent.record).await.is_err());
    // And if the bytes reach it all the same, none of its keys opens the grant.
    let record = right.owner.session.records(&RecordQuery::default()).await.unwrap().items.remove(0);
    let full = right.owner.session.open_record(record.id).await.unwrap().record;
    let grant = Grant::from_bytes(&full.grants[0].grant).unwrap();
    let directory = right.owner.session.directory().await.unwrap();
    let from = sender.session.party().unwrap();
    let claimed: Manifest = SignedBytes::from_bytes_of::<Manifest>(&full.manifest).unwrap().peek().unwrap();
    let signer = directory.signer(from, &claimed.sender_key).unwrap();
    let manifest = Manifest::verify(&full.manifest, signer).unwrap();
    let to = Party::Tenant(right.tenant);
    let opens = |key: &KemSecretKey| siegel_crypto::grant::open(&grant, (from, signer), &manifest, (to, key)).is_ok();
    assert!(opens(&right.owner.session.ring().await.unwrap().current().inbox_key()));
    assert!(!opens(&wrong.owner.session.ring().await.unwrap().current().inbox_key()));
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn c07_everything_goes_through_one_https_host() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let profile = centre.owner.session.profile().clone();
    assert_eq!(profile.url, world.url());
    assert!(world.url().starts_with("https://"));
    // Without the pin from the code the certificate is not believed.
    let stranger = siegel_client::Config::new(world.url(), Trust::System);
    assert!(siegel_client::doctor::examine(stranger).await.is_err());
    let guest = siegel_client::Config::new(world.url(), Trust::Pinned(world.ca().unwrap()));
    assert_eq!(siegel_client::doctor::examine(guest).await.unwrap().info.public_url, world.url());
    // Plain HTTP gets no answer that a client could take for one.
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = world.url().strip_prefix("https://localhost:").unwrap();
    let mut socket = tokio::net::TcpStream::connect(format!("127.0.0.1:{address}")).await.unwrap();
    socket.write_all(b"GET /v1/info HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"));
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_the_comment_is_seen_by_the_dealer_and_the_centre_and_is_bounded() {
    let world = World::start().await.unwrap();
    let dealer = world.dealer().await.unwrap();
    let centre = world.centre_with(&dealer, "herz", Default::default()).await.unwrap();
    assert_eq!(centre.owner.session.own_tenant().await.unwrap().comment, "K-4711");
    let longest = "ä".repeat(200);
    dealer.session.set_comment(centre.tenant, &longest).await.unwrap();
    assert_eq!(dealer.session.tenant(centre.tenant).await.unwrap().comment, longest);
    assert_eq!(centre.owner.session.own_tenant().await.unwrap().comment, longest);
    assert!(dealer.session.set_comment(centre.tenant, &"x".repeat(201)).await.is_err());
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_a_centre_whose_data_may_not_lie_here_is_not_made() {
    let world = World::start().await.unwrap();
    let dealer = world.dealer().await.unwrap();
    for elsewhere in ["CH", "US", "EU-FR"] {
        let new = NewTenant {
            handle: world.handle("anderswo"),
            display_name: "Anderswo".to_owned(),
            comment: String::new(),
            jurisdiction: elsewhere.to_owned(),
            durability: Default::default(),
        };
        assert_eq!(code(dealer.session.create_tenant(new).await.map(drop)), "jurisdiction", "{elsewhere}");
    }
    assert!(dealer.session.tenants().await.unwrap().is_empty(), "nothing was made");
    world.stop().await.unwrap();
}
