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
    keys: Arc<[Published]>,
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
    async fn entry(
        self: &Arc<Self>,
        account: &str,
        url: &str,
        wanted: impl Fn(&Published) -> bool + Send + Sync,
        now: Time,
    ) -> Option<Entry> {
        let known = self.sets.get(account).filter(|entry| entry.url == url).map(|entry| entry.clone());
        let usable = known.as_ref().filter(|entry| {
            entry.fetched.is_some_and(|fetched| now.since(fetched) < self.times.greatest_age)
        });
        let has = |entry: &Entry| entry.keys.iter().any(&wanted);
        let may_try = known.as_ref().is_none_or(|entry| now.since(entry.tried).abs() >= self.times.cooldown);
        match usable {
            Some(entry) if has(entry) => {
                let stale = entry.fetched.is_none_or(|fetched| now.since(fetched) >= self.times.fresh);
                if stale && may_try {
                    self.mark(account, url, now);
                    let (this, account, url) = (Arc::clone(self), account.to_owned(), url.to_owned());
                    tokio::spawn(async move { this.refresh(&account, &url, now).await });
                }
                Some(entry.clone())
            }
            // Nothing to go by, or a hint that the set did not have: fetched now, but never more often than the cooldown.
            other if may_try => {
                self.mark(account, url, now);
                // On its own: a caller that hangs up must not leave everybody else waiting out the cooldown.
                let (this, of, from) = (Arc::clone(self), account.to_owned(), url.to_owned());
                let fetched = tokio::spawn(async move { this.refresh(&of, &from, now).await });
                if let Err(error) = fetched.await {
                    tracing::error!(account, %error, "reading a key set broke");
                }
                // What could not be fetched again is no younger than it was.
                let counts = |entry: &Entry| {
                    let age = entry.fetched.map(|fetched| now.since(fetched));
                    entry.url == url && age.is_some_and(|age| age < self.times.greatest_age)
                };
                self.sets.get(account).map(|entry| entry.clone()).filter(counts).or_else(|| other.cloned())
            }
            other => other.cloned(),
        }
    }

    /// Notes an attempt before it is made, so that many requests at once make one.
    fn mark(&self, account: &str, url: &str, now: Time) {
        let mut entry = self.sets.entry(account.into()).or_insert_with(|| Entry {
            url: url.to_owned(),
            tried: now,
            fetched: None,
            document: None,
            keys: Arc::new([]),
        });
        if entry.url != url {
            *entry =
                Entry { url: url.to_owned(), tried: now, fetched: None, document: None, keys: Arc::new([]) };
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
                published(&fetched.body, &policy)
            }
        };
        let keys = match tokio::task::spawn_blocking(read).await {
            Ok(Ok(keys)) => keys,
            Ok(Err(error)) => return tracing::warn!(account, %error, "the key set cannot be read"),
            Err(error) => return tracing::error!(account, %error, "reading a key set broke"),
        };
        if let Some(mut entry) = self.sets.get_mut(account)
            && entry.url == url
        {
            (entry.keys, entry.fetched, entry.document) = (keys, Some(now), Some(document));
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
fn proved(fetched: &Fetched, policy: &Policy, url: &str, now: Time) -> Result<Arc<[Published]>, KeyError> {
    let set = read_key_set(&fetched.body, policy)?;
    let Some(target) = Target::from_url(url) else { return Ok(Arc::new([])) };
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
    let keys = listed.into_iter().zip(&keys).filter_map(|((key, algorithm), own)| {
        if !signed.iter().any(|signer| signer.thumbprint() == own.thumbprint()) {
            return None;
        }
        let id = format!("{PUBLISHED}{}", key.fingerprints().spki_sha256_hex);
        let key = CompactKey::from_spki_der(key.spki_der()).ok()?;
        Some(Published { kid: own.thumbprint().to_owned(), id, algorithm, key })
    });
    Ok(keys.collect())
}

impl std::fmt::Debug for Jwks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwks").field("sets", &self.sets.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
