//! The audit log on PostgreSQL: written in the units that change rows, read by page, also by a program that is no node.
use crate::database::Database;
use crate::rows::column::Reader;
use crate::settings::Settings;
use crate::text::kept;
use countersign_store::audit::{AuditLog, link};
use countersign_store::column::instant;
use countersign_store::fault::Fault;
use countersign_store::model::{AuditDraft, AuditEntry};
use countersign_store::registry::Answer;
use sqlx::postgres::{PgConnection, PgRow};

/// The audit log of an installation: read only, and nothing is brought up to date.
#[derive(Debug)]
pub struct AuditTable(Database);

impl AuditTable {
    /// Connects to the database.
    ///
    /// # Errors
    /// When the settings are wrong, or the database cannot be reached or used.
    pub async fn open(settings: &Settings) -> Result<Self, Fault> {
        Database::open(settings).await.map(Self)
    }

    /// The last entry, if there is any.
    ///
    /// # Errors
    /// When the database fails or holds no installation.
    pub async fn last(&self) -> Result<Option<AuditEntry>, Fault> {
        last(&self.0).await
    }

    /// Ends the connections.
    pub async fn close(self) {
        self.0.close().await;
    }
}

impl AuditLog for AuditTable {
    fn page(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>> {
        // Numbers begin at 1; one that somebody put before them is to be seen.
        let after = if after == 0 { i64::MIN } else { i64::try_from(after).unwrap_or(i64::MAX) };
        Box::pin(page(&self.0, after, limit))
    }
}

/// Entries with numbers above `after`, in order.
///
/// # Errors
/// When the database fails, or a row holds no entry.
pub(crate) async fn page(database: &Database, after: i64, limit: u32) -> Result<Vec<AuditEntry>, Fault> {
    let work = async move {
        let mut held = database.connection().await?;
        let rows = sqlx::query("SELECT * FROM audit WHERE number > $1 ORDER BY number LIMIT $2")
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&mut *held)
            .await
            .map_err(|error| database.failed("read", error))?;
        held.release();
        rows.iter().map(|row| entry(&Reader::new("audit", row))).collect()
    };
    database.bounded(work).await
}

/// The last entry.
///
/// # Errors
/// As for [`page`].
pub(crate) async fn last(database: &Database) -> Result<Option<AuditEntry>, Fault> {
    let work = async move {
        let mut held = database.connection().await?;
        let row = last_in(&mut held).await.map_err(|error| database.failed("read", error))?;
        held.release();
        row.map(|row| entry(&Reader::new("audit", &row))).transpose()
    };
    database.bounded(work).await
}

async fn last_in(connection: &mut PgConnection) -> Result<Option<PgRow>, sqlx::Error> {
    sqlx::query("SELECT * FROM audit ORDER BY number DESC LIMIT 1").fetch_optional(connection).await
}

/// Chains entries onto the last one, in the unit that writes what they tell of: it holds the version, so no other writes between.
///
/// # Errors
/// When the database fails.
pub(crate) async fn append(connection: &mut PgConnection, drafts: &[AuditDraft]) -> Result<(), Fault> {
    let row = last_in(connection).await.map_err(|error| Fault::caused("cannot read the audit log", error))?;
    let mut last = row.map(|row| entry(&Reader::new("audit", &row))).transpose()?;
    for draft in drafts {
        let next = link(last.as_ref(), draft.clone());
        insert(connection, &next).await?;
        last = Some(next);
    }
    Ok(())
}

async fn insert(connection: &mut PgConnection, next: &AuditEntry) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO audit (number, at, actor, action, subject, detail, chain) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(i64::try_from(next.number).unwrap_or(i64::MAX))
    .bind(instant(next.entry.at))
    .bind(kept(&next.entry.actor).into_owned())
    .bind(kept(&next.entry.action).into_owned())
    .bind(kept(&next.entry.subject).into_owned())
    .bind(kept(&next.entry.detail).into_owned())
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
            actor: row.text("actor")?,
            action: row.text("action")?,
            subject: row.text("subject")?,
            detail: row.text("detail")?,
        },
        chain: row.text("chain")?,
    })
}
