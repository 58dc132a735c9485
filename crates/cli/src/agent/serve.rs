//! The agent's own side: `siegel agent`, started by `login`, not meant to be called by people.

use std::io;
use std::path::Path;
use std::time::Duration;

use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::traits::tokio::Listener as _;
use siegel_client::time::{Moment, sleep};
use subtle::ConstantTimeEq as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::protocol::{Cookie, Op, READY, answer, cookie_file, hear};
use crate::os::{self, Address};

/// However busy it is kept, the password is asked for again after this.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// One command's time to ask and read.
const EXCHANGE: Duration = Duration::from_secs(5);

/// Takes the keys from standard input, listens, and holds them until it is over.
pub(crate) async fn serve(profile: &Path, idle: Duration) -> io::Result<()> {
    os::harden();
    let mut keys = Zeroizing::new(Vec::new());
    tokio::io::stdin().read_to_end(&mut keys).await?;
    let cookie: Cookie = siegel_client::rng::bytes();
    let address = Address::of(profile);
    let listener = os::listen(&address)?;
    siegel_client::os::replace(&cookie_file(profile), &cookie)?;
    let mut stdout = tokio::io::stdout();
    stdout.write_all(format!("{READY}\n").as_bytes()).await?;
    stdout.flush().await?;

    let started = Moment::now();
    let mut last_used = Moment::now();
    loop {
        let left = idle.saturating_sub(last_used.elapsed()).min(LONGEST.saturating_sub(started.elapsed()));
        if left.is_zero() {
            break;
        }
        let stream = tokio::select! {
            stream = listener.accept() => stream,
            () = sleep(left) => continue,
        };
        let Ok(mut stream) = stream else { continue };
        let exchanged = tokio::select! {
            exchanged = exchange(&mut stream, &cookie, &mut keys) => exchanged,
            () = sleep(EXCHANGE) => Ok(None),
        };
        match exchanged {
            Ok(Some(Op::End)) => break,
            Ok(Some(_)) => last_used = Moment::now(),
            Ok(None) | Err(_) => {}
        }
    }
    let _ = std::fs::remove_file(cookie_file(profile));
    Ok(())
}

/// One request; answers with the operation if it was allowed.
async fn exchange(stream: &mut Stream, cookie: &Cookie, keys: &mut Zeroizing<Vec<u8>>) -> io::Result<Option<Op>> {
    let request = hear(stream).await?;
    if !bool::from(request.cookie[..].ct_eq(&cookie[..])) {
        answer(stream, None).await?;
        return Ok(None);
    }
    match request.op {
        Op::Get => answer(stream, Some(keys)).await?,
        Op::Put => {
            *keys = request.payload;
            answer(stream, Some(&[])).await?;
        }
        Op::End => answer(stream, Some(&[])).await?,
    }
    Ok(Some(request.op))
}
