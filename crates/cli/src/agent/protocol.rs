//! What a command and the agent say to each other: one request and one answer a connection.
//!
//! ```text
//! request = 32 bytes cookie ‖ 1 byte operation ‖ u32 length (big-endian) ‖ payload
//! answer  = 1 byte status ‖ u32 length ‖ payload
//! ```
//! The cookie lies beside the profile (mode 0600): whoever can't read the user's files can't ask, even where the
//! operating system would let another user open the pipe.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

/// Proof that a request comes from this user.
pub(super) type Cookie = [u8; 32];
/// What the agent says on standard output when commands can connect.
pub(super) const READY: &str = "ready";
/// Keys of a member, thousands of epochs included.
const PAYLOAD_BYTES: u32 = 1024 * 1024;

/// Where a profile's cookie lies while its agent runs.
pub(super) fn cookie_file(profile: &Path) -> PathBuf {
    profile.join("agent.cookie")
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Op {
    /// Hand the unlocked keys out.
    Get = 1,
    /// Hold these instead.
    Put = 2,
    /// Forget them and end.
    End = 3,
}

impl Op {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Get, Self::Put, Self::End].into_iter().find(|op| *op as u8 == byte)
    }
}

/// A request as it arrived.
pub(super) struct Request {
    pub(super) cookie: Zeroizing<Cookie>,
    pub(super) op: Op,
    pub(super) payload: Zeroizing<Vec<u8>>,
}

/// Sends a request.
pub(super) async fn ask(to: &mut (impl AsyncWrite + Unpin), cookie: &Cookie, op: Op, payload: &[u8]) -> io::Result<()> {
    to.write_all(cookie).await?;
    to.write_u8(op as u8).await?;
    frame(to, payload).await
}

/// Reads a request.
pub(super) async fn hear(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Request> {
    let mut cookie = Zeroizing::new([0; 32]);
    from.read_exact(&mut cookie[..]).await?;
    let op = Op::from_byte(from.read_u8().await?).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok(Request { cookie, op, payload: unframe(from).await? })
}

/// Sends an answer; `None` = refused.
pub(super) async fn answer(to: &mut (impl AsyncWrite + Unpin), payload: Option<&[u8]>) -> io::Result<()> {
    to.write_u8(u8::from(payload.is_some())).await?;
    frame(to, payload.unwrap_or_default()).await
}

/// Reads an answer.
pub(super) async fn reply(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let accepted = from.read_u8().await? == 1;
    let payload = unframe(from).await?;
    Ok(accepted.then_some(payload))
}

async fn frame(to: &mut (impl AsyncWrite + Unpin), payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    to.write_u32(length).await?;
    to.write_all(payload).await?;
    to.flush().await
}

async fn unframe(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Zeroizing<Vec<u8>>> {
    let length = from.read_u32().await?;
    if length > PAYLOAD_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut payload = Zeroizing::new(vec![0; length as usize]);
    from.read_exact(&mut payload).await?;
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_and_answers_survive_and_nonsense_is_refused() {
        let mut wire = Vec::new();
        ask(&mut wire, &[7; 32], Op::Put, b"keys").await.unwrap();
        let heard = hear(&mut wire.as_slice()).await.unwrap();
        assert_eq!((*heard.cookie, heard.op, heard.payload.as_slice()), ([7; 32], Op::Put, b"keys".as_slice()));

        let mut wire = Vec::new();
        answer(&mut wire, Some(b"keys")).await.unwrap();
        assert_eq!(reply(&mut wire.as_slice()).await.unwrap().unwrap().as_slice(), b"keys");
        let mut wire = Vec::new();
        answer(&mut wire, None).await.unwrap();
        assert!(reply(&mut wire.as_slice()).await.unwrap().is_none());

        let long = [&[7; 32][..], &[1], &u32::MAX.to_be_bytes()].concat();
        assert!(hear(&mut long.as_slice()).await.is_err(), "a length that would fill the memory");
        let unknown = [&[7; 32][..], &[9], &0u32.to_be_bytes()].concat();
        assert!(hear(&mut unknown.as_slice()).await.is_err(), "an operation that does not exist");
        assert!(hear(&mut &long[..20]).await.is_err(), "half a request");
    }
}
