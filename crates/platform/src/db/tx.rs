//! Transactions: named, begun as writers, retried in one place, counted by name.

use std::error::Error as StdError;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;

use super::error::{Cause, cause_in};
use super::lane::Turn;
#[cfg(feature = "real")]
use super::postgres;
use super::{Connection, Db, DbError, Engine, Writer};
use futures::future::BoxFuture;

/// Attempts of one transaction, the first included.
const ATTEMPTS: u32 = 6;
/// The same where transactions run beside each other, and are refused for it.
const ATTEMPTS_BESIDE: u32 = 12;
/// The wait before the second attempt; doubles each time, with jitter.
const FIRST_WAIT_MS: i64 = 5;

/// A running transaction. Derefs to the connection, so statements take `&mut **tx`. Functions take `tx: &mut Tx<'_>`.
///
/// `'w` is the lifetime of what the work borrows: since `&'c mut Tx<'w>` can only be written where `'w` outlives `'c`, a
/// closure over borrowed values may return a future that lives for `'c`.
pub struct Tx<'w> {
    lease: Lease,
    wake: bool,
    events: i64,
    work: PhantomData<&'w ()>,
}

/// The connection, and what it is returned to.
enum Lease {
    Sqlite(Turn),
    #[cfg(feature = "real")]
    Postgres(Box<Connection>),
}

/// How far a transaction is kept apart from those beside it. SQLite's come one after the other and know no difference.
#[derive(Debug, Clone, Copy)]
pub(super) enum Isolation {
    /// As if alone: what it read is as it was when it commits, or it is refused and run again.
    Serializable,
    /// Each statement sees what was committed before it, and waits for whoever writes the same row.
    ReadCommitted,
}

/// What a transaction's closure returns: `Box::pin(async move { … })`.
pub type Work<'c, T, E> = BoxFuture<'c, Result<T, E>>;

impl Tx<'_> {
    /// After the commit, tells whoever waits for events of this database that there are some. Called by `log::emit`.
    pub fn wake_after_commit(&mut self) {
        self.wake = true;
    }

    /// Counts the events of this transaction, from 0.
    pub fn next_event(&mut self) -> i64 {
        self.events += 1;
        self.events - 1
    }

    fn new(lease: Lease) -> Self {
        Self { lease, wake: false, events: 0, work: PhantomData }
    }
}

impl Deref for Tx<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        match &self.lease {
            Lease::Sqlite(turn) => turn.connection(),
            #[cfg(feature = "real")]
            Lease::Postgres(connection) => connection,
        }
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        match &mut self.lease {
            Lease::Sqlite(turn) => turn.connection_mut(),
            #[cfg(feature = "real")]
            Lease::Postgres(connection) => connection,
        }
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
        self.again(name, Isolation::Serializable, work).await
    }

    /// The same for work whose every decision stands on a unique key or on a row that it writes first: in PostgreSQL it is READ
    /// COMMITTED, so that those who come at the same time wait for one another's row instead of being refused and run again. What
    /// it only reads may be older than what it writes. On SQLite there is no difference.
    ///
    /// Beside it, a SERIALIZABLE transaction is refused only for a row that both write. So it has to write the row that says whether
    /// others may go on, and first (docs/decisions/0009).
    pub async fn tx_by_row<'w, T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        F: for<'c> Fn(&'c mut Tx<'w>) -> Work<'c, T, E> + Send + Sync + 'w,
        T: Send,
        E: From<DbError> + StdError + Send + 'static,
    {
        self.again(name, Isolation::ReadCommitted, work).await
    }

    async fn again<'w, T, E, F>(&self, name: &'static str, isolation: Isolation, work: F) -> Result<T, E>
    where
        F: for<'c> Fn(&'c mut Tx<'w>) -> Work<'c, T, E> + Send + Sync + 'w,
        T: Send,
        E: From<DbError> + StdError + Send + 'static,
    {
        let started = self.options.clock.monotonic_ms();
        let mut attempt = 1;
        let attempts = if self.engine() == Engine::Sqlite { ATTEMPTS } else { ATTEMPTS_BESIDE };
        let result = loop {
            let result = self.attempt(isolation, &work).await;
            let cause = result.as_ref().err().and_then(|error| cause_in(error));
            self.note_full(&result, cause);
            if cause != Some(Cause::Busy) || attempt == attempts {
                break result;
            }
            self.options.metrics.tx_retried(name);
            let wait_ms = FIRST_WAIT_MS << attempt.min(ATTEMPTS);
            self.options.clock.sleep(wait_ms + self.options.rng.below(wait_ms)).await;
            attempt += 1;
        };
        self.options.metrics.tx_ended(name, result.is_ok(), self.options.clock.monotonic_ms() - started);
        result
    }

    async fn attempt<'w, T, E, F>(&self, isolation: Isolation, work: &F) -> Result<T, E>
    where
        F: for<'c> Fn(&'c mut Tx<'w>) -> Work<'c, T, E>,
        E: From<DbError> + StdError + 'static,
    {
        #[cfg(not(feature = "real"))]
        let _ = isolation; // one writer at a time is as far apart as it gets
        let mut tx = Tx::new(match &self.writer {
            Writer::Sqlite(lane) => Lease::Sqlite(lane.join().await?),
            #[cfg(feature = "real")]
            Writer::Postgres(pool, _) => Lease::Postgres(Box::new(postgres::begin(pool, isolation).await?.into())),
        });
        let result = work(&mut tx).await;
        let Tx { lease, wake, .. } = tx;
        match (&self.writer, lease) {
            (Writer::Sqlite(lane), Lease::Sqlite(turn)) => match result {
                Ok(value) => {
                    let place = lane.keep(turn, wake).await?;
                    lane.settle(place).await?;
                    Ok(value)
                }
                Err(error) => {
                    lane.undo(turn, cause_in(&error)).await;
                    Err(error)
                }
            },
            #[cfg(feature = "real")]
            (Writer::Postgres(_, committed), Lease::Postgres(connection)) => {
                let value = result?; // else dropping the connection rolls back
                connection.commit().await?;
                if wake {
                    committed.tell();
                }
                Ok(value)
            }
            #[cfg(feature = "real")]
            _ => unreachable!("a writer leases connections of its own kind"),
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
