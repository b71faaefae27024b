//! Callers, strangers and operators at work while something breaks, and what they were told.
use crate::caller::{Caller, Told};
use crate::installation::Installation;
use crate::tally::Found;
use crate::wire::{Word, ask};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A one-time proof is refused for its date after this; younger ones must be refused for having been used.
const WINDOW: Duration = Duration::from_secs(20);
/// By its polls alone, a node sees a change of another within this.
const SEEN: Duration = Duration::from_secs(5);

/// Everybody at work.
pub(crate) struct Load {
    end: Arc<AtomicBool>,
    told: Arc<Told>,
    callers: Vec<JoinHandle<Vec<(String, Instant)>>>,
    writer: JoinHandle<Written>,
    from: Instant,
}

/// What an operator and a caller who opens sessions were told has been done.
#[derive(Default)]
struct Written {
    accounts: Vec<String>,
    sessions: Vec<String>,
    failed: u64,
    /// What the first failure said.
    why: Option<String>,
    slowest: Duration,
}

/// What there was of everything.
pub(crate) struct Seen {
    pub(crate) found: Found,
    /// Answers by what they said.
    pub(crate) words: BTreeMap<&'static str, u64>,
    /// The longest that anybody waited for an answer.
    pub(crate) slowest: Duration,
    pub(crate) writes_failed: u64,
    accepted: Vec<(String, Instant)>,
    written: Written,
}

impl Load {
    /// Begins: on each node a caller with fresh proofs and replays, one with a token that is shown often, and a stranger; one
    /// operator.
    pub(crate) fn begin(all: &Arc<Installation>, silence_is_well: bool) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let told = Arc::new(Told::new(silence_is_well));
        let mut callers = Vec::new();
        for (number, node) in all.nodes.iter().enumerate() {
            let mut caller = Caller::new(node.public(), Arc::clone(&all.signer), Arc::clone(&told));
            let mut other = Caller::new(node.public(), Arc::clone(&all.signer), Arc::clone(&told));
            let (end, ended) = (Arc::clone(&end), Arc::clone(&end));
            callers.push(std::thread::spawn(move || {
                while !end.load(Ordering::Relaxed) {
                    caller.with_proofs(number);
                }
                caller.accepted
            }));
            callers.push(std::thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    other.with_a_token_and_as_a_stranger();
                }
                other.accepted
            }));
        }
        let (orders, ending) = (Arc::clone(all), Arc::clone(&end));
        let writer = std::thread::spawn(move || write(&orders, &ending));
        Self { end, told, callers, writer, from: Instant::now() }
    }

    /// Waits until, from now on, so many answers said a word.
    pub(crate) fn wait_for(&self, word: &Word, many: u64) {
        let before = self.told.count(word);
        let from = Instant::now();
        while self.told.count(word) < before + many {
            assert!(
                from.elapsed() < Duration::from_secs(90),
                "wanted answers {word:?}, found {:?}",
                self.told.words()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends, and shows every accepted proof once more on every node.
    pub(crate) fn end(self, all: &Installation) -> Seen {
        self.end.store(true, Ordering::Relaxed);
        let accepted = self.callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
        let written = self.writer.join().unwrap();
        let (tried, wrong) = self.told.found();
        let mut seen = Seen {
            found: Found { tried, wrong },
            words: self.told.words(),
            slowest: self.told.slowest().max(written.slowest),
            writes_failed: written.failed,
            accepted,
            written,
        };
        println!(
            "  in {} s: {:?}; longest wait {} ms; {} accounts and {} sessions acknowledged, {} writes refused",
            self.from.elapsed().as_secs(),
            seen.words,
            seen.slowest.as_millis(),
            seen.written.accounts.len(),
            seen.written.sessions.len(),
            seen.writes_failed,
        );
        if let Some(why) = &seen.written.why {
            println!("  the first write that was refused: {}", why.trim_end());
        }
        seen.once_more(all);
        seen
    }
}

impl Seen {
    /// Shows what was accepted once more: none may pass. What was acknowledged is there.
    pub(crate) fn once_more(&mut self, all: &Installation) {
        let young = |at: &Instant| at.elapsed() < WINDOW + Duration::from_secs(5);
        let again: Vec<_> = self.accepted.iter().rev().filter(|(_, at)| young(at)).take(400).collect();
        for (number, (proof, at)) in again.iter().enumerate() {
            let node = &all.nodes[number % all.nodes.len()];
            // A busy machine may have a node look at its database once more before it says so.
            let word = settled(node.public(), "/once/x", proof);
            self.found.check(
                matches!(word, Word::Replayed | Word::Refused | Word::Barred),
                &format!(
                    "a proof accepted {} ms ago to be refused, found {word:?}",
                    at.elapsed().as_millis()
                ),
            );
        }
        println!("  {} accepted proofs shown again", again.len());
        self.is_kept(all);
    }

    /// What was acknowledged is there.
    pub(crate) fn is_kept(&mut self, all: &Installation) {
        // The node that is asked may not be the one that took the order: it hears of it, or sees it at its next look.
        let from = Instant::now();
        let mut accounts = all.order("account list");
        while !self.written.accounts.iter().all(|name| accounts.contains(name)) && from.elapsed() < SEEN {
            std::thread::sleep(Duration::from_millis(100));
            accounts = all.order("account list");
        }
        for name in &self.written.accounts {
            self.found.check(accounts.contains(name), &format!("the acknowledged account {name}"));
        }
        for session in &self.written.sessions {
            let word = settled(all.nodes[0].public(), "/inside/x", session);
            self.found.check(word == Word::Accepted, &format!("an acknowledged session, found {word:?}"));
        }
        let log = all.order("audit check");
        self.found.check(log.contains("yes"), "an audit log without a gap");
        for node in &all.nodes {
            self.found.check(node.logged("panicked") == 0, "no panic");
        }
    }

    /// That the longest wait was bounded.
    pub(crate) fn answered_within(&mut self, bound: Duration) {
        let slowest = self.slowest;
        self.found.check(slowest <= bound, &format!("answers within {bound:?}, found {slowest:?}"));
    }

    /// How many answers said a word.
    pub(crate) fn count(&self, word: &str) -> u64 {
        self.words.get(word).copied().unwrap_or(0)
    }
}

/// The first answer that is not 503, when one comes before long.
fn settled(to: SocketAddr, path: &str, authorization: &str) -> Word {
    let mut word = ask(to, path, authorization).word();
    for _ in 0..50 {
        if word != Word::Unavailable {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        word = ask(to, path, authorization).word();
    }
    word
}

impl Written {
    fn failed(&mut self, why: String) {
        self.failed += 1;
        self.why.get_or_insert(why);
    }
}

/// One write after another, an account and a session in turn.
fn write(all: &Installation, end: &AtomicBool) -> Written {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut written = Written::default();
    while !end.load(Ordering::Relaxed) {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let node = usize::try_from(number).unwrap_or(0) % all.nodes.len();
        let from = Instant::now();
        let name = format!("made-{number}");
        match all.try_order(node, &format!("account add {name}")) {
            Ok(_) => written.accounts.push(name.clone()),
            Err(why) => written.failed(why),
        }
        match all.try_login(node, &name) {
            Ok(session) => written.sessions.push(session),
            Err(why) => written.failed(why),
        }
        written.slowest = written.slowest.max(from.elapsed() / 2);
        std::thread::sleep(Duration::from_millis(100));
    }
    written
}
