//! The tables and their history: steps run in order, each once, each whole, by one node however many start together.
use crate::database::Database;
use countersign_store::fault::Fault;
use sqlx::postgres::PgConnection;

/// Steps of one part of the tables; the first makes version 1. Steps are only ever added at the end, and where the embedded
/// store has the same tables, the same version has the same columns.
struct Part {
    name: &'static str,
    steps: &'static [&'static str],
}

const PARTS: &[Part] = &[
    Part {
        name: "registry",
        steps: &[
            include_str!("../migrations/registry_1.sql"),
            include_str!("../migrations/registry_2.sql"),
            include_str!("../migrations/registry_3.sql"),
        ],
    },
    Part { name: "sessions", steps: &[include_str!("../migrations/sessions_1.sql")] },
    Part { name: "changes", steps: &[include_str!("../migrations/changes_1.sql")] },
    Part { name: "replay", steps: &[include_str!("../migrations/replay_1.sql")] },
];

/// Held while tables are brought up to date; the number is arbitrary and the same in every release.
const LOCK: &str = "SELECT pg_advisory_xact_lock(4919131752989213764)";

/// Brings the tables up to date.
///
/// # Errors
/// When the tables are another program's or a newer countersign's, or the database fails.
pub(crate) async fn migrate(database: &Database) -> Result<(), Fault> {
    database
        .patient(async {
            let mut held = database.begin("BEGIN").await?;
            let failed = |error| database.failed("bring up to date", error);
            // Another node's steps may take a while; they are waited for.
            sqlx::raw_sql("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
                .execute(&mut *held)
                .await
                .map_err(failed)?;
            sqlx::raw_sql(LOCK).execute(&mut *held).await.map_err(failed)?;
            if !known(database, &mut held).await? {
                sqlx::raw_sql(
                    "CREATE TABLE countersign_schema (part text COLLATE \"C\" PRIMARY KEY, version bigint NOT NULL)",
                )
                .execute(&mut *held)
                .await
                .map_err(failed)?;
            }
            for part in PARTS {
                part.migrate(database, &mut held).await?;
            }
            database.commit(held).await
        })
        .await
}

/// Whether the tables are there; a fault when there are others.
async fn known(database: &Database, connection: &mut PgConnection) -> Result<bool, Fault> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()")
            .fetch_all(connection)
            .await
            .map_err(|error| database.failed("read", error))?;
    let ours = tables.iter().any(|name| name == "countersign_schema");
    if !ours && !tables.is_empty() {
        return Err(Fault::new(format!(
            "{} holds another program's tables: give countersign a database or a schema of its own",
            database.settings().place()
        )));
    }
    Ok(ours)
}

impl Part {
    async fn migrate(&self, database: &Database, connection: &mut PgConnection) -> Result<(), Fault> {
        let failed = |error| database.failed("bring up to date", error);
        let found: Option<i64> = sqlx::query_scalar("SELECT version FROM countersign_schema WHERE part = $1")
            .bind(self.name)
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed)?;
        let found = found.unwrap_or(0);
        let known = i64::try_from(self.steps.len()).unwrap_or(i64::MAX);
        if found > known {
            return Err(Fault::new(format!(
                "{} was written by a newer countersign (its {} tables are version {found}, this one knows {known}): \
                 use that release, or restore a backup made before the upgrade",
                database.settings().place(),
                self.name
            )));
        }
        for step in self.steps.iter().skip(usize::try_from(found).unwrap_or(0)) {
            sqlx::raw_sql(*step).execute(&mut *connection).await.map_err(failed)?;
        }
        if found < known {
            sqlx::query(
                "INSERT INTO countersign_schema (part, version) VALUES ($1, $2) \
                 ON CONFLICT (part) DO UPDATE SET version = excluded.version",
            )
            .bind(self.name)
            .bind(known)
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
        }
        Ok(())
    }
}
