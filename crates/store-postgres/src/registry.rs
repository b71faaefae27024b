//! The registry on PostgreSQL: read whole in one snapshot, written in units that hold the version until they are done.
use crate::bus::CHANNEL;
use crate::database::Held;
use crate::rows::{fill, read, write};
use crate::store::PostgresStore;
use crate::{audit, changes, uses};
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use countersign_store::model::{AuditDraft, AuditEntry, Write};
use countersign_store::registry::{Answer, Changes, LastUse, Loaded, NotWritten, Registry};
use sqlx::postgres::PgConnection;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Everything that is read after this is of one moment.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

impl Registry for PostgresStore {
    fn load(&self) -> Answer<'_, Result<Loaded, Fault>> {
        Box::pin(self.database.patient(async {
            let mut unit = self.database.begin(SNAPSHOT).await?;
            without_bound(&mut unit).await.map_err(|error| self.database.failed("read", error))?;
            let (version, place) = self.version_in(&mut unit, VERSION).await?;
            let records = read::all(&mut unit).await?;
            self.database.commit(unit).await?;
            self.history.begin(place);
            Ok(Loaded { version, records })
        }))
    }

    fn directory(&self) -> Answer<'_, Result<Arc<Directory>, Fault>> {
        Box::pin(async {
            let mut shown = self.shown.lock().await;
            let version = self.version().await?;
            // Whoever writes shows it there at once, so one that is at the version of the rows is as good as new.
            let as_new = |directory: &&Arc<Directory>| directory.version() == version && !self.has_moved();
            if let Some(directory) = shown.as_ref().filter(as_new) {
                return Ok(Arc::clone(directory));
            }
            let directory = Arc::new(Directory::load(self.load().await?)?);
            *shown = Some(Arc::clone(&directory));
            Ok(directory)
        })
    }

    fn version(&self) -> Answer<'_, Result<u64, Fault>> {
        Box::pin(self.database.bounded(async {
            let mut held = self.database.connection().await?;
            self.database.sees_that_it_writes(&mut held).await?;
            let (version, place) = self.version_in(&mut held, VERSION).await?;
            held.release();
            self.history.goes_on(&place);
            Ok(version)
        }))
    }

    fn has_moved(&self) -> bool {
        self.history.has_moved()
    }

    fn changes(&self, since: u64) -> Answer<'_, Result<Option<Changes>, Fault>> {
        Box::pin(self.database.bounded(async move {
            let mut unit = self.database.begin(SNAPSHOT).await?;
            let (version, place) = self.version_in(&mut unit, VERSION).await?;
            let changes = if self.history.goes_on(&place) {
                changes::read(&self.database, &mut unit, since, version).await?
            } else {
                None
            };
            self.database.commit(unit).await?;
            Ok(changes)
        }))
    }

    fn announced(&self) -> Answer<'_, ()> {
        Box::pin(async {
            match self.bus.get() {
                Some(bus) => bus.heard.wake.notified().await,
                None => std::future::pending().await,
            }
        })
    }

    fn hears(&self) -> Option<bool> {
        self.bus.get().map(|bus| bus.heard.hears.load(Ordering::Acquire))
    }

    fn commit<'a>(
        &'a self,
        base: u64,
        writes: &'a [Write],
        audit: &'a [AuditDraft],
    ) -> Answer<'a, Result<u64, NotWritten>> {
        let next = base.saturating_add(1);
        let work = async move {
            let mut unit = self.database.begin("BEGIN").await.map_err(NotWritten::Fault)?;
            // Others that want to write wait here until this unit is written or given up, and then see its version.
            let (found, place) = self.version_in(&mut unit, LOCKED).await.map_err(NotWritten::Fault)?;
            if found != base || !self.history.goes_on(&place) {
                self.database.roll_back(unit).await;
                return Err(NotWritten::Conflict);
            }
            self.write_in(&mut unit, next, writes, audit).await.map_err(NotWritten::Fault)?;
            Ok(unit)
        };
        let rows = writes.len().saturating_add(audit.len());
        Box::pin(async move {
            let unit = self.database.bounded_by(rows, work).await?;
            // From here on nobody can tell whether it is written, unless the server says so.
            let written: Result<(), Fault> = self.database.bounded(self.database.commit(unit)).await;
            written.map_err(|fault| NotWritten::Fault(fault.with_open_outcome()))?;
            Ok(next)
        })
    }

    fn fill<'a>(&'a self, loaded: &'a Loaded, audit: &'a [AuditEntry]) -> Answer<'a, Result<(), NotWritten>> {
        let work = async move {
            let mut unit = self.database.begin("BEGIN").await.map_err(NotWritten::Fault)?;
            let (found, _) = self.version_in(&mut unit, LOCKED).await.map_err(NotWritten::Fault)?;
            if found != 0 {
                self.database.roll_back(unit).await;
                return Err(NotWritten::Conflict);
            }
            self.fill_in(&mut unit, loaded, audit).await.map_err(NotWritten::Fault)?;
            self.database.commit(unit).await.map_err(NotWritten::Fault)
        };
        Box::pin(self.database.patient(work))
    }

    fn audit(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>> {
        Box::pin(audit::page(&self.database, i64::try_from(after).unwrap_or(i64::MAX), limit))
    }

    fn last_audit(&self) -> Answer<'_, Result<Option<AuditEntry>, Fault>> {
        Box::pin(audit::last(&self.database))
    }

    fn touch<'a>(&'a self, told: &'a [LastUse]) -> Answer<'a, Result<(), Fault>> {
        Box::pin(self.database.bounded(async move {
            if told.is_empty() {
                return Ok(());
            }
            let mut unit = self.database.begin("BEGIN").await?;
            uses::note(&mut unit, told).await.map_err(|error| self.database.failed("write to", error))?;
            self.database.commit(unit).await
        }))
    }

    fn uses<'a>(&'a self, keys: &'a [String]) -> Answer<'a, Result<Vec<LastUse>, Fault>> {
        Box::pin(uses::of(&self.database, keys))
    }

    fn mark<'a>(&'a self, name: &'a str) -> Answer<'a, Result<Option<String>, Fault>> {
        Box::pin(self.database.bounded(self.marked(name)))
    }

    fn swap_mark<'a>(
        &'a self,
        name: &'a str,
        before: Option<&'a str>,
        after: &'a str,
    ) -> Answer<'a, Result<bool, Fault>> {
        Box::pin(self.database.bounded(self.swap(name, before, after)))
    }

    fn backup<'a>(&'a self, _to: &'a Path) -> Answer<'a, Result<(), Fault>> {
        let text = "the registry is in PostgreSQL: `countersign store backup` writes it to a file, `pg_dump` the whole database";
        Box::pin(async move { Err(Fault::new(text)) })
    }
}

/// The version, and where it is.
const VERSION: &str = "SELECT value, countersign_place_1() FROM meta WHERE name = 'version'";
/// The same for whoever writes, one after another.
const LOCKED: &str = "SELECT value, countersign_place_1() FROM meta WHERE name = 'version' FOR UPDATE";

impl PostgresStore {
    pub(crate) async fn version_in(
        &self,
        connection: &mut PgConnection,
        sql: &'static str,
    ) -> Result<(u64, String), Fault> {
        let (version, place): (String, String) = sqlx::query_as(sql)
            .fetch_one(connection)
            .await
            .map_err(|error| self.database.failed("read", error))?;
        let version = version.parse().map_err(|_| {
            Fault::new("the database is damaged: its version should be a whole number; restore a backup")
        })?;
        Ok((version, place))
    }

    async fn fill_in(&self, unit: &mut Held, loaded: &Loaded, audit: &[AuditEntry]) -> Result<(), Fault> {
        let failed = |error| self.database.failed("write to", error);
        without_bound(unit).await.map_err(failed)?;
        fill::fill(unit, &loaded.records, audit).await?;
        // The version, also as the first one from which changes are noted; and memories that begin as in another place.
        sqlx::query("UPDATE meta SET value = $1 WHERE name IN ('version', 'changes')")
            .bind(loaded.version.to_string())
            .execute(&mut **unit)
            .await
            .map_err(failed)?;
        sqlx::query(
            "INSERT INTO replay (scope, place, generation, barrier, forgotten, keep) \
             SELECT scope, 'elsewhere', 1, $1, $1, 0 FROM unnest(ARRAY[1, 2]::smallint[]) AS scope \
             ON CONFLICT (scope) DO UPDATE SET place = excluded.place",
        )
        .bind(i64::MIN)
        .execute(&mut **unit)
        .await
        .map(|_| ())
        .map_err(failed)
    }

    async fn write_in(
        &self,
        unit: &mut Held,
        version: u64,
        writes: &[Write],
        entries: &[AuditDraft],
    ) -> Result<(), Fault> {
        write::apply(unit, writes).await?;
        changes::note(&self.database, unit, version, writes).await?;
        audit::append(unit, entries).await?;
        sqlx::query("UPDATE meta SET value = $1 WHERE name = 'version'")
            .bind(version.to_string())
            .execute(&mut **unit)
            .await
            .map_err(|error| self.database.failed("write to", error))?;
        // Heard by the other nodes when this unit is written, and not at all when it is given up.
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(version.to_string())
            .execute(&mut **unit)
            .await
            .map(|_| ())
            .map_err(|error| self.database.failed("write to", error))
    }
}

/// Lifts the bound on single statements inside a unit that reads or writes a whole installation.
pub(crate) async fn without_bound(unit: &mut Held) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("SET LOCAL statement_timeout = 0").execute(&mut **unit).await.map(|_| ())
}
