//! What arrived of the requests that `countersign doctor` sends through the provider's proxies; told to operators alone.
//!
//! An operator opens an examination through the management API and gets an id that nobody can guess. Requests that name it are
//! noted for a few minutes, before anybody judges them, and judged like all others. Nothing of this is told where they arrive.
use crate::call::Outcome;
use countersign::time::{Span, Time};
use http::HeaderMap;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use utoipa::ToSchema;

/// Names the examination and the probe: `<id>/<probe>`.
const HEADER: &str = "countersign-doctor";
/// Seconds that an examination is open; the command needs a few.
const LIFE: i64 = 180;
/// Open examinations; the oldest one gives way. Operators open them one at a time.
const MOST_OPEN: usize = 8;
/// Requests that are kept of one examination; the command sends six.
const MOST_SEEN: usize = 32;
/// The open examinations.
#[derive(Debug, Default)]
pub struct Doctor {
    any: AtomicBool,
    open: Mutex<HashMap<String, Examination>>,
}

#[derive(Debug)]
struct Examination {
    until: Time,
    seen: Vec<Seen>,
}

/// A request as it arrived here, and how it was judged.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Seen {
    /// Which probe it is, as it says itself.
    pub probe: String,
    /// The surface that it reached.
    pub surface: String,
    /// The other end of the connection.
    pub peer: String,
    /// Whether that is a trusted proxy.
    pub trusted: bool,
    /// Whether the connection speaks TLS.
    pub tls: bool,
    /// Its headers, in the order in which they are kept; bytes beyond ASCII as Latin-1.
    pub headers: Vec<(String, String)>,
    /// Its body in base64; `null` when it was too long.
    pub body_b64: Option<String>,
    /// What was judged; `null` when the request does not say it well.
    pub original: Option<Original>,
    /// Why nothing could be judged.
    pub wrong: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The route.
    pub route: Option<String>,
    /// The verdict.
    pub verdict: Option<String>,
    /// The reason of a refusal.
    pub reason: Option<String>,
}

/// The caller's request as it is judged.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Original {
    /// The method.
    pub method: String,
    /// `https` or `http`, after `server.public_url`.
    pub scheme: String,
    /// Host and port, after `server.public_url`.
    pub authority: String,
    /// Host and port as told, before `server.public_url`.
    pub told_authority: String,
    /// Path and query.
    pub target: String,
    /// The caller's address.
    pub client: String,
    /// SHA-256 of the body as it is judged, lower-case hexadecimal; `null` where none is seen.
    pub body_sha256: Option<String>,
}

impl Doctor {
    /// Opens an examination under an id that nobody can guess; says until when it is open.
    pub fn open(&self, id: String, now: Time) -> Time {
        let until = now + Span::from_seconds(LIFE);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, one| now < one.until);
        if open.len() >= MOST_OPEN {
            let oldest = open.iter().min_by_key(|(_, one)| one.until).map(|(id, _)| id.clone());
            oldest.and_then(|id| open.remove(&id));
        }
        open.insert(id, Examination { until, seen: Vec::new() });
        self.any.store(true, Ordering::Release);
        until
    }

    /// What arrived so far; `None` for an examination that is not open.
    #[must_use]
    pub fn seen(&self, id: &str, now: Time) -> Option<Vec<Seen>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(id).filter(|one| now < one.until).map(|one| one.seen.clone())
    }

    /// The id and the probe that a request names, when its examination is open.
    pub(crate) fn called(&self, headers: &HeaderMap, now: Time) -> Option<(String, String)> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let (id, probe) = headers.get(HEADER)?.to_str().ok()?.split_once('/')?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, one| now < one.until);
        self.any.store(!open.is_empty(), Ordering::Release);
        open.get(id).filter(|one| one.seen.len() < MOST_SEEN)?;
        Some((id.to_owned(), probe.chars().take(32).collect()))
    }

    /// Keeps what arrived, with how it ended.
    pub(crate) fn keep(&self, id: &str, mut seen: Seen, outcome: &Outcome, status: u16) {
        seen.status = status;
        seen.route = outcome.route.as_deref().map(str::to_owned);
        seen.verdict = outcome.verdict.map(str::to_owned);
        seen.reason = outcome.reason.map(str::to_owned);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = open.get_mut(id).filter(|one| one.seen.len() < MOST_SEEN) {
            one.seen.push(seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, http::HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn only_open_examinations_are_noted_and_only_so_much() {
        let (doctor, now) = (Doctor::default(), Time::from_seconds(1_000));
        assert_eq!(doctor.called(&named("one/path"), now), None);
        let until = doctor.open("one".to_owned(), now);
        assert_eq!(doctor.called(&named("two/path"), now), None);
        assert_eq!(doctor.called(&named("one"), now), None);
        assert_eq!(doctor.called(&HeaderMap::new(), now), None);
        for _ in 0..MOST_SEEN + 1 {
            doctor.keep("one", Seen::default(), &Outcome::default(), 200);
        }
        assert_eq!(doctor.seen("one", now).map(|seen| seen.len()), Some(MOST_SEEN));
        assert_eq!(doctor.called(&named("one/path"), now), None);
        assert!(doctor.seen("one", until).is_none() && doctor.seen("two", now).is_none());
        for number in 0..MOST_OPEN {
            doctor.open(format!("more{number}"), Time::from_seconds(1_001));
        }
        assert!(doctor.seen("one", now).is_none());
        assert_eq!(doctor.called(&named("more1/path"), now), Some(("more1".to_owned(), "path".to_owned())));
        assert_eq!(doctor.called(&named("more1/path"), Time::from_seconds(2_000)), None);
        assert!(!doctor.any.load(Ordering::Acquire));
    }
}
