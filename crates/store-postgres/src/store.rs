//! Opens the database: the pool, the tables brought up to date, and what was read last.
use crate::bus::Bus;
use crate::database::Database;
use crate::history::History;
use crate::schema;
use crate::settings::Settings;
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use std::sync::{Arc, OnceLock};
use tokio::sync::Mutex;

/// An installation's registry and sessions in one PostgreSQL database, shared by any number of nodes.
#[derive(Debug)]
pub struct PostgresStore {
    pub(crate) database: Arc<Database>,
    /// The directory that was read last: the steps of a start ask for it one after another, and one reading does.
    pub(crate) shown: Mutex<Option<Arc<Directory>>>,
    pub(crate) bus: OnceLock<Bus>,
    pub(crate) history: History,
}

impl PostgresStore {
    /// Opens the database and brings its tables up to date.
    ///
    /// # Errors
    /// When the settings are wrong, the database cannot be reached or used, or a newer release wrote it.
    pub async fn open(settings: &Settings) -> Result<Self, Fault> {
        let database = Database::open(settings).await?;
        schema::migrate(&database).await?;
        Ok(Self {
            database: Arc::new(database),
            shown: Mutex::default(),
            bus: OnceLock::new(),
            history: History::default(),
        })
    }

    /// Listens for what other nodes write, from now on; what is missed while the connection is away is seen by polling. Needs a
    /// runtime.
    pub fn listen(&self) {
        self.bus.get_or_init(|| Bus::start(Arc::clone(&self.database)));
    }

    /// Ends all connections; what was acknowledged is kept without this too.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
