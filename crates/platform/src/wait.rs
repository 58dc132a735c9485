//! Waiting for what another program makes at its first start: the order of starting does not matter, for a minute. Then it is
//! said what was waited for, and whoever started us starts us again.

use crate::clock::Clock;

/// How long a program waits for another one.
const PATIENCE_MS: i64 = 60_000;
/// And how often it looks.
const EVERY_MS: i64 = 250;

/// Nobody made it.
#[derive(Debug, thiserror::Error)]
#[error("waited in vain until {0}: start siegel-operator on the same parts, then this program again")]
pub struct InVain(&'static str);

/// What `look` finds, as soon as it finds something.
pub(crate) async fn until<T, E: From<InVain>, Found: Future<Output = Result<Option<T>, E>>>(
    clock: &dyn Clock,
    what: &'static str,
    look: impl Fn() -> Found,
) -> Result<T, E> {
    let began_ms = clock.monotonic_ms();
    let mut said = false;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if clock.monotonic_ms() - began_ms > PATIENCE_MS {
            return Err(InVain(what).into());
        }
        if !std::mem::replace(&mut said, true) {
            tracing::info!("waiting until {what}");
        }
        clock.sleep(EVERY_MS).await;
    }
}
