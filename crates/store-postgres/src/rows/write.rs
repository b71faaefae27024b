//! Applies a unit's writes: first every named row goes, then what stays is written, so that names and identifiers
//! may change hands inside one unit in any order.
use crate::text::kept;
use countersign::life::key::KeyState;
use countersign::time::Time;
use countersign_keys::CompactKey;
use countersign_store::column::{instant, list, role};
use countersign_store::directory::prints;
use countersign_store::fault::Fault;
use countersign_store::model::{Account, CompanionRecord, KeyRecord, Record, Write};
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use std::collections::HashMap;

type Statement = Query<'static, Postgres, PgArguments>;

/// Applies all writes.
///
/// # Errors
/// When the database fails, or a name, identifier or digest is taken; the transaction must then be given up.
pub(crate) async fn apply(connection: &mut PgConnection, writes: &[Write]) -> Result<(), Fault> {
    // The last write of a row counts.
    let mut last: HashMap<RowKey<'_>, usize> = HashMap::new();
    for (place, write) in writes.iter().enumerate() {
        last.insert(row_key(record(write)), place);
    }
    for row in last.keys() {
        for statement in removal(row) {
            run(connection, statement).await?;
        }
    }
    for write in writes {
        if let Write::Delete(Record::Key(row)) = write {
            let gone = sqlx::query("DELETE FROM key_uses WHERE key = $1").bind(text(&row.id));
            run(connection, gone).await?;
        }
    }
    for (place, write) in writes.iter().enumerate() {
        if let Write::Put(record) = write
            && last.get(&row_key(record)) == Some(&place)
        {
            for statement in insertion(record)? {
                run(connection, statement).await?;
            }
        }
    }
    Ok(())
}

/// Runs one statement.
///
/// # Errors
/// When the database fails, or a name, identifier or digest is taken.
pub(crate) async fn run(connection: &mut PgConnection, statement: Statement) -> Result<(), Fault> {
    let done = statement.execute(connection).await;
    done.map(|_| ()).map_err(|error| {
        let taken = error.as_database_error().is_some_and(|error| error.is_unique_violation());
        let what = if taken {
            "cannot write the registry, since a name, identifier or digest is taken"
        } else {
            "cannot write the registry"
        };
        Fault::caused(what, error)
    })
}

/// A text as it is kept.
pub(crate) fn text(plain: &str) -> String {
    kept(plain).into_owned()
}

/// The table and the key of a row in it.
pub(crate) type RowKey<'a> = (Table, &'a str, &'a str);

/// The kinds of rows; their numbers are kept in the database.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Table {
    Organisations,
    Accounts,
    Keys,
    Companions,
    Users,
    Members,
    JoinCodes,
    Secrets,
}

impl Table {
    /// The number that stands for it, from 1.
    pub(crate) fn number(self) -> i16 {
        match self {
            Self::Organisations => 1,
            Self::Accounts => 2,
            Self::Keys => 3,
            Self::Companions => 4,
            Self::Users => 5,
            Self::Members => 6,
            Self::JoinCodes => 7,
            Self::Secrets => 8,
        }
    }
}

fn record(write: &Write) -> &Record {
    match write {
        Write::Put(record) | Write::Delete(record) => record,
    }
}

/// Where a row lies.
pub(crate) fn row_key(record: &Record) -> RowKey<'_> {
    match record {
        Record::Organisation(row) => (Table::Organisations, &row.id, ""),
        Record::Account(row) => (Table::Accounts, &row.id, ""),
        Record::Key(row) => (Table::Keys, &row.id, ""),
        Record::Companion(row) => (Table::Companions, &row.id, ""),
        Record::User(row) => (Table::Users, &row.name, ""),
        Record::Member(row) => (Table::Members, &row.organisation, &row.account),
        Record::JoinCode(row) => (Table::JoinCodes, &row.digest, ""),
        Record::Secret(row) => (Table::Secrets, &row.name, ""),
    }
}

fn removal((table, key, second): &RowKey<'_>) -> Vec<Statement> {
    let by_key = |sql: &'static str| sqlx::query(sql).bind(text(key));
    match table {
        Table::Organisations => vec![by_key("DELETE FROM organisations WHERE id = $1")],
        Table::Accounts => vec![
            by_key("DELETE FROM identifiers WHERE account = $1"),
            by_key("DELETE FROM accounts WHERE id = $1"),
        ],
        Table::Keys => vec![by_key("DELETE FROM keys WHERE id = $1")],
        Table::Companions => vec![by_key("DELETE FROM companions WHERE id = $1")],
        Table::Users => vec![by_key("DELETE FROM users WHERE name = $1")],
        Table::Members => {
            vec![by_key("DELETE FROM members WHERE organisation = $1 AND account = $2").bind(text(second))]
        }
        Table::JoinCodes => vec![by_key("DELETE FROM join_codes WHERE digest = $1")],
        Table::Secrets => vec![by_key("DELETE FROM secrets WHERE name = $1")],
    }
}

/// The statements that write a row.
///
/// # Errors
/// As for [`list`].
pub(crate) fn insertion(record: &Record) -> Result<Vec<Statement>, Fault> {
    Ok(match record {
        Record::Organisation(row) => vec![
            sqlx::query("INSERT INTO organisations (id, name, approval, created) VALUES ($1, $2, $3, $4)")
                .bind(text(&row.id))
                .bind(text(&row.name))
                .bind(row.approval)
                .bind(instant(row.created)),
        ],
        Record::Account(row) => account(row)?,
        Record::Key(row) => vec![key(row)?],
        Record::Companion(row) => vec![companion(row)],
        Record::User(row) => vec![
            sqlx::query("INSERT INTO users (name, enabled, created) VALUES ($1, $2, $3)")
                .bind(text(&row.name))
                .bind(row.enabled)
                .bind(instant(row.created)),
        ],
        Record::Member(row) => vec![
            sqlx::query("INSERT INTO members (organisation, account, role) VALUES ($1, $2, $3)")
                .bind(text(&row.organisation))
                .bind(text(&row.account))
                .bind(text(&row.role)),
        ],
        Record::JoinCode(row) => vec![
            sqlx::query(
                "INSERT INTO join_codes (digest, organisation, role, expires, once, created) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(text(&row.digest))
            .bind(text(&row.organisation))
            .bind(text(&row.role))
            .bind(instant(row.expires))
            .bind(row.once)
            .bind(instant(row.created)),
        ],
        Record::Secret(row) => vec![
            sqlx::query(
                "INSERT INTO secrets (name, value, sealed, created, retired) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(text(&row.name))
            .bind(row.value.clone())
            .bind(row.sealed)
            .bind(instant(row.created))
            .bind(row.retired.map(instant)),
        ],
    })
}

fn account(row: &Account) -> Result<Vec<Statement>, Fault> {
    let mut statements = vec![
        sqlx::query(
            "INSERT INTO accounts (id, name, organisation, enabled, acts_as, paths, jwks_url, role, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(text(&row.id))
        .bind(text(&row.name))
        .bind(row.organisation.as_deref().map(text))
        .bind(row.enabled)
        .bind(list(&row.acts_as)?)
        .bind(list(&row.paths)?)
        .bind(row.jwks_url.as_deref().map(text))
        .bind(row.role.map(role))
        .bind(instant(row.created)),
    ];
    for (place, identifier) in (0_i64..).zip(&row.identifiers) {
        statements.push(
            sqlx::query("INSERT INTO identifiers (namespace, value, account, place) VALUES ($1, $2, $3, $4)")
                .bind(text(&identifier.namespace))
                .bind(text(&identifier.value))
                .bind(text(&row.id))
                .bind(place),
        );
    }
    Ok(statements)
}

/// Until when a retiring key still counts.
pub(crate) fn until(row: &KeyRecord) -> Option<Time> {
    match row.life.state {
        KeyState::Retiring { until } => Some(until),
        _ => None,
    }
}

fn key(row: &KeyRecord) -> Result<Statement, Fault> {
    Ok(sqlx::query(
        "INSERT INTO keys (id, account, label, spki, state, retiring_until, not_before, expires, dialects, \
         algorithms, methods, paths, networks, created, last_used, last_address, prints) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(text(&row.id))
    .bind(text(&row.account))
    .bind(text(&row.label))
    .bind(row.spki.clone())
    .bind(row.life.state.name())
    .bind(until(row).map(instant))
    .bind(row.life.not_before.map(instant))
    .bind(row.life.expires.map(instant))
    .bind(list(&row.dialects)?)
    .bind(list(&row.algorithms)?)
    .bind(list(&row.methods)?)
    .bind(list(&row.paths)?)
    .bind(list(&row.networks)?)
    .bind(instant(row.created))
    .bind(row.last_used.map(instant))
    .bind(row.last_address.as_deref().map(text))
    .bind(found_by(&row.spki)))
}

/// What a key is found by; `None` for one that cannot be read, which whoever reads the row says better.
pub(crate) fn found_by(spki: &[u8]) -> Option<Vec<u8>> {
    CompactKey::from_spki_der(spki).ok().map(|key| prints(&key).concat())
}

fn companion(row: &CompanionRecord) -> Statement {
    sqlx::query(
        "INSERT INTO companions (id, account, dialect, label, digest, bound, enabled, created) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(text(&row.id))
    .bind(text(&row.account))
    .bind(text(&row.dialect))
    .bind(text(&row.label))
    .bind(text(&row.digest))
    .bind(row.bound)
    .bind(row.enabled)
    .bind(instant(row.created))
}
