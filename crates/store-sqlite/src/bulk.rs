//! Reads the large tables at start, from several threads at once, straight into a directory.
use countersign::time::Time;
use countersign_store::column::{life, list_of, nanos, role_of};
use countersign_store::directory::Prints;
use countersign_store::directory::build::{AccountRow, Builder, KeyRow, Loader};
use countersign_store::fault::Fault;
use rusqlite::types::ValueRef;
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

#[derive(Clone, Copy, PartialEq, Eq)]
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
    let Some(first) = open(path, version)? else { return Ok(false) };
    let accounts = pieces(&first, &[(Table::Accounts, "accounts")])?;
    let rest = pieces(&first, &[(Table::Keys, "keys"), (Table::Identifiers, "identifiers")])?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // A small registry is read before another thread has begun.
    let threads = cores.min(MOST_THREADS).min(accounts.len().max(rest.len() - 1).max(1));
    let mut readers = vec![first];
    while readers.len() < threads {
        match open(path, version)? {
            Some(reader) => readers.push(reader),
            None => return Ok(false),
        }
    }
    // Accounts first, so that what hangs on them finds them.
    take_up(&mut readers, accounts, builder)?;
    take_up(&mut readers, rest, builder)?;
    Ok(true)
}

fn take_up(readers: &mut [Connection], pieces: Vec<Piece>, builder: &Builder) -> Result<(), Fault> {
    let pieces = Mutex::new(pieces);
    let work = |reader: &Connection| {
        let mut loader = builder.loader();
        let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(piece) = next() {
            piece.read(reader, &mut loader)?;
        }
        loader.done();
        Ok(())
    };
    let Some((first, others)) = readers.split_first_mut() else { return Ok(()) };
    std::thread::scope(|scope| {
        let work = &work;
        let works: Vec<_> = others.iter_mut().map(|reader| scope.spawn(move || work(reader))).collect();
        work(first)?;
        works.into_iter().try_for_each(|work| {
            work.join().unwrap_or_else(|_| Err(Fault::new("a thread that read the registry broke")))
        })
    })
}

/// How many accounts there are, about.
///
/// # Errors
/// When the database fails.
pub(crate) fn size(path: &Path) -> Result<usize, Fault> {
    let top = top(&connect(path)?, "accounts")?;
    Ok(usize::try_from(top.unwrap_or(0)).unwrap_or(0))
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

/// What is to be read of tables, in pieces; the last ones are read first.
fn pieces(connection: &Connection, tables: &[(Table, &str)]) -> Result<Vec<Piece>, Fault> {
    let mut pieces = Vec::new();
    for (table, name) in tables.iter().copied() {
        if table == Table::Identifiers {
            pieces.push(Piece { table, from: 0, to: 0 });
            continue;
        }
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
    Ok(pieces)
}

impl Piece {
    fn read(self, connection: &Connection, loader: &mut Loader<'_>) -> Result<(), Fault> {
        let numbers = "rowid >= ?1 AND rowid < ?2";
        let mut lists = Lists::default();
        match self.table {
            Table::Accounts => {
                let sql = format!(
                    "SELECT id, name, organisation, enabled, acts_as, paths, jwks_url, role, created \
                     FROM accounts WHERE {numbers}"
                );
                self.each(connection, &sql, |row| account(row, &mut lists, loader))
            }
            Table::Keys => {
                let sql = format!(
                    "SELECT id, account, label, spki, state, retiring_until, not_before, expires, dialects, \
                     algorithms, methods, paths, networks, created, last_used, last_address, prints \
                     FROM keys WHERE {numbers}"
                );
                self.each(connection, &sql, |row| key(row, &mut lists, loader))
            }
            Table::Identifiers => {
                let sql = "SELECT account, place, namespace, value FROM identifiers WHERE ?1 = ?2";
                self.each(connection, sql, |row| {
                    let place = row.get_ref(1).map_err(failed)?.as_i64();
                    let place = place.map_err(|_| strange("identifiers.place", "a whole number"))?;
                    loader.identifier(text(row, 0)?, place, text(row, 2)?, text(row, 3)?)
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

/// Lists as they were last read, since the same come again and again: each column's text and what it says.
#[derive(Default)]
struct Lists(Vec<(usize, String, Vec<String>)>);

impl Lists {
    /// Reads a column, which [`Self::at`] then gives.
    fn read(&mut self, row: &Row<'_>, column: &str, place: usize) -> Result<(), Fault> {
        let text = text(row, place)?;
        let known = self.0.iter_mut().find(|(own, ..)| *own == place);
        if known.as_ref().is_some_and(|(_, known, _)| known == text) {
            return Ok(());
        }
        let list = list_of(text).ok_or_else(|| strange(column, "a JSON list of texts"))?;
        let read = (place, text.to_owned(), list);
        match known {
            Some(known) => *known = read,
            None => self.0.push(read),
        }
        Ok(())
    }

    fn at(&self, place: usize) -> &[String] {
        self.0.iter().find(|(own, ..)| *own == place).map_or(&[], |(.., list)| list)
    }
}

fn account(row: &Row<'_>, lists: &mut Lists, loader: &mut Loader<'_>) -> Result<(), Fault> {
    lists.read(row, "accounts.acts_as", 4)?;
    lists.read(row, "accounts.paths", 5)?;
    loader.account(&AccountRow {
        id: text(row, 0)?,
        name: text(row, 1)?,
        organisation: perhaps(row, 2)?,
        enabled: row.get(3).map_err(failed)?,
        acts_as: lists.at(4),
        paths: lists.at(5),
        jwks_url: perhaps(row, 6)?,
        role: role_of(perhaps(row, 7)?).map_err(|wanted| strange("accounts.role", wanted))?,
        created: instant(row, "accounts.created", 8)?,
    })
}

fn key(row: &Row<'_>, lists: &mut Lists, loader: &mut Loader<'_>) -> Result<(), Fault> {
    let until = moment(row, "keys.retiring_until", 5)?;
    let (not_before, expires) = (moment(row, "keys.not_before", 6)?, moment(row, "keys.expires", 7)?);
    let life = life(text(row, 4)?, until, not_before, expires);
    for (place, column) in [
        (8, "keys.dialects"),
        (9, "keys.algorithms"),
        (10, "keys.methods"),
        (11, "keys.paths"),
        (12, "keys.networks"),
    ] {
        lists.read(row, column, place)?;
    }
    let spki = row.get_ref(3).map_err(failed)?.as_blob();
    let key = KeyRow {
        id: text(row, 0)?,
        account: text(row, 1)?,
        label: text(row, 2)?,
        spki: spki.map_err(|_| strange("keys.spki", "bytes"))?,
        life: life.map_err(|wanted| strange("keys.state", wanted))?,
        dialects: lists.at(8),
        algorithms: lists.at(9),
        methods: lists.at(10),
        paths: lists.at(11),
        networks: lists.at(12),
        created: instant(row, "keys.created", 13)?,
        last_used: moment(row, "keys.last_used", 14)?,
        last_address: perhaps(row, 15)?,
    };
    loader.key(&key, prints(row)?)
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

fn failed(error: rusqlite::Error) -> Fault {
    Fault::caused("cannot read registry.db", error)
}

fn strange(column: &str, wanted: &str) -> Fault {
    Fault::new(format!("registry.db is damaged: {column} should hold {wanted}; restore a backup"))
}
