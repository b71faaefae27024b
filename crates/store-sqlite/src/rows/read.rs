//! Reads every row, one at a time.
use crate::rows::column::Reader;
use countersign_store::fault::Fault;
use countersign_store::model::{
    Account, CompanionRecord, Identifier, JoinCode, KeyRecord, Member, Organisation, Record, SecretRecord,
    User,
};
use futures_util::TryStreamExt;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use std::collections::HashMap;

type Convert = fn(&Reader<'_>) -> Result<Record, Fault>;

/// Every table but accounts, whose identifiers lie in a second one. In an order that people can follow.
const TABLES: [(&str, &str, Convert); 7] = [
    ("organisations", "SELECT * FROM organisations ORDER BY id", organisation),
    ("users", "SELECT * FROM users ORDER BY name", user),
    ("keys", "SELECT * FROM keys ORDER BY id", key),
    ("companions", "SELECT * FROM companions ORDER BY id", companion),
    ("members", "SELECT * FROM members ORDER BY organisation, account", member),
    ("join_codes", "SELECT * FROM join_codes ORDER BY digest", join_code),
    ("secrets", "SELECT * FROM secrets ORDER BY name", secret),
];

/// All records, as one transaction sees them.
///
/// # Errors
/// When the database fails or holds what is no record.
pub(crate) async fn all(connection: &mut SqliteConnection) -> Result<Vec<Record>, Fault> {
    let mut records = Vec::new();
    let mut identifiers = identifiers(connection).await?;
    each("accounts", "SELECT * FROM accounts ORDER BY id", connection, |row| {
        let mut account = account(row)?;
        account.identifiers = identifiers.remove(&account.id).unwrap_or_default();
        records.push(Record::Account(account));
        Ok(())
    })
    .await?;
    tables(&TABLES, connection, &mut records).await?;
    Ok(records)
}

/// The records of all tables but accounts, their identifiers and keys.
///
/// # Errors
/// As for [`all`].
pub(crate) async fn small(connection: &mut SqliteConnection) -> Result<Vec<Record>, Fault> {
    let mut records = Vec::new();
    let small: Vec<_> = TABLES.into_iter().filter(|(table, ..)| *table != "keys").collect();
    tables(&small, connection, &mut records).await?;
    Ok(records)
}

async fn tables(
    tables: &[(&'static str, &'static str, Convert)],
    connection: &mut SqliteConnection,
    records: &mut Vec<Record>,
) -> Result<(), Fault> {
    for (table, sql, convert) in tables {
        each(table, sql, connection, |row| {
            records.push(convert(row)?);
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn identifiers(connection: &mut SqliteConnection) -> Result<HashMap<String, Vec<Identifier>>, Fault> {
    let mut found: HashMap<String, Vec<Identifier>> = HashMap::new();
    let sql = "SELECT * FROM identifiers ORDER BY account, place";
    each("identifiers", sql, connection, |row| {
        let identifier = Identifier { namespace: row.get("namespace")?, value: row.get("value")? };
        found.entry(row.get("account")?).or_default().push(identifier);
        Ok(())
    })
    .await?;
    Ok(found)
}

async fn each(
    table: &'static str,
    sql: &'static str,
    connection: &mut SqliteConnection,
    mut take: impl FnMut(&Reader<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let failed = |error| Fault::caused(format!("cannot read the table {table}"), error);
    let mut rows = sqlx::query(sql).fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        let row: SqliteRow = row;
        take(&Reader::new(table, &row))?;
    }
    Ok(())
}

fn account(row: &Reader<'_>) -> Result<Account, Fault> {
    Ok(Account {
        id: row.get("id")?,
        name: row.get("name")?,
        organisation: row.get("organisation")?,
        enabled: row.get("enabled")?,
        identifiers: Vec::new(),
        acts_as: row.list("acts_as")?,
        paths: row.list("paths")?,
        jwks_url: row.get("jwks_url")?,
        role: row.role("role")?,
        created: row.instant("created")?,
    })
}

fn organisation(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::Organisation(Organisation {
        id: row.get("id")?,
        name: row.get("name")?,
        approval: row.get("approval")?,
        created: row.instant("created")?,
    }))
}

fn user(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::User(User {
        name: row.get("name")?,
        enabled: row.get("enabled")?,
        created: row.instant("created")?,
    }))
}

fn key(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::Key(KeyRecord {
        id: row.get("id")?,
        account: row.get("account")?,
        label: row.get("label")?,
        spki: row.get("spki")?,
        life: row.life()?,
        dialects: row.list("dialects")?,
        algorithms: row.list("algorithms")?,
        methods: row.list("methods")?,
        paths: row.list("paths")?,
        networks: row.list("networks")?,
        created: row.instant("created")?,
        last_used: row.perhaps("last_used")?,
        last_address: row.get("last_address")?,
    }))
}

fn companion(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::Companion(CompanionRecord {
        id: row.get("id")?,
        account: row.get("account")?,
        dialect: row.get("dialect")?,
        label: row.get("label")?,
        digest: row.get("digest")?,
        bound: row.get("bound")?,
        enabled: row.get("enabled")?,
        created: row.instant("created")?,
    }))
}

fn member(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::Member(Member {
        organisation: row.get("organisation")?,
        account: row.get("account")?,
        role: row.get("role")?,
    }))
}

fn join_code(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::JoinCode(JoinCode {
        digest: row.get("digest")?,
        organisation: row.get("organisation")?,
        role: row.get("role")?,
        expires: row.instant("expires")?,
        once: row.get("once")?,
        created: row.instant("created")?,
    }))
}

fn secret(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::Secret(SecretRecord {
        name: row.get("name")?,
        value: row.get("value")?,
        sealed: row.get("sealed")?,
        created: row.instant("created")?,
        retired: row.perhaps("retired")?,
    }))
}
