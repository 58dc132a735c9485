//! Starting while a part is away, or before the operator has made what a service needs. After a power cut everything starts at
//! once, in any order, and a store of secrets may be electing while we sign in. A program that ended then would be started again
//! by a supervisor, with ever longer pauses; so it waits itself, and listens on no address meanwhile: whoever looks sees that it
//! is not ready. What does not pass by itself ends it at once.

use anyhow::{Context as _, Result};

use crate::clock::Clock;
use crate::db;
use crate::secrets::Unavailable;

/// How long parts may be away while a program starts: the slowest failover (a whole zone, about 20 s) and some room.
const PATIENCE_MS: i64 = 60_000;
/// From one attempt to the next. Opening asks little, and what it asks does not come back sooner for being asked less.
const PAUSE_MS: i64 = 1_000;

/// Nobody has made it so far.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("not until {0}: start siegel-operator on the same parts, if it does not run")]
pub struct NotYet(pub(crate) &'static str);

/// Opens what `open` opens; again, if it could not because a part was away or something not made yet.
pub async fn until_open<T>(clock: &dyn Clock, open: impl AsyncFn() -> Result<T>) -> Result<T> {
    let until_ms = clock.monotonic_ms() + PATIENCE_MS;
    let mut told = None;
    loop {
        let error = match open().await {
            Ok(opened) => {
                if told.is_some() {
                    tracing::info!("what was waited for is there");
                }
                return Ok(opened);
            }
            Err(error) => error,
        };
        let Some(why) = passing(&error) else { return Err(error) };
        if clock.monotonic_ms() >= until_ms {
            return Err(error).with_context(|| format!("waited for {} seconds", PATIENCE_MS / 1_000));
        }
        if told.as_ref() != Some(&why) {
            tracing::warn!(why, "waiting for a part before this program starts");
            told = Some(why);
        }
        clock.sleep(PAUSE_MS).await;
    }
}

/// The sentence about what is away, if that is why opening failed.
fn passing(error: &anyhow::Error) -> Option<String> {
    // As a context it is found in the error, and as a source in the chain.
    let not_yet = error.downcast_ref::<NotYet>().or_else(|| error.chain().find_map(|cause| cause.downcast_ref()));
    let secrets = error.chain().find_map(|cause| cause.downcast_ref::<Unavailable>());
    secrets
        .map(Unavailable::to_string)
        .or_else(|| not_yet.map(NotYet::to_string))
        .or_else(|| db::is_away(error.as_ref()).then(|| "the database can't be reached".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use siegel_domain::Timestamp;

    use super::*;
    use crate::clock::ManualClock;
    use crate::db::DbError;
    use crate::secrets::SecretsError;
    use crate::tls::TlsError;

    /// What comes of opening that fails as often as `fails`, and how often it was tried.
    async fn attempts(fails: u32, error: impl Fn() -> anyhow::Error) -> (u32, Result<()>) {
        let (clock, count) = (ManualClock::new(Timestamp(0)), Cell::new(0));
        let open = async || {
            count.set(count.get() + 1);
            if count.get() > fails { Ok(()) } else { Err(error()) }
        };
        let time = async {
            loop {
                clock.sleeping(1).await;
                clock.advance_ms(PAUSE_MS);
                tokio::task::yield_now().await;
            }
        };
        let opened = tokio::select! {
            biased;
            opened = until_open(&clock, open) => opened,
            () = time => unreachable!("time goes on for ever"),
        };
        (count.get(), opened)
    }

    fn sealed() -> anyhow::Error {
        anyhow::Error::new(SecretsError::Unavailable(Unavailable::Sealed)).context("can't open the secrets")
    }

    #[tokio::test]
    async fn a_part_that_is_away_is_waited_for_and_not_for_ever() {
        assert!(matches!(attempts(3, sealed).await, (4, Ok(()))));
        let later = || anyhow::Error::new(TlsError::from(SecretsError::from(Unavailable::Sealed)));
        assert!(matches!(attempts(1, later).await, (2, Ok(()))));
        let away = || anyhow::Error::new(DbError::from(sqlx::Error::WorkerCrashed)).context("can't read the tenants");
        assert!(matches!(attempts(2, away).await, (3, Ok(()))));
        let early =
            || anyhow::Error::new(TlsError::NotYet(NotYet("the operator has made the CA"))).context("no certificate");
        assert!(matches!(attempts(1, early).await, (2, Ok(()))));
        let early =
            || anyhow::anyhow!("password").context(NotYet("the operator has made our role")).context("no database");
        assert!(matches!(attempts(1, early).await, (2, Ok(()))));
        let (tried, opened) = attempts(u32::MAX, sealed).await;
        let sentence = format!("{:#}", opened.unwrap_err());
        assert_eq!(tried, 61);
        assert!(sentence.contains("waited for 60 seconds") && sentence.contains("unseal it"), "{sentence}");
    }

    #[tokio::test]
    async fn what_does_not_pass_by_itself_is_said_at_once() {
        let wrong = || anyhow::Error::new(SecretsError::Denied).context("can't open the secrets");
        assert!(matches!(attempts(1, wrong).await, (1, Err(_))));
    }
}
