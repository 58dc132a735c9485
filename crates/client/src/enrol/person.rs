//! What an owner and a member have in common: a password that is registered without being sent, a root of their own, and
//! a slot that takes both the password and this device to open.

use siegel_api::enrol::{DeviceKeys as DeviceKeysBody, EnrolMember, EnrolPassword, EnrolPasswordAnswer, PersonKeys};
use siegel_crypto::login::{ClientRegistration, Ksf, LoginIds};
use siegel_crypto::slot::{self, SlotSecret};
use siegel_crypto::{DeviceKeys, UserRoot, invite};
use siegel_domain::{MemberId, Principal, TenantId};
use siegel_envelope::enrol::Offer;
use siegel_envelope::login::KsfParams;
use siegel_envelope::slot::{SlotContext, SlotKind};
use siegel_envelope::{CodeKind, KemPublicKey, Suite};
use zeroize::Zeroizing;

use super::Enrolment;
use crate::error::{Error, Result, Untrusted};
use crate::http::{Auth, Request};
use crate::password::Password;
use crate::profile::{Person, ProfileDir};
use crate::rng;
use crate::session::blocking;

const PASSWORD: &str = "POST /v1/auth/enrol/password";

/// A person whose password is registered and whose root is sealed.
pub(super) struct NewPerson {
    pub(super) member: MemberId,
    pub(super) user_key: KemPublicKey,
    pub(super) body: PersonKeys,
    pub(super) profile: Person,
}

impl Enrolment {
    /// The tenant of a code that has one.
    pub(super) fn tenant_id(&self) -> Result<TenantId> {
        Ok(self.card()?.id)
    }

    pub(super) async fn new_person(&self, keys: &DeviceKeys, name: &str, password: &Password) -> Result<NewPerson> {
        if !siegel_domain::text::is_login_local(name) {
            return Err(Error::input("login name", "1 to 64 of a-z, 0-9, dot, underscore and hyphen"));
        }
        let Principal::Member(member) = self.principal else {
            return Err(Error::input("code", "is not a member's"));
        };
        let tenant = self.tenant_id()?;
        let secret = Zeroizing::new(password.as_str().as_bytes().to_vec());
        let (registration, request) =
            ClientRegistration::start(&secret, &mut rng::system()).map_err(|_| Untrusted::Login)?;
        let body = EnrolPassword { tenant, auth: self.auth(), request: request.into() };
        let request = Request::new(PASSWORD, &[], Auth::Key(&keys.sign)).json(&body);
        let answer: EnrolPasswordAnswer = self.http.json(&request).await?;
        if answer.identifiers.tenant != tenant || answer.identifiers.member != member {
            return Err(Error::answer(PASSWORD, "it is about someone else"));
        }
        let ids = LoginIds { tenant, member, setup: answer.identifiers.setup };
        let registered = blocking(move || {
            let ksf = Ksf::accept(KsfParams::FLOOR)?;
            registration.finish(&secret, &answer.response, &ids, &ksf, &mut rng::system())
        })
        .await
        .map_err(|_| Untrusted::Login)?;

        let root = UserRoot::generate(&mut rng::system());
        let user_key = root.user_key().public();
        let context = SlotContext {
            suite: Suite::ONE,
            tenant,
            member,
            device: Some(self.invite.device),
            kind: SlotKind::Password,
            version: 1,
            user_key: user_key.fingerprint(),
        };
        let secret = SlotSecret::Password(&registered.export_key);
        let slot = slot::seal(context, &root, secret, Some(&keys.kem.public()), &mut rng::system())
            .expect("a password slot with a device, under a key that was just made");
        let handle = &self.card()?.handle;
        Ok(NewPerson {
            member,
            body: PersonKeys {
                login_name: name.to_owned(),
                opaque_record: registered.upload.into(),
                user_key: user_key.as_bytes().to_vec().into(),
                recovery_key: None,
                slot: slot.to_bytes().into(),
                recovery_slot: None,
            },
            profile: Person {
                login: format!("{name}@{handle}"),
                user_key: user_key.fingerprint(),
                slot_version: context.version,
            },
            user_key,
        })
    }

    /// Enrols a further member. A member of the centre has to confirm before it can read anything (R05).
    pub async fn member(self, dir: &ProfileDir, login_name: &str, password: &Password) -> Result<()> {
        self.expect(CodeKind::Member)?;
        let keys = self.device_keys(dir)?;
        let person = self.new_person(&keys, login_name, password).await?;
        let offer = self.offer(&keys, Some(person.user_key.clone()))?;
        let mac = invite::mac(&self.code.secret, &offer);
        let body = EnrolMember {
            tenant: self.tenant_id()?,
            auth: self.auth(),
            device: device_body(&keys),
            person: person.body,
            mac: mac.as_bytes().to_vec().into(),
        };
        let request = Request::new("POST /v1/auth/enrol/member", &[], Auth::Key(&keys.sign)).json(&body);
        let enrolled: siegel_api::enrol::Enrolled = self.http.json(&request).await?;
        let mut profile = self.profile(enrolled.device, self.code.root)?;
        profile.person = Some(person.profile);
        dir.save(&profile)
    }

    /// The keys that the newcomer offers, as the code's MAC covers them.
    pub(super) fn offer(&self, keys: &DeviceKeys, user_key: Option<KemPublicKey>) -> Result<Offer> {
        Ok(Offer {
            tenant: self.tenant_id()?,
            invite: self.invite.invite,
            kind: self.code.kind,
            principal: self.principal,
            device: self.invite.device,
            sign: keys.sign.public(),
            kem: keys.kem.public(),
            user_key,
            recovery_key: None,
        })
    }
}

pub(super) fn device_body(keys: &DeviceKeys) -> DeviceKeysBody {
    DeviceKeysBody {
        sign_key: keys.sign.public().as_bytes().to_vec().into(),
        kem_key: keys.kem.public().as_bytes().to_vec().into(),
    }
}
