//! One SQLite file: one connection that writes, a few that read.
use crate::blocking::off_reactor;
use crate::private::{private, sync_folder};
use crate::schema::Schema;
use countersign_store::fault::Fault;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Readers beside the writer: start, audit pages and version polls; requests do not ask SQL.
const READERS: u32 = 2;
/// How long to wait for another program's lock, such as a backup's, before it is a fault.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Read beside the writer.
    ReadAndWrite,
    /// Read at the start only.
    Write,
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    schema: Schema,
    write: SqlitePool,
    read: Option<SqlitePool>,
}

impl Database {
    /// Opens the file of a schema in a directory, made when it is missing, and brings it up to date.
    ///
    /// # Errors
    /// When the file is another program's or a newer release's, or the disk or the database fails.
    pub(crate) async fn open(directory: &Path, schema: Schema, wanted: Use) -> Result<Self, Fault> {
        let path = directory.join(schema.file());
        let failed = |error| Fault::caused(format!("cannot open {}", path.display()), error);
        let (file, folder) = (path.clone(), directory.to_owned());
        off_reactor(move || {
            // Made here and not by SQLite, so that nobody else may ever read it; its side files take the same mode.
            let made = match private().create_new(true).open(&file) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    // Its name was made certain before the first byte went in, so a start need not wait for that again.
                    std::fs::metadata(&file).map(|there| there.len() == 0)
                }
                made => made.map(|_| true),
            };
            made.and_then(|fresh| if fresh { sync_folder(&folder) } else { Ok(()) })
                .map_err(|error| Fault::caused(format!("cannot make {}", file.display()), error))
        })
        .await?;
        let options = options(&path);
        let write = pool(1).connect_with(options.clone()).await.map_err(failed)?;
        let mut writer = write.acquire().await.map_err(failed)?;
        schema.migrate(&mut writer).await?;
        drop(writer);
        let read = match wanted {
            Use::Write => None,
            Use::ReadAndWrite => {
                Some(pool(READERS).connect_with(options.pragma("query_only", "ON")).await.map_err(failed)?)
            }
        };
        Ok(Self { path, schema, write, read })
    }

    /// Begins a unit that will write: no other writes in between, from the first read on.
    ///
    /// # Errors
    /// When the database fails or another program holds it for too long.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Fault> {
        let failed = |error| self.failed("write", error);
        match self.write.begin_with("BEGIN IMMEDIATE").await {
            // SQLite ended a unit by itself, since the disk was full or broke, and the connection still counts it as begun.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.write.acquire().await.map_err(failed)?.close().await.map_err(failed)?;
                self.write.begin_with("BEGIN IMMEDIATE").await.map_err(failed)
            }
            begun => begun.map_err(failed),
        }
    }

    /// Begins a unit that reads one consistent state.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn read(&self) -> Result<Transaction<'static, Sqlite>, Fault> {
        self.read.as_ref().unwrap_or(&self.write).begin().await.map_err(|error| self.failed("read", error))
    }

    /// The fault of a failed step.
    pub(crate) fn failed(&self, what: &str, error: sqlx::Error) -> Fault {
        Fault::caused(format!("cannot {what} {}", self.schema.file()), error)
    }

    /// Where the file lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the connections.
    pub(crate) async fn close(&self) {
        if let Some(read) = &self.read {
            read.close().await;
        }
        self.write.close().await;
    }
}

/// A connection of its own, for a file that a running server may have open.
///
/// # Errors
/// When the database cannot be opened.
pub(crate) async fn connect(path: &Path) -> Result<SqliteConnection, Fault> {
    use sqlx::ConnectOptions;
    let options = options(path);
    options.connect().await.map_err(|error| Fault::caused(format!("cannot open {}", path.display()), error))
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
}

/// Connections stay open: no timers, and the statements they know stay prepared.
fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .min_connections(size)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
}

#[cfg(test)]
mod tests {
    use crate::store::SqliteStore;

    #[tokio::test]
    async fn a_unit_that_sqlite_ended_by_itself_does_not_stand_in_the_way_of_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).await.unwrap();
        let mut unit = store.registry.begin().await.unwrap();
        // As SQLite does when a disk is full in the middle of a unit.
        sqlx::raw_sql("ROLLBACK").execute(&mut *unit).await.unwrap();
        assert!(unit.commit().await.is_err());
        let unit = store.registry.begin().await.unwrap();
        unit.commit().await.unwrap();
    }
}
