//! What was judged minute by minute: read off the counters from time to time, so that counting costs no request anything more.
use super::labels::{Judged, Word};
use countersign::time::Time;
use prometheus_client::metrics::counter::Counter;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError, RwLock};

/// Minutes that are kept: a day.
pub(crate) const MOST: usize = 24 * 60;

/// Counts by name.
pub(crate) type Counts = BTreeMap<String, u64>;

/// The last day, minute by minute.
#[derive(Default)]
pub(crate) struct History {
    judged: RwLock<HashMap<Judged, Counter>>,
    held: RwLock<HashMap<Word, Counter>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    minutes: VecDeque<Minute>,
    judged: HashMap<Judged, u64>,
    held: HashMap<Word, u64>,
    /// When each dialect was last found to be used.
    last: BTreeMap<String, Time>,
}

/// What one minute had.
#[derive(Clone, Debug, Default)]
pub(crate) struct Minute {
    /// Minutes since 1970.
    pub(crate) number: i64,
    /// Judgements by verdict.
    pub(crate) verdicts: Counts,
    /// Refusals by reason.
    pub(crate) reasons: Counts,
    /// Judgements that held, by dialect.
    pub(crate) dialects: Counts,
    /// The same by algorithm.
    pub(crate) algorithms: Counts,
}

impl History {
    /// Takes up a counter of judgements. Called once for each kind of answer and thread, not for each request.
    pub(super) fn know(&self, judged: &Judged, counter: &Counter) {
        add(&self.judged, judged, counter);
    }

    /// Takes up a counter of proofs that held under an algorithm.
    pub(super) fn know_algorithm(&self, algorithm: &Word, counter: &Counter) {
        add(&self.held, algorithm, counter);
    }

    /// Notes what was counted since the last time, for the minute of `now`.
    pub(crate) fn note(&self, now: Time) {
        let number = now.seconds().div_euclid(60);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        // A clock that stepped back goes on in the last minute.
        if kept.minutes.back().is_none_or(|last| last.number < number) {
            kept.minutes.push_back(Minute { number, ..Minute::default() });
            if kept.minutes.len() > MOST {
                kept.minutes.pop_front();
            }
        }
        let Some(minute) = kept.minutes.back_mut() else { return };
        for (kind, counter) in &*self.judged.read().unwrap_or_else(PoisonError::into_inner) {
            let more = grown(&mut kept.judged, kind, counter);
            if more == 0 {
                continue;
            }
            count(&mut minute.verdicts, &kind.verdict, more);
            match &*kind.verdict.0 {
                "verified" => {
                    count(&mut minute.dialects, &kind.dialect, more);
                    kept.last.insert(kind.dialect.0.to_string(), now);
                }
                "refused" => count(&mut minute.reasons, &kind.reason, more),
                _ => {}
            }
        }
        for (algorithm, counter) in &*self.held.read().unwrap_or_else(PoisonError::into_inner) {
            let more = grown(&mut kept.held, algorithm, counter);
            if more > 0 {
                count(&mut minute.algorithms, algorithm, more);
            }
        }
    }

    /// The minutes from a number on, oldest first; minutes in which nothing was noted are missing.
    pub(crate) fn since(&self, number: i64) -> Vec<Minute> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.minutes.iter().filter(|minute| minute.number >= number).cloned().collect()
    }

    /// When each dialect was last found to be used, to within ten seconds.
    pub(crate) fn last(&self) -> BTreeMap<String, Time> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }
}

fn add<K: Clone + Eq + std::hash::Hash>(known: &RwLock<HashMap<K, Counter>>, kind: &K, counter: &Counter) {
    if known.read().unwrap_or_else(PoisonError::into_inner).contains_key(kind) {
        return;
    }
    known.write().unwrap_or_else(PoisonError::into_inner).insert(kind.clone(), counter.clone());
}

/// By how much a counter grew since the last time.
fn grown<K: Clone + Eq + std::hash::Hash>(before: &mut HashMap<K, u64>, kind: &K, counter: &Counter) -> u64 {
    let now = counter.get();
    let before = before.entry(kind.clone()).or_default();
    now.saturating_sub(std::mem::replace(before, now))
}

fn count(counts: &mut Counts, name: &Word, more: u64) {
    let count = counts.entry(name.0.to_string()).or_default();
    *count = count.saturating_add(more);
}
