//! The tables and their history: steps run in order, each once, each whole.
use countersign_store::fault::Fault;
use sqlx::{Connection, SqliteConnection};

/// Which file's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// `registry.db`.
    Registry,
    /// `sessions.db`.
    Sessions,
}

impl Schema {
    /// The file's name in the data directory.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Registry => "registry.db",
            Self::Sessions => "sessions.db",
        }
    }

    /// The steps; the first makes version 1. Steps are only ever added at the end.
    fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Registry => &[
                include_str!("../migrations/registry_1.sql"),
                include_str!("../migrations/registry_2.sql"),
                include_str!("../migrations/registry_3.sql"),
            ],
            Self::Sessions => &[include_str!("../migrations/sessions_1.sql")],
        }
    }

    /// Brings the tables up to date.
    ///
    /// # Errors
    /// When the file is another program's or a newer countersign's, or the database fails.
    pub(crate) async fn migrate(self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        let failed = |error| Fault::caused(format!("cannot bring {} up to date", self.file()), error);
        // One transaction: a crash leaves the old version.
        let mut unit = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
            .fetch_all(&mut *unit)
            .await
            .map_err(failed)?;
        let ours = tables.iter().any(|name| name == "schema_version");
        if !ours && !tables.is_empty() {
            return Err(Fault::new(format!(
                "{} holds another program's tables: give countersign a data directory of its own",
                self.file()
            )));
        }
        if !ours {
            sqlx::raw_sql("CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT; INSERT INTO schema_version VALUES (0);")
                .execute(&mut *unit)
                .await
                .map_err(failed)?;
        }
        let found: i64 = sqlx::query_scalar("SELECT max(version) FROM schema_version")
            .fetch_one(&mut *unit)
            .await
            .map_err(failed)?;
        let known = i64::try_from(self.steps().len()).unwrap_or(i64::MAX);
        if found > known {
            return Err(Fault::new(format!(
                "{} was written by a newer countersign (its tables are version {found}, this one knows {known}): \
                 use that release, or restore a backup made before the upgrade",
                self.file()
            )));
        }
        for step in self.steps().iter().skip(usize::try_from(found).unwrap_or(0)) {
            sqlx::raw_sql(*step).execute(&mut *unit).await.map_err(failed)?;
        }
        if found < known {
            sqlx::query("UPDATE schema_version SET version = $1")
                .bind(known)
                .execute(&mut *unit)
                .await
                .map_err(failed)?;
        }
        unit.commit().await.map_err(failed)
    }
}
