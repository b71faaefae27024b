//! Moves a whole installation from one store to another, and proves that every row arrived.
use super::ends::{End, Store};
use crate::config::webhooks::MARK;
use countersign::time::Time;
use countersign_keys::sha256;
use countersign_store::audit;
use countersign_store::fault::Fault;
use countersign_store::model::{AuditEntry, Record};
use countersign_store::registry::{Loaded, NotWritten, Registry};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// Entries of the audit log that are read at once.
const PAGE: u32 = 10_000;

/// What lies in one table, alike at both ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The table.
    pub table: &'static str,
    /// How many rows.
    pub rows: usize,
    /// SHA-256 over all of them, in the order of their digests; hexadecimal.
    pub digest: String,
}

/// What a copy carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carry {
    /// Everything, sessions included: a move, after which the first store is not used any more.
    Everything,
    /// No sessions: what ended after a backup must not live again.
    Rows,
}

/// Copies one store into another that is empty, reads what arrived, and compares. Nothing may write to the first meanwhile: what was
/// written after its rows were read stays behind.
///
/// # Errors
/// [`Fault`] when the second is not empty, when either fails, or when what arrived differs.
pub async fn copy(from: &End, to: &End, carry: Carry) -> Result<Vec<Tally>, Fault> {
    let source = from.open(false).await?;
    let target = to.open(true).await?;
    let copied = transfer(&source, &target, to, carry).await;
    source.close().await;
    target.close().await;
    copied
}

/// Writes the rows of a store, without its sessions, into one new file: the registry of a folder, from which a folder or a
/// PostgreSQL can be restored.
///
/// # Errors
/// [`Fault`] when the file is there already, or the disk or a database fails.
pub async fn backup(from: &End, file: &Path) -> Result<(), Fault> {
    if let End::Folder(folder) = from {
        return countersign_store_sqlite::backup(folder, file).await;
    }
    if file.exists() {
        return Err(Fault::new(format!("{} is there already: a backup never overwrites", file.display())));
    }
    let scratch = Scratch::beside(file)?;
    copy(from, &End::Folder(scratch.0.clone()), Carry::Rows).await?;
    countersign_store_sqlite::backup(&scratch.0, file).await
}

/// Fills an empty store from a backup's file.
///
/// # Errors
/// As for [`copy`].
pub async fn restore(file: &Path, to: &End) -> Result<Vec<Tally>, Fault> {
    let scratch = Scratch::beside(file)?;
    std::fs::copy(file, scratch.0.join("registry.db"))
        .map_err(|error| Fault::caused(format!("cannot read {}", file.display()), error))?;
    copy(&End::Folder(scratch.0.clone()), to, Carry::Rows).await
}

/// Brings the tables of a store up to date; gives the registry's version.
///
/// # Errors
/// [`Fault`] when a newer release wrote it, or it fails.
pub async fn migrate(store: &End) -> Result<u64, Fault> {
    let opened = store.open(true).await?;
    let version = opened.registry.version().await;
    opened.close().await;
    version
}

async fn transfer(source: &Store, target: &Store, to: &End, carry: Carry) -> Result<Vec<Tally>, Fault> {
    let full = || Fault::new(format!("wanted an empty store to copy into, found rows in {to}: name another"));
    if !tallies(target).await?.iter().all(|tally| tally.rows == 0) || target.registry.version().await? != 0 {
        return Err(full());
    }
    let loaded = source.registry.load().await?;
    let entries = entries(&*source.registry).await?;
    let sessions = match carry {
        Carry::Everything => source.sessions.list(None, Time::MIN).await?,
        Carry::Rows => Vec::new(),
    };
    if let Err(broken) = audit::check(&entries) {
        tracing::warn!("{broken}; it is copied as it is");
    }
    target.registry.fill(&loaded, &entries).await.map_err(|error| match error {
        NotWritten::Conflict => full(),
        NotWritten::Fault(fault) => fault,
    })?;
    // Whoever follows the registry goes on where it stood.
    if let Some(mark) = source.registry.mark(MARK).await?
        && !target.registry.swap_mark(MARK, None, &mark).await?
    {
        return Err(Fault::new(format!("{to} was marked meanwhile: do not use it")));
    }
    for session in &sessions {
        target.sessions.open(session).await?;
    }
    let mut wanted = registry_tallies(&loaded, &entries)?;
    wanted.push(tally("sessions", sessions.iter().map(Arc::as_ref))?);
    let found = tallies(target).await?;
    if target.registry.version().await? != loaded.version {
        return Err(Fault::new(format!(
            "{to} came to another version than it was filled with: do not use it"
        )));
    }
    match wanted.iter().zip(&found).find(|(wanted, found)| wanted != found) {
        None if wanted.len() == found.len() => Ok(found),
        Some((wanted, found)) => Err(Fault::new(format!(
            "{to} differs in {}: wanted {} rows with digest {}, found {} with {}; do not use it",
            wanted.table, wanted.rows, wanted.digest, found.rows, found.digest
        ))),
        None => Err(Fault::new(format!("{to} has other tables: do not use it"))),
    }
}

async fn entries(registry: &dyn Registry) -> Result<Vec<AuditEntry>, Fault> {
    let mut entries: Vec<AuditEntry> = Vec::new();
    loop {
        let last = entries.last().map_or(0, |entry| entry.number);
        let page = registry.audit(last, PAGE).await?;
        if page.is_empty() {
            return Ok(entries);
        }
        entries.extend(page);
    }
}

async fn tallies(store: &Store) -> Result<Vec<Tally>, Fault> {
    let loaded = store.registry.load().await?;
    let mut tallies = registry_tallies(&loaded, &entries(&*store.registry).await?)?;
    let sessions = store.sessions.list(None, Time::MIN).await?;
    tallies.push(tally("sessions", sessions.iter().map(Arc::as_ref))?);
    Ok(tallies)
}

/// A pick of the rows of one table.
type Pick = fn(&Record) -> bool;

const TABLES: [(&str, Pick); 8] = [
    ("organisations", |row| matches!(row, Record::Organisation(_))),
    ("accounts", |row| matches!(row, Record::Account(_))),
    ("keys", |row| matches!(row, Record::Key(_))),
    ("companions", |row| matches!(row, Record::Companion(_))),
    ("users", |row| matches!(row, Record::User(_))),
    ("members", |row| matches!(row, Record::Member(_))),
    ("join codes", |row| matches!(row, Record::JoinCode(_))),
    ("secrets", |row| matches!(row, Record::Secret(_))),
];

fn registry_tallies(loaded: &Loaded, entries: &[AuditEntry]) -> Result<Vec<Tally>, Fault> {
    let mut tallies = Vec::new();
    for (table, pick) in TABLES {
        tallies.push(tally(table, loaded.records.iter().filter(|row| pick(row)))?);
    }
    let identifiers = loaded.records.iter().filter_map(|row| match row {
        Record::Account(account) => Some(account.identifiers.iter().map(|named| (&account.id, named))),
        _ => None,
    });
    tallies.push(tally("identifiers", identifiers.flatten())?);
    tallies.push(tally("audit", entries.iter())?);
    Ok(tallies)
}

fn tally<T: Serialize>(table: &'static str, rows: impl Iterator<Item = T>) -> Result<Tally, Fault> {
    let mut digests = Vec::new();
    for row in rows {
        let row =
            serde_json::to_vec(&row).map_err(|error| Fault::caused("cannot write a row as JSON", error))?;
        digests.push(sha256(&[&row]));
    }
    digests.sort_unstable();
    let parts: Vec<&[u8]> = digests.iter().map(|digest| &digest[..]).collect();
    let digest = sha256(&parts).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Tally { table, rows: digests.len(), digest })
}

/// A folder for the way between, removed afterwards.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn beside(file: &Path) -> Result<Self, Fault> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = file.with_file_name(format!(".{name}.part-{}", std::process::id()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder
            .create(&folder)
            .map_err(|error| Fault::caused(format!("cannot make the folder {}", folder.display()), error))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is private, and its name tells what it was for.
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
