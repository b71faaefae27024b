//! Any store that rows can be copied out of or into: a folder of this machine, or a PostgreSQL.
use super::postgres;
use crate::config::Config;
use countersign_store::fault::Fault;
use countersign_store::registry::Registry;
use countersign_store::sessions::Sessions;
use countersign_store_postgres::{PostgresStore, Settings};
use countersign_store_sqlite::SqliteStore;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where an installation's rows are.
#[derive(Clone, Debug)]
pub enum End {
    /// In the databases of a folder.
    Folder(PathBuf),
    /// In a PostgreSQL.
    Database(Settings),
}

/// An end, opened.
pub(super) struct Store {
    pub(super) registry: Arc<dyn Registry>,
    pub(super) sessions: Arc<dyn Sessions>,
    inner: Inner,
}

enum Inner {
    Folder(Arc<SqliteStore>),
    Database(Arc<PostgresStore>),
}

impl End {
    /// The store that the configuration names.
    ///
    /// # Errors
    /// [`Fault`] when a password's file cannot be read.
    pub fn configured(config: &Config, data: &Path) -> Result<Self, Fault> {
        let folder = || Self::Folder(config.store.path.clone().unwrap_or_else(|| data.to_owned()));
        Ok(postgres::settings(config)?.map_or_else(folder, Self::Database))
    }

    /// A store as people name it: a folder, or an address that begins with `postgres://`. The configured one is opened as it is
    /// configured, with its password and authorities.
    ///
    /// # Errors
    /// [`Fault`] when the address cannot be used, or a password's file cannot be read.
    pub fn named(text: &str, config: &Config) -> Result<Self, Fault> {
        if !text.contains("://") {
            return Ok(Self::Folder(PathBuf::from(text)));
        }
        if config.store.url.as_deref() == Some(text)
            && let Some(settings) = postgres::settings(config)?
        {
            return Ok(Self::Database(settings));
        }
        let settings = Settings { ca_file: config.store.ca_file.clone(), ..Settings::new(text) };
        settings.check().map_err(|wrong| Fault::caused("the address cannot be used", wrong))?;
        Ok(Self::Database(settings))
    }

    /// Opens it and brings its tables up to date. A folder without a registry is made one, or is none, as `make` says.
    pub(super) async fn open(&self, make: bool) -> Result<Store, Fault> {
        match self {
            Self::Folder(folder) => {
                if !make && !folder.join("registry.db").is_file() {
                    return Err(Fault::new(format!(
                        "{} holds no registry: name the data directory of an installation",
                        folder.display()
                    )));
                }
                let store = Arc::new(SqliteStore::open(folder).await?);
                Ok(Store { registry: store.clone(), sessions: store.clone(), inner: Inner::Folder(store) })
            }
            Self::Database(settings) => {
                let store = Arc::new(PostgresStore::open(settings).await?);
                Ok(Store { registry: store.clone(), sessions: store.clone(), inner: Inner::Database(store) })
            }
        }
    }
}

impl Store {
    /// Ends its connections, so that another may open it.
    pub(super) async fn close(self) {
        drop((self.registry, self.sessions));
        match self.inner {
            Inner::Folder(store) => {
                if let Some(store) = Arc::into_inner(store) {
                    store.close().await;
                }
            }
            Inner::Database(store) => store.close().await,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "the folder {}", folder.display()),
            Self::Database(settings) => f.write_str(&settings.place()),
        }
    }
}
