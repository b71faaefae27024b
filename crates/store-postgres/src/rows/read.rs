//! Reads every row, one at a time.
use crate::rows::column::Reader;
use countersign_store::fault::Fault;
use countersign_store::model::{
    Account, CompanionRecord, Identifier, JoinCode, KeyRecord, Member, Organisation, Record, SecretRecord,
    User,
};
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnection, PgRow};
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
pub(crate) async fn all(connection: &mut PgConnection) -> Result<Vec<Record>, Fault> {
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

async fn tables(
    tables: &[(&'static str, &'static str, Convert)],
    connection: &mut PgConnection,
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

/// The records of one kind, by the number of its table, that have these keys; of members, those of these organisations.
///
/// # Errors
/// As for [`all`]; also when no kind has this number.
pub(crate) async fn some(
    connection: &mut PgConnection,
    number: i16,
    keys: &[String],
) -> Result<Vec<Record>, Fault> {
    let (table, sql, convert): (&'static str, &'static str, Convert) = match number {
        1 => ("organisations", "SELECT * FROM organisations WHERE id = ANY($1)", organisation),
        2 => return accounts(connection, keys).await,
        3 => ("keys", "SELECT * FROM keys WHERE id = ANY($1)", key),
        4 => ("companions", "SELECT * FROM companions WHERE id = ANY($1)", companion),
        5 => ("users", "SELECT * FROM users WHERE name = ANY($1)", user),
        6 => ("members", "SELECT * FROM members WHERE organisation = ANY($1)", member),
        7 => ("join_codes", "SELECT * FROM join_codes WHERE digest = ANY($1)", join_code),
        8 => ("secrets", "SELECT * FROM secrets WHERE name = ANY($1)", secret),
        _ => return Err(Fault::new(format!("the database tells of changes of an unknown kind, {number}"))),
    };
    let rows = with(table, sql, keys, connection).await?;
    rows.iter().map(|row| convert(&Reader::new(table, row))).collect()
}

async fn accounts(connection: &mut PgConnection, ids: &[String]) -> Result<Vec<Record>, Fault> {
    let sql = "SELECT * FROM identifiers WHERE account = ANY($1) ORDER BY account, place";
    let mut named: HashMap<String, Vec<Identifier>> = HashMap::new();
    for row in with("identifiers", sql, ids, connection).await? {
        let (account, identifier) = identifier(&Reader::new("identifiers", &row))?;
        named.entry(account).or_default().push(identifier);
    }
    let rows = with("accounts", "SELECT * FROM accounts WHERE id = ANY($1)", ids, connection).await?;
    let records = rows.iter().map(|row| {
        let mut account = account(&Reader::new("accounts", row))?;
        account.identifiers = named.remove(&account.id).unwrap_or_default();
        Ok(Record::Account(account))
    });
    records.collect()
}

async fn with(
    table: &'static str,
    sql: &'static str,
    keys: &[String],
    connection: &mut PgConnection,
) -> Result<Vec<PgRow>, Fault> {
    let rows = sqlx::query(sql).bind(keys.to_vec()).fetch_all(connection).await;
    rows.map_err(|error| Fault::caused(format!("cannot read the table {table}"), error))
}

fn identifier(row: &Reader<'_>) -> Result<(String, Identifier), Fault> {
    Ok((row.text("account")?, Identifier { namespace: row.text("namespace")?, value: row.text("value")? }))
}

async fn identifiers(connection: &mut PgConnection) -> Result<HashMap<String, Vec<Identifier>>, Fault> {
    let mut found: HashMap<String, Vec<Identifier>> = HashMap::new();
    let sql = "SELECT * FROM identifiers ORDER BY account, place";
    each("identifiers", sql, connection, |row| {
        let (account, identifier) = identifier(row)?;
        found.entry(account).or_default().push(identifier);
        Ok(())
    })
    .await?;
    Ok(found)
}

async fn each(
    table: &'static str,
    sql: &'static str,
    connection: &mut PgConnection,
    mut take: impl FnMut(&Reader<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let failed = |error| Fault::caused(format!("cannot read the table {table}"), error);
    let mut rows = sqlx::query(sql).fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        let row: PgRow = row;
        take(&Reader::new(table, &row))?;
    }
    Ok(())
}

fn account(row: &Reader<'_>) -> Result<Account, Fault> {
    Ok(Account {
        id: row.text("id")?,
        name: row.text("name")?,
        organisation: row.maybe_text("organisation")?,
        enabled: row.get("enabled")?,
        identifiers: Vec::new(),
        acts_as: row.list("acts_as")?,
        paths: row.list("paths")?,
        jwks_url: row.maybe_text("jwks_url")?,
        role: row.role("role")?,
        created: row.instant("created")?,
    })
}

fn organisation(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::Organisation(Organisation {
        id: row.text("id")?,
        name: row.text("name")?,
        approval: row.get("approval")?,
        created: row.instant("created")?,
    }))
}

fn user(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::User(User {
        name: row.text("name")?,
        enabled: row.get("enabled")?,
        created: row.instant("created")?,
    }))
}

fn key(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::Key(KeyRecord {
        id: row.text("id")?,
        account: row.text("account")?,
        label: row.text("label")?,
        spki: row.get("spki")?,
        life: row.life()?,
        dialects: row.list("dialects")?,
        algorithms: row.list("algorithms")?,
        methods: row.list("methods")?,
        paths: row.list("paths")?,
        networks: row.list("networks")?,
        created: row.instant("created")?,
        last_used: row.perhaps("last_used")?,
        last_address: row.maybe_text("last_address")?,
    }))
}

fn companion(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::Companion(CompanionRecord {
        id: row.text("id")?,
        account: row.text("account")?,
        dialect: row.text("dialect")?,
        label: row.text("label")?,
        digest: row.text("digest")?,
        bound: row.get("bound")?,
        enabled: row.get("enabled")?,
        created: row.instant("created")?,
    }))
}

fn member(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::Member(Member {
        organisation: row.text("organisation")?,
        account: row.text("account")?,
        role: row.text("role")?,
    }))
}

fn join_code(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::JoinCode(JoinCode {
        digest: row.text("digest")?,
        organisation: row.text("organisation")?,
        role: row.text("role")?,
        expires: row.instant("expires")?,
        once: row.get("once")?,
        created: row.instant("created")?,
    }))
}

fn secret(row: &Reader<'_>) -> Result<Record, Fault> {
    Ok(Record::Secret(SecretRecord {
        name: row.text("name")?,
        value: row.get("value")?,
        sealed: row.get("sealed")?,
        created: row.instant("created")?,
        retired: row.perhaps("retired")?,
    }))
}
