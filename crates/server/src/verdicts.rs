//! The last judgements, for whoever watches them live: as many as a person can look at, whatever load there is.
use crate::call::{Call, Outcome};
use crate::config::listener::Surface;
use crate::telemetry::Told;
use countersign::time::Time;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Judgements that are kept.
pub(crate) const MOST: usize = 512;
/// Milliseconds between two that are noted, over time, while nobody watches; all that are kept may come at once.
const SELDOM: i64 = 100;
/// The same while somebody does.
const OFTEN: i64 = 2;
/// Milliseconds that somebody watches after asking.
const WATCHED: i64 = 30_000;

/// The last judgements.
#[derive(Default)]
pub(crate) struct Verdicts {
    /// When, in milliseconds, all that may come at once have come. Read for each request, written for those that are noted.
    next: AtomicI64,
    /// Until when somebody watches, in milliseconds.
    watched: AtomicI64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    last: u64,
    items: VecDeque<Seen>,
}

/// A judgement.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Counts up.
    pub(crate) number: u64,
    /// When the request came.
    pub(crate) at: Time,
    pub(crate) request: String,
    pub(crate) route: Option<String>,
    pub(crate) dialect: Option<String>,
    pub(crate) verdict: &'static str,
    pub(crate) reason: Option<&'static str>,
    pub(crate) account: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) client: IpAddr,
    pub(crate) method: String,
    /// Without the query, which may hold what is nobody's to see.
    pub(crate) path: String,
    pub(crate) micros: u64,
}

impl Verdicts {
    /// Notes a judgement, if there is room for it: one look at a number where there is none.
    pub(crate) fn note(&self, call: &Call, outcome: &Outcome, told: &Told) {
        let Some(verdict) = outcome.verdict else { return };
        if matches!(call.surface, Surface::Manage | Surface::Console) {
            return;
        }
        let now = call.at.millis();
        let gap = if now < self.watched.load(Ordering::Relaxed) { OFTEN } else { SELDOM };
        let ahead = gap.saturating_mul(i64::try_from(MOST).unwrap_or(i64::MAX));
        // A clock that stepped back shuts nobody out for longer than a full measure.
        let next = self.next.load(Ordering::Relaxed).clamp(now, now.saturating_add(ahead));
        if next.saturating_add(gap) > now.saturating_add(ahead) {
            return;
        }
        self.next.store(next.saturating_add(gap), Ordering::Relaxed);
        let asked = told.asked.as_ref();
        let seen = Seen {
            number: 0,
            at: call.at,
            request: call.id.to_string(),
            route: outcome.route.as_deref().map(str::to_owned),
            dialect: outcome.dialect.as_deref().map(str::to_owned),
            verdict,
            reason: outcome.reason,
            account: outcome.who.account().map(str::to_owned),
            key: outcome.who.key().map(str::to_owned),
            client: told.client,
            method: asked.map_or_else(|| told.method.to_string(), |asked| asked.method.to_string()),
            path: asked.map_or_else(|| told.uri.path().to_owned(), |asked| asked.path.to_string()),
            micros: told.micros,
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.last = kept.last.wrapping_add(1);
        let number = kept.last;
        kept.items.push_back(Seen { number, ..seen });
        if kept.items.len() > MOST {
            kept.items.pop_front();
        }
    }

    /// Those after a number, oldest first, and the number of the last one. Whoever asks is taken to watch for a while.
    pub(crate) fn since(&self, after: u64, now: Time) -> (u64, Vec<Seen>) {
        self.watched.store(now.millis().saturating_add(WATCHED), Ordering::Relaxed);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let items = kept.items.iter().filter(|seen| seen.number > after).cloned().collect();
        (kept.last, items)
    }
}
