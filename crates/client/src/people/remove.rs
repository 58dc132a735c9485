//! Removing: sessions die first, at the server; then the roster says so, and a new epoch makes sure that who is gone can't
//! read what comes next.

use siegel_api::members::{RemoveMember, RemoveSender, RevokeDevice};
use siegel_crypto::EpochRing;
use siegel_domain::{DeviceId, MemberId, Principal, SenderId};
use siegel_envelope::RosterChange;

use super::change::Race;
use crate::error::{Code, Problem, Result};
use crate::http::Request;
use crate::session::Session;

const REVOKE: &str = "POST /v1/devices/{id}/revoke";

impl Session {
    /// Removes a member with all devices, and makes a new epoch without it.
    pub async fn remove_member(&self, id: MemberId) -> Result<()> {
        let mut race = Race::default();
        loop {
            let outcome = self.sign_out_member(id).await;
            if !race.lost(&outcome) {
                return self.after_epoch(outcome?).await;
            }
        }
    }

    async fn sign_out_member(&self, id: MemberId) -> Result<EpochRing> {
        let directory = self.refresh_directory().await?;
        let ring = self.ring().await?;
        let next = self.next_entry(directory.roster(), RosterChange::RemoveMember { member: id })?;
        let (epoch, ring) = self.new_epoch(&ring, &next.roster).await?;
        let body = RemoveMember { roster_entry: next.entry.to_bytes().into(), epoch };
        let request = Request::new("POST /v1/members/{id}/remove", &[&id], self.auth()).json(&body);
        self.http().done(&request).await.map(|()| ring)
    }

    /// Removes a sender: confirmed, pending or only invited.
    pub async fn remove_sender(&self, id: SenderId) -> Result<()> {
        let mut race = Race::default();
        loop {
            let outcome = self.sign_out_sender(id).await;
            if !race.lost(&outcome) {
                outcome?;
                return self.refresh_directory().await.map(drop);
            }
        }
    }

    async fn sign_out_sender(&self, id: SenderId) -> Result<()> {
        let directory = self.refresh_directory().await?;
        let entry = match directory.roster().senders().contains_key(&id) {
            true => Some(self.next_entry(directory.roster(), RosterChange::RemoveSender { sender: id })?),
            false => None,
        };
        let body = RemoveSender { roster_entry: entry.map(|next| next.entry.to_bytes().into()) };
        let request = Request::new("POST /v1/senders/{id}/remove", &[&id], self.auth()).json(&body);
        self.http().done(&request).await
    }

    /// Revokes a lost or stolen device of a member.
    pub async fn revoke_device(&self, id: DeviceId) -> Result<()> {
        if let Principal::Dealer(_) = self.profile().principal {
            let request = Request::new(REVOKE, &[&id], self.auth()).json(&RevokeDevice::default());
            return self.http().done(&request).await;
        }
        let mut race = Race::default();
        loop {
            let outcome = self.sign_out_device(id).await;
            if !race.lost(&outcome) {
                return self.after_epoch(outcome?).await;
            }
        }
    }

    async fn sign_out_device(&self, id: DeviceId) -> Result<EpochRing> {
        let directory = self.refresh_directory().await?;
        let ring = self.ring().await?;
        let mut members = directory.roster().members().iter();
        let owner = members.find(|(_, member)| member.devices.contains_key(&id)).map(|(id, _)| *id);
        let member =
            owner.ok_or_else(|| Problem::local(Code::NotFound, "No member of the centre has such a device"))?;
        let next = self.next_entry(directory.roster(), RosterChange::RemoveDevice { member, device: id })?;
        let (epoch, ring) = self.new_epoch(&ring, &next.roster).await?;
        let body = RevokeDevice { roster_entry: Some(next.entry.to_bytes().into()), epoch: Some(epoch) };
        let request = Request::new(REVOKE, &[&id], self.auth()).json(&body);
        self.http().done(&request).await.map(|()| ring)
    }

    /// A new epoch without a change of members: after a suspicion, or every now and then. Answers with its number.
    pub async fn rotate_epoch(&self) -> Result<u64> {
        let mut race = Race::default();
        loop {
            let outcome = self.announce_epoch().await;
            if !race.lost(&outcome) {
                let ring = outcome?;
                let number = ring.current().number();
                return self.after_epoch(ring).await.map(|()| number);
            }
        }
    }

    async fn announce_epoch(&self) -> Result<EpochRing> {
        let directory = self.refresh_directory().await?;
        let ring = self.ring().await?;
        let (epoch, ring) = self.new_epoch(&ring, directory.roster()).await?;
        let request = Request::new("POST /v1/keys/epochs", &[], self.auth()).json(&epoch);
        self.http().done(&request).await.map(|()| ring)
    }

    async fn after_epoch(&self, ring: EpochRing) -> Result<()> {
        self.set_ring(ring);
        self.refresh_directory().await.map(drop)
    }
}
