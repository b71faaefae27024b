//! The audit log of any store, read beside its servers: whether it is whole, and its head.
use super::ends::End;
use countersign_store::audit::{AuditLog, Head, NotWhole, verify};
use countersign_store::fault::Fault;
use countersign_store_postgres::AuditTable;
use countersign_store_sqlite::AuditFile;
use std::path::Path;

/// An audit log, opened to read: nothing is written, and no tables are brought up to date.
#[derive(Debug)]
pub enum Log {
    /// In a registry file: a folder's, or a backup.
    File(AuditFile),
    /// In a PostgreSQL.
    Table(AuditTable),
}

impl Log {
    /// Opens the log of a store, whether or not servers run on it.
    ///
    /// # Errors
    /// [`Fault`] when there is no installation, or it cannot be reached.
    pub async fn of(end: &End) -> Result<Self, Fault> {
        match end {
            End::Folder(folder) => Self::file(&folder.join("registry.db")).await,
            End::Database(settings) => Ok(Self::Table(AuditTable::open(settings).await?)),
        }
    }

    /// Opens the log in a backup's file.
    ///
    /// # Errors
    /// [`Fault`] when there is no such file.
    pub async fn file(file: &Path) -> Result<Self, Fault> {
        if !file.is_file() {
            return Err(Fault::new(format!(
                "wanted the registry of an installation, found no file {}; name its data directory, or a backup",
                file.display()
            )));
        }
        Ok(Self::File(AuditFile::open(file).await?))
    }

    /// Checks the whole log; gives its head, or none when it is empty.
    ///
    /// # Errors
    /// [`NotWhole`] as for [`verify`].
    pub async fn verify(&self, expected: Option<Head>) -> Result<Option<Head>, NotWhole> {
        let log: &dyn AuditLog = match self {
            Self::File(log) => log,
            Self::Table(log) => log,
        };
        verify(log, expected).await
    }

    /// The last entry's number and chain value, unchecked.
    ///
    /// # Errors
    /// [`Fault`] when the log cannot be read.
    pub async fn head(&self) -> Result<Option<Head>, Fault> {
        let last = match self {
            Self::File(log) => log.last().await,
            Self::Table(log) => log.last().await,
        };
        Ok(last?.map(Head::from))
    }

    /// Ends the connections.
    pub async fn close(self) {
        match self {
            // Nothing was written, so nothing is lost when this fails.
            Self::File(log) => drop(log.close().await),
            Self::Table(log) => log.close().await,
        }
    }
}
