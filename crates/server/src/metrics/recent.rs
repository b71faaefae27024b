//! The counters that a thread used last: finding them by their labels takes longer than counting does.
use crate::config::listener::Surface;
use prometheus_client::metrics::counter::Counter;
use std::cell::RefCell;
use std::sync::Arc;

/// What decides which counters an answer is counted in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind<'o> {
    pub(super) surface: Surface,
    pub(super) class: &'static str,
    pub(super) dialect: Option<&'o Arc<str>>,
    pub(super) verdict: Option<&'static str>,
    pub(super) reason: Option<&'static str>,
    pub(super) algorithm: Option<&'static str>,
}

/// The counters of one kind of answer.
#[derive(Clone)]
pub(super) struct Counters {
    pub(super) answered: Counter,
    pub(super) judged: Option<Counter>,
    pub(super) algorithm: Option<Counter>,
}

/// A kind that was counted, and where.
struct Known {
    server: u64,
    surface: Surface,
    class: &'static str,
    dialect: Option<Arc<str>>,
    verdict: Option<&'static str>,
    reason: Option<&'static str>,
    algorithm: Option<&'static str>,
    counters: Counters,
}

/// Kinds a thread remembers: most servers see fewer, and looking at all of them is still cheaper than hashing texts.
const MOST: usize = 16;

thread_local! {
    static RECENT: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// Gives the counters of this kind to `count`; `find` finds them when the thread has not used them lately.
pub(super) fn with(
    server: u64,
    kind: &Kind<'_>,
    find: impl FnOnce() -> Counters,
    count: impl FnOnce(&Counters),
) {
    RECENT.with_borrow_mut(|recent| {
        if let Some(at) = recent.iter().position(|known| known.is(server, kind)) {
            if let Some(known) = recent.get(at) {
                count(&known.counters);
            }
            // What is used often moves to where it is found first.
            if let Some(before) = at.checked_sub(1) {
                recent.swap(before, at);
            }
            return;
        }
        let counters = find();
        count(&counters);
        recent.truncate(MOST - 1);
        recent.push(Known {
            server,
            surface: kind.surface,
            class: kind.class,
            dialect: kind.dialect.cloned(),
            verdict: kind.verdict,
            reason: kind.reason,
            algorithm: kind.algorithm,
            counters,
        });
    });
}

impl Known {
    fn is(&self, server: u64, kind: &Kind<'_>) -> bool {
        let same_dialect = match (&self.dialect, kind.dialect) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other) || own == other,
            (own, other) => own.is_none() && other.is_none(),
        };
        self.server == server
            && self.surface == kind.surface
            && self.class == kind.class
            && self.verdict == kind.verdict
            && self.reason == kind.reason
            && self.algorithm == kind.algorithm
            && same_dialect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted_in_its_own_counters_however_many_there_are() {
        let dialects: Vec<Arc<str>> = (0..3 * MOST).map(|number| format!("d{number}").into()).collect();
        let counters: Vec<Counters> = dialects
            .iter()
            .map(|_| Counters { answered: Counter::default(), judged: None, algorithm: None })
            .collect();
        for round in 1..=3_u64 {
            for (dialect, own) in dialects.iter().zip(&counters) {
                for again in 0..2 {
                    // The same name by another pointer is the same kind.
                    let other = Arc::from(&**dialect);
                    let dialect = Some(if again == 0 { dialect } else { &other });
                    let kind = Kind {
                        surface: Surface::Gateway,
                        class: "2xx",
                        dialect,
                        verdict: Some("verified"),
                        reason: None,
                        algorithm: None,
                    };
                    with(
                        u64::MAX,
                        &kind,
                        || own.clone(),
                        |found| {
                            found.answered.inc();
                        },
                    );
                }
                assert_eq!(own.answered.get(), round * 2);
            }
        }
        let kind = Kind {
            surface: Surface::Gateway,
            class: "2xx",
            dialect: None,
            verdict: None,
            reason: None,
            algorithm: None,
        };
        let (one, other) = (Counter::<u64>::default(), Counter::<u64>::default());
        for (server, own) in [(u64::MAX, &one), (u64::MAX - 1, &other), (u64::MAX, &one)] {
            let counters = || Counters { answered: own.clone(), judged: None, algorithm: None };
            with(server, &kind, counters, |found| {
                found.answered.inc();
            });
        }
        assert_eq!((one.get(), other.get()), (2, 1));
    }
}
