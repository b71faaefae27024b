//! The registry on SQLite: read whole, written in units that carry their audit entries.
use crate::blocking::off_reactor;
use crate::replay::{RESTORED, Scope};
use crate::rows::{read, write};
use crate::store::SqliteStore;
use crate::{audit, backup, bulk, uses};
use countersign_store::directory::Directory;
use countersign_store::directory::build::Builder;
use countersign_store::fault::Fault;
use countersign_store::model::{AuditDraft, AuditEntry, Write};
use countersign_store::registry::{Answer, LastUse, Loaded, NotWritten, Registry};
use sqlx::SqliteConnection;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long the disk may take for a change, and for each row of it beside that.
const PATIENCE: Duration = Duration::from_secs(5);
const EACH_ROW: Duration = Duration::from_millis(1);

impl Registry for SqliteStore {
    fn load(&self) -> Answer<'_, Result<Loaded, Fault>> {
        Box::pin(async {
            let mut unit = self.registry.read().await?;
            Ok(Loaded { version: self.version_in(&mut unit).await?, records: read::all(&mut unit).await? })
        })
    }

    fn directory(&self) -> Answer<'_, Result<Arc<Directory>, Fault>> {
        Box::pin(async {
            let mut shown = self.shown.lock().await;
            let version = self.version().await?;
            // Whoever writes shows it there at once, so one that is at the version of the rows is as good as new.
            if let Some(directory) = shown.as_ref().filter(|directory| directory.version() == version) {
                return Ok(Arc::clone(directory));
            }
            let directory = Arc::new(self.read_directory().await?);
            *shown = Some(Arc::clone(&directory));
            Ok(directory)
        })
    }

    fn version(&self) -> Answer<'_, Result<u64, Fault>> {
        Box::pin(async { self.version_in(&mut *self.registry.read().await?).await })
    }

    fn commit<'a>(
        &'a self,
        base: u64,
        writes: &'a [Write],
        audit: &'a [AuditDraft],
    ) -> Answer<'a, Result<u64, NotWritten>> {
        Box::pin(async move {
            // Dropped on any way out but the last, a unit rolls back.
            let mut unit = self.registry.begin().await.map_err(NotWritten::Fault)?;
            if self.version_in(&mut unit).await.map_err(NotWritten::Fault)? != base {
                return Err(NotWritten::Conflict);
            }
            let next = base.saturating_add(1);
            self.write_in(&mut unit, next, writes, audit).await.map_err(NotWritten::Fault)?;
            // What it waits for here is the disk, which may yet take it; those in line behind it need not wait as long.
            let rows = u32::try_from(writes.len().saturating_add(audit.len())).unwrap_or(u32::MAX);
            let patience = PATIENCE.saturating_add(EACH_ROW.saturating_mul(rows));
            let written = match timeout(patience, unit.commit()).await {
                Ok(written) => written.map_err(|error| self.registry.failed("write", error)),
                Err(_) => Err(Fault::new(format!(
                    "the disk did not take a change within {} s: see whether it hangs",
                    patience.as_secs()
                ))),
            };
            written.map_err(|fault| NotWritten::Fault(fault.with_open_outcome()))?;
            Ok(next)
        })
    }

    fn fill<'a>(&'a self, loaded: &'a Loaded, audit: &'a [AuditEntry]) -> Answer<'a, Result<(), NotWritten>> {
        Box::pin(async move {
            let mut unit = self.registry.begin().await.map_err(NotWritten::Fault)?;
            if self.version_in(&mut unit).await.map_err(NotWritten::Fault)? != 0 {
                return Err(NotWritten::Conflict);
            }
            self.fill_in(&mut unit, loaded, audit).await.map_err(NotWritten::Fault)?;
            unit.commit().await.map_err(|error| NotWritten::Fault(self.registry.failed("write", error)))
        })
    }

    fn audit(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>> {
        Box::pin(async move {
            let mut unit = self.registry.read().await?;
            audit::page(&mut unit, i64::try_from(after).unwrap_or(i64::MAX), limit).await
        })
    }

    fn last_audit(&self) -> Answer<'_, Result<Option<AuditEntry>, Fault>> {
        Box::pin(async { audit::last(&mut *self.registry.read().await?).await })
    }

    fn touch<'a>(&'a self, told: &'a [LastUse]) -> Answer<'a, Result<(), Fault>> {
        Box::pin(async move {
            let mut unit = self.registry.begin().await?;
            uses::note(&mut unit, told).await?;
            unit.commit().await.map_err(|error| self.registry.failed("write", error))
        })
    }

    fn uses<'a>(&'a self, keys: &'a [String]) -> Answer<'a, Result<Vec<LastUse>, Fault>> {
        Box::pin(async move { uses::of(&mut *self.registry.read().await?, keys).await })
    }

    fn mark<'a>(&'a self, name: &'a str) -> Answer<'a, Result<Option<String>, Fault>> {
        Box::pin(self.marked(name))
    }

    fn swap_mark<'a>(
        &'a self,
        name: &'a str,
        before: Option<&'a str>,
        after: &'a str,
    ) -> Answer<'a, Result<bool, Fault>> {
        Box::pin(self.swap(name, before, after))
    }

    fn backup<'a>(&'a self, to: &'a Path) -> Answer<'a, Result<(), Fault>> {
        Box::pin(backup::copy(self.registry.path(), to))
    }
}

impl SqliteStore {
    /// Several times as fast as from what `load` gives, since all cores read and no row is held twice.
    async fn read_directory(&self) -> Result<Directory, Fault> {
        // Another program may write meanwhile; then what it left is read again, whole at the third time.
        for _ in 0..2 {
            let mut unit = self.registry.read().await?;
            let version = self.version_in(&mut unit).await?;
            let small = read::small(&mut unit).await?;
            drop(unit);
            let path = self.registry.path().to_owned();
            let built = off_reactor(move || {
                let builder = Builder::new(bulk::size(&path)?);
                small.iter().for_each(|record| builder.put(record));
                if bulk::read(&path, version, &builder)? {
                    builder.finish(version).map(Some)
                } else {
                    Ok(None)
                }
            });
            if let Some(directory) = built.await? {
                return Ok(directory);
            }
        }
        let loaded = self.load().await?;
        off_reactor(move || Directory::load(loaded)).await
    }

    async fn version_in(&self, connection: &mut SqliteConnection) -> Result<u64, Fault> {
        let text: String = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'version'")
            .fetch_one(connection)
            .await
            .map_err(|error| self.registry.failed("read", error))?;
        text.parse().map_err(|_| {
            Fault::new("registry.db is damaged: its version should be a whole number; restore a backup")
        })
    }

    async fn fill_in(
        &self,
        connection: &mut SqliteConnection,
        loaded: &Loaded,
        entries: &[AuditEntry],
    ) -> Result<(), Fault> {
        write::fill(connection, &loaded.records).await?;
        for entry in entries {
            audit::insert(connection, entry).await?;
        }
        let noted = [
            ("version", loaded.version.to_string()),
            (Scope::Proofs.epoch(), RESTORED.to_owned()),
            (Scope::Challenges.epoch(), RESTORED.to_owned()),
        ];
        for (name, value) in noted {
            sqlx::query(
                "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .bind(name)
            .bind(value)
            .execute(&mut *connection)
            .await
            .map_err(|error| self.registry.failed("write", error))?;
        }
        Ok(())
    }

    async fn write_in(
        &self,
        connection: &mut SqliteConnection,
        version: u64,
        writes: &[Write],
        entries: &[AuditDraft],
    ) -> Result<(), Fault> {
        let failed = |error| self.registry.failed("write", error);
        write::apply(connection, writes).await?;
        audit::append(connection, entries).await?;
        sqlx::query("UPDATE meta SET value = $1 WHERE name = 'version'")
            .bind(version.to_string())
            .execute(connection)
            .await
            .map_err(failed)?;
        Ok(())
    }
}
