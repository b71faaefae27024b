//! Makes changes: decides on a draft, writes it with its audit entries in one unit, then shows it in the directory.
use crate::denied::{ChangeError, Denied};
use crate::directory::Directory;
use crate::draft::{Draft, Ending, Unit};
use crate::fault::Fault;
use crate::registry::{NotWritten, Registry};
use crate::sessions::Sessions;
use crate::stamp::Stamp;
use countersign::life::session::Ended;
use countersign::time::Time;
use futures_util::lock::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;

mod account;
mod companion;
mod key;
mod organisation;
mod secret;
mod user;

/// Tries when other processes write at the same time: each try is a whole reading, and two rarely meet.
const MOST_TRIES: u32 = 16;
/// Tries to end one session that is being refreshed meanwhile.
const MOST_SWAPS: u32 = 64;

/// The one door for changes of an installation in this process.
pub struct Registrar {
    directory: Arc<Directory>,
    registry: Arc<dyn Registry>,
    sessions: Arc<dyn Sessions>,
    one_at_a_time: Mutex<()>,
}

impl Registrar {
    /// Reads the registry whole.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be read.
    pub async fn open(registry: Arc<dyn Registry>, sessions: Arc<dyn Sessions>) -> Result<Self, Fault> {
        let directory = registry.directory().await?;
        Ok(Self { directory, registry, sessions, one_at_a_time: Mutex::new(()) })
    }

    /// What the installation knows, for everyone who asks.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Where the rows are kept.
    #[must_use]
    pub fn registry(&self) -> &Arc<dyn Registry> {
        &self.registry
    }

    /// Where sessions are kept.
    #[must_use]
    pub fn sessions(&self) -> &Arc<dyn Sessions> {
        &self.sessions
    }

    /// Takes up what other processes wrote; to be called every second or so. `true` when there was something.
    ///
    /// # Errors
    /// [`Fault`] when the registry cannot be read; the directory stays as it was.
    pub async fn refresh(&self) -> Result<bool, Fault> {
        let _alone = self.one_at_a_time.lock().await;
        self.catch_up().await
    }

    /// Makes one change: `decide` may call any of the draft's decisions, and all of them are written or none. It runs
    /// again when another process wrote meanwhile, so it must not do anything but decide.
    ///
    /// # Errors
    /// [`ChangeError::Denied`] when a rule says no, [`ChangeError::Fault`] when writing failed. After a fault in
    /// ending sessions the change itself is made and shown; making it again ends them.
    pub async fn change<T>(
        &self,
        stamp: &Stamp,
        decide: impl Fn(&mut Draft<'_>) -> Result<T, Denied>,
    ) -> Result<T, ChangeError> {
        let (outcome, ending) = {
            let _alone = self.one_at_a_time.lock().await;
            self.write(stamp, decide).await?
        };
        for ending in ending {
            // The change is made already.
            self.end_sessions(&ending, stamp.now).await.map_err(Fault::with_open_outcome)?;
        }
        Ok(outcome)
    }

    async fn write<T>(
        &self,
        stamp: &Stamp,
        decide: impl Fn(&mut Draft<'_>) -> Result<T, Denied>,
    ) -> Result<(T, BTreeSet<Ending>), ChangeError> {
        for _ in 0..MOST_TRIES {
            let (outcome, unit) = match draft(&self.directory, stamp, &decide) {
                Ok(decided) => decided,
                // Another process may have written what was missing, or removed what was in the way.
                Err(_) if self.catch_up().await? => continue,
                Err(denied) => return Err(denied.into()),
            };
            let Unit { writes, audit, ending } = unit;
            if writes.is_empty() && audit.is_empty() {
                // Another process may have undone what is done already as far as this one knows.
                if self.catch_up().await? {
                    continue;
                }
                return Ok((outcome, ending));
            }
            match self.registry.commit(self.directory.version(), &writes, &audit).await {
                Ok(version) => {
                    self.directory.apply(&writes, version).map_err(Fault::with_open_outcome)?;
                    return Ok((outcome, ending));
                }
                Err(NotWritten::Conflict) => {
                    self.catch_up().await?;
                }
                Err(NotWritten::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::new(format!(
            "wanted to write a change, found other writers {MOST_TRIES} times in a row; try again"
        ))
        .into())
    }

    async fn catch_up(&self) -> Result<bool, Fault> {
        let known = self.directory.version();
        if self.registry.version().await? == known && !self.registry.has_moved() {
            return Ok(false);
        }
        match self.registry.changes(known).await? {
            Some(changes) => self.directory.apply(&changes.writes, changes.version)?,
            None => self.directory.reload(self.registry.load().await?)?,
        }
        Ok(true)
    }

    async fn end_sessions(&self, ending: &Ending, now: Time) -> Result<(), Fault> {
        let sessions = self.sessions.list(Some(&ending.account), now).await?;
        for listed in sessions {
            if ending.key.as_ref().is_some_and(|key| *key != listed.key) {
                continue;
            }
            let mut held = Some(listed);
            let mut tries = 0;
            // A refresh may come in between: then what it kept is ended.
            while let Some(session) = held.filter(|session| session.ended.is_none()) {
                if self.sessions.replace(&session, &session.end(Ended::Revoked)).await? {
                    break;
                }
                tries += 1;
                if tries == MOST_SWAPS {
                    return Err(Fault::new(
                        "a session was refreshed faster than it could be ended; end it again",
                    ));
                }
                held = self.sessions.get(&session.id).await?;
            }
        }
        Ok(())
    }
}

/// Decides; apart from the writing, so that no borrow of the draft is held over an await.
pub(crate) fn draft<T>(
    directory: &Directory,
    stamp: &Stamp,
    decide: impl Fn(&mut Draft<'_>) -> Result<T, Denied>,
) -> Result<(T, Unit), Denied> {
    let mut draft = Draft::new(directory, stamp);
    let outcome = decide(&mut draft)?;
    Ok((outcome, draft.finish()))
}

impl std::fmt::Debug for Registrar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registrar({:?})", self.directory)
    }
}

#[cfg(test)]
mod tests;
