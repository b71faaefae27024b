//! What must hold whatever fails: every answer is told here, and compared with what may be.
use crate::node::Answer;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
/// Within this after a change was acknowledged, every node that answers goes by it: `store.stale_after`, as shipped, and a moment
/// for timers, which go by milliseconds.
pub const BOUND: i64 = 5 * SECOND + 5_000;
/// After a failover, one-time proofs may be barred for the life of challenges and what clocks are off, at most.
const BARRED: i64 = 180 * SECOND;

/// Keeps the books of one simulation.
#[derive(Debug, Default)]
pub struct Checker(Mutex<Books>);

/// What was seen.
#[derive(Debug, Default)]
struct Books {
    events: u64,
    trace: u64,
    passed: u64,
    violations: Vec<String>,
    proofs: BTreeMap<u64, Proof>,
    keys: BTreeMap<String, Key>,
    failed_over: Option<i64>,
    copies: u64,
}

#[derive(Debug, Default)]
struct Proof {
    tries: u32,
    passed: u32,
}

/// What is known of a registered key, by what was acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Key {
    /// When its registration was acknowledged.
    pub registered: Option<i64>,
    /// Whether somebody wants it revoked.
    pub unwanted: bool,
    /// When its revocation was acknowledged, and on which node.
    pub revoked: Option<(i64, usize)>,
}

/// One try of a one-time proof.
#[derive(Debug)]
pub struct Try<'a> {
    /// Which proof.
    pub proof: u64,
    /// Which key signed it.
    pub key: &'a str,
    /// Where it was sent.
    pub node: usize,
    /// When it was sent.
    pub started: i64,
    /// When the answer came.
    pub ended: i64,
    /// Seconds that its date is from the node's clock, at most, when it is sent at once.
    pub off: i64,
    /// Whether it is one that was sent before, and may be old by now.
    pub again: bool,
}

/// How a simulation went.
#[derive(Debug)]
pub struct Report {
    /// Answers and faults.
    pub events: u64,
    /// Answers that let somebody in.
    pub passed: u64,
    /// The same for every run of a seed.
    pub trace: u64,
    /// What must not be, in the order it was seen.
    pub violations: Vec<String>,
}

impl Checker {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what happened, for the trace.
    pub fn note(&self, at: i64, what: &str) {
        let mut books = self.books();
        books.events += 1;
        let mut trace = books.trace;
        for byte in at.to_be_bytes().into_iter().chain(what.bytes()) {
            trace = (trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        books.trace = trace;
    }

    /// Something that must not be.
    pub fn violation(&self, at: i64, what: String) {
        self.note(at, &what);
        self.books().violations.push(format!("at {:.3} s: {what}", seconds(at)));
    }

    /// A one-time proof is about to be sent.
    pub fn sends(&self, proof: u64) {
        self.books().proofs.entry(proof).or_default().tries += 1;
    }

    /// A one-time proof was answered.
    pub fn tried(&self, tried: &Try<'_>, answer: &Answer) {
        let Try { proof, key, node, started, ended, off, again } = *tried;
        self.note(ended, &format!("{node} proof {proof} {answer:?}"));
        match answer {
            Answer::Passed => {
                let times = {
                    let mut books = self.books();
                    let known = books.proofs.entry(proof).or_default();
                    known.passed += 1;
                    known.passed
                };
                if times > 1 {
                    self.violation(ended, format!("node {node} took proof {proof}, which was taken before"));
                }
                self.admitted(key, node, started, ended);
            }
            Answer::Refused(reason) => {
                let books = self.books();
                let tries = books.proofs.get(&proof).map_or(0, |proof| proof.tries);
                drop(books);
                let excused = match reason.as_str() {
                    "replayed" => tries > 1,
                    "before-restart" => self.may_be_barred(started),
                    "out-of-window" => again || off + (ended - started) / SECOND + 3 >= 20,
                    _ => self.may_be_unknown(key, started),
                };
                if !excused {
                    let text =
                        format!("node {node} blamed proof {proof} with {reason}: nothing was wrong with it");
                    self.violation(ended, text);
                }
            }
            Answer::Fault | Answer::Lost => {}
        }
    }

    /// Somebody was let in by a key or by a session that it opened.
    pub fn admitted(&self, key: &str, node: usize, started: i64, ended: i64) {
        let revoked = {
            let mut books = self.books();
            books.passed += 1;
            books.keys.get(key).and_then(|key| key.revoked)
        };
        let Some((at, by)) = revoked else { return };
        let bound = if by == node { at } else { at + BOUND };
        if started > bound {
            let late = seconds(started - at);
            self.violation(
                ended,
                format!("node {node} let {key} in {late:.3} s after node {by} had revoked it"),
            );
        }
    }

    /// Whether a node may not know this key, or know better than its caller.
    #[must_use]
    pub fn may_be_unknown(&self, key: &str, started: i64) -> bool {
        let known = self.key(key);
        known.unwanted || known.registered.is_none_or(|at| started <= at + BOUND)
    }

    /// Whether what works once may be behind the barrier of a failover.
    #[must_use]
    pub fn may_be_barred(&self, started: i64) -> bool {
        self.books().failed_over.is_some_and(|at| started < at + BARRED)
    }

    /// What was acknowledged of a key.
    #[must_use]
    pub fn key(&self, key: &str) -> Key {
        self.books().keys.get(key).copied().unwrap_or_default()
    }

    /// Every key.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, Key)> {
        self.books().keys.iter().map(|(id, key)| (id.clone(), *key)).collect()
    }

    /// Notes what is acknowledged of a key now.
    pub fn set_key(&self, id: &str, change: impl FnOnce(&mut Key)) {
        change(self.books().keys.entry(id.to_owned()).or_default());
    }

    /// The database is another one now; `lost` when it may lack what was acknowledged last.
    pub fn failed_over(&self, at: i64, lost: bool) {
        self.note(at, "failover");
        let mut books = self.books();
        books.failed_over = Some(at);
        books.copies += u64::from(lost);
    }

    /// How often what was acknowledged may have been lost with a server.
    #[must_use]
    pub fn copies(&self) -> u64 {
        self.books().copies
    }

    /// How it went.
    #[must_use]
    pub fn report(&self) -> Report {
        let books = self.books();
        Report {
            events: books.events,
            passed: books.passed,
            trace: books.trace,
            violations: books.violations.clone(),
        }
    }
}

#[expect(clippy::as_conversions, reason = "only shown")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
