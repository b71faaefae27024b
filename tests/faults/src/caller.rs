//! One who calls in a loop and compares each answer with what it may be.
use crate::proofs::Signer;
use crate::wire::{Answer, Line, Word};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Between two rounds: several callers share two cores with what they call.
const PAUSE: Duration = Duration::from_millis(5);

/// What everybody was told.
pub(crate) struct Told {
    silence_is_well: bool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    words: BTreeMap<&'static str, u64>,
    tried: u64,
    wrong: Vec<String>,
    slowest: Duration,
}

/// One caller on one connection.
pub(crate) struct Caller {
    line: Line,
    signer: Arc<Signer>,
    told: Arc<Told>,
    often: String,
    /// Proofs that were accepted, and when.
    pub(crate) accepted: Vec<(String, Instant)>,
}

impl Told {
    /// Whether a node may be gone for a while, so that connections to it break.
    pub(crate) fn new(silence_is_well: bool) -> Self {
        Self { silence_is_well, inner: Mutex::default() }
    }

    /// How many answers said a word.
    pub(crate) fn count(&self, word: &Word) -> u64 {
        self.inner.lock().unwrap().words.get(name(word)).copied().unwrap_or(0)
    }

    /// Answers by what they said.
    pub(crate) fn words(&self) -> BTreeMap<&'static str, u64> {
        self.inner.lock().unwrap().words.clone()
    }

    /// How many were asked, and what must not have been answered.
    pub(crate) fn found(&self) -> (u64, Vec<String>) {
        let inner = self.inner.lock().unwrap();
        (inner.tried, inner.wrong.clone())
    }

    /// The longest wait.
    pub(crate) fn slowest(&self) -> Duration {
        self.inner.lock().unwrap().slowest
    }

    fn note(&self, what: &str, answer: &Answer, may: &[Word]) -> Word {
        let word = answer.word();
        let mut inner = self.inner.lock().unwrap();
        inner.tried += 1;
        inner.slowest = inner.slowest.max(answer.took);
        *inner.words.entry(name(&word)).or_default() += 1;
        let well =
            may.contains(&word) || word == Word::Unavailable || word == Word::Silent && self.silence_is_well;
        if !well {
            inner.wrong.push(format!("{what}: {word:?}"));
        }
        word
    }
}

impl Caller {
    pub(crate) fn new(to: SocketAddr, signer: Arc<Signer>, told: Arc<Told>) -> Self {
        let often = signer.often(0);
        Self { line: Line::to(to), signer, told, often, accepted: Vec::new() }
    }

    /// A fresh proof, and then it again.
    pub(crate) fn with_proofs(&mut self, number: usize) {
        let proof = self.signer.once(0);
        let answer = self.line.ask("/once/x", &proof);
        let word = self.told.note("a fresh proof", &answer, &[Word::Accepted]);
        if word == Word::Accepted {
            self.accepted.push((proof.clone(), Instant::now()));
        }
        // What an answer did not come to may have been used or not; what failed must not be taken twice either.
        let answer = self.line.ask("/once/x", &proof);
        let may: &[Word] = match word {
            Word::Accepted => &[Word::Replayed],
            _ => &[Word::Accepted, Word::Replayed],
        };
        if self.told.note("the same proof again", &answer, may) == Word::Accepted {
            self.accepted.push((proof, Instant::now()));
        }
        std::thread::sleep(PAUSE * u32::try_from(number + 1).unwrap_or(1));
    }

    /// A good token, and a forged proof.
    pub(crate) fn with_a_token_and_as_a_stranger(&mut self) {
        let answer = self.line.ask("/often/x", &self.often);
        self.told.note("a good token", &answer, &[Word::Accepted]);
        let answer = self.line.ask("/once/x", &self.signer.strange(0));
        self.told.note("a forged proof", &answer, &[Word::Refused]);
        std::thread::sleep(PAUSE);
    }
}

fn name(word: &Word) -> &'static str {
    match word {
        Word::Accepted => "accepted",
        Word::Replayed => "replayed",
        Word::Barred => "barred",
        Word::Refused => "refused",
        Word::Unavailable => "unavailable",
        Word::Silent => "silent",
        Word::Wrong(_) => "wrong",
    }
}
