//! A login between its two messages: sealed under the tenant's key and kept by the client, so that starting many logins
//! fills no table. Every attempt has the same length, whoever it is for.

use siegel_domain::{DeviceId, MemberId, TenantId};
use siegel_platform::Problem;

use crate::app::{Directory, Place};

/// How long a login may take from start to finish: Argon2id on an old machine, and a slow line.
pub(crate) const LIFE_MS: i64 = 60_000;
/// Bytes of OPAQUE's server state between the messages.
const STATE_BYTES: usize = 128;
const PLAIN_BYTES: usize = 16 + 16 + 16 + 16 + 4 + 1 + 8 + STATE_BYTES;
/// What sealing makes of it: a version byte, a nonce and a tag more.
pub(crate) const SEALED_BYTES: usize = 1 + 12 + PLAIN_BYTES + 16;

/// What has to be known at the finish.
pub(crate) struct Attempt {
    /// Good once.
    pub(crate) id: [u8; 16],
    pub(crate) member: MemberId,
    pub(crate) device: DeviceId,
    /// What the start was charged to.
    pub(crate) account: [u8; 16],
    /// Which server set-up the record was made under.
    pub(crate) setup: u32,
    /// Whether there is such a member with such a device.
    pub(crate) real: bool,
    pub(crate) expires_ms: i64,
}

/// The handle the client gets: the tenant's id in front, so that the finish finds the key.
pub(crate) async fn seal(
    directory: &Directory,
    tenant: TenantId,
    attempt: &Attempt,
    state: &[u8],
) -> Result<Vec<u8>, Problem> {
    let sealed = directory.seal(tenant, place(), &plain(attempt, state)).await?;
    Ok(with_tenant(tenant, sealed))
}

/// The attempt behind a handle, if it is one of ours and not too old.
pub(crate) async fn open(
    directory: &Directory,
    handle: &[u8],
) -> Result<Option<(TenantId, Attempt, Vec<u8>)>, Problem> {
    let Some((tenant, sealed)) = handle.split_first_chunk::<16>() else { return Ok(None) };
    let tenant = TenantId::from_bytes(*tenant);
    if sealed.len() != SEALED_BYTES || directory.ctx.tenants.get(tenant).is_none() {
        return Ok(None);
    }
    let Ok(plain) = directory.unseal(tenant, place(), sealed).await else { return Ok(None) };
    let attempt = read(&plain).filter(|(attempt, _)| directory.now_ms() < attempt.expires_ms);
    Ok(attempt.map(|(attempt, state)| (tenant, attempt, state)))
}

fn place() -> Place<'static> {
    Place("login", "attempt", "state")
}

pub(crate) fn with_tenant(tenant: TenantId, sealed: Vec<u8>) -> Vec<u8> {
    let mut handle = tenant.as_bytes().to_vec();
    handle.extend(sealed);
    handle
}

/// Fields of fixed lengths, one after the other.
fn plain(attempt: &Attempt, state: &[u8]) -> Vec<u8> {
    debug_assert_eq!(state.len(), STATE_BYTES);
    let mut plain = Vec::with_capacity(PLAIN_BYTES);
    plain.extend(attempt.id);
    plain.extend(attempt.member.as_bytes());
    plain.extend(attempt.device.as_bytes());
    plain.extend(attempt.account);
    plain.extend(attempt.setup.to_be_bytes());
    plain.push(u8::from(attempt.real));
    plain.extend(attempt.expires_ms.to_be_bytes());
    plain.extend(state);
    plain
}

fn read(plain: &[u8]) -> Option<(Attempt, Vec<u8>)> {
    let (id, rest) = plain.split_first_chunk::<16>()?;
    let (member, rest) = rest.split_first_chunk::<16>()?;
    let (device, rest) = rest.split_first_chunk::<16>()?;
    let (account, rest) = rest.split_first_chunk::<16>()?;
    let (setup, rest) = rest.split_first_chunk::<4>()?;
    let (real, rest) = rest.split_first()?;
    let (expires_ms, state) = rest.split_first_chunk::<8>()?;
    let attempt = Attempt {
        id: *id,
        member: MemberId::from_bytes(*member),
        device: DeviceId::from_bytes(*device),
        account: *account,
        setup: u32::from_be_bytes(*setup),
        real: *real == 1,
        expires_ms: i64::from_be_bytes(*expires_ms),
    };
    (state.len() == STATE_BYTES).then(|| (attempt, state.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_survives_and_has_one_length() {
        let attempt = |real| Attempt {
            id: [1; 16],
            member: MemberId::from_bytes([2; 16]),
            device: DeviceId::from_bytes([3; 16]),
            account: [4; 16],
            setup: 7,
            real,
            expires_ms: 5,
        };
        let bytes = plain(&attempt(true), &[6; STATE_BYTES]);
        assert_eq!(bytes.len(), plain(&attempt(false), &[0; STATE_BYTES]).len());
        let (read, state) = read(&bytes).unwrap();
        assert_eq!((read.id, read.account, read.setup, read.real), ([1; 16], [4; 16], 7, true));
        assert_eq!(read.expires_ms, 5);
        assert_eq!((read.member, state), (attempt(true).member, vec![6; STATE_BYTES]));
        assert!(super::read(&bytes[1..]).is_none());
    }
}
