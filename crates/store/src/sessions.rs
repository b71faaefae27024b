//! Sessions: opened, rotated by compare-and-swap, ended at once.
use crate::fault::Fault;
use crate::registry::Answer;
use countersign::life::session::Session;
use countersign::time::Time;
use std::sync::Arc;

/// Keeps sessions. Every answer is the newest state: a session ended here counts nowhere afterwards.
pub trait Sessions: Send + Sync {
    /// Keeps a new session.
    fn open<'a>(&'a self, session: &'a Session) -> Answer<'a, Result<(), Fault>>;

    /// The session with this id.
    fn get<'a>(&'a self, id: &'a str) -> Answer<'a, Result<Option<Arc<Session>>, Fault>>;

    /// Replaces `before` by `after` if `before` is still what is kept; `false` when it is not.
    fn replace<'a>(&'a self, before: &'a Session, after: &'a Session) -> Answer<'a, Result<bool, Fault>>;

    /// All live sessions of an account, or of every account.
    fn list<'a>(
        &'a self,
        account: Option<&'a str>,
        now: Time,
    ) -> Answer<'a, Result<Vec<Arc<Session>>, Fault>>;

    /// Forgets sessions that ended or are too old; gives how many.
    fn sweep(&self, now: Time) -> Answer<'_, Result<u64, Fault>>;
}
