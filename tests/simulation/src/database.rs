//! The database that the nodes share: what the store on PostgreSQL decides in its statements, each of them one step here.
use crate::flaw::Flaw;
use countersign::ask::{Claim, Use};
use countersign::life::session::Session;
use countersign_store::audit::link;
use countersign_store::fault::Fault;
use countersign_store::model::{AuditDraft, AuditEntry, Record, Write};
use countersign_store::registry::{Changes, Loaded};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Uses are kept this much longer than they must be, as by the store on PostgreSQL.
const MARGIN: i64 = 60;
/// How far from the clock any one-time proof may be dated: the life of challenges, as shipped.
const HORIZON: i64 = 120;

/// The one server that decides, and what a standby has of it.
#[derive(Debug)]
pub struct Database {
    pub(crate) flaw: Flaw,
    live: Mutex<State>,
    standby: Mutex<State>,
}

/// Everything that is kept. A copy of it is a copy of the database.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Server and time line: another one after every failover, and never part of what is copied.
    pub place: u64,
    /// The registry's version.
    pub version: u64,
    records: BTreeMap<(u8, String, String), Record>,
    changes: Vec<(u64, Vec<Write>)>,
    audit: Vec<AuditEntry>,
    /// Sessions by id.
    pub sessions: BTreeMap<String, Session>,
    memories: [Memory; 2],
}

/// One replay memory. The first is for proofs, the second for answered challenges.
#[derive(Clone, Debug, Default)]
struct Memory {
    state: Option<Terms>,
    used: BTreeMap<[u8; 32], i64>,
}

/// What a claim must know, and what may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terms {
    place: u64,
    generation: u64,
    barrier: i64,
    forgotten: i64,
}

impl Database {
    /// An empty one.
    #[must_use]
    pub fn new(flaw: Flaw) -> Self {
        Self { flaw, live: Mutex::default(), standby: Mutex::default() }
    }

    /// One step on what is kept: nothing comes between.
    pub fn step<T>(&self, step: impl FnOnce(&mut State) -> T) -> T {
        step(&mut self.live.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The standby catches up.
    pub fn replicate(&self) {
        let now = self.step(|state| state.clone());
        *self.standby.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// The standby becomes the server, with what it has of the old one; gives its version.
    pub fn fail_over(&self) -> u64 {
        let copy = self.standby.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.step(|state| {
            let place = state.place + 1;
            *state = State { place, ..copy };
            state.version
        })
    }
}

impl State {
    /// Everything of the registry.
    #[must_use]
    pub fn loaded(&self) -> Loaded {
        Loaded { version: self.version, records: self.records.values().cloned().collect() }
    }

    /// The rows written after a version; `None` where that is not known.
    #[must_use]
    pub fn changes(&self, since: u64, flaw: Flaw) -> Option<Changes> {
        if since > self.version {
            return None;
        }
        let later = self.changes.iter().filter(|(version, _)| *version > since && flaw != Flaw::ChangesLost);
        // As the rows are at the end, each once.
        let mut last = BTreeMap::new();
        for write in later.flat_map(|(_, writes)| writes) {
            let (Write::Put(record) | Write::Delete(record)) = write;
            last.insert(place(record), write.clone());
        }
        Some(Changes { version: self.version, writes: last.into_values().collect() })
    }

    /// Writes a unit, if the version is still the one it was decided on.
    pub fn commit(&mut self, base: u64, writes: &[Write], audit: &[AuditDraft]) -> Option<u64> {
        if self.version != base {
            return None;
        }
        for write in writes {
            match write {
                Write::Put(record) => self.records.insert(place(record), record.clone()),
                Write::Delete(record) => self.records.remove(&place(record)),
            };
        }
        for draft in audit {
            let entry = link(self.audit.last(), draft.clone());
            self.audit.push(entry);
        }
        self.version += 1;
        self.changes.push((self.version, writes.to_vec()));
        Some(self.version)
    }

    /// The entries of the audit log after a number.
    #[must_use]
    pub fn audit(&self, after: u64, limit: u32) -> Vec<AuditEntry> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.audit.iter().filter(|entry| entry.number > after).take(limit).cloned().collect()
    }

    /// The last entry of the audit log.
    #[must_use]
    pub fn last_audit(&self) -> Option<AuditEntry> {
        self.audit.last().cloned()
    }

    /// The place and generation to claim under; the barrier is raised when the rows are a copy.
    ///
    /// `now` is the later of the node's clock and the database's.
    pub fn join(&mut self, scope: usize, now: i64, flaw: Flaw) -> (u64, u64) {
        let place = self.place;
        let Some(memory) = self.memories.get_mut(scope) else { return (place, 0) };
        let terms = match memory.state {
            None => Terms { place, generation: 1, barrier: i64::MIN, forgotten: i64::MIN },
            Some(terms) if terms.place == place => terms,
            Some(terms) if flaw == Flaw::NoBarrier => Terms { place, ..terms },
            Some(terms) => Terms {
                place,
                generation: terms.generation + 1,
                barrier: terms.barrier.max(now + HORIZON + 1),
                ..terms
            },
        };
        memory.state = Some(terms);
        (terms.place, terms.generation)
    }

    /// Decides and remembers; `None` when the place or the generation is another than the known one.
    pub fn claim(&mut self, scope: usize, known: (u64, u64), claim: &Claim, remembers: bool) -> Option<Use> {
        let place = self.place;
        let memory = self.memories.get_mut(scope)?;
        let terms = memory.state?;
        if (terms.place, terms.generation) != known || terms.place != place {
            return None;
        }
        let (dated, until) = (claim.since.seconds(), claim.until.seconds());
        if dated <= terms.barrier || until <= terms.forgotten {
            return Some(Use::Barred);
        }
        if memory.used.contains_key(&claim.mark) {
            return Some(Use::Again);
        }
        if remembers {
            memory.used.insert(claim.mark, until.max(dated + HORIZON + 1));
        }
        Some(Use::First)
    }

    /// Forgets what is over by the earlier of a node's clock and the database's.
    pub fn forget(&mut self, now: i64) {
        for memory in &mut self.memories {
            let Some(terms) = &mut memory.state else { continue };
            terms.forgotten = terms.forgotten.max(now - MARGIN);
            let forgotten = terms.forgotten;
            memory.used.retain(|_, until| *until > forgotten);
        }
    }

    /// Keeps a new session.
    ///
    /// # Errors
    /// When the id is in use.
    pub fn open(&mut self, session: &Session) -> Result<(), Fault> {
        if self.sessions.contains_key(&session.id) {
            return Err(Fault::new("a session with this id is kept already"));
        }
        self.sessions.insert(session.id.clone(), session.clone());
        Ok(())
    }

    /// Replaces a session, if it is still what the caller saw.
    pub fn replace(&mut self, before: &Session, after: &Session, flaw: Flaw) -> bool {
        match self.sessions.get_mut(&before.id) {
            Some(kept) if kept == before || flaw == Flaw::SwapWithoutCompare => {
                *kept = after.clone();
                true
            }
            _ => false,
        }
    }
}

/// A row's kind (in the order of loading) and key.
fn place(record: &Record) -> (u8, String, String) {
    let (kind, key, second) = match record {
        Record::Organisation(row) => (0, &row.id, ""),
        Record::User(row) => (1, &row.name, ""),
        Record::Account(row) => (2, &row.id, ""),
        Record::Key(row) => (3, &row.id, ""),
        Record::Companion(row) => (4, &row.id, ""),
        Record::Member(row) => (5, &row.organisation, row.account.as_str()),
        Record::JoinCode(row) => (6, &row.digest, ""),
        Record::Secret(row) => (7, &row.name, ""),
    };
    (kind, key.clone(), second.to_owned())
}
