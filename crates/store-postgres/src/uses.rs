//! From where keys were used: a few addresses of each, noted many at a time by several nodes.
use crate::database::Database;
use crate::text::{kept, plain};
use countersign_store::column::instant;
use countersign_store::fault::Fault;
use countersign_store::registry::{LastUse, MOST_ADDRESSES};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

/// In one order on every node, so that none waits for another in a circle. Whoever holds the keys' rows has their uses alone, too.
const LAST: &str = "WITH told AS MATERIALIZED (SELECT DISTINCT ON (key) * FROM unnest($1::text[], $2::text[], $3::text[]) \
                    AS told (key, at, address) ORDER BY key, at::numeric DESC), \
                    held AS MATERIALIZED (SELECT id FROM keys WHERE id IN (SELECT key FROM told) ORDER BY id FOR UPDATE) \
                    UPDATE keys SET last_used = told.at, last_address = told.address FROM told, held \
                    WHERE keys.id = told.key AND held.id = keys.id \
                    AND (keys.last_used IS NULL OR keys.last_used::numeric <= told.at::numeric)";

/// The later use of an address counts, whichever node tells it first; keys that are no longer there leave nothing behind.
const NOTE: &str = "INSERT INTO key_uses (key, address, at) SELECT told.key, told.address, max(told.at) \
                    FROM unnest($1::text[], $2::bigint[], $3::text[]) AS told (key, at, address) \
                    JOIN keys ON keys.id = told.key WHERE told.address IS NOT NULL GROUP BY told.key, told.address \
                    ORDER BY told.key, told.address \
                    ON CONFLICT (key, address) DO UPDATE SET at = greatest(key_uses.at, excluded.at)";

/// All but the newest go; of two of the same second, the later in the order of addresses.
const TRIM: &str = "DELETE FROM key_uses USING (SELECT key, address, row_number() OVER \
                    (PARTITION BY key ORDER BY at DESC, address) AS place FROM key_uses WHERE key = ANY($1)) AS placed \
                    WHERE placed.place > $2 AND key_uses.key = placed.key AND key_uses.address = placed.address";

/// Notes uses.
///
/// # Errors
/// When the database fails; the transaction must then be given up.
pub(crate) async fn note(connection: &mut PgConnection, uses: &[LastUse]) -> Result<(), sqlx::Error> {
    let keys: Vec<String> = uses.iter().map(|one| kept(&one.key).into_owned()).collect();
    let times: Vec<String> = uses.iter().map(|one| instant(one.at)).collect();
    let seconds: Vec<i64> = uses.iter().map(|one| one.at.seconds()).collect();
    let addresses: Vec<Option<String>> = uses.iter().map(|one| one.address.clone()).collect();
    sqlx::query(LAST).bind(&keys).bind(&times).bind(&addresses).execute(&mut *connection).await?;
    sqlx::query(NOTE).bind(&keys).bind(&seconds).bind(&addresses).execute(&mut *connection).await?;
    let most = i64::try_from(MOST_ADDRESSES).unwrap_or(i64::MAX);
    sqlx::query(TRIM).bind(&keys).bind(most).execute(&mut *connection).await?;
    Ok(())
}

/// The uses of these keys, newest first.
///
/// # Errors
/// When the database fails.
pub(crate) async fn of(database: &Database, keys: &[String]) -> Result<Vec<LastUse>, Fault> {
    let wanted: Vec<String> = keys.iter().map(|key| kept(key).into_owned()).collect();
    let work = async move {
        let mut held = database.connection().await?;
        let sql = "SELECT key, address, at FROM key_uses WHERE key = ANY($1) ORDER BY key, at DESC, address";
        let rows = sqlx::query(sql).bind(wanted).fetch_all(&mut *held).await;
        let rows = rows.map_err(|error| database.failed("read", error))?;
        let read = |row: &PgRow| {
            let key: &str = row.try_get("key")?;
            let key = plain(key).unwrap_or_default();
            Ok(LastUse::in_seconds(&key, row.try_get("address")?, row.try_get("at")?))
        };
        rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| database.failed("read", error))
    };
    database.bounded(work).await
}
