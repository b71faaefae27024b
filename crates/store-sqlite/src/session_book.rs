//! All live sessions in memory, written through: an answer comes after the disk has it.
use crate::database::Database;
use countersign::life::session::Session;
use countersign_store::fault::Fault;
use sqlx::{Row, SqliteConnection};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot::{self, Sender};

/// Most changes in one transaction; the rest goes into the next.
const MOST_TOGETHER: usize = 1024;

/// The sessions and the changes that wait for the disk.
#[derive(Debug)]
pub(crate) struct SessionBook {
    database: Database,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<Box<str>, Arc<Session>>,
    accounts: HashMap<Box<str>, HashSet<Box<str>>>,
    waiting: Vec<Waiting>,
    writing: bool,
    /// Ends of sessions that the disk did not take: written with whatever comes next.
    owed: Vec<Arc<Session>>,
}

#[derive(Debug)]
struct Waiting {
    change: Change,
    done: Sender<Result<(), Fault>>,
}

#[derive(Debug)]
enum Change {
    Put(Arc<Session>),
    Remove(Vec<Box<str>>),
}

impl SessionBook {
    /// Reads all sessions.
    ///
    /// # Errors
    /// When the database fails or holds what is no session.
    pub(crate) async fn load(database: Database) -> Result<Self, Fault> {
        let mut unit = database.read().await?;
        let rows = sqlx::query("SELECT state FROM sessions").fetch_all(&mut *unit).await;
        drop(unit);
        let rows = rows.map_err(|error| database.failed("read", error))?;
        let mut state = State::default();
        for row in rows {
            let text: &str = row.try_get("state").map_err(|error| database.failed("read", error))?;
            let session: Session = serde_json::from_str(text).map_err(|error| {
                Fault::caused(
                    "sessions.db is damaged: move it away, which ends all sessions, and start again",
                    error,
                )
            })?;
            state.put(Arc::new(session));
        }
        Ok(Self { database, state: Mutex::new(state) })
    }

    /// Keeps a new session.
    pub(crate) async fn open(self: &Arc<Self>, session: Arc<Session>) -> Result<(), Fault> {
        let written = {
            let mut state = self.lock();
            if state.sessions.contains_key(&*session.id) {
                return Err(Fault::new("a session with this id is kept already: draw its id at random"));
            }
            state.put(Arc::clone(&session));
            self.enqueue(&mut state, Change::Put(Arc::clone(&session)))
        };
        let written = written.await;
        if written.is_err() {
            let mut state = self.lock();
            if state.sessions.get(&*session.id).is_some_and(|kept| Arc::ptr_eq(kept, &session)) {
                state.remove(&session.id);
            }
        }
        written
    }

    /// Compares and swaps.
    pub(crate) async fn replace(
        self: &Arc<Self>,
        before: &Session,
        after: Arc<Session>,
    ) -> Result<bool, Fault> {
        let (written, kept) = {
            let mut state = self.lock();
            let Some(kept) = state.sessions.get(&*before.id).filter(|kept| ***kept == *before).cloned()
            else {
                return Ok(false);
            };
            if after.id != before.id {
                return Err(Fault::new("a session cannot be replaced by one with another id"));
            }
            state.put(Arc::clone(&after));
            (self.enqueue(&mut state, Change::Put(Arc::clone(&after))), kept)
        };
        let written = written.await;
        if written.is_err() && after.ended.is_none() {
            // Back to what the disk has, so that the caller may try again; what was to end stays ended.
            let mut state = self.lock();
            if state.sessions.get(&*after.id).is_some_and(|now| Arc::ptr_eq(now, &after)) {
                state.put(kept);
            }
        }
        written.map(|()| true)
    }

    /// The session with this id.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Session>> {
        self.lock().sessions.get(id).cloned()
    }

    /// All sessions, of an account or of all, that `wanted` picks.
    pub(crate) fn list(&self, account: Option<&str>, wanted: impl Fn(&Session) -> bool) -> Vec<Arc<Session>> {
        let state = self.lock();
        let picked = |session: &&Arc<Session>| wanted(session);
        let mut found: Vec<Arc<Session>> = match account {
            None => state.sessions.values().filter(picked).cloned().collect(),
            Some(account) => {
                let ids = state.accounts.get(account).into_iter().flatten();
                ids.filter_map(|id| state.sessions.get(id)).filter(picked).cloned().collect()
            }
        };
        drop(state);
        found.sort_by(|one, other| (one.opened, &one.id).cmp(&(other.opened, &other.id)));
        found
    }

    /// Forgets the sessions that `over` picks.
    pub(crate) async fn sweep(self: &Arc<Self>, over: impl Fn(&Session) -> bool) -> Result<u64, Fault> {
        let (written, count) = {
            let mut state = self.lock();
            let ids: Vec<Box<str>> = state
                .sessions
                .iter()
                .filter(|(_, session)| over(session))
                .map(|(id, _)| id.clone())
                .collect();
            if ids.is_empty() {
                return Ok(0);
            }
            for id in &ids {
                state.remove(id);
            }
            let count = u64::try_from(ids.len()).unwrap_or(u64::MAX);
            (self.enqueue(&mut state, Change::Remove(ids)), count)
        };
        // What could not be removed from the disk comes back at the next start, over as it is.
        written.await.map(|()| count)
    }

    /// Ends the connections.
    pub(crate) async fn close(&self) {
        self.database.close().await;
    }

    /// Queues a change in the order in which memory saw it; the future hears when the disk has it.
    fn enqueue(
        self: &Arc<Self>,
        state: &mut State,
        change: Change,
    ) -> impl Future<Output = Result<(), Fault>> + use<> {
        let (done, heard) = oneshot::channel();
        state.waiting.push(Waiting { change, done });
        if !state.writing {
            state.writing = true;
            // A task of its own: a caller that goes away takes nobody's write with it.
            tokio::spawn(Writing { book: Arc::clone(self), finished: false }.run());
        }
        async { heard.await.unwrap_or_else(|_| Err(Fault::new("the sessions' writer was stopped"))) }
    }

    async fn write(&self, owed: &[Arc<Session>], changes: &[Waiting]) -> Result<(), Fault> {
        let failed = |error| self.database.failed("write", error);
        let mut unit = self.database.begin().await?;
        for session in owed {
            self.put(&mut unit, session).await?;
        }
        for waiting in changes {
            match &waiting.change {
                Change::Put(session) => self.put(&mut unit, session).await?,
                Change::Remove(ids) => {
                    for id in ids {
                        sqlx::query("DELETE FROM sessions WHERE id = $1")
                            .bind(id.to_string())
                            .execute(&mut *unit)
                            .await
                            .map_err(failed)?;
                    }
                }
            }
        }
        unit.commit().await.map_err(failed)
    }

    async fn put(&self, connection: &mut SqliteConnection, session: &Session) -> Result<(), Fault> {
        let state = serde_json::to_string(session)
            .map_err(|error| Fault::caused("cannot write a session as JSON", error))?;
        sqlx::query(
            "INSERT INTO sessions (id, state) VALUES ($1, $2) \
             ON CONFLICT (id) DO UPDATE SET state = excluded.state",
        )
        .bind(session.id.clone())
        .bind(state)
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(|error| self.database.failed("write", error))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between statements, whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that writes what waits; when it is dropped half way, the next change starts another.
struct Writing {
    book: Arc<SessionBook>,
    finished: bool,
}

impl Writing {
    async fn run(mut self) {
        loop {
            let (owed, together): (Vec<Arc<Session>>, Vec<Waiting>) = {
                let mut state = self.book.lock();
                let count = state.waiting.len().min(MOST_TOGETHER);
                if count == 0 {
                    state.writing = false;
                    self.finished = true;
                    return;
                }
                let together = state.waiting.drain(..count).collect();
                (std::mem::take(&mut state.owed), together)
            };
            let written = self.book.write(&owed, &together).await.map_err(|fault| fault.to_string());
            if written.is_err() {
                self.book.lock().owe(owed, &together);
            }
            for waiting in together {
                // A caller that went away wants no answer.
                let _heard = waiting.done.send(written.clone().map_err(Fault::new));
            }
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.finished {
            let mut state = self.book.lock();
            state.waiting.clear();
            state.writing = false;
        }
    }
}

impl State {
    fn put(&mut self, session: Arc<Session>) {
        let id: Box<str> = session.id.as_str().into();
        self.accounts.entry(session.account.as_str().into()).or_default().insert(id.clone());
        self.sessions.insert(id, session);
    }

    /// Remembers the ends that were not written; all else goes back to what the disk has.
    fn owe(&mut self, owed: Vec<Arc<Session>>, lost: &[Waiting]) {
        let ends = lost.iter().filter_map(|waiting| match &waiting.change {
            Change::Put(session) if session.ended.is_some() => Some(Arc::clone(session)),
            Change::Put(_) | Change::Remove(_) => None,
        });
        let ends: Vec<Arc<Session>> = owed.into_iter().chain(ends).collect();
        // Only what memory still says: a swept session needs no end.
        self.owed = ends
            .into_iter()
            .filter(|end| self.sessions.get(&*end.id).is_some_and(|kept| Arc::ptr_eq(kept, end)))
            .collect();
    }

    fn remove(&mut self, id: &str) {
        let Some(session) = self.sessions.remove(id) else { return };
        if let Some(ids) = self.accounts.get_mut(&*session.account) {
            ids.remove(id);
            if ids.is_empty() {
                self.accounts.remove(&*session.account);
            }
        }
    }
}
