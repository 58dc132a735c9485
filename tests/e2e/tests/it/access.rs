//! Who gets in, what they may see, and what is written down of it: R05, R06, I06, K01.

use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_api::retention::AuditPage;
use siegel_client::{Enrolment, RecordQuery, SignIn};
use siegel_domain::{Principal, Role};
use siegel_e2e::{PASSWORD, Raw, World, password};

use crate::liar::stranger;
use crate::support::{code, content};

#[tokio::test(flavor = "multi_thread")]
async fn r05_a_newcomer_sees_nothing_until_a_colleague_passes_the_key_on() {
    let world = World::start().await.unwrap();
    let centre = world.centre("praxis").await.unwrap();
    let owner = &centre.owner.session;
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let sent = sender.session.upload_bytes(b"for members only".to_vec(), "ecg.edf").send().await.unwrap();
    let invitation = owner.invite_member("ben", Role::Member, None).await.unwrap();
    let dir = world.profile("ben");
    let enrolment = Enrolment::begin(&invitation.code, None, None).await.unwrap();
    enrolment.member(&dir, "ben", &password()).await.unwrap();
    // He has a password and a device, and neither records nor keys.
    let waiting = SignIn::at(dir.clone()).password(PASSWORD).await.unwrap();
    assert!(waiting.open_record(sent.record).await.is_err());
    assert!(waiting.ring().await.is_err());
    assert_eq!(code(waiting.invite_member("carl", Role::Member, None).await.map(drop)), "not-confirmed");
    let Principal::Member(id) = invitation.principal else { panic!("a member's code") };
    owner.confirm_member(id).await.unwrap();
    let ben = SignIn::at(dir).password(PASSWORD).await.unwrap();
    assert_eq!(content(&ben, sent.record, &world.outside("opened")).await.unwrap(), b"for members only");
    assert_eq!(
        ben.ring().await.unwrap().current().secret().expose(),
        owner.ring().await.unwrap().current().secret().expose()
    );
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn r06_a_device_that_nobody_registered_does_not_get_in() {
    let world = World::start().await.unwrap();
    let centre = world.centre("praxis").await.unwrap();
    let colleague = world.member(&centre, "kollegin", Role::Member).await.unwrap();
    let owner = centre.owner.dir.load().unwrap();
    // The right name and password, on a machine of one's own, and on a colleague's.
    for (name, keys) in [("thief", stranger()), ("colleague", colleague.dir.device_keys().unwrap())] {
        let dir = world.profile(name);
        dir.store_device_keys(&keys).unwrap();
        dir.save(&owner).unwrap();
        assert_eq!(code(SignIn::at(dir).password(PASSWORD).await.map(drop)), "login-failed", "{name}");
    }
    SignIn::at(centre.owner.dir.clone()).password(PASSWORD).await.unwrap();
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn i06_a_new_account_sees_its_own_and_nothing_else() {
    let (world, liar) = World::behind_a_liar().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let newcomer = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let sent = sender.session.upload_bytes(b"ecg".to_vec(), "ecg.edf").send().await.unwrap();
    for mailbox in ["inbox", "sent"] {
        let query = RecordQuery { mailbox: Some(mailbox.to_owned()), ..RecordQuery::default() };
        assert!(newcomer.session.records(&query).await.unwrap().items.is_empty(), "{mailbox}");
    }
    assert_eq!(code(newcomer.session.open_record(sent.record).await), "not-found");
    // Its own client would not ask; somebody who writes another one is refused by the platform.
    let raw = Raw::of(&newcomer, &liar).await.unwrap();
    for path in ["/v1/members", "/v1/audit"] {
        let said = raw.send("GET", path, &[], Vec::new()).await.unwrap();
        assert_eq!((said.status.as_u16(), said.code().as_str()), (403, "forbidden"), "{path}");
    }
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn k01_the_centre_sees_who_did_what_in_every_service() {
    let (world, liar) = World::behind_a_liar().await.unwrap();
    let (centre, other) = (world.centre("herz").await.unwrap(), world.centre("andere").await.unwrap());
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let sent = sender.session.upload_bytes(b"ecg".to_vec(), "ecg.edf").send().await.unwrap();
    let trail = async |who: &Raw| -> AuditPage {
        let said = who.send("GET", "/v1/audit?page_size=200", &[], Vec::new()).await.unwrap();
        serde_json::from_slice(&said.body).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    };
    let (who, stranger) = (Raw::of(&centre.owner, &liar).await.unwrap(), Raw::of(&other.owner, &liar).await.unwrap());
    let (by_sender, by_owner) =
        (sender.sender_id().unwrap().to_string(), centre.owner.member_id().unwrap().to_string());
    let told = async {
        loop {
            // The trail hears of each service in its own time.
            let lines = trail(&who).await.items;
            let sent = |line: &siegel_api::retention::AuditLine| {
                (line.actor == by_sender) && line.action == "record.commit" && line.object == sent.record.to_string()
            };
            if lines.iter().any(sent) && lines.iter().any(|line| line.actor == by_owner) {
                break;
            }
            siegel_e2e::moment(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    let elsewhere = trail(&stranger).await.items;
    assert!(elsewhere.iter().all(|line| line.actor != by_sender && line.actor != by_owner), "{elsewhere:?}");
    world.stop().await.unwrap();
}
