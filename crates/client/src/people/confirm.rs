//! Confirming a newcomer: its keys must carry the MAC that only the code's holder can make. Then they are signed into the
//! roster, and a member gets the centre's keys, sealed (R05: no automatic process can do this).

use siegel_api::members::{ConfirmMember, ConfirmSender, Member, Pending};
use siegel_crypto::invite::Promise;
use siegel_crypto::{EpochRing, invite};
use siegel_domain::{MemberId, Role, SenderId};
use siegel_envelope::enrol::{EnrolmentMac, Offer};
use siegel_envelope::{CodeKind, Digest, KemPublicKey, RosterChange, SigningPublicKey};

use super::change::Race;
use crate::error::{Code, Error, Problem, Result, Untrusted};
use crate::http::Request;
use crate::session::Session;

impl Session {
    /// Confirms a sender that used its code.
    pub async fn confirm_sender(&self, id: SenderId) -> Result<()> {
        let (sender, _) = self.sender(id).await?;
        let pending = sender.item.pending.ok_or_else(nothing_pending)?;
        let ring = self.ring().await?;
        let promise = Promise { principal: id.into(), role: Role::Sender };
        let offer = self.verified_offer(&ring, &pending, CodeKind::Sender, promise)?;
        let mut race = Race::default();
        loop {
            let outcome = self.sign_in_sender(id, &offer).await;
            if !race.lost(&outcome) {
                outcome?;
                return self.refresh_directory().await.map(drop);
            }
        }
    }

    async fn sign_in_sender(&self, id: SenderId, offer: &Offer) -> Result<()> {
        let directory = self.refresh_directory().await?;
        let device = offer.roster_device();
        // Enrolled again under new keys (K08): the old ones lose their right with this entry.
        let change = match directory.roster().senders().contains_key(&id) {
            true => RosterChange::SetSenderKey { sender: id, device },
            false => RosterChange::AddSender { sender: id, device },
        };
        let next = self.next_entry(directory.roster(), change)?;
        let body = ConfirmSender { roster_entry: next.entry.to_bytes().into() };
        let request = Request::new("POST /v1/senders/{id}/confirm", &[&id], self.auth()).json(&body);
        self.http().done(&request).await
    }

    /// Confirms a member that used its code, and seals the centre's keys to it.
    pub async fn confirm_member(&self, id: MemberId) -> Result<()> {
        let member = self.member_item(id).await?;
        let pending = member.pending.ok_or_else(nothing_pending)?;
        let ring = self.ring().await?;
        let promise = Promise { principal: id.into(), role: member.role };
        let offer = self.verified_offer(&ring, &pending, CodeKind::Member, promise)?;
        let mut race = Race::default();
        loop {
            let outcome = self.sign_in_member(id, member.role, &offer).await;
            if !race.lost(&outcome) {
                outcome?;
                return self.refresh_directory().await.map(drop);
            }
        }
    }

    async fn sign_in_member(&self, id: MemberId, role: Role, offer: &Offer) -> Result<()> {
        let directory = self.refresh_directory().await?;
        let ring = self.ring().await?;
        let user_key = offer.user_key.clone().ok_or(Untrusted::Newcomer)?;
        let change = RosterChange::AddMember {
            member: id,
            role,
            user_key: user_key.fingerprint(),
            recovery_key: offer.recovery_key,
            device: offer.roster_device(),
        };
        let next = self.next_entry(directory.roster(), change)?;
        let bundle = self.sealed_for(&ring, &next.roster, Some((id, user_key))).await?;
        let body = ConfirmMember { roster_entry: next.entry.to_bytes().into(), bundle: bundle.to_bytes().into() };
        let request = Request::new("POST /v1/members/{id}/confirm", &[&id], self.auth()).json(&body);
        self.http().done(&request).await
    }

    async fn member_item(&self, id: MemberId) -> Result<Member> {
        let members = self.members().await?;
        let found = members.into_iter().find(|member| member.item.id == id);
        found.map(|member| member.item).ok_or_else(|| Problem::local(Code::NotFound, "There is no such member"))
    }

    /// The keys that the newcomer offered, if the MAC over exactly these was made with the code, and the code was made
    /// for this newcomer and role.
    fn verified_offer(&self, ring: &EpochRing, pending: &Pending, kind: CodeKind, promise: Promise) -> Result<Offer> {
        let bad = || Error::from(Untrusted::Newcomer);
        let hash = Digest::from_slice(&pending.auth_hash).ok_or_else(bad)?;
        let secret = invite::open_code(ring, &pending.sealed_code, &hash, promise).map_err(|_| bad())?;
        let signing = |bytes: &siegel_api::Bytes| {
            bytes.array().and_then(|bytes| SigningPublicKey::from_bytes(bytes).ok()).ok_or_else(bad)
        };
        let kem = |bytes: &siegel_api::Bytes| KemPublicKey::from_slice(bytes).map_err(|_| bad());
        let offer = Offer {
            tenant: self.profile().tenant()?.id,
            invite: pending.invite,
            kind,
            principal: promise.principal,
            device: pending.device,
            sign: signing(&pending.device_keys.sign_key)?,
            kem: kem(&pending.device_keys.kem_key)?,
            user_key: pending.user_key.as_ref().map(kem).transpose()?,
            recovery_key: pending.recovery_key.as_ref().map(signing).transpose()?,
        };
        let mac = EnrolmentMac::from_slice(&pending.mac).ok_or_else(bad)?;
        invite::verify_mac(&secret, &offer, &mac).map_err(|_| bad())?;
        Ok(offer)
    }
}

fn nothing_pending() -> Error {
    Problem::local(Code::Conflict, "There is nothing to confirm: the code was not used yet, or it is done already")
}
