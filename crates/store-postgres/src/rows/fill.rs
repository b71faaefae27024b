//! Writes a whole installation into empty tables, thousands of rows in one statement: row by row, ten million keys take hours.
use crate::rows::write::{found_by, insertion, run, text, until};
use countersign_store::column::{instant, list, role};
use countersign_store::fault::Fault;
use countersign_store::model::{Account, AuditEntry, KeyRecord, Record, User};
use sqlx::postgres::PgConnection;

/// Rows in one statement: some hundred kilobytes.
const TOGETHER: usize = 2000;

/// Writes rows and entries.
///
/// # Errors
/// When the database fails, or a name, identifier or digest is there twice; the transaction must then be given up.
pub(crate) async fn fill(
    connection: &mut PgConnection,
    records: &[Record],
    entries: &[AuditEntry],
) -> Result<(), Fault> {
    let (mut named, mut held, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for record in records {
        match record {
            Record::Account(row) => named.push(row),
            Record::Key(row) => held.push(row),
            Record::User(row) => known.push(row),
            other => {
                for statement in insertion(other)? {
                    run(connection, statement).await?;
                }
            }
        }
    }
    for some in named.chunks(TOGETHER) {
        accounts(connection, some).await?;
        identifiers(connection, some).await?;
    }
    for some in held.chunks(TOGETHER) {
        keys(connection, some).await?;
    }
    for some in known.chunks(TOGETHER) {
        users(connection, some).await?;
    }
    for some in entries.chunks(TOGETHER) {
        audit(connection, some).await?;
    }
    Ok(())
}

/// One column of all rows.
fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// The same for values that may not be written.
fn lists<R>(rows: &[R], items: impl Fn(&R) -> &[String]) -> Result<Vec<String>, Fault> {
    rows.iter().map(|row| list(items(row))).collect()
}

async fn accounts(connection: &mut PgConnection, rows: &[&Account]) -> Result<(), Fault> {
    let sql = "INSERT INTO accounts (id, name, organisation, enabled, acts_as, paths, jwks_url, role, created) \
               SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[], \
               $7::text[], $8::text[], $9::text[])";
    let statement = sqlx::query(sql)
        .bind(column(rows, |row| text(&row.id)))
        .bind(column(rows, |row| text(&row.name)))
        .bind(column(rows, |row| row.organisation.as_deref().map(text)))
        .bind(column(rows, |row| row.enabled))
        .bind(lists(rows, |row| &row.acts_as)?)
        .bind(lists(rows, |row| &row.paths)?)
        .bind(column(rows, |row| row.jwks_url.as_deref().map(text)))
        .bind(column(rows, |row| row.role.map(role)))
        .bind(column(rows, |row| instant(row.created)));
    run(connection, statement).await
}

async fn identifiers(connection: &mut PgConnection, rows: &[&Account]) -> Result<(), Fault> {
    let rows: Vec<_> = rows
        .iter()
        .flat_map(|row| (0_i64..).zip(&row.identifiers).map(|(place, named)| (&row.id, place, named)))
        .collect();
    let sql = "INSERT INTO identifiers (namespace, value, account, place) \
               SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])";
    for rows in rows.chunks(TOGETHER) {
        let statement = sqlx::query(sql)
            .bind(column(rows, |(_, _, named)| text(&named.namespace)))
            .bind(column(rows, |(_, _, named)| text(&named.value)))
            .bind(column(rows, |(account, ..)| text(account)))
            .bind(column(rows, |(_, place, _)| *place));
        run(connection, statement).await?;
    }
    Ok(())
}

async fn keys(connection: &mut PgConnection, rows: &[&KeyRecord]) -> Result<(), Fault> {
    let sql = "INSERT INTO keys (id, account, label, spki, state, retiring_until, not_before, expires, dialects, \
               algorithms, methods, paths, networks, created, last_used, last_address, prints) \
               SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::text[], \
               $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], \
               $16::text[], $17::bytea[])";
    let statement = sqlx::query(sql)
        .bind(column(rows, |row| text(&row.id)))
        .bind(column(rows, |row| text(&row.account)))
        .bind(column(rows, |row| text(&row.label)))
        .bind(column(rows, |row| row.spki.clone()))
        .bind(column(rows, |row| row.life.state.name()))
        .bind(column(rows, |row| until(row).map(instant)))
        .bind(column(rows, |row| row.life.not_before.map(instant)))
        .bind(column(rows, |row| row.life.expires.map(instant)))
        .bind(lists(rows, |row| &row.dialects)?)
        .bind(lists(rows, |row| &row.algorithms)?)
        .bind(lists(rows, |row| &row.methods)?)
        .bind(lists(rows, |row| &row.paths)?)
        .bind(lists(rows, |row| &row.networks)?)
        .bind(column(rows, |row| instant(row.created)))
        .bind(column(rows, |row| row.last_used.map(instant)))
        .bind(column(rows, |row| row.last_address.as_deref().map(text)))
        .bind(column(rows, |row| found_by(&row.spki)));
    run(connection, statement).await
}

async fn users(connection: &mut PgConnection, rows: &[&User]) -> Result<(), Fault> {
    let sql = "INSERT INTO users (name, enabled, created) SELECT * FROM unnest($1::text[], $2::boolean[], $3::text[])";
    let statement = sqlx::query(sql)
        .bind(column(rows, |row| text(&row.name)))
        .bind(column(rows, |row| row.enabled))
        .bind(column(rows, |row| instant(row.created)));
    run(connection, statement).await
}

async fn audit(connection: &mut PgConnection, rows: &[AuditEntry]) -> Result<(), Fault> {
    let sql = "INSERT INTO audit (number, at, actor, action, subject, detail, chain) \
               SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])";
    let statement = sqlx::query(sql)
        .bind(column(rows, |row| i64::try_from(row.number).unwrap_or(i64::MAX)))
        .bind(column(rows, |row| instant(row.entry.at)))
        .bind(column(rows, |row| text(&row.entry.actor)))
        .bind(column(rows, |row| text(&row.entry.action)))
        .bind(column(rows, |row| text(&row.entry.subject)))
        .bind(column(rows, |row| text(&row.entry.detail)))
        .bind(column(rows, |row| row.chain.clone()));
    run(connection, statement).await
}
