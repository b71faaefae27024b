//! Reads the large tables at start, from several threads at once, straight into a directory.
use crate::rows::column::{life, list_of, nanos, role_of};
use countersign::time::Time;
use countersign_store::directory::Prints;
use countersign_store::directory::build::Builder;
use countersign_store::fault::Fault;
use countersign_store::model::{Account, Identifier, KeyRecord};
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, OpenFlags, Row};
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Rows of a table that one thread reads in one go: enough of them that all threads end at about the same time.
const PIECE: i64 = 50_000;
/// More threads than this only wait for each other.
const MOST_THREADS: usize = 8;

/// Rows of a table, by their numbers.
#[derive(Clone, Copy)]
struct Piece {
    table: Table,
    from: i64,
    to: i64,
}

#[derive(Clone, Copy)]
enum Table {
    Accounts,
    Keys,
    /// It has no row numbers and is read as a whole.
    Identifiers,
}

/// Takes up accounts, identifiers and keys as they were at `version`. `false` when the registry has moved on from it
/// meanwhile; what was taken up is then of no use.
///
/// # Errors
/// When the database fails or holds what is no row.
pub(crate) fn read(path: &Path, version: u64, builder: &Builder) -> Result<bool, Fault> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let mut readers = Vec::new();
    for _ in 0..threads {
        match open(path, version)? {
            Some(reader) => readers.push(reader),
            None => return Ok(false),
        }
    }
    let pieces = Mutex::new(readers.first().map_or_else(|| Ok(Vec::new()), pieces)?);
    let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).pop();
    std::thread::scope(|scope| {
        let next = &next;
        let works: Vec<_> = readers
            .into_iter()
            .map(|reader| {
                scope.spawn(move || {
                    while let Some(piece) = next() {
                        piece.read(&reader, builder)?;
                    }
                    Ok(())
                })
            })
            .collect();
        works.into_iter().try_for_each(|work| {
            work.join().unwrap_or_else(|_| Err(Fault::new("a thread that read the registry broke")))
        })
    })?;
    Ok(true)
}

/// How many accounts and keys there are, about.
///
/// # Errors
/// When the database fails.
pub(crate) fn size(path: &Path) -> Result<usize, Fault> {
    let connection = connect(path)?;
    let many = |table| top(&connection, table).map(|top| usize::try_from(top.unwrap_or(0)).unwrap_or(0));
    Ok(many("accounts")?.saturating_add(many("keys")?))
}

/// A connection that sees one state of the registry; `None` when that is another version.
fn open(path: &Path, version: u64) -> Result<Option<Connection>, Fault> {
    let connection = connect(path)?;
    // Never ended: what is read first fixes the state, and the connection is dropped when all is read.
    connection.execute_batch("BEGIN").map_err(failed)?;
    let sql = "SELECT value FROM meta WHERE name = 'version'";
    let found: String = connection.query_row(sql, [], |row| row.get(0)).map_err(failed)?;
    Ok((found == version.to_string()).then_some(connection))
}

fn connect(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    // Pages are read where the system keeps them instead of being copied: the file is read once, from end to end.
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA mmap_size = 4294967296").map_err(failed)?;
    Ok(connection)
}

fn top(connection: &Connection, table: &str) -> Result<Option<i64>, Fault> {
    connection.query_row(&format!("SELECT max(rowid) FROM {table}"), [], |row| row.get(0)).map_err(failed)
}

/// What is to be read, in pieces; the last ones are read first.
fn pieces(connection: &Connection) -> Result<Vec<Piece>, Fault> {
    let mut pieces = Vec::new();
    for (table, name) in [(Table::Accounts, "accounts"), (Table::Keys, "keys")] {
        let Some(top) = top(connection, name)? else { continue };
        let sql = format!("SELECT min(rowid) FROM {name}");
        let mut from: i64 = connection.query_row(&sql, [], |row| row.get(0)).map_err(failed)?;
        // A row number is chosen by SQLite and grows by one from row to row.
        while from <= top {
            let to = from.saturating_add(PIECE);
            pieces.push(Piece { table, from, to });
            from = to;
        }
    }
    pieces.push(Piece { table: Table::Identifiers, from: 0, to: 0 });
    Ok(pieces)
}

impl Piece {
    fn read(self, connection: &Connection, builder: &Builder) -> Result<(), Fault> {
        let numbers = "rowid >= ?1 AND rowid < ?2";
        match self.table {
            Table::Accounts => {
                let sql = format!(
                    "SELECT id, name, organisation, enabled, acts_as, paths, jwks_url, role, created \
                     FROM accounts WHERE {numbers}"
                );
                self.each(connection, &sql, |row| {
                    builder.account(account(row)?);
                    Ok(())
                })
            }
            Table::Keys => {
                let sql = format!(
                    "SELECT id, account, label, spki, state, retiring_until, not_before, expires, dialects, \
                     algorithms, methods, paths, networks, created, last_used, last_address, prints \
                     FROM keys WHERE {numbers}"
                );
                self.each(connection, &sql, |row| {
                    let (key, prints) = key(row)?;
                    builder.key(&key, prints)
                })
            }
            Table::Identifiers => {
                let sql = "SELECT account, place, namespace, value FROM identifiers WHERE ?1 = ?2";
                self.each(connection, sql, |row| {
                    let identifier = Identifier { namespace: get(row, 2)?, value: get(row, 3)? };
                    builder.identifier(text(row, 0)?, get(row, 1)?, identifier);
                    Ok(())
                })
            }
        }
    }

    fn each(
        self,
        connection: &Connection,
        sql: &str,
        mut take: impl FnMut(&Row<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut statement = connection.prepare(sql).map_err(failed)?;
        let mut rows = statement.query([self.from, self.to]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(row)?;
        }
        Ok(())
    }
}

fn account(row: &Row<'_>) -> Result<Account, Fault> {
    Ok(Account {
        id: get(row, 0)?,
        name: get(row, 1)?,
        organisation: get(row, 2)?,
        enabled: get(row, 3)?,
        identifiers: Vec::new(),
        acts_as: list(row, "accounts.acts_as", 4)?,
        paths: list(row, "accounts.paths", 5)?,
        jwks_url: get(row, 6)?,
        role: role_of(perhaps(row, 7)?).map_err(|wanted| strange("accounts.role", wanted))?,
        created: instant(row, "accounts.created", 8)?,
    })
}

fn key(row: &Row<'_>) -> Result<(KeyRecord, Option<Prints>), Fault> {
    let until = moment(row, "keys.retiring_until", 5)?;
    let (not_before, expires) = (moment(row, "keys.not_before", 6)?, moment(row, "keys.expires", 7)?);
    let life = life(text(row, 4)?, until, not_before, expires);
    let key = KeyRecord {
        id: get(row, 0)?,
        account: get(row, 1)?,
        label: get(row, 2)?,
        spki: get(row, 3)?,
        life: life.map_err(|wanted| strange("keys.state", wanted))?,
        dialects: list(row, "keys.dialects", 8)?,
        algorithms: list(row, "keys.algorithms", 9)?,
        methods: list(row, "keys.methods", 10)?,
        paths: list(row, "keys.paths", 11)?,
        networks: list(row, "keys.networks", 12)?,
        created: instant(row, "keys.created", 13)?,
        last_used: moment(row, "keys.last_used", 14)?,
        last_address: get(row, 15)?,
    };
    Ok((key, prints(row)?))
}

fn prints(row: &Row<'_>) -> Result<Option<Prints>, Fault> {
    match row.get_ref(16).map_err(failed)? {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) => {
            let (prints, rest) = bytes.as_chunks::<16>();
            let prints = Prints::try_from(prints).ok().filter(|_| rest.is_empty());
            prints.map(Some).ok_or_else(|| strange("keys.prints", "64 bytes"))
        }
        _ => Err(strange("keys.prints", "64 bytes")),
    }
}

fn get<T: FromSql>(row: &Row<'_>, place: usize) -> Result<T, Fault> {
    row.get(place).map_err(failed)
}

fn text<'a>(row: &'a Row<'_>, place: usize) -> Result<&'a str, Fault> {
    let wrong = |_| strange("a column of names", "text");
    row.get_ref(place).map_err(failed)?.as_str().map_err(wrong)
}

fn perhaps<'a>(row: &'a Row<'_>, place: usize) -> Result<Option<&'a str>, Fault> {
    match row.get_ref(place).map_err(failed)? {
        ValueRef::Null => Ok(None),
        _ => text(row, place).map(Some),
    }
}

fn moment(row: &Row<'_>, column: &str, place: usize) -> Result<Option<Time>, Fault> {
    let read = |text| nanos(text).ok_or_else(|| strange(column, "whole nanoseconds"));
    perhaps(row, place)?.map(read).transpose()
}

fn instant(row: &Row<'_>, column: &str, place: usize) -> Result<Time, Fault> {
    moment(row, column, place)?.ok_or_else(|| strange(column, "an instant"))
}

fn list(row: &Row<'_>, column: &str, place: usize) -> Result<Vec<String>, Fault> {
    list_of(text(row, place)?).ok_or_else(|| strange(column, "a JSON list of texts"))
}

fn failed(error: rusqlite::Error) -> Fault {
    Fault::caused("cannot read registry.db", error)
}

fn strange(column: &str, wanted: &str) -> Fault {
    Fault::new(format!("registry.db is damaged: {column} should hold {wanted}; restore a backup"))
}
