//! The store that keeps everything in memory: for tests, vectors and first runs; nothing survives the process.
use crate::accord::Accord;
use crate::audit::link;
use crate::fault::Fault;
use crate::model::{AuditDraft, AuditEntry, Record, Write};
use crate::once::Once;
use crate::registry::{Answer, LastUse, Loaded, MOST_ADDRESSES, NotWritten, Registry};
use crate::sessions::Sessions;
use crate::window::Window;
use countersign::ask::{Claim, Use};
use countersign::life::session::Session;
use countersign::time::Time;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// Uses remembered at once: about 80 MB.
const MOST_USES: usize = 4_000_000;

/// Registry, replay memory, sessions and words in one. Share it behind an `Arc`.
pub struct MemoryStore {
    rows: Mutex<Rows>,
    window: Window,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    words: Mutex<BTreeMap<String, String>>,
}

#[derive(Default)]
struct Rows {
    version: u64,
    records: BTreeMap<Place, Record>,
    audit: Vec<AuditEntry>,
    /// Unix seconds by address, by key.
    uses: HashMap<String, HashMap<String, i64>>,
    marks: HashMap<String, String>,
}

/// A row's kind (in the order of loading) and key.
type Place = (u8, String, String);

impl MemoryStore {
    /// An empty store; its replay memory is keyed with `key`.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        let window = Window::new(key, Time::MIN, MOST_USES);
        Self { rows: Mutex::default(), window, sessions: Mutex::default(), words: Mutex::default() }
    }

    /// The replay memory.
    #[must_use]
    pub fn window(&self) -> &Window {
        &self.window
    }

    fn rows(&self) -> Result<MutexGuard<'_, Rows>, Fault> {
        self.rows.lock().map_err(|_| broken())
    }

    fn kept(&self) -> Result<MutexGuard<'_, HashMap<String, Arc<Session>>>, Fault> {
        self.sessions.lock().map_err(|_| broken())
    }

    fn write(&self, base: u64, writes: &[Write], audit: &[AuditDraft]) -> Result<u64, NotWritten> {
        let mut rows = self.rows().map_err(NotWritten::Fault)?;
        if rows.version != base {
            return Err(NotWritten::Conflict);
        }
        for write in writes {
            match write {
                Write::Put(record) => rows.records.insert(place(record), record.clone()),
                Write::Delete(record) => {
                    if let Record::Key(key) = record {
                        rows.uses.remove(&key.id);
                    }
                    rows.records.remove(&place(record))
                }
            };
        }
        for draft in audit {
            let entry = link(rows.audit.last(), draft.clone());
            rows.audit.push(entry);
        }
        rows.version += 1;
        Ok(rows.version)
    }
}

impl Default for MemoryStore {
    /// An empty store under a key that is no secret: right for tests only.
    fn default() -> Self {
        Self::new([0; 16])
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryStore(..)")
    }
}

impl Registry for MemoryStore {
    fn load(&self) -> Answer<'_, Result<Loaded, Fault>> {
        Box::pin(async {
            let rows = self.rows()?;
            Ok(Loaded { version: rows.version, records: rows.records.values().cloned().collect() })
        })
    }

    fn version(&self) -> Answer<'_, Result<u64, Fault>> {
        Box::pin(async { Ok(self.rows()?.version) })
    }

    fn commit<'a>(
        &'a self,
        base: u64,
        writes: &'a [Write],
        audit: &'a [AuditDraft],
    ) -> Answer<'a, Result<u64, NotWritten>> {
        Box::pin(async move { self.write(base, writes, audit) })
    }

    fn fill<'a>(&'a self, loaded: &'a Loaded, audit: &'a [AuditEntry]) -> Answer<'a, Result<(), NotWritten>> {
        Box::pin(async move {
            let mut rows = self.rows().map_err(NotWritten::Fault)?;
            if rows.version != 0 {
                return Err(NotWritten::Conflict);
            }
            rows.version = loaded.version;
            rows.records = loaded.records.iter().map(|record| (place(record), record.clone())).collect();
            rows.audit = audit.to_vec();
            Ok(())
        })
    }

    fn audit(&self, after: u64, limit: u32) -> Answer<'_, Result<Vec<AuditEntry>, Fault>> {
        Box::pin(async move {
            let rows = self.rows()?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Ok(rows.audit.iter().filter(|entry| entry.number > after).take(limit).cloned().collect())
        })
    }

    fn last_audit(&self) -> Answer<'_, Result<Option<AuditEntry>, Fault>> {
        Box::pin(async move { Ok(self.rows()?.audit.last().cloned()) })
    }

    fn touch<'a>(&'a self, uses: &'a [LastUse]) -> Answer<'a, Result<(), Fault>> {
        Box::pin(async move {
            let mut rows = self.rows()?;
            for LastUse { key, at, address } in uses {
                let Some(Record::Key(row)) = rows.records.get_mut(&(KEY, key.clone(), String::new())) else {
                    continue;
                };
                if row.last_used.is_none_or(|last| last <= *at) {
                    row.last_used = Some(*at);
                    row.last_address.clone_from(address);
                }
                let Some(address) = address else { continue };
                let known = rows.uses.entry(key.clone()).or_default();
                let last = known.entry(address.clone()).or_insert(i64::MIN);
                *last = at.seconds().max(*last);
                while known.len() > MOST_ADDRESSES {
                    let oldest = known.iter().min_by_key(|(address, at)| (**at, Reverse(*address)));
                    let Some(oldest) = oldest.map(|(address, _)| address.clone()) else { break };
                    known.remove(&oldest);
                }
            }
            Ok(())
        })
    }

    fn uses<'a>(&'a self, keys: &'a [String]) -> Answer<'a, Result<Vec<LastUse>, Fault>> {
        Box::pin(async move {
            let rows = self.rows()?;
            let of = |key: &String| {
                let known = rows.uses.get(key).into_iter().flatten();
                let mut uses: Vec<LastUse> =
                    known.map(|(address, at)| LastUse::in_seconds(key, address, *at)).collect();
                uses.sort_by(|one, other| (other.at, &one.address).cmp(&(one.at, &other.address)));
                uses
            };
            Ok(keys.iter().flat_map(of).collect())
        })
    }

    fn mark<'a>(&'a self, name: &'a str) -> Answer<'a, Result<Option<String>, Fault>> {
        Box::pin(async move { Ok(self.rows()?.marks.get(name).cloned()) })
    }

    fn swap_mark<'a>(
        &'a self,
        name: &'a str,
        before: Option<&'a str>,
        after: &'a str,
    ) -> Answer<'a, Result<bool, Fault>> {
        Box::pin(async move {
            let mut rows = self.rows()?;
            if rows.marks.get(name).map(String::as_str) != before {
                return Ok(false);
            }
            rows.marks.insert(name.to_owned(), after.to_owned());
            Ok(true)
        })
    }

    fn backup<'a>(&'a self, _to: &'a Path) -> Answer<'a, Result<(), Fault>> {
        let text = "wanted a store on disk to back up, found the one in memory; open a database instead";
        Box::pin(async move { Err(Fault::new(text)) })
    }
}

impl Once for MemoryStore {
    fn remembered(&self) -> Option<usize> {
        Some(self.window.len())
    }

    fn claim(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async move { self.window.claim(&claim, now) })
    }

    fn peek(&self, claim: Claim, _now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async move { self.window.peek(&claim) })
    }
}

impl Sessions for MemoryStore {
    fn open<'a>(&'a self, session: &'a Session) -> Answer<'a, Result<(), Fault>> {
        Box::pin(async move {
            let mut kept = self.kept()?;
            if kept.contains_key(&session.id) {
                return Err(Fault::new("wanted a new session id, found one in use"));
            }
            kept.insert(session.id.clone(), Arc::new(session.clone()));
            Ok(())
        })
    }

    fn get<'a>(&'a self, id: &'a str) -> Answer<'a, Result<Option<Arc<Session>>, Fault>> {
        Box::pin(async move { Ok(self.kept()?.get(id).cloned()) })
    }

    fn replace<'a>(&'a self, before: &'a Session, after: &'a Session) -> Answer<'a, Result<bool, Fault>> {
        Box::pin(async move {
            let mut kept = self.kept()?;
            match kept.get_mut(&before.id) {
                Some(held) if **held == *before => {
                    *held = Arc::new(after.clone());
                    Ok(true)
                }
                _ => Ok(false),
            }
        })
    }

    fn list<'a>(
        &'a self,
        account: Option<&'a str>,
        now: Time,
    ) -> Answer<'a, Result<Vec<Arc<Session>>, Fault>> {
        Box::pin(async move {
            let kept = self.kept()?;
            let wanted = |session: &&Arc<Session>| {
                session.is_live(now) && account.is_none_or(|account| session.account == account)
            };
            let mut found: Vec<_> = kept.values().filter(wanted).cloned().collect();
            found.sort_by(|one, other| one.opened.cmp(&other.opened).then_with(|| one.id.cmp(&other.id)));
            Ok(found)
        })
    }

    fn sweep(&self, now: Time) -> Answer<'_, Result<u64, Fault>> {
        Box::pin(async move {
            let mut kept = self.kept()?;
            let before = kept.len();
            kept.retain(|_, session| session.is_live(now));
            Ok(u64::try_from(before - kept.len()).unwrap_or(u64::MAX))
        })
    }
}

impl Accord for MemoryStore {
    fn words(&self) -> Answer<'_, Result<BTreeMap<String, String>, Fault>> {
        Box::pin(async { Ok(self.words.lock().map_err(|_| broken())?.clone()) })
    }

    fn say<'a>(
        &'a self,
        name: &'a str,
        before: Option<&'a str>,
        word: &'a str,
    ) -> Answer<'a, Result<bool, Fault>> {
        Box::pin(async move {
            let mut words = self.words.lock().map_err(|_| broken())?;
            if words.get(name).map(String::as_str) != before {
                return Ok(false);
            }
            words.insert(name.to_owned(), word.to_owned());
            Ok(true)
        })
    }
}

const KEY: u8 = 3;

fn place(record: &Record) -> Place {
    let (kind, key, second) = match record {
        Record::Organisation(row) => (0, &row.id, ""),
        Record::User(row) => (1, &row.name, ""),
        Record::Account(row) => (2, &row.id, ""),
        Record::Key(row) => (KEY, &row.id, ""),
        Record::Companion(row) => (4, &row.id, ""),
        Record::Member(row) => (5, &row.organisation, row.account.as_str()),
        Record::JoinCode(row) => (6, &row.digest, ""),
        Record::Secret(row) => (7, &row.name, ""),
    };
    (kind, key.clone(), second.to_owned())
}

fn broken() -> Fault {
    Fault::new("the store in memory broke off inside a change; restart the process")
}
