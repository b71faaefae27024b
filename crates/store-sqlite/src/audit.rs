//! The audit log on SQLite: written in the units that change rows, read by page, also beside a server that runs.
use crate::rows::column::Reader;
use countersign_store::audit::{AuditLog, link};
use countersign_store::column::instant;
use countersign_store::fault::Fault;
use countersign_store::model::{AuditDraft, AuditEntry};
use countersign_store::registry::Answer;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::Path;
use tokio::sync::Mutex;

/// The audit log of one registry file, a backup's or one that a server has open: read only, and nothing is brought up to date.
#[derive(Debug)]
pub struct AuditFile(Mutex<SqliteConnection>);

impl AuditFile {
    /// Opens a registry file to read.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn open(file: &Path) -> Result<Self, Fault> {
        let options = SqliteConnectOptions::new().filename(file).read_only(true).create_if_missing(false);
        let connected = options.connect().await;
        let connection =
            connected.map_err(|error| Fault::caused(format!("cannot open {}", file.display()), error))?;
        Ok(Self(Mutex::new(connection)))
    }

    /// The last entry, if there is any.
    ///
    /// # Errors
    /// When the file cannot be read or is no registry.
    pub async fn last(&self) -> Result<Option<AuditEntry>, Fault> {
        last(&mut *self.0.lock().await).await
    }

    /// Ends the connection.
    ///
    /// # Errors
    /// When the file system fails.
    pub async fn close(self) -> Result<(), Fault> {
        let closed = self.0.into_inner().close().await;
        closed.map_err(|error| Fault::caused("cannot close the registry", error))
    }
}

impl AuditLog for AuditFile {
    fn page(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>> {
        // Numbers begin at 1; one that somebody put before them is to be seen.
        let after = if after == 0 { i64::MIN } else { i64::try_from(after).unwrap_or(i64::MAX) };
        Box::pin(async move { page(&mut *self.0.lock().await, after, limit).await })
    }
}

/// Entries with numbers above `after`, in order.
///
/// # Errors
/// When the database fails, or a row holds no entry.
pub(crate) async fn page(
    connection: &mut SqliteConnection,
    after: i64,
    limit: u32,
) -> Result<Vec<AuditEntry>, Fault> {
    let rows = sqlx::query("SELECT * FROM audit WHERE number > $1 ORDER BY number LIMIT $2")
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(|row| entry(&Reader::new("audit", row))).collect()
}

/// The last entry.
///
/// # Errors
/// As for [`page`].
pub(crate) async fn last(connection: &mut SqliteConnection) -> Result<Option<AuditEntry>, Fault> {
    let last = sqlx::query("SELECT * FROM audit ORDER BY number DESC LIMIT 1")
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    last.map(|row| entry(&Reader::new("audit", &row))).transpose()
}

fn failed(error: sqlx::Error) -> Fault {
    Fault::caused("cannot read the audit log", error)
}

/// Chains entries onto the last one, in the unit that writes what they tell of.
///
/// # Errors
/// When the database fails.
pub(crate) async fn append(connection: &mut SqliteConnection, drafts: &[AuditDraft]) -> Result<(), Fault> {
    let mut last = last(connection).await?;
    for draft in drafts {
        let next = link(last.as_ref(), draft.clone());
        insert(connection, &next).await?;
        last = Some(next);
    }
    Ok(())
}

/// Writes an entry as it is.
///
/// # Errors
/// When the database fails, or there is one with this number.
pub(crate) async fn insert(connection: &mut SqliteConnection, next: &AuditEntry) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO audit (number, at, actor, action, subject, detail, chain) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(i64::try_from(next.number).unwrap_or(i64::MAX))
    .bind(instant(next.entry.at))
    .bind(next.entry.actor.clone())
    .bind(next.entry.action.clone())
    .bind(next.entry.subject.clone())
    .bind(next.entry.detail.clone())
    .bind(next.chain.clone())
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(|error| Fault::caused("cannot write the audit log", error))
}

fn entry(row: &Reader<'_>) -> Result<AuditEntry, Fault> {
    Ok(AuditEntry {
        number: u64::try_from(row.get::<i64>("number")?).unwrap_or(0),
        entry: AuditDraft {
            at: row.exact_instant("at")?,
            actor: row.get("actor")?,
            action: row.get("action")?,
            subject: row.get("subject")?,
            detail: row.get("detail")?,
        },
        chain: row.get("chain")?,
    })
}
