//! From where keys were used: a few addresses of each, noted many at a time.
use countersign_store::column::{instant, list};
use countersign_store::fault::Fault;
use countersign_store::registry::{LastUse, MOST_ADDRESSES};
use sqlx::{Row, SqliteConnection};

/// Uses in one statement: a text of some 100 kB.
const TOGETHER: usize = 1000;

/// A statement over what was told: each use a list of key, nanoseconds, seconds and address.
macro_rules! over_told {
    ($statement:literal) => {
        concat!(
            "WITH told AS (SELECT value ->> 0 AS key, value ->> 1 AS exact, value ->> 2 AS at, value ->> 3 AS address \
             FROM json_each($1)) ",
            $statement
        )
    };
}

/// The newest use of each key counts.
const LAST: &str = over_told!(
    "UPDATE keys SET last_used = newest.exact, last_address = newest.address FROM \
                    (SELECT key, exact, address, max(at) FROM told GROUP BY key) AS newest WHERE keys.id = newest.key"
);

/// Keys that are no longer there leave nothing behind.
const NOTE: &str = over_told!(
    "INSERT INTO key_uses (key, address, at) SELECT key, address, max(at) FROM told \
                    WHERE address IS NOT NULL AND key IN (SELECT id FROM keys) GROUP BY key, address \
                    ON CONFLICT (key, address) DO UPDATE SET at = max(at, excluded.at)"
);

/// All but the newest go; of two of the same second, the later in the order of addresses.
const TRIM: &str = over_told!(
    "DELETE FROM key_uses WHERE (key, address) IN (SELECT key, address FROM (SELECT key, address, \
                    row_number() OVER (PARTITION BY key ORDER BY at DESC, address) AS place FROM key_uses \
                    WHERE key IN (SELECT key FROM told)) WHERE place > $2)"
);

/// Notes uses.
///
/// # Errors
/// When the database fails; the transaction must then be given up.
pub(crate) async fn note(connection: &mut SqliteConnection, uses: &[LastUse]) -> Result<(), Fault> {
    let failed = |error| Fault::caused("cannot write uses of keys", error);
    for some in uses.chunks(TOGETHER) {
        let rows: Vec<_> =
            some.iter().map(|one| (&one.key, instant(one.at), one.at.seconds(), &one.address)).collect();
        let told = serde_json::to_string(&rows)
            .map_err(|error| Fault::caused("cannot write uses of keys", error))?;
        for statement in [LAST, NOTE] {
            sqlx::query(statement).bind(&told).execute(&mut *connection).await.map_err(failed)?;
        }
        let most = i64::try_from(MOST_ADDRESSES).unwrap_or(i64::MAX);
        sqlx::query(TRIM).bind(&told).bind(most).execute(&mut *connection).await.map_err(failed)?;
    }
    Ok(())
}

/// The uses of these keys, newest first.
///
/// # Errors
/// When the database fails.
pub(crate) async fn of(connection: &mut SqliteConnection, keys: &[String]) -> Result<Vec<LastUse>, Fault> {
    let failed = |error| Fault::caused("cannot read uses of keys", error);
    let sql = "SELECT key, address, at FROM key_uses WHERE key IN (SELECT value FROM json_each($1)) \
               ORDER BY key, at DESC, address";
    let rows = sqlx::query(sql).bind(list(keys)?).fetch_all(connection).await.map_err(failed)?;
    let read = |row: &sqlx::sqlite::SqliteRow| {
        Ok(LastUse::in_seconds(row.try_get("key")?, row.try_get("address")?, row.try_get("at")?))
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(failed)
}
