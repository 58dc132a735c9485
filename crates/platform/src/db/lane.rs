//! The one lane in which a database is written, and the group commit in it: whoever waits for the lane while another
//! works joins the same SQLite transaction, and one `COMMIT` (one sync of the disk) makes all of them durable. Each works
//! under a savepoint of its own, so a failure undoes itself alone; nobody is told "done" before the commit they are in.
//! The commit itself runs in a task: whoever leads it may be dropped (a client hangs up), and the others are in it too.
//!
//! ```text
//! A: work ─┐                 ┌─ COMMIT ─► A done
//! B:  wait └ work ─┐         │           ─► B done      A queues again behind B and C, who were waiting
//! C:  wait         └ work ───┘           ─► C done      alone, A commits at once: nobody waits for company
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::sqlite::SqlitePool;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::error::{Cause, cause};
use super::tenants::Committed;
use super::{Connection, DbError};

/// How long a caller waits for the lane, and for its connection.
const WAIT: Duration = Duration::from_secs(10);

/// The lane of one database.
pub(super) struct Lane {
    inner: Arc<Mutex<Inner>>,
    pool: SqlitePool,
    committed: Arc<Committed>,
    commits: Arc<AtomicU64>,
}

/// Who has this lock writes.
pub(super) type Turn = OwnedMutexGuard<Inner>;

/// What the lane is in the middle of.
#[derive(Default)]
pub(super) struct Inner {
    connection: Option<Connection>,
    open: Option<Group>,
    /// Somebody began to work and has not said how it ended: they were dropped in the middle.
    working: bool,
}

/// A transaction that is open, and those whose work is in it.
struct Group {
    members: u32,
    wake: bool,
    fate: Arc<OnceLock<Result<(), Lost>>>,
}

/// Why a group's work is undone.
#[derive(Debug, Clone)]
enum Lost {
    Busy,
    Full,
    Other(String),
}

/// A place in a group, to ask what became of it.
pub(super) struct Place(Arc<OnceLock<Result<(), Lost>>>);

impl Inner {
    /// The connection of a turn in which work has begun.
    pub(super) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("a turn has a connection from `join` to `keep` or `undo`")
    }

    /// As above.
    pub(super) fn connection_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a turn has a connection from `join` to `keep` or `undo`")
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.connection_mut().order(statement).await
    }

    /// Everyone in the open group is told why, and the connection goes, with whatever was not committed on it.
    async fn lose(&mut self, why: Lost) {
        if let Some(group) = self.open.take() {
            let _ = group.fate.set(Err(why)); // set once: the group was just taken out
        }
        self.working = false;
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }
}

impl Lane {
    pub(super) fn new(pool: SqlitePool, committed: Committed) -> Self {
        Self { inner: Arc::default(), pool, committed: Arc::new(committed), commits: Arc::default() }
    }

    /// How many commits there were: fewer than transactions, under load.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Waits for a turn and joins the open transaction, or begins one.
    pub(super) async fn join(&self) -> Result<Turn, DbError> {
        let waited = tokio::time::timeout(WAIT, self.inner.clone().lock_owned()).await;
        let mut turn = waited.map_err(|_| DbError::Busy(sqlx::Error::PoolTimedOut))?;
        if turn.working {
            turn.lose(Lost::Busy).await; // the others' work went with the one that was dropped; they run again
        }
        if turn.connection.is_none() {
            turn.connection = Some(Connection::Sqlite(self.pool.acquire().await?));
        }
        turn.working = true;
        if turn.open.is_some() {
            turn.run("SAVEPOINT work").await?;
        } else if let Err(error) = turn.run("BEGIN IMMEDIATE").await {
            turn.working = false; // nothing has begun
            return Err(error.into());
        } else {
            turn.open = Some(Group { members: 0, wake: false, fate: Arc::default() });
        }
        Ok(turn)
    }

    /// The work went well: it is in the group, and the next one may work.
    pub(super) async fn keep(&self, mut turn: Turn, wake: bool) -> Result<Place, DbError> {
        let first = turn.open.as_ref().is_none_or(|group| group.members == 0);
        if !first && let Err(error) = turn.run("RELEASE work").await {
            let error = DbError::from(error);
            turn.lose(Lost::from(&error)).await;
            return Err(error);
        }
        turn.working = false;
        let group = turn.open.as_mut().expect("`join` opened a group, and only `lose` and `end` take it away");
        group.members += 1;
        group.wake |= wake;
        Ok(Place(group.fate.clone()))
    }

    /// The work failed: it alone is undone, if that can be done; else everything since the last commit is.
    pub(super) async fn undo(&self, mut turn: Turn, why: Option<Cause>) {
        let first = turn.open.as_ref().is_none_or(|group| group.members == 0);
        let undone = if first {
            turn.open = None;
            turn.run("ROLLBACK").await
        } else {
            turn.run("ROLLBACK TO work; RELEASE work").await
        };
        // SQLite may have rolled back by itself (disk full, I/O error): then there is nothing left to undo alone.
        match undone {
            Ok(()) => turn.working = false,
            Err(_) => turn.lose(why.map_or(Lost::Busy, Lost::from)).await,
        }
    }

    /// Waits behind whoever was waiting, then commits the group unless one of them did.
    pub(super) async fn settle(&self, place: Place) -> Result<(), DbError> {
        // No deadline: whether the work counts has to be known, or it would be run again although it does.
        let turn = self.inner.clone().lock_owned().await;
        if place.0.get().is_none() {
            self.end(turn).await;
        }
        match place.0.get() {
            Some(Ok(())) => Ok(()),
            Some(Err(lost)) => Err(lost.clone().into()),
            // The task was dropped with its runtime: the process ends, and nobody hears this.
            None => Err(DbError::Unavailable(sqlx::Error::WorkerCrashed)),
        }
    }

    /// Commits what is open, if anything is, whether or not the caller stays to hear of it.
    async fn end(&self, mut turn: Turn) {
        let (committed, commits) = (self.committed.clone(), self.commits.clone());
        let ending = async move {
            if turn.working {
                return turn.lose(Lost::Busy).await;
            }
            let Some(group) = turn.open.take() else { return };
            match turn.run("COMMIT").await {
                Ok(()) => {
                    let _ = group.fate.set(Ok(())); // set once: the group was just taken out
                    commits.fetch_add(1, Ordering::Relaxed);
                    if group.wake {
                        committed.tell();
                    }
                }
                Err(error) => {
                    let lost = Lost::from(&DbError::from(error));
                    turn.open = Some(group);
                    turn.lose(lost).await;
                }
            }
        };
        #[expect(clippy::disallowed_methods, reason = "as short as a commit, and holds the turn until it has ended")]
        let _ = tokio::spawn(ending).await;
    }

    /// A turn in which nothing is open.
    async fn quiet(&self) -> Turn {
        loop {
            let turn = self.inner.clone().lock_owned().await;
            if turn.open.is_none() && !turn.working {
                return turn;
            }
            self.end(turn).await;
        }
    }

    /// A turn with a connection and nothing open, for what is no transaction.
    pub(super) async fn alone(&self) -> Result<Turn, DbError> {
        let mut turn = self.quiet().await;
        if turn.connection.is_none() {
            turn.connection = Some(Connection::Sqlite(self.pool.acquire().await?));
        }
        Ok(turn)
    }

    /// Ends what is open and closes the connection.
    pub(super) async fn close(&self) {
        let mut turn = self.quiet().await;
        drop(turn.connection.take());
        self.pool.close().await;
    }
}

impl From<Cause> for Lost {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Busy => Self::Busy,
            Cause::Full => Self::Full,
            Cause::Away => Self::Other("the database can't be reached".to_owned()),
        }
    }
}

impl From<&DbError> for Lost {
    fn from(error: &DbError) -> Self {
        match error {
            DbError::Busy(_) => Self::Busy,
            DbError::Full(_) => Self::Full,
            DbError::Sqlx(source) => cause(source).map_or_else(|| Self::Other(source.to_string()), Self::from),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<Lost> for DbError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Busy => Self::Busy(sqlx::Error::PoolTimedOut),
            Lost::Full => Self::Full(sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::StorageFull))),
            Lost::Other(what) => Self::Sqlx(sqlx::Error::Protocol(what)),
        }
    }
}
