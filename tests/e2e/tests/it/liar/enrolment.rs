//! Enrolment as a dishonest provider may bend it (F31): newcomers' keys, roles, and the code's way.

use siegel_api::auth::ServerInfo;
use siegel_api::enrol::EnrolInvite;
use siegel_api::members::{MemberPage, Pending, ReturnReport, Sender};
use siegel_client::Enrolment;
use siegel_domain::{MemberId, Principal, Role, SenderId, TenantId};

use super::{Stage, flipped, refused, stranger};

const SENDER: &str = "GET /v1/senders/*";
const MEMBERS: &str = "GET /v1/members";

type Swap = Box<dyn Fn(&mut Pending) + Send>;

/// Everything a server could change about a newcomer.
fn swaps(of_another: &Pending) -> Vec<(&'static str, Swap)> {
    let (keys, other) = (stranger(), of_another.clone());
    let sign: siegel_api::Bytes = keys.sign.public().as_bytes().to_vec().into();
    let kem: siegel_api::Bytes = keys.kem.public().as_bytes().to_vec().into();
    let (their_keys, their_mac, their_code, their_device) =
        (other.device_keys.clone(), other.mac.clone(), other.sealed_code.clone(), other.device);
    vec![
        ("the signing key swapped", Box::new(move |told| told.device_keys.sign_key = sign.clone())),
        ("the sealing key swapped", Box::new(move |told| told.device_keys.kem_key = kem.clone())),
        ("another newcomer's keys", Box::new(move |told| told.device_keys = their_keys.clone())),
        ("another newcomer's MAC", Box::new(move |told| told.mac = their_mac.clone())),
        ("another newcomer's code", Box::new(move |told| told.sealed_code = their_code.clone())),
        ("another newcomer as a whole", Box::new(move |told| *told = other.clone())),
        ("another device", Box::new(move |told| told.device = their_device)),
        ("a recovery key put in", {
            let key: siegel_api::Bytes = stranger().sign.public().as_bytes().to_vec().into();
            Box::new(move |told| told.recovery_key = Some(key.clone()))
        }),
        ("a changed MAC", Box::new(|told| told.mac = flipped(&told.mac))),
        ("no MAC", Box::new(|told| told.mac = Vec::new().into())),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_keys_that_were_swapped_when_someone_enrolled_are_not_confirmed() {
    let stage = Stage::set().await;
    let owner = &stage.centre.owner.session;
    let mut senders: Vec<(SenderId, Pending)> = Vec::new();
    for name in ["Wagen 1", "Wagen 2"] {
        let invitation = owner.invite_sender(name, ReturnReport::Always, None).await.unwrap();
        stage.world.enrol_sender(&invitation).await.unwrap();
        let Principal::Sender(id) = invitation.principal else { panic!("a sender's code") };
        let (sender, _) = owner.sender(id).await.unwrap();
        senders.push((id, sender.item.pending.unwrap()));
    }
    let (id, _) = senders[0];
    for (why, swap) in swaps(&senders[1].1) {
        stage.liar.repent();
        stage.liar.lie(SENDER, move |_, answer| answer.change::<Sender>(|told| swap(told.pending.as_mut().unwrap())));
        refused(owner.confirm_sender(id).await, "untrusted-newcomer", why);
        assert!(stage.liar.asked("POST /v1/senders/*/confirm").is_empty(), "{why}: nothing is signed");
    }
    stage.liar.repent();
    owner.confirm_sender(id).await.unwrap();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_an_invitation_of_a_member_is_not_taken_for_an_owners() {
    let stage = Stage::set().await;
    let owner = &stage.centre.owner.session;
    let mut ids: Vec<MemberId> = Vec::new();
    for name in ["anna", "berta"] {
        let invitation = owner.invite_member(name, Role::Member, None).await.unwrap();
        let dir = stage.world.profile(name);
        let enrolment = Enrolment::begin(&invitation.code, None, None).await.unwrap();
        enrolment.member(&dir, name, &siegel_e2e::password()).await.unwrap();
        let Principal::Member(id) = invitation.principal else { panic!("a member's code") };
        ids.push(id);
    }
    let pending = |listed: &[siegel_client::NamedMember], id| {
        listed.iter().find(|member| member.item.id == id).unwrap().item.pending.clone().unwrap()
    };
    let listed = owner.members().await.unwrap();
    let mut lies = swaps(&pending(&listed, ids[1]));
    let key: siegel_api::Bytes = stranger().kem.public().as_bytes().to_vec().into();
    lies.push(("the user key swapped", Box::new(move |told| told.user_key = Some(key.clone()))));
    lies.push(("no user key", Box::new(|told| told.user_key = None)));
    let wanted = ids[0];
    for (why, swap) in lies {
        stage.liar.repent();
        stage.liar.lie(MEMBERS, move |_, answer| {
            answer.change::<MemberPage>(|page| {
                let told = page.items.iter_mut().find(|item| item.id == wanted).unwrap();
                swap(told.pending.as_mut().unwrap());
            });
        });
        refused(owner.confirm_member(wanted).await, "untrusted-newcomer", why);
        assert!(stage.liar.asked("POST /v1/members/*/confirm").is_empty(), "{why}: nothing is signed");
    }
    stage.liar.repent();
    stage.liar.lie(MEMBERS, move |_, answer| {
        answer.change::<MemberPage>(|page| {
            page.items.iter_mut().filter(|item| item.id == wanted).for_each(|item| item.role = Role::Owner);
        });
    });
    refused(owner.confirm_member(wanted).await, "untrusted-newcomer", "a member's invitation shown as an owner's");
    assert!(stage.liar.asked("POST /v1/members/*/confirm").is_empty());
    stage.liar.repent();
    owner.confirm_member(wanted).await.unwrap();
    let directory = owner.refresh_directory().await.unwrap();
    assert_eq!(directory.roster().members()[&wanted].role, Role::Member);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_a_code_is_used_only_where_and_for_what_it_was_made() {
    let stage = Stage::set().await;
    let owner = &stage.centre.owner.session;
    let invitation = owner.invite_sender("Wagen 3", ReturnReport::Always, None).await.unwrap();
    type Bend = Box<dyn Fn(&mut EnrolInvite) + Send>;
    let lies: Vec<(&str, Bend)> = vec![
        ("another centre", Box::new(|told| told.tenant.as_mut().unwrap().id = TenantId::from_bytes([9; 16]))),
        ("no centre", Box::new(|told| told.tenant = None)),
        ("an owner", Box::new(|told| told.role = Role::Owner)),
        ("a member's id", Box::new(|told| told.principal = MemberId::from_bytes([1; 16]).to_string())),
        ("no id", Box::new(|told| told.principal = "../../etc/passwd".to_owned())),
        (
            "a name that hides",
            Box::new(|told| told.tenant.as_mut().unwrap().display_name = "Herz\u{202e}murtnez".into()),
        ),
        ("a handle that climbs", Box::new(|told| told.tenant.as_mut().unwrap().handle = "../herz".into())),
    ];
    for (why, bend) in lies {
        stage.liar.repent();
        stage.liar.lie("POST /v1/auth/enrol/lookup", move |_, answer| answer.change(|told| bend(told)));
        let begun = Enrolment::begin(&invitation.code, None, None).await.map(|enrolment| enrolment.url().to_owned());
        refused(begun, "answer", why);
    }
    stage.liar.repent();
    stage.liar.lie("GET /v1/info", |_, answer| answer.change::<ServerInfo>(|told| told.suites = vec![0, 7]));
    let begun = Enrolment::begin(&invitation.code, None, None).await.map(|enrolment| enrolment.url().to_owned());
    refused(begun, "problem-unsupported-version", "a platform that offers other suites only (F32)");
    assert!(stage.liar.asked("POST /v1/auth/enrol/lookup").is_empty(), "the code was not even shown to it");
    // The code was not used up by any of it.
    stage.liar.repent();
    stage.world.enrol_sender(&invitation).await.unwrap();
    stage.end().await;
}
