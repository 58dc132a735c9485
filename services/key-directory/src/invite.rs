//! Inviting members and senders. Code and id are made by the inviting client; the server gets a hash of the code's
//! authenticator, and the secret only as the client sealed it for the other members. Inviting again with the same code answers the same.

use siegel_api::members::{InviteMade, InviteMember, InviteSender, ReturnReport};
use siegel_domain::limits::{MEMBERS_PER_TENANT, SENDERS_PER_TENANT};
use siegel_domain::time::HOUR_MS;
use siegel_domain::{DeviceId, InviteId, MemberId, Permission, Principal, Role, SenderId};
use siegel_platform::auth::Caller;
use siegel_platform::db::violated;
use siegel_platform::{Problem, Reason, log};

use crate::app::{Directory, Place};
use crate::store::invites::InviteRow;
use crate::store::{invites, members, senders};

const HOURS: std::ops::RangeInclusive<u32> = 1..=720;
const HOURS_DEFAULT: u32 = 72;
/// A sealed secret of 16 bytes, generously.
const SEALED_CODE_BYTES: usize = 1_024;
/// A sealed and padded name, generously.
const SEALED_LABEL_BYTES: usize = 4_096;

/// Who is invited.
enum Guest {
    Member(MemberId, Role),
    Sender(SenderId, ReturnReport),
}

impl Guest {
    fn principal(&self) -> Principal {
        match self {
            Self::Member(id, _) => Principal::Member(*id),
            Self::Sender(id, _) => Principal::Sender(*id),
        }
    }

    const fn role(&self) -> Role {
        match self {
            Self::Member(_, role) => *role,
            Self::Sender(..) => Role::Sender,
        }
    }

    const fn table(&self) -> &'static str {
        match self {
            Self::Member(..) => "members",
            Self::Sender(..) => "senders",
        }
    }
}

/// What both kinds of invitation carry.
struct Card<'a> {
    auth_hash: &'a [u8],
    sealed_code: &'a [u8],
    sealed_label: &'a [u8],
    expires_in_h: Option<u32>,
}

/// Invites a member; owners may.
pub(crate) async fn member(
    directory: &Directory,
    caller: &Caller,
    request: InviteMember,
) -> Result<InviteMade, Problem> {
    caller.require(Permission::ManageMembers)?;
    if !matches!(request.role, Role::Owner | Role::Member) {
        return Err(Problem::invalid("role", "has to be owner or member"));
    }
    let guest = Guest::Member(request.member, request.role);
    let card = Card {
        auth_hash: &request.auth_hash,
        sealed_code: &request.sealed_code,
        sealed_label: &request.sealed_label,
        expires_in_h: request.expires_in_h,
    };
    invite(directory, caller, &guest, &card).await
}

/// Invites a sender; members may.
pub(crate) async fn sender(
    directory: &Directory,
    caller: &Caller,
    request: InviteSender,
) -> Result<InviteMade, Problem> {
    caller.require(Permission::ManageSenders)?;
    let guest = Guest::Sender(request.sender, request.return_report);
    let card = Card {
        auth_hash: &request.auth_hash,
        sealed_code: &request.sealed_code,
        sealed_label: &request.sealed_label,
        expires_in_h: request.expires_in_h,
    };
    invite(directory, caller, &guest, &card).await
}

async fn invite(directory: &Directory, caller: &Caller, guest: &Guest, card: &Card<'_>) -> Result<InviteMade, Problem> {
    let hours = check(card)?;
    let tenant = directory.tenant(caller.tenant_id()?)?.id;
    let db = directory.db(tenant).await?;
    if let Some(before) = invites::by_auth(db.reader(), card.auth_hash).await? {
        return repeated(&before, guest);
    }

    let now_ms = directory.now_ms();
    let id = InviteId::from_bytes(directory.ctx.rng.bytes());
    let code = directory.seal(tenant, Place("invites", &id.to_string(), "sealed_code"), card.sealed_code).await?;
    let row = guest.principal().to_string();
    let label = directory.seal(tenant, Place(guest.table(), &row, "sealed_label"), card.sealed_label).await?;
    let invite = InviteRow {
        id,
        auth_hash: card.auth_hash.to_vec(),
        founder: false,
        role: guest.role(),
        principal: guest.principal(),
        device: DeviceId::from_bytes(directory.ctx.rng.bytes()),
        sealed_code: Some(code),
        mac: None,
        expires_ms: now_ms + i64::from(hours) * HOUR_MS,
        used_ms: None,
    };
    let (invite, label) = (&invite, &label);
    let inviting = db.tx("invite", |tx| {
        Box::pin(async move {
            if !invites::insert(tx, invite, now_ms).await? {
                return Err(Problem::new(Reason::Conflict)); // the same request at the same time: ask again
            }
            let action = match *guest {
                Guest::Member(id, role) => {
                    limit(members::count(&mut **tx).await?, MEMBERS_PER_TENANT)?;
                    members::insert_invited(tx, id, role, Some(label), now_ms).await.map_err(|e| taken("member", e))?;
                    "member.invite"
                }
                Guest::Sender(id, wish) => {
                    limit(senders::count(&mut **tx).await?, SENDERS_PER_TENANT)?;
                    senders::insert_invited(tx, id, wish, label, now_ms).await.map_err(|e| taken("sender", e))?;
                    "sender.invite"
                }
            };
            log::audit(tx, directory.source.audit_by(tenant, caller.who(), action, invite.principal)).await?;
            Ok(())
        })
    });
    inviting.await?;
    Ok(made(invite))
}

fn check(card: &Card<'_>) -> Result<u32, Problem> {
    if card.auth_hash.len() != 32 {
        return Err(Problem::invalid("auth_hash", "has to be 32 bytes"));
    }
    if !(1..=SEALED_CODE_BYTES).contains(&card.sealed_code.len()) {
        return Err(Problem::invalid("sealed_code", format!("has to be 1 to {SEALED_CODE_BYTES} bytes")));
    }
    if !(1..=SEALED_LABEL_BYTES).contains(&card.sealed_label.len()) {
        return Err(Problem::invalid("sealed_label", format!("has to be 1 to {SEALED_LABEL_BYTES} bytes")));
    }
    let hours = card.expires_in_h.unwrap_or(HOURS_DEFAULT);
    if HOURS.contains(&hours) { Ok(hours) } else { Err(Problem::invalid("expires_in_h", "has to be 1 to 720")) }
}

/// The same code again, after a lost answer: the same invitation. For another role it is a mistake.
fn repeated(before: &InviteRow, guest: &Guest) -> Result<InviteMade, Problem> {
    if before.role != guest.role() || before.principal != guest.principal() || before.used_ms.is_some() {
        return Err(
            Problem::new(Reason::AlreadyExists).field("auth_hash", "belongs to another invitation; make a new code")
        );
    }
    Ok(made(before))
}

fn made(invite: &InviteRow) -> InviteMade {
    InviteMade { invite: invite.id, principal: invite.principal.to_string(), expires_ms: invite.expires_ms }
}

fn limit(count: i64, limit: usize) -> Result<(), Problem> {
    if usize::try_from(count).is_ok_and(|count| count < limit) { Ok(()) } else { Err(Reason::LimitReached.into()) }
}

/// The client drew an id that somebody has: by mistake, since by chance it does not happen.
fn taken(field: &'static str, error: siegel_platform::db::DbError) -> Problem {
    if violated(&error).is_none() {
        return error.into();
    }
    Problem::new(Reason::AlreadyExists).field(field, "is taken; draw another id")
}
