//! The sessions of a SQLite store.
use crate::store::SqliteStore;
use countersign::life::session::Session;
use countersign::time::Time;
use countersign_store::fault::Fault;
use countersign_store::registry::Answer;
use countersign_store::sessions::Sessions;
use std::sync::Arc;

impl Sessions for SqliteStore {
    fn open<'a>(&'a self, session: &'a Session) -> Answer<'a, Result<(), Fault>> {
        Box::pin(self.sessions.open(Arc::new(session.clone())))
    }

    fn get<'a>(&'a self, id: &'a str) -> Answer<'a, Result<Option<Arc<Session>>, Fault>> {
        Box::pin(std::future::ready(Ok(self.sessions.get(id))))
    }

    fn replace<'a>(&'a self, before: &'a Session, after: &'a Session) -> Answer<'a, Result<bool, Fault>> {
        Box::pin(self.sessions.replace(before, Arc::new(after.clone())))
    }

    fn list<'a>(
        &'a self,
        account: Option<&'a str>,
        now: Time,
    ) -> Answer<'a, Result<Vec<Arc<Session>>, Fault>> {
        Box::pin(std::future::ready(Ok(self.sessions.list(account, |session| session.is_live(now)))))
    }

    fn sweep(&self, now: Time) -> Answer<'_, Result<u64, Fault>> {
        Box::pin(self.sessions.sweep(move |session| !session.is_live(now)))
    }
}
