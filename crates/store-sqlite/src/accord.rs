//! The words that are agreed on, in the registry: one node writes them, and finds them again after a restart.
use crate::store::SqliteStore;
use countersign_store::accord::Accord;
use countersign_store::fault::Fault;
use countersign_store::registry::Answer;
use std::collections::BTreeMap;

impl Accord for SqliteStore {
    fn words(&self) -> Answer<'_, Result<BTreeMap<String, String>, Fault>> {
        Box::pin(async {
            let mut unit = self.registry.read().await?;
            let words: Vec<(String, String)> =
                sqlx::query_as("SELECT substr(name, 8), value FROM meta WHERE name LIKE 'accord/%'")
                    .fetch_all(&mut *unit)
                    .await
                    .map_err(|error| self.registry.failed("read", error))?;
            Ok(words.into_iter().collect())
        })
    }

    fn say<'a>(
        &'a self,
        name: &'a str,
        before: Option<&'a str>,
        word: &'a str,
    ) -> Answer<'a, Result<bool, Fault>> {
        let sql = match before {
            Some(_) => "UPDATE meta SET value = $3 WHERE name = 'accord/' || $1 AND value = $2",
            None => {
                "INSERT INTO meta (name, value) SELECT 'accord/' || $1, $3 WHERE $2 IS NULL \
                 ON CONFLICT (name) DO NOTHING"
            }
        };
        Box::pin(async move {
            let failed = |error| self.registry.failed("write", error);
            let mut unit = self.registry.begin().await?;
            let said = sqlx::query(sql)
                .bind(name.to_owned())
                .bind(before.map(str::to_owned))
                .bind(word.to_owned())
                .execute(&mut *unit)
                .await
                .map_err(failed)?;
            unit.commit().await.map_err(failed)?;
            Ok(said.rows_affected() == 1)
        })
    }
}
