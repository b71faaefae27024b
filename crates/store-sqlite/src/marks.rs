//! Marks of those who follow the registry, beside its version: changed only from what they were.
use crate::store::SqliteStore;
use countersign_store::fault::Fault;

impl SqliteStore {
    pub(crate) async fn marked(&self, name: &str) -> Result<Option<String>, Fault> {
        let mut unit = self.registry.read().await?;
        sqlx::query_scalar("SELECT value FROM meta WHERE name = 'mark/' || $1")
            .bind(name.to_owned())
            .fetch_optional(&mut *unit)
            .await
            .map_err(|error| self.registry.failed("read", error))
    }

    pub(crate) async fn swap(&self, name: &str, before: Option<&str>, after: &str) -> Result<bool, Fault> {
        let sql = match before {
            Some(_) => "UPDATE meta SET value = $3 WHERE name = 'mark/' || $1 AND value = $2",
            None => {
                "INSERT INTO meta (name, value) SELECT 'mark/' || $1, $3 WHERE $2 IS NULL \
                 ON CONFLICT (name) DO NOTHING"
            }
        };
        let failed = |error| self.registry.failed("write", error);
        let mut unit = self.registry.begin().await?;
        let swapped = sqlx::query(sql)
            .bind(name.to_owned())
            .bind(before.map(str::to_owned))
            .bind(after.to_owned())
            .execute(&mut *unit)
            .await
            .map_err(failed)?;
        unit.commit().await.map_err(failed)?;
        Ok(swapped.rows_affected() == 1)
    }
}
