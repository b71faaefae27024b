//! What the latest versions changed, so that a node which follows others reads only that.
use crate::database::Database;
use crate::rows::read;
use crate::rows::write::row_key;
use crate::text::kept;
use countersign_store::fault::Fault;
use countersign_store::model::{Record, SecretRecord, Write};
use countersign_store::registry::Changes;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use std::collections::BTreeMap;

/// Versions that are kept; a node that is further behind reads everything.
const KEPT: i64 = 1000;
/// Rows of one unit that are noted, and rows that are followed at once; beyond, reading everything is about as cheap.
const MOST_ROWS: usize = 10_000;
/// The kind of a unit that was too large.
const WHOLE: i16 = 0;

/// Notes what a unit writes, under the version that it makes.
///
/// # Errors
/// When the database fails.
pub(crate) async fn note(
    database: &Database,
    unit: &mut PgConnection,
    version: u64,
    writes: &[Write],
) -> Result<(), Fault> {
    let failed = |error| database.failed("write to", error);
    let version = i64::try_from(version).unwrap_or(i64::MAX);
    let (mut kinds, mut keys, mut seconds, mut gone) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    if writes.len() > MOST_ROWS {
        kinds.push(WHOLE);
        keys.push(String::new());
        seconds.push(String::new());
        gone.push(None);
    } else {
        for write in writes {
            let (record, removed) = match write {
                Write::Put(record) => (record, None),
                Write::Delete(record) => (record, Some(json(record)?)),
            };
            let (table, key, second) = row_key(record);
            kinds.push(table.number());
            keys.push(kept(key).into_owned());
            seconds.push(kept(second).into_owned());
            gone.push(removed);
        }
    }
    sqlx::query(
        "INSERT INTO changes (version, place, kind, key, second, gone) \
         SELECT $1, told.place, told.kind, told.key, told.second, told.gone \
         FROM unnest($2::smallint[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY \
         AS told (kind, key, second, gone, place)",
    )
    .bind(version)
    .bind(kinds)
    .bind(keys)
    .bind(seconds)
    .bind(gone)
    .execute(&mut *unit)
    .await
    .map_err(failed)?;
    sqlx::query("DELETE FROM changes WHERE version <= $1")
        .bind(version.saturating_sub(KEPT))
        .execute(unit)
        .await
        .map(|_| ())
        .map_err(failed)
}

/// What was written after `since`, as it is now at `version`; both as one transaction sees them. `None` when not all of it is known.
///
/// # Errors
/// When the database fails.
pub(crate) async fn read(
    database: &Database,
    unit: &mut PgConnection,
    since: u64,
    version: u64,
) -> Result<Option<Changes>, Fault> {
    let failed = |error| database.failed("read", error);
    // A restored copy may be behind what we have seen.
    let Some(behind) = version.checked_sub(since).filter(|behind| *behind <= KEPT.unsigned_abs()) else {
        return Ok(None);
    };
    let rows = sqlx::query("SELECT * FROM changes WHERE version > $1 ORDER BY version, place LIMIT $2")
        .bind(i64::try_from(since).unwrap_or(i64::MAX))
        .bind(i64::try_from(MOST_ROWS).unwrap_or(i64::MAX).saturating_add(1))
        .fetch_all(&mut *unit)
        .await
        .map_err(failed)?;
    // Units without rows, of entries alone, leave nothing here; that all others are there is known from the noted versions.
    let noted: Option<i64> = sqlx::query_scalar("SELECT value::bigint FROM meta WHERE name = 'changes'")
        .fetch_optional(&mut *unit)
        .await
        .map_err(failed)?;
    let from = u64::try_from(noted.unwrap_or(i64::MAX)).unwrap_or(u64::MAX);
    if rows.len() > MOST_ROWS || from > since || behind == 0 {
        return Ok(None);
    }
    let mut last: BTreeMap<(i16, String, String), Option<String>> = BTreeMap::new();
    for row in &rows {
        let read = |column| row.try_get::<String, _>(column).map_err(failed);
        let kind: i16 = row.try_get("kind").map_err(failed)?;
        if kind == WHOLE {
            return Ok(None);
        }
        last.insert((kind, read("key")?, read("second")?), row.try_get("gone").map_err(failed)?);
    }
    let mut writes = Vec::new();
    let mut wanted: BTreeMap<i16, Vec<String>> = BTreeMap::new();
    for ((kind, key, _), gone) in last {
        match gone {
            None => wanted.entry(kind).or_default().push(key),
            Some(text) => writes.push(Write::Delete(parse(&text)?)),
        }
    }
    for (kind, keys) in wanted {
        writes.extend(read::some(unit, kind, &keys).await?.into_iter().map(Write::Put));
    }
    Ok(Some(Changes { version, writes }))
}

/// A removed row; of a secret only its name, which is all that is needed to forget it.
fn json(record: &Record) -> Result<String, Fault> {
    let stripped = match record {
        Record::Secret(secret) => Record::Secret(SecretRecord { value: Vec::new(), ..secret.clone() }),
        other => other.clone(),
    };
    serde_json::to_string(&stripped).map_err(|error| Fault::caused("cannot write a row as JSON", error))
}

fn parse(text: &str) -> Result<Record, Fault> {
    serde_json::from_str(text).map_err(|error| {
        Fault::caused("a removed row in the database cannot be read: its node starts anew", error)
    })
}
