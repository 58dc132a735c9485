//! Inviting: the code is made here and handed over by the person who made it, never through the platform (C02, R05).

use siegel_api::members::{InviteMade, InviteMember, InviteSender, ReturnReport};
use siegel_crypto::invite::Promise;
use siegel_crypto::{EpochRing, invite, label};
use siegel_domain::{InviteId, MemberId, Principal, Role, SenderId};
use siegel_envelope::code::CodeSecret;
use siegel_envelope::{CodeKind, EnrolmentCode};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::http::Request;
use crate::rng;
use crate::session::Session;

/// A code to hand over, once.
pub struct Invitation {
    /// The code. Whoever has it can use it once: hand it over in person, by telephone or by post.
    pub code: Zeroizing<String>,
    /// Who the newcomer will be.
    pub principal: Principal,
    /// The invitation.
    pub invite: InviteId,
    /// Until when the code can be used.
    pub expires_ms: i64,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// Characters of a person's or sender's name.
const NAME_CHARS: usize = 100;

impl Session {
    /// Sets up a sender under a name that only the centre's members can read.
    pub async fn invite_sender(
        &self,
        name: &str,
        return_report: ReturnReport,
        expires_in_h: Option<u32>,
    ) -> Result<Invitation> {
        let ring = self.ring().await?;
        let sender = SenderId::from_bytes(rng::bytes());
        let secret = invite::generate(&mut rng::system());
        let body = InviteSender {
            sender,
            auth_hash: auth_hash(&secret),
            sealed_code: sealed_code(&ring, &secret, Promise { principal: sender.into(), role: Role::Sender }),
            sealed_label: sealed_name(&ring, &sender.to_string(), name)?,
            return_report,
            expires_in_h,
        };
        let request = Request::new("POST /v1/senders", &[], self.auth()).json(&body);
        let made: InviteMade = self.http().json(&request).await?;
        self.invitation(CodeKind::Sender, secret, sender.into(), made)
    }

    /// Invites a further member or owner.
    pub async fn invite_member(&self, name: &str, role: Role, expires_in_h: Option<u32>) -> Result<Invitation> {
        let ring = self.ring().await?;
        let member = MemberId::from_bytes(rng::bytes());
        let secret = invite::generate(&mut rng::system());
        let body = InviteMember {
            member,
            role,
            auth_hash: auth_hash(&secret),
            sealed_code: sealed_code(&ring, &secret, Promise { principal: member.into(), role }),
            sealed_label: sealed_name(&ring, &member.to_string(), name)?,
            expires_in_h,
        };
        let request = Request::new("POST /v1/members/invites", &[], self.auth()).json(&body);
        let made: InviteMade = self.http().json(&request).await?;
        self.invitation(CodeKind::Member, secret, member.into(), made)
    }

    fn invitation(
        &self,
        kind: CodeKind,
        secret: CodeSecret,
        principal: Principal,
        made: InviteMade,
    ) -> Result<Invitation> {
        let tenant = self.profile().tenant()?;
        let code = EnrolmentCode {
            url: self.http().origin().to_owned(),
            ca: self.profile().ca,
            tenant: Some(tenant.id),
            kind,
            secret,
            root: Some(tenant.root),
        };
        Ok(Invitation { code: code.to_text(), principal, invite: made.invite, expires_ms: made.expires_ms })
    }
}

fn auth_hash(secret: &CodeSecret) -> siegel_api::Bytes {
    invite::auth(secret).stored().as_bytes().to_vec().into()
}

fn sealed_code(ring: &EpochRing, secret: &CodeSecret, promise: Promise) -> siegel_api::Bytes {
    invite::seal_code(ring.current(), secret, promise, &mut rng::system()).into()
}

/// A name, sealed to what it names.
pub(crate) fn sealed_name(ring: &EpochRing, subject: &str, name: &str) -> Result<siegel_api::Bytes> {
    let name = siegel_domain::text::non_empty_line(name, NAME_CHARS).map_err(|error| Error::input("name", error))?;
    let sealed = label::seal(ring.current(), subject, &name, &mut rng::system());
    Ok(sealed.map_err(|error| Error::input("name", error))?.into())
}
