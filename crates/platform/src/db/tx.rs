//! Transactions: named, begun as writers, retried in one place, counted by name.

use std::error::Error as StdError;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;

use futures::future::BoxFuture;
use sqlx::sqlite::SqliteConnection;

use super::error::{Cause, cause_in};
use super::lane::Turn;
use super::{Db, DbError};

/// Attempts of one transaction, the first included.
const ATTEMPTS: u32 = 6;
/// The wait before the second attempt; doubles each time, with jitter.
const FIRST_WAIT_MS: i64 = 5;

/// A running transaction. Derefs to the connection, so statements take `&mut **tx`. Functions take `tx: &mut Tx<'_>`.
///
/// `'w` is the lifetime of what the work borrows: since `&'c mut Tx<'w>` can only be written where `'w` outlives `'c`, a
/// closure over borrowed values may return a future that lives for `'c`.
pub struct Tx<'w> {
    turn: Turn,
    wake: bool,
    work: PhantomData<&'w ()>,
}

/// What a transaction's closure returns: `Box::pin(async move { … })`.
pub type Work<'c, T, E> = BoxFuture<'c, Result<T, E>>;

impl Tx<'_> {
    /// After the commit, tells whoever waits for events of this database that there are some. Called by `log::emit`.
    pub fn wake_after_commit(&mut self) {
        self.wake = true;
    }
}

impl Deref for Tx<'_> {
    type Target = SqliteConnection;
    fn deref(&self) -> &SqliteConnection {
        self.turn.connection()
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.turn.connection_mut()
    }
}

impl Db {
    /// Runs `work` in a write transaction and commits it; an error undoes it. Those who come at the same time share one
    /// commit ([`super::lane`]). `BEGIN IMMEDIATE` takes the write lock at the start, so a transaction never fails half-way
    /// for another's sake. A busy database is tried again with jittered
    /// waits, so `work` may run more than once: it must do nothing outside the transaction, and it borrows what it uses.
    ///
    /// ```ignore
    /// let (state, id) = (state.as_str(), &id); // borrowed: the closure is called again when the database is busy
    /// db.tx("record.commit", |tx| Box::pin(async move {
    ///     sqlx::query("UPDATE records SET state = $1 WHERE id = $2").bind(state).bind(id).execute(&mut **tx).await?;
    ///     log::emit(tx, event).await
    /// })).await?;
    /// ```
    ///
    /// (A boxed future, not `AsyncFn`: what an async closure with borrowed values returns is not known to be `Send`, so
    /// no handler could call it.)
    pub async fn tx<'w, T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        F: for<'c> Fn(&'c mut Tx<'w>) -> Work<'c, T, E> + Send + Sync + 'w,
        T: Send,
        E: From<DbError> + StdError + Send + 'static,
    {
        let started = self.options.clock.monotonic_ms();
        let mut attempt = 1;
        let result = loop {
            let result = self.attempt(&work).await;
            let cause = result.as_ref().err().and_then(|error| cause_in(error));
            self.note_full(&result, cause);
            if cause != Some(Cause::Busy) || attempt == ATTEMPTS {
                break result;
            }
            self.options.metrics.tx_retried(name);
            let wait_ms = FIRST_WAIT_MS << attempt;
            self.options.clock.sleep(wait_ms + self.options.rng.below(wait_ms)).await;
            attempt += 1;
        };
        self.options.metrics.tx_ended(name, result.is_ok(), self.options.clock.monotonic_ms() - started);
        result
    }

    async fn attempt<'w, T, E, F>(&self, work: &F) -> Result<T, E>
    where
        F: for<'c> Fn(&'c mut Tx<'w>) -> Work<'c, T, E>,
        E: From<DbError> + StdError + 'static,
    {
        let mut tx = Tx { turn: self.lane.join().await?, wake: false, work: PhantomData };
        match work(&mut tx).await {
            Ok(value) => {
                let place = self.lane.keep(tx.turn, tx.wake).await?;
                self.lane.settle(place).await?;
                Ok(value)
            }
            Err(error) => {
                self.lane.undo(tx.turn, cause_in(&error)).await;
                Err(error)
            }
        }
    }

    /// A full disk is a state, not a moment: readiness goes false until a write succeeds.
    fn note_full<T, E>(&self, result: &Result<T, E>, cause: Option<Cause>) {
        match (result, cause) {
            (_, Some(Cause::Full)) if !self.full.swap(true, Ordering::Relaxed) => {
                tracing::error!(db.file = %self.path.display(), "the disk is full: writes are refused");
                self.options.health.storage_full(&self.path);
            }
            (Ok(_), _) if self.full.swap(false, Ordering::Relaxed) => {
                tracing::info!(db.file = %self.path.display(), "writes work again");
                self.options.health.storage_ok(&self.path);
            }
            _ => {}
        }
    }
}
