//! Opens a data directory: the lock, the two databases and their connections.
use crate::blocking::off_reactor;
use crate::database::{Database, Use};
use crate::lock::DirectoryLock;
use crate::private::make_private;
use crate::schema::Schema;
use crate::session_book::SessionBook;
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::Mutex;

/// An installation's data in one directory: the registry, the sessions and the replay log.
///
/// `registry.db` holds what a backup keeps. `sessions.db` and `replay/` are about the present only, and no backup
/// has them: an installation that is restored starts without sessions and refuses one-time proofs that may have
/// been used before.
#[derive(Debug)]
pub struct SqliteStore {
    pub(crate) directory: PathBuf,
    pub(crate) registry: Database,
    /// The directory that was read last: the steps of a start ask for it one after another, and one reading does.
    pub(crate) shown: Mutex<Option<Arc<Directory>>>,
    pub(crate) sessions: Arc<SessionBook>,
    pub(crate) replay_begun: AtomicBool,
    pub(crate) challenges_begun: AtomicBool,
    // Last: the lock goes after the connections. The replay memory holds it too.
    pub(crate) lock: Arc<DirectoryLock>,
}

impl SqliteStore {
    /// Opens the directory, made when it is missing, and brings its tables up to date.
    ///
    /// # Errors
    /// When another program uses it, when it was written by a newer release, or when the disk or a database fails.
    pub async fn open(directory: &Path) -> Result<Self, Fault> {
        let path = directory.to_owned();
        let lock = off_reactor(move || {
            make_private(&path).map_err(|error| {
                Fault::caused(format!("cannot make the folder {}", path.display()), error)
            })?;
            DirectoryLock::take(&path)
        })
        .await?;
        let registry = Database::open(directory, Schema::Registry, Use::ReadAndWrite).await?;
        let sessions = Database::open(directory, Schema::Sessions, Use::Write).await?;
        let sessions = Arc::new(SessionBook::load(sessions).await?);
        Ok(Self {
            directory: directory.to_owned(),
            registry,
            shown: Mutex::default(),
            sessions,
            replay_begun: AtomicBool::new(false),
            challenges_begun: AtomicBool::new(false),
            lock: Arc::new(lock),
        })
    }

    /// Ends all connections; what was acknowledged is kept without this too.
    pub async fn close(self) {
        self.registry.close().await;
        self.sessions.close().await;
    }
}
