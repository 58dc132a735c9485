//! The client side: codes, people with passwords and devices, senders and dealers with devices.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use siegel_api::Bytes;
use siegel_api::auth::{
    Challenge, ChallengeRequest, LoginFinish, LoginFinished, LoginStart, LoginStarted, RenewRequest, TokenAnswer,
    TokenRequest,
};
use siegel_api::enrol::{
    DeviceKeys as DeviceKeysBody, EnrolInvite, EnrolLookup, EnrolMember, EnrolOwner, EnrolPassword,
    EnrolPasswordAnswer, EnrolSender, Enrolled, PersonKeys,
};
use siegel_api::keys::{EpochChange, RosterPage, SealedBundle};
use siegel_api::members::{
    ConfirmMember, ConfirmSender, InviteMade, InviteMember, InviteSender, Member, MemberPage, ReturnReport, Sender,
};
use siegel_crypto::invite::Promise;
use siegel_crypto::login::{ClientLogin, ClientRegistration, Ksf, LoginError, LoginIds};
use siegel_crypto::slot::SlotSecret;
use siegel_crypto::{DeviceKeys, EpochRing, SigningSecretKey, UserRoot, bundle, epoch, invite, label, roster, slot};
use siegel_domain::{DeviceId, InviteId, MemberId, Principal, Role, SenderId, SessionId, TenantId};
use siegel_envelope::code::CodeSecret;
use siegel_envelope::enrol::Offer;
use siegel_envelope::login::{ChallengeBody, KsfParams};
use siegel_envelope::roster::RosterDevice;
use siegel_envelope::slot::{Slot, SlotContext, SlotKind};
use siegel_envelope::{CodeKind, KemPublicKey, Roster, RosterChange, SignedBytes, Suite};
use siegel_platform::testing::URL;

use crate::world::{Answer, ClientRng, World, random};

pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// A one-time code.
#[derive(Clone)]
pub(crate) struct Code(pub(crate) CodeSecret);

impl Code {
    pub(crate) fn new() -> Self {
        Self(invite::generate(&mut ClientRng))
    }

    pub(crate) fn auth(&self) -> Bytes {
        (*invite::auth(&self.0).as_bytes()).into()
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        *invite::auth(&self.0).stored().as_bytes()
    }
}

/// Somebody's machine and session.
pub(crate) struct Machine {
    pub(crate) tenant: Option<TenantId>,
    pub(crate) device: DeviceId,
    pub(crate) keys: DeviceKeys,
    pub(crate) token: String,
    pub(crate) session: SessionId,
}

impl Machine {
    pub(crate) fn new(tenant: Option<TenantId>, device: DeviceId, keys: DeviceKeys) -> Self {
        Self { tenant, device, keys, token: String::new(), session: SessionId::from_bytes([0; 16]) }
    }

    pub(crate) fn took(&mut self, answer: &TokenAnswer) {
        assert_eq!((answer.token_type.as_str(), answer.expires_in_s), ("DPoP", 300));
        self.token.clone_from(&answer.access_token);
        self.session = answer.session;
    }

    pub(crate) async fn ask(&self, world: &World, method: &str, path: &str, body: Option<Value>) -> Answer {
        world.send((method, path), body, &[], (Some(&self.keys.sign), Some(&self.token))).await
    }

    pub(crate) async fn get(&self, world: &World, path: &str) -> Answer {
        self.ask(world, "GET", path, None).await
    }

    pub(crate) async fn post(&self, world: &World, path: &str, body: &impl Serialize) -> Answer {
        self.ask(world, "POST", path, Some(serde_json::to_value(body).unwrap())).await
    }

    pub(crate) async fn renew(&self, world: &World) -> Answer {
        let request = RenewRequest { session: self.session, tenant: self.tenant };
        world.post_proved("/v1/auth/renew", &request, &self.keys.sign).await
    }

    /// Signs in as machines do.
    pub(crate) async fn challenge_login(&self, world: &World) -> Answer {
        let request = ChallengeRequest { device: self.device, tenant: self.tenant };
        let challenge: Challenge = world.post("/v1/auth/challenge", &request).await.ok();
        let request = self.answer(&challenge, URL);
        world.post_proved("/v1/auth/token", &request, &self.keys.sign).await
    }

    pub(crate) fn answer(&self, challenge: &Challenge, audience: &str) -> TokenRequest {
        let body = ChallengeBody {
            challenge: siegel_envelope::cbor::Blob(challenge.challenge.0.clone()),
            device: self.device,
            tenant: self.tenant,
            audience: audience.to_owned(),
        };
        TokenRequest {
            device: self.device,
            tenant: self.tenant,
            challenge: challenge.challenge.clone(),
            signed: self.keys.sign.sign(body).to_bytes().into(),
        }
    }

    pub(crate) fn body(&self) -> DeviceKeysBody {
        body(&self.keys)
    }

    pub(crate) fn in_roster(&self) -> RosterDevice {
        RosterDevice { device: self.device, sign: self.keys.sign.public(), kem: self.keys.kem.public().fingerprint() }
    }
}

pub(crate) fn body(keys: &DeviceKeys) -> DeviceKeysBody {
    DeviceKeysBody {
        sign_key: (*keys.sign.public().as_bytes()).into(),
        kem_key: keys.kem.public().as_bytes().to_vec().into(),
    }
}

/// A member with a password.
pub(crate) struct Person {
    pub(crate) machine: Machine,
    pub(crate) tenant: TenantId,
    pub(crate) member: MemberId,
    pub(crate) login: String,
    pub(crate) root: UserRoot,
    pub(crate) ring: Option<EpochRing>,
}

pub(crate) async fn lookup(world: &World, tenant: Option<TenantId>, code: &Code) -> Answer {
    world.post("/v1/auth/enrol/lookup", &EnrolLookup { tenant, auth: code.auth() }).await
}

/// OPAQUE registration with the server, and a slot: all that a person brings.
pub(crate) async fn person_keys(
    world: &World,
    tenant: TenantId,
    code: &Code,
    (member, device, keys): (MemberId, DeviceId, &DeviceKeys),
    (name, password): (&str, &str),
) -> (PersonKeys, UserRoot) {
    let (registration, request) = ClientRegistration::start(password.as_bytes(), &mut ClientRng).unwrap();
    let request = EnrolPassword { tenant, auth: code.auth(), request: request.into() };
    let answer: EnrolPasswordAnswer = world.post("/v1/auth/enrol/password", &request).await.ok();
    assert_eq!((answer.identifiers.tenant, answer.identifiers.member), (tenant, member));
    let ids = LoginIds { tenant, member, setup: answer.identifiers.setup };
    let ksf = Ksf::accept(KsfParams::FLOOR).unwrap();
    let registered = registration.finish(password.as_bytes(), &answer.response, &ids, &ksf, &mut ClientRng).unwrap();

    let root = UserRoot::generate(&mut ClientRng);
    let user_key = root.user_key().public();
    let context = SlotContext {
        suite: Suite::ONE,
        tenant,
        member,
        device: Some(device),
        kind: SlotKind::Password,
        version: 1,
        user_key: user_key.fingerprint(),
    };
    let secret = SlotSecret::Password(&registered.export_key);
    let slot = slot::seal(context, &root, secret, Some(&keys.kem.public()), &mut ClientRng).unwrap();
    let body = PersonKeys {
        login_name: name.to_owned(),
        opaque_record: registered.upload.into(),
        user_key: user_key.as_bytes().to_vec().into(),
        recovery_key: None,
        slot: slot.to_bytes().into(),
        recovery_slot: None,
    };
    (body, root)
}

/// What the first owner sends, and who they will be.
pub(crate) async fn owner_request(world: &World, tenant: TenantId, n: u8, code: &Code) -> (EnrolOwner, Person) {
    let found: EnrolInvite = lookup(world, Some(tenant), code).await.ok();
    assert_eq!((found.role, found.tenant.unwrap().handle), (Role::Owner, format!("centre-{n}")));
    let member: MemberId = found.principal.parse().unwrap();
    let machine = Machine::new(Some(tenant), found.device, DeviceKeys::generate(&mut ClientRng));
    let sign = &machine.keys.sign;
    let ids = (member, machine.device, &machine.keys);
    let (person, root) = person_keys(world, tenant, code, ids, ("anna", PASSWORD)).await;

    let user_key = root.user_key().public();
    let change = RosterChange::Found {
        member,
        user_key: user_key.fingerprint(),
        recovery_key: None,
        device: machine.in_roster(),
    };
    let first = roster::found(tenant, change, world.now(), sign);
    let founded = Roster::found(first.bytes()).unwrap();
    let ring = EpochRing::first(tenant, &mut ClientRng);
    let epoch = epoch_change(world, &ring, &founded, &BTreeMap::from([(member, user_key)]), None, sign);
    let request = EnrolOwner {
        tenant,
        auth: code.auth(),
        device: machine.body(),
        person,
        roster_entry: first.to_bytes().into(),
        epoch,
    };
    let login = format!("anna@centre-{n}");
    (request, Person { machine, tenant, member, login, root, ring: Some(ring) })
}

/// An institution with its first owner, signed in.
pub(crate) async fn centre(world: &World, n: u8) -> Person {
    let code = Code::new();
    let tenant = world.tenant(n, &code.hash()).await;
    let (request, mut owner) = owner_request(world, tenant, n, &code).await;
    let enrolled: Enrolled = world.post_proved("/v1/auth/enrol/owner", &request, &owner.machine.keys.sign).await.ok();
    assert!(enrolled.confirmed);
    owner.sign_in(world).await;
    owner
}

/// The next epoch after what `roster` knows, signed and sealed to `members`.
pub(crate) fn epoch_change(
    world: &World,
    ring: &EpochRing,
    roster: &Roster,
    members: &BTreeMap<MemberId, KemPublicKey>,
    previous: Option<(u64, siegel_envelope::Digest)>,
    sign: &SigningSecretKey,
) -> EpochChange {
    let (statement, entry) = epoch::announce(ring, roster, world.now(), sign);
    let bundle = bundle::seal(ring, roster, members, previous, sign, &mut ClientRng).unwrap();
    EpochChange {
        statement: statement.to_bytes().into(),
        bundle: bundle.to_bytes().into(),
        roster_entry: entry.to_bytes().into(),
    }
}

/// A login that was begun: what has to be sent to finish it, and the export key that opens the slot.
pub(crate) struct Begun {
    pub(crate) finish: LoginFinish,
    pub(crate) export_key: siegel_crypto::secret::Secret<64>,
}

/// Begins a login and computes its finish; an error is what the client sees of a wrong password.
pub(crate) async fn begin(world: &World, login: &str, device: DeviceId, password: &str) -> Result<Begun, LoginError> {
    let (state, request) = ClientLogin::start(password.as_bytes(), &mut ClientRng).unwrap();
    let request = LoginStart { login: login.to_owned(), device, request: request.into() };
    let started: LoginStarted = world.post("/v1/auth/login/start", &request).await.ok();
    let ids = LoginIds {
        tenant: started.identifiers.tenant,
        member: started.identifiers.member,
        setup: started.identifiers.setup,
    };
    let ksf = Ksf::accept(KsfParams::FLOOR).unwrap();
    let done = state.finish(password.as_bytes(), &started.response, &ids, &ksf, &mut ClientRng)?;
    let finish = LoginFinish { attempt: started.attempt, finalization: done.finalization.into() };
    Ok(Begun { finish, export_key: done.export_key })
}

impl Person {
    pub(crate) fn sign(&self) -> &SigningSecretKey {
        &self.machine.keys.sign
    }

    /// A whole login: the slot opens to the user root, and the bundle, if there is one, to the tenant's keys.
    pub(crate) async fn sign_in(&mut self, world: &World) -> LoginFinished {
        let begun = begin(world, &self.login, self.machine.device, PASSWORD).await.unwrap();
        let finished: LoginFinished = world.post_proved("/v1/auth/login/finish", &begun.finish, self.sign()).await.ok();
        let slot = Slot::from_bytes(&finished.slot).unwrap();
        let secret = SlotSecret::Password(&begun.export_key);
        let root = slot::open(&slot, &slot.context, secret, Some(&self.machine.keys.kem)).unwrap();
        assert_eq!(root.secret(), self.root.secret());
        self.machine.took(&finished.token);
        if let Some(sealed) = &finished.bundle {
            let roster = self.roster(world).await;
            self.ring = Some(self.open_bundle(&roster, sealed));
        }
        finished
    }

    pub(crate) fn open_bundle(&self, roster: &Roster, sealed: &SealedBundle) -> EpochRing {
        use siegel_envelope::epoch::{Bundle, EpochStatement};
        let signed = SignedBytes::from_bytes_of::<Bundle>(&sealed.bundle).unwrap();
        let bundle = Bundle::open_current(&signed, roster).unwrap();
        let ring = siegel_crypto::bundle::open(&bundle, self.member, &self.root.user_key()).unwrap();
        let statement = SignedBytes::from_bytes_of::<EpochStatement>(&sealed.epoch_statement).unwrap();
        assert!(ring.fits(&EpochStatement::open_current(&statement, roster).unwrap()));
        ring
    }

    /// The roster as a client reads it: replayed from its first entry.
    pub(crate) async fn roster(&self, world: &World) -> Roster {
        roster_of(world, &self.machine).await
    }

    pub(crate) async fn members(&self, world: &World) -> Vec<Member> {
        self.machine.get(world, "/v1/members").await.ok::<MemberPage>().items
    }

    pub(crate) async fn member_item(&self, world: &World, id: MemberId) -> Member {
        self.members(world).await.into_iter().find(|item| item.id == id).unwrap()
    }

    /// Revision and digest of the newest bundle.
    pub(crate) async fn previous(&self, world: &World) -> (u64, siegel_envelope::Digest) {
        use siegel_envelope::epoch::Bundle;
        let sealed: SealedBundle = self.machine.get(world, "/v1/keys/bundle").await.ok();
        let signed = SignedBytes::from_bytes_of::<Bundle>(&sealed.bundle).unwrap();
        (signed.peek::<Bundle>().unwrap().revision, signed.digest())
    }

    /// The keys of all members in the roster, as the directory answers them.
    pub(crate) async fn user_keys(&self, world: &World, roster: &Roster) -> BTreeMap<MemberId, KemPublicKey> {
        let mut keys = BTreeMap::new();
        for id in roster.members().keys() {
            let path = format!("/v1/keys/{id}");
            let answer = self.machine.get(world, &path).await;
            let key = match answer.status.as_u16() {
                200 => answer.ok::<siegel_api::keys::KeyAnswer>().bundle.kem_key,
                _ => self.member_item(world, *id).await.pending.unwrap().user_key.unwrap(),
            };
            keys.insert(*id, KemPublicKey::from_slice(&key).unwrap());
        }
        keys
    }

    pub(crate) fn invite_member(&self, code: &Code, role: Role) -> InviteMember {
        let (member, ring) = (MemberId::from_bytes(random()), self.ring.as_ref().unwrap());
        let promise = Promise { principal: member.into(), role };
        InviteMember {
            member,
            role,
            auth_hash: code.hash().into(),
            sealed_code: invite::seal_code(ring.current(), &code.0, promise, &mut ClientRng).into(),
            sealed_label: label::seal(ring.current(), &member.to_string(), "Dr. Ben Berg", &mut ClientRng)
                .unwrap()
                .into(),
            expires_in_h: None,
        }
    }

    pub(crate) fn invite_sender(&self, code: &Code) -> InviteSender {
        let (sender, ring) = (SenderId::from_bytes(random()), self.ring.as_ref().unwrap());
        let promise = Promise { principal: sender.into(), role: Role::Sender };
        InviteSender {
            sender,
            auth_hash: code.hash().into(),
            sealed_code: invite::seal_code(ring.current(), &code.0, promise, &mut ClientRng).into(),
            sealed_label: label::seal(ring.current(), &sender.to_string(), "Praxis West", &mut ClientRng)
                .unwrap()
                .into(),
            return_report: ReturnReport::Ask,
            expires_in_h: None,
        }
    }

    /// Invites a member, who enrols; not yet confirmed, not signed in.
    pub(crate) async fn newcomer(&self, world: &World, role: Role, name: &str) -> Person {
        let code = Code::new();
        let made: InviteMade =
            self.machine.post(world, "/v1/members/invites", &self.invite_member(&code, role)).await.ok();
        let (request, person) = member_request(world, self.tenant, &code, name).await;
        assert_eq!(made.principal, person.member.to_string());
        let enrolled: Enrolled = world.post_proved("/v1/auth/enrol/member", &request, person.sign()).await.ok();
        assert!(!enrolled.confirmed);
        person
    }

    /// What confirms a member, made as a client makes it: the MAC is checked first.
    pub(crate) async fn confirmation(&self, world: &World, id: MemberId) -> ConfirmMember {
        let item = self.member_item(world, id).await;
        let pending = item.pending.unwrap();
        let hash = siegel_envelope::Digest::from_slice(&pending.auth_hash).unwrap();
        let promise = Promise { principal: id.into(), role: item.role };
        let code = invite::open_code(self.ring.as_ref().unwrap(), &pending.sealed_code, &hash, promise).unwrap();
        let kem = KemPublicKey::from_slice(&pending.device_keys.kem_key).unwrap();
        let user_key = KemPublicKey::from_slice(pending.user_key.as_ref().unwrap()).unwrap();
        let sign =
            siegel_envelope::SigningPublicKey::from_bytes(pending.device_keys.sign_key.array().unwrap()).unwrap();
        let offer = Offer {
            tenant: self.tenant,
            invite: pending.invite,
            kind: CodeKind::Member,
            principal: id.into(),
            device: pending.device,
            sign,
            kem,
            user_key: Some(user_key.clone()),
            recovery_key: None,
        };
        let mac = siegel_envelope::enrol::EnrolmentMac::from_slice(&pending.mac).unwrap();
        invite::verify_mac(&code, &offer, &mac).unwrap();
        let mut roster = self.roster(world).await;
        let change = RosterChange::AddMember {
            member: id,
            role: item.role,
            user_key: user_key.fingerprint(),
            recovery_key: None,
            device: offer.roster_device(),
        };
        let entry = roster::next(&roster, change, world.now(), self.sign());
        roster.append(entry.bytes()).unwrap();
        let keys = self.user_keys(world, &roster).await;
        let previous = Some(self.previous(world).await);
        let ring = self.ring.as_ref().unwrap();
        let bundle = bundle::seal(ring, &roster, &keys, previous, self.sign(), &mut ClientRng).unwrap();
        ConfirmMember { roster_entry: entry.to_bytes().into(), bundle: bundle.to_bytes().into() }
    }

    pub(crate) async fn confirm(&self, world: &World, id: MemberId) -> Answer {
        let request = self.confirmation(world, id).await;
        self.machine.post(world, &format!("/v1/members/{id}/confirm"), &request).await
    }

    /// A colleague: invited, enrolled, confirmed and signed in.
    pub(crate) async fn colleague(&self, world: &World, role: Role, name: &str) -> Person {
        let mut person = self.newcomer(world, role, name).await;
        let member: Member = self.confirm(world, person.member).await.ok();
        assert_eq!(member.standing, siegel_api::members::Standing::Active);
        person.sign_in(world).await;
        person
    }

    /// A sender: invited and enrolled, not yet confirmed, signed in.
    pub(crate) async fn new_sender(&self, world: &World) -> Cart {
        let code = Code::new();
        let invite = self.invite_sender(&code);
        let made: InviteMade = self.machine.post(world, "/v1/senders", &invite).await.ok();
        let mut cart = Cart::enrol(world, self.tenant, &code).await;
        assert_eq!(made.principal, cart.sender.to_string());
        cart.machine.took(&cart.machine.challenge_login(world).await.ok());
        cart
    }

    pub(crate) async fn sender_confirmation(&self, world: &World, cart: &Cart) -> ConfirmSender {
        let change = RosterChange::AddSender { sender: cart.sender, device: cart.machine.in_roster() };
        let entry = roster::next(&self.roster(world).await, change, world.now(), self.sign());
        ConfirmSender { roster_entry: entry.to_bytes().into() }
    }

    /// A sender that is confirmed as well.
    pub(crate) async fn sender(&self, world: &World) -> Cart {
        let mut cart = self.new_sender(world).await;
        let request = self.sender_confirmation(world, &cart).await;
        let path = format!("/v1/senders/{}/confirm", cart.sender);
        let sender: Sender = self.machine.post(world, &path, &request).await.ok();
        assert_eq!(sender.standing, siegel_api::members::Standing::Active);
        cart.machine.took(&cart.machine.renew(world).await.ok());
        cart
    }
}

pub(crate) async fn roster_of(world: &World, machine: &Machine) -> Roster {
    let page: RosterPage = machine.get(world, "/v1/keys/roster").await.ok();
    assert!(!page.more);
    let entries: Vec<SignedBytes> = page
        .entries
        .iter()
        .map(|entry| SignedBytes::from_bytes_of::<siegel_envelope::RosterEntry>(entry).unwrap())
        .collect();
    Roster::replay(&entries, Roster::root_of(&entries[0])).unwrap()
}

/// What a further member sends, and who they will be.
pub(crate) async fn member_request(world: &World, tenant: TenantId, code: &Code, name: &str) -> (EnrolMember, Person) {
    let found: EnrolInvite = lookup(world, Some(tenant), code).await.ok();
    let member: MemberId = found.principal.parse().unwrap();
    let machine = Machine::new(Some(tenant), found.device, DeviceKeys::generate(&mut ClientRng));
    let ids = (member, machine.device, &machine.keys);
    let (person, root) = person_keys(world, tenant, code, ids, (name, PASSWORD)).await;
    let offer = offer(tenant, found.invite, CodeKind::Member, member.into(), &machine, Some(root.user_key().public()));
    let request = EnrolMember {
        tenant,
        auth: code.auth(),
        device: machine.body(),
        person,
        mac: (*invite::mac(&code.0, &offer).as_bytes()).into(),
    };
    let login = format!("{name}@{}", found.tenant.unwrap().handle);
    (request, Person { machine, tenant, member, login, root, ring: None })
}

fn offer(
    tenant: TenantId,
    invite: InviteId,
    kind: CodeKind,
    principal: Principal,
    machine: &Machine,
    user_key: Option<KemPublicKey>,
) -> Offer {
    Offer {
        tenant,
        invite,
        kind,
        principal,
        device: machine.device,
        sign: machine.keys.sign.public(),
        kem: machine.keys.kem.public(),
        user_key,
        recovery_key: None,
    }
}

/// A sender's machine.
pub(crate) struct Cart {
    pub(crate) machine: Machine,
    pub(crate) sender: SenderId,
}

impl Cart {
    pub(crate) async fn enrol(world: &World, tenant: TenantId, code: &Code) -> Self {
        let found: EnrolInvite = lookup(world, Some(tenant), code).await.ok();
        assert_eq!(found.role, Role::Sender);
        let sender: SenderId = found.principal.parse().unwrap();
        let machine = Machine::new(Some(tenant), found.device, DeviceKeys::generate(&mut ClientRng));
        let offer = offer(tenant, found.invite, CodeKind::Sender, sender.into(), &machine, None);
        let mac = (*invite::mac(&code.0, &offer).as_bytes()).into();
        let request = EnrolSender { tenant, auth: code.auth(), device: machine.body(), mac };
        let enrolled: Enrolled = world.post_proved("/v1/auth/enrol/sender", &request, &machine.keys.sign).await.ok();
        assert!(!enrolled.confirmed);
        Self { machine, sender }
    }
}
