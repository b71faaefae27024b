//! Marks of those who follow the registry, beside its version: changed only from what they were, by one node of all.
use crate::store::PostgresStore;
use crate::text::kept;
use countersign_store::fault::Fault;

impl PostgresStore {
    pub(crate) async fn marked(&self, name: &str) -> Result<Option<String>, Fault> {
        let mut held = self.database.connection().await?;
        self.database.sees_that_it_writes(&mut held).await?;
        let mark = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'mark/' || $1")
            .bind(kept(name).into_owned())
            .fetch_optional(&mut *held)
            .await
            .map_err(|error| self.database.failed("read", error))?;
        held.release();
        Ok(mark)
    }

    pub(crate) async fn swap(&self, name: &str, before: Option<&str>, after: &str) -> Result<bool, Fault> {
        let sql = match before {
            Some(_) => "UPDATE meta SET value = $3 WHERE name = 'mark/' || $1 AND value = $2",
            None => {
                "INSERT INTO meta (name, value) SELECT 'mark/' || $1, $3 WHERE $2::text IS NULL \
                 ON CONFLICT (name) DO NOTHING"
            }
        };
        let mut held = self.database.connection().await?;
        let swapped = sqlx::query(sql)
            .bind(kept(name).into_owned())
            .bind(before.map(|before| kept(before).into_owned()))
            .bind(kept(after).into_owned())
            .execute(&mut *held)
            .await
            .map_err(|error| self.database.failed("write to", error))?;
        held.release();
        Ok(swapped.rows_affected() == 1)
    }
}
