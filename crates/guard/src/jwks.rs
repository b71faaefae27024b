//! Key sets that accounts publish themselves: fetched with bounds, kept, refreshed behind the back of requests.
use countersign::answer::DIRECTORY;
use countersign::answer::judge::{Came, ServerKey, directory};
use countersign::ask::KnownKey;
use countersign::incoming::{Body, Incoming, Target};
use countersign::life::key::KeyLife;
use countersign::time::{Span, Time};
use countersign_keys::{Algorithm, CompactKey, KeyError, Policy, read_key_set, sha256};
use countersign_store::registry::Answer;
use dashmap::DashMap;
use http::HeaderMap;
use std::sync::Arc;

/// Fetches a document. Whoever implements it keeps the bounds: `http` and `https` only, no redirects, one deadline over the whole,
/// at most [`MOST_BYTES`], and no private networks unless the operator allows them.
pub trait Fetch: Send + Sync {
    /// The document, or why there is none.
    fn fetch<'a>(&'a self, url: &'a str) -> Answer<'a, Result<Fetched, String>>;
}

/// A document as it came.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Its bytes.
    pub body: Vec<u8>,
    /// The headers beside them: a directory of keys is signed there.
    pub headers: HeaderMap,
}

/// Bytes of a key set: 64 RSA-4096 keys are under 64 KiB; a megabyte leaves room for certificates.
pub const MOST_BYTES: usize = 1024 * 1024;

/// What the ids of published keys begin with.
const PUBLISHED: &str = "jwks:";

/// Times of the cache.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// A set younger than this is not fetched again.
    pub fresh: Span,
    /// A set older than this no longer counts, even if it cannot be fetched.
    pub greatest_age: Span,
    /// Between two fetches of one set lies at least this, whatever the tokens' hints say.
    pub cooldown: Span,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            fresh: Span::from_seconds(300),
            greatest_age: Span::from_seconds(3600),
            cooldown: Span::from_seconds(30),
        }
    }
}

/// The sets of all accounts.
pub struct Jwks {
    fetch: Arc<dyn Fetch>,
    times: Times,
    policy: Policy,
    dialects: Vec<Box<str>>,
    sets: DashMap<Box<str>, Entry>,
}

/// One key of a set.
struct Published {
    /// What its owner calls it: a hint within the account, and nothing that is told onwards as ours.
    kid: String,
    /// What it is known by here; no key that was registered has such an id.
    id: String,
    /// The one algorithm that its owner says it is for.
    algorithm: Option<Algorithm>,
    key: CompactKey,
}

#[derive(Clone)]
struct Entry {
    url: String,
    tried: Time,
    fetched: Option<Time>,
    /// Digest of the document that the keys were read from.
    document: Option<[u8; 32]>,
    /// When the first of the signatures that the keys count by ends; `None` where they need none.
    until: Option<Time>,
    keys: Arc<[Published]>,
}

/// What was read of a document.
struct Read {
    keys: Arc<[Published]>,
    until: Option<Time>,
}

impl Entry {
    /// Nothing yet.
    fn tried(url: &str, now: Time) -> Self {
        Self {
            url: url.to_owned(),
            tried: now,
            fetched: None,
            document: None,
            until: None,
            keys: Arc::new([]),
        }
    }

    /// Whether there is something to go by: a set that is not too old, and of a directory one that somebody's signature still speaks for.
    fn counts(&self, times: &Times, now: Time) -> bool {
        self.fetched.is_some_and(|fetched| now.since(fetched) < times.greatest_age)
            && self.until.is_none_or(|until| now < until)
            && !(is_directory(&self.url) && self.keys.is_empty())
    }

    /// Whether it is time to read it again: a directory's signatures are renewed before they end, when half of their time is over.
    fn is_stale(&self, times: &Times, now: Time) -> bool {
        let Some(fetched) = self.fetched else { return true };
        let half = self.until.map(|until| Span::from_millis(until.since(fetched).millis() / 2));
        now.since(fetched) >= half.map_or(times.fresh, |half| half.min(times.fresh))
    }
}

impl Jwks {
    /// No sets yet; they come with the first proofs of their accounts. Published keys count in these dialects alone, as
    /// a registered key counts in those it was registered for, and must be such as `policy` takes.
    #[must_use]
    pub fn new(fetch: Arc<dyn Fetch>, times: Times, policy: Policy, dialects: &[String]) -> Self {
        let dialects = dialects.iter().map(|name| name.as_str().into()).collect();
        Self { fetch, times, policy, dialects, sets: DashMap::new() }
    }

    /// The account's published keys that the hint names. Waits only when there is nothing to go by; otherwise a fetch that is due
    /// runs behind the request's back.
    pub async fn keys(
        self: &Arc<Self>,
        account: &str,
        url: &str,
        dialect: &str,
        kid: Option<&str>,
        now: Time,
    ) -> Vec<Arc<KnownKey>> {
        // A proof without a hint is judged by the registered keys alone.
        let Some(kid) = kid else { return Vec::new() };
        if !self.dialects.iter().any(|name| **name == *dialect) {
            return Vec::new();
        }
        let Some(entry) = self.entry(account, url, |published| published.kid == kid, now).await else {
            return Vec::new();
        };
        let found = entry.keys.iter().filter(|published| published.kid == kid);
        // One hint names one key; a set that lists it twice gets both tried.
        let known = found.take(2).map(|Published { kid, id, algorithm, key }| {
            let mut known = KnownKey::new(id, kid, KeyLife::ACTIVE, key.clone());
            known.dialects = self.dialects.clone().into();
            known.algorithms = algorithm.iter().copied().collect();
            Arc::new(known)
        });
        known.collect()
    }

    /// Whether a key, by what it is known by here, stands in the set that the account publishes now.
    pub(crate) async fn publishes(self: &Arc<Self>, account: &str, url: &str, id: &str, now: Time) -> bool {
        // Registered keys have other ids: nothing is fetched for them.
        id.starts_with(PUBLISHED)
            && self
                .entry(account, url, |published| published.id == id, now)
                .await
                .is_some_and(|entry| entry.keys.iter().any(|published| published.id == id))
    }

    /// The set, fetched where it is too old or has no key that is wanted.
    ///
    /// Whether a request waits for that can be measured by anybody, and tells whether its agent is one of ours. A directory's owner lists a
    /// key before he signs with it, so that a name which the directory does not have is refused at once, like one under an agent that
    /// nobody registered, and the directory read again behind its back. A plain set is often changed at one stroke, by
    /// issuers whose callers ask once: there the first request with the new key waits and is let in.
    async fn entry(
        self: &Arc<Self>,
        account: &str,
        url: &str,
        wanted: impl Fn(&Published) -> bool + Send + Sync,
        now: Time,
    ) -> Option<Entry> {
        let known = self.sets.get(account).filter(|entry| entry.url == url).map(|entry| entry.clone());
        let may_try = known.as_ref().is_none_or(|entry| now.since(entry.tried).abs() >= self.times.cooldown);
        let usable = known.filter(|entry| entry.counts(&self.times, now));
        let Some(entry) = usable else {
            if !may_try {
                return None;
            }
            self.fetched(account, url, now).await;
            // What could not be fetched again is no younger than it was.
            let counts = |entry: &Entry| entry.url == url && entry.counts(&self.times, now);
            return self.sets.get(account).map(|entry| entry.clone()).filter(counts);
        };
        let has = entry.keys.iter().any(&wanted);
        if !may_try || (has && !entry.is_stale(&self.times, now)) {
            return Some(entry);
        }
        if has || is_directory(url) {
            drop(self.fetching(account, url, now));
            return Some(entry);
        }
        self.fetched(account, url, now).await;
        self.sets.get(account).map(|entry| entry.clone()).filter(|entry| entry.url == url).or(Some(entry))
    }

    /// Fetches a set, and waits until that is done.
    async fn fetched(self: &Arc<Self>, account: &str, url: &str, now: Time) {
        if let Err(error) = self.fetching(account, url, now).await {
            tracing::error!(account, %error, "reading a key set broke");
        }
    }

    /// Fetches a set on its own: a caller that hangs up must not leave everybody else waiting out the cooldown.
    fn fetching(self: &Arc<Self>, account: &str, url: &str, now: Time) -> tokio::task::JoinHandle<()> {
        self.mark(account, url, now);
        let (this, of, from) = (Arc::clone(self), account.to_owned(), url.to_owned());
        tokio::spawn(async move { this.refresh(&of, &from, now).await })
    }

    /// Notes an attempt before it is made, so that many requests at once make one.
    fn mark(&self, account: &str, url: &str, now: Time) {
        let mut entry = self.sets.entry(account.into()).or_insert_with(|| Entry::tried(url, now));
        if entry.url != url {
            *entry = Entry::tried(url, now);
        }
        entry.tried = now;
    }

    async fn refresh(&self, account: &str, url: &str, now: Time) {
        let fetched = match self.fetch.fetch(url).await {
            Ok(fetched) if fetched.body.len() <= MOST_BYTES => fetched,
            Ok(_) => return tracing::warn!(account, "the key set is larger than a megabyte; not used"),
            Err(why) => return tracing::warn!(account, why, "the key set could not be fetched"),
        };
        let document = sha256(&[&fetched.body]);
        // The signatures on a directory end, whether or not it changes.
        if !is_directory(url)
            && let Some(mut entry) = self.sets.get_mut(account)
            && entry.url == url
            && entry.document == Some(document)
        {
            entry.fetched = Some(now);
            return;
        }
        // A set of large RSA keys takes seconds to judge: not on a thread that requests wait for, and once only.
        let (policy, from) = (self.policy.clone(), url.to_owned());
        let read = move || {
            if is_directory(&from) {
                proved(&fetched, &policy, &from, now)
            } else {
                published(&fetched.body, &policy).map(|keys| Read { keys, until: None })
            }
        };
        let Read { keys, until } = match tokio::task::spawn_blocking(read).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return tracing::warn!(account, %error, "the key set cannot be read"),
            Err(error) => return tracing::error!(account, %error, "reading a key set broke"),
        };
        if let Some(mut entry) = self.sets.get_mut(account)
            && entry.url == url
        {
            (entry.keys, entry.until) = (keys, until);
            (entry.fetched, entry.document) = (Some(now), Some(document));
        }
    }
}

/// The keys of a document that have names and are taken.
fn published(document: &[u8], policy: &Policy) -> Result<Arc<[Published]>, KeyError> {
    let set = read_key_set(document, policy)?;
    let keys = set.keys.into_iter().filter_map(|intake| {
        let key = CompactKey::from_spki_der(intake.key.spki_der()).ok()?;
        let id = format!("{PUBLISHED}{}", intake.key.fingerprints().spki_sha256_hex);
        Some(Published { kid: intake.kid?, id, algorithm: intake.algorithm, key })
    });
    Ok(keys.collect())
}

/// Whether an address is that of a directory of keys for message signatures.
fn is_directory(url: &str) -> bool {
    Target::from_url(url).is_some_and(|target| target.path == DIRECTORY)
}

/// The keys of a directory whose holders signed it, for the host that it was fetched from: another one's keys cannot be put into it. Each is named
/// by its JWK thumbprint, whatever the directory calls it.
fn proved(fetched: &Fetched, policy: &Policy, url: &str, now: Time) -> Result<Read, KeyError> {
    let set = read_key_set(&fetched.body, policy)?;
    let Some(target) = Target::from_url(url) else { return Ok(Read { keys: Arc::new([]), until: None }) };
    let nothing = HeaderMap::new();
    let question = Incoming {
        method: "GET",
        target,
        headers: &nothing,
        body: Body::Empty,
        client: None,
        challenge: None,
    };
    let listed: Vec<_> =
        set.keys.into_iter().map(|intake| (Arc::new(intake.key), intake.algorithm)).collect();
    let keys: Vec<_> = listed.iter().map(|(key, _)| ServerKey::new(Arc::clone(key))).collect();
    let came = Came { status: 200, headers: &fetched.headers, body: &fetched.body };
    let signed = directory(&question, &came, &keys, now);
    let mut first: Option<Time> = None;
    let proved = listed.into_iter().zip(&keys).filter_map(|((key, algorithm), own)| {
        // Who signed twice stands by the longer one.
        let of_own = signed.iter().filter(|holder| holder.key().thumbprint() == own.thumbprint());
        let until = of_own.map(|holder| holder.until()).max()?;
        let id = format!("{PUBLISHED}{}", key.fingerprints().spki_sha256_hex);
        let key = CompactKey::from_spki_der(key.spki_der()).ok()?;
        first = Some(first.map_or(until, |first| first.min(until)));
        Some(Published { kid: own.thumbprint().to_owned(), id, algorithm, key })
    });
    let keys = proved.collect();
    Ok(Read { keys, until: first })
}

impl std::fmt::Debug for Jwks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwks").field("sets", &self.sets.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
