//! The words that nodes agree on, beside the registry's version. A word of another place counts as not said: a standby that was
//! promoted may lack the last ones.
use crate::store::PostgresStore;
use crate::text::kept;
use countersign_store::accord::Accord;
use countersign_store::fault::Fault;
use countersign_store::registry::Answer;
use std::collections::BTreeMap;

impl Accord for PostgresStore {
    fn words(&self) -> Answer<'_, Result<BTreeMap<String, String>, Fault>> {
        Box::pin(self.database.bounded(async move {
            let mut held = self.database.connection().await?;
            self.database.sees_that_it_writes(&mut held).await?;
            let words: Vec<(String, String)> = sqlx::query_as(
                "SELECT substr(name, 8), split_part(value, ' ', 1) FROM meta \
                 WHERE name LIKE 'accord/%' AND split_part(value, ' ', 2) = countersign_place_1()",
            )
            .fetch_all(&mut *held)
            .await
            .map_err(|error| self.database.failed("read", error))?;
            held.release();
            Ok(words.into_iter().collect())
        }))
    }

    fn say<'a>(
        &'a self,
        name: &'a str,
        before: Option<&'a str>,
        word: &'a str,
    ) -> Answer<'a, Result<bool, Fault>> {
        // What was said at this place is changed where it stands, and only from what it is.
        let sql = match before {
            Some(_) => {
                "UPDATE meta SET value = $3 || ' ' || countersign_place_1() \
                 WHERE name = 'accord/' || $1 AND value = $2 || ' ' || countersign_place_1()"
            }
            None => {
                "INSERT INTO meta (name, value) SELECT 'accord/' || $1, $3 || ' ' || countersign_place_1() \
                 WHERE $2::text IS NULL \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value \
                 WHERE split_part(meta.value, ' ', 2) <> countersign_place_1()"
            }
        };
        Box::pin(self.database.bounded(async move {
            let mut held = self.database.connection().await?;
            let said = sqlx::query(sql)
                .bind(kept(name).into_owned())
                .bind(before.map(|before| kept(before).into_owned()))
                .bind(kept(word).into_owned())
                .execute(&mut *held)
                .await
                .map_err(|error| self.database.failed("write to", error))?;
            held.release();
            Ok(said.rows_affected() == 1)
        }))
    }
}
