//! Public keys, the roster and the bundle, as clients verify them. The server's word is a signed statement over what the
//! roster says anyway; a log with proofs takes its place later, in the same shape.

use siegel_api::keys::{EpochChange, KeyAnswer, KeyBundle, KeyProof, RosterPage, RosterQuery, SealedBundle};
use siegel_domain::{DeviceId, Party, Permission, Principal};
use siegel_envelope::directory::{Checkpoint, KeyBundle as SignedKeyBundle, KeyStatement};
use siegel_envelope::epoch::EpochStatement;
use siegel_envelope::{KemPublicKey, Roster, SignedBytes, SigningPublicKey};
use siegel_platform::auth::Caller;
use siegel_platform::db::{Connection, DbError};
use siegel_platform::{Problem, Reason, log};
use siegel_proto::events::v1 as events;
use siegel_proto::events::v1::event::Data;

use crate::app::Directory;
use crate::confirm::current;
use crate::login;
use crate::rosters::{self, Change};
use crate::store::{devices, members, roster};

/// Roster entries of one answer: at most about 400 KiB.
const ENTRIES: i64 = 200;

/// The key to seal to for `party`, for anybody of the same tenant. Parties of another tenant, and those nobody has
/// confirmed, do not exist.
pub(crate) async fn party(directory: &Directory, caller: &Caller, party: Party) -> Result<KeyAnswer, Problem> {
    let tenant = caller.tenant_id()?;
    let db = directory.db(tenant).await?;
    // One transaction, so that keys, roster and epoch are of the same moment.
    let mut reading = db.reader().snapshot().await?;
    let roster = directory.rosters.load(&mut reading, tenant).await?.ok_or(Reason::NotFound)?;
    let keys = match party {
        Party::Tenant(id) if id == tenant => tenants_keys(&mut reading).await?,
        Party::Tenant(_) => return Err(Reason::NotFound.into()),
        Party::Sender(_) | Party::Member(_) => persons_keys(&mut reading, &roster, party).await?,
    };
    drop(reading);

    let (now, epoch) = (directory.ctx.clock.now(), roster.epoch().map_or(0, |epoch| epoch.number));
    let bundle = SignedKeyBundle { tenant, party, kem: keys.kem.clone(), sign: keys.sign.clone(), epoch: keys.epoch };
    let (bundle, head) = (bundle.digest(), roster.head());
    let statement = directory.statements.sign(KeyStatement { tenant, party, bundle, epoch, roster: head, time: now });
    let checkpoint = directory.statements.sign(Checkpoint {
        tenant,
        sequence: roster.length(),
        root: roster.root(),
        roster: head,
        epoch,
        time: now,
    });
    Ok(KeyAnswer {
        party,
        bundle: KeyBundle {
            kem_key: keys.kem.as_bytes().to_vec().into(),
            sign_keys: keys.sign.iter().map(|key| (*key.as_bytes()).into()).collect(),
            epoch_statement: keys.epoch_statement.map(Into::into),
            roster_entry: keys.roster_entry.map(Into::into),
        },
        proof: KeyProof::Statement { statement: statement.to_bytes().into() },
        checkpoint: checkpoint.to_bytes().into(),
    })
}

/// Signed entries behind the last one that the client has verified.
pub(crate) async fn roster(directory: &Directory, caller: &Caller, query: &RosterQuery) -> Result<RosterPage, Problem> {
    let db = directory.db(caller.tenant_id()?).await?;
    let from = query.after.map_or(0, |after| after.saturating_add(1));
    let mut reading = db.reader().snapshot().await?;
    let mut entries = roster::entries(&mut *reading, from, ENTRIES + 1).await?;
    let epoch = roster::epoch(&mut *reading).await?;
    let more = entries.len() > ENTRIES as usize;
    entries.truncate(ENTRIES as usize);
    Ok(RosterPage {
        entries: entries.into_iter().map(Into::into).collect(),
        more,
        epoch_statement: epoch.map(|epoch| epoch.statement.into()),
    })
}

/// The tenant's bundle, for a confirmed member.
pub(crate) async fn bundle(directory: &Directory, caller: &Caller) -> Result<SealedBundle, Problem> {
    caller.member()?;
    caller.require(Permission::ReadMailbox)?;
    let db = directory.db(caller.tenant_id()?).await?;
    login::bundle(&db).await?.ok_or(Reason::NotFound.into())
}

/// A new epoch on its own: a key that is rotated. Rotating again with the same entry changes nothing.
pub(crate) async fn rotate(
    directory: &Directory,
    caller: &Caller,
    request: EpochChange,
) -> Result<SealedBundle, Problem> {
    caller.member()?;
    caller.require(Permission::ReadMailbox)?;
    let tenant = caller.tenant_id()?;
    let change = Change::parse(&request)?;
    let db = directory.db(tenant).await?;
    let change = &change;
    let rotating = db.tx("epoch.rotate", |tx| {
        Box::pin(async move {
            if roster::contains(&mut **tx, &change.entry).await? {
                return Ok(());
            }
            let mut roster = current(directory, tx, tenant).await?;
            let number = rosters::change_epoch(tx, &mut roster, change, directory.now_ms()).await?;
            let source = &directory.source;
            let told = Data::EpochChanged(events::EpochChanged { number });
            log::emit(tx, source.event(tenant, tenant, told)).await?;
            log::audit(tx, source.audit_by(tenant, caller.who(), "epoch.rotate", tenant)).await?;
            Ok::<_, Problem>(())
        })
    });
    rotating.await?;
    login::bundle(&db).await?.ok_or(Reason::NotFound.into())
}

struct Keys {
    kem: KemPublicKey,
    sign: Vec<SigningPublicKey>,
    epoch: Option<u64>,
    epoch_statement: Option<Vec<u8>>,
    roster_entry: Option<Vec<u8>>,
}

/// A tenant is sealed to by its inbox key; its members' devices sign for it, and stand in the roster.
async fn tenants_keys(reading: &mut Connection) -> Result<Keys, Problem> {
    let row = roster::epoch(&mut *reading).await?.ok_or(Reason::NotFound)?;
    let statement = SignedBytes::from_bytes_of::<EpochStatement>(&row.statement)
        .ok()
        .and_then(|signed| signed.peek::<EpochStatement>().ok())
        .ok_or_else(|| Problem::from(DbError::corrupt("epochs", "statement", row.number)))?;
    Ok(Keys {
        kem: statement.inbox_key,
        sign: Vec::new(),
        epoch: Some(statement.number),
        epoch_statement: Some(row.statement),
        roster_entry: None,
    })
}

/// A sender is sealed to by its device's key, a member by their user key. Fingerprints come from the roster, and the keys
/// have to fit them.
async fn persons_keys(reading: &mut Connection, roster: &Roster, party: Party) -> Result<Keys, Problem> {
    let corrupt = |table, column| Problem::from(DbError::corrupt(table, column, party));
    let (kem, listed, principal) = match party {
        Party::Sender(id) => {
            let device = roster.senders().get(&id).ok_or(Reason::NotFound)?;
            let key = device_key(reading, device.device).await?.ok_or_else(|| corrupt("devices", "kem_key"))?;
            (key, device.kem, Principal::Sender(id))
        }
        Party::Member(id) => {
            let member = roster.members().get(&id).ok_or(Reason::NotFound)?;
            let row = members::get(&mut *reading, id).await?;
            let key = row.and_then(|row| row.user_key).and_then(|key| KemPublicKey::from_slice(&key).ok());
            (key.ok_or_else(|| corrupt("members", "user_key"))?, member.user_key, Principal::Member(id))
        }
        Party::Tenant(_) => return Err(Reason::NotFound.into()),
    };
    if kem.fingerprint() != listed {
        return Err(corrupt("roster", "entry"));
    }
    let mut sign: Vec<_> = roster.devices(principal).iter().map(|device| device.sign).collect();
    sign.sort_unstable();
    let roster_entry = roster::introducing(&mut *reading, party).await?;
    Ok(Keys { kem, sign, epoch: None, epoch_statement: None, roster_entry })
}

pub(crate) async fn device_key(reading: &mut Connection, device: DeviceId) -> Result<Option<KemPublicKey>, DbError> {
    Ok(devices::get(&mut *reading, device).await?.map(|device| device.kem_key))
}
