//! Key sets that accounts publish themselves: fetched with bounds, kept, refreshed behind the back of requests.
use countersign::ask::KnownKey;
use countersign::life::key::KeyLife;
use countersign::time::{Span, Time};
use countersign_keys::{CompactKey, Policy, read_key_set};
use countersign_store::registry::Answer;
use dashmap::DashMap;
use std::sync::Arc;

/// Fetches a document. Whoever implements it keeps the bounds: `http` and `https` only, no redirects, one deadline over the whole,
/// at most [`Fetch::MOST_BYTES`], and no private networks unless the operator allows them.
pub trait Fetch: Send + Sync {
    /// The document's bytes, or why there are none.
    fn fetch<'a>(&'a self, url: &'a str) -> Answer<'a, Result<Vec<u8>, String>>;
}

/// Bytes of a key set: 64 RSA-4096 keys are under 64 KiB; a megabyte leaves room for certificates.
pub const MOST_BYTES: usize = 1024 * 1024;

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
    sets: DashMap<Box<str>, Entry>,
}

#[derive(Clone)]
struct Entry {
    url: String,
    tried: Time,
    fetched: Option<Time>,
    keys: Arc<[(String, CompactKey)]>,
}

impl Jwks {
    /// No sets yet; they come with the first proofs of their accounts.
    #[must_use]
    pub fn new(fetch: Arc<dyn Fetch>, times: Times) -> Self {
        Self { fetch, times, sets: DashMap::new() }
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
        let known = self.sets.get(account).filter(|entry| entry.url == url).map(|entry| entry.clone());
        let usable = known.as_ref().filter(|entry| {
            entry.fetched.is_some_and(|fetched| now.since(fetched) < self.times.greatest_age)
        });
        let has = |entry: &Entry| entry.keys.iter().any(|(name, _)| name == kid);
        let may_try = known.as_ref().is_none_or(|entry| now.since(entry.tried).abs() >= self.times.cooldown);
        let entry = match usable {
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
                self.refresh(account, url, now).await;
                self.sets.get(account).map(|entry| entry.clone()).or_else(|| other.cloned())
            }
            other => other.cloned(),
        };
        let Some(entry) = entry else { return Vec::new() };
        let found = entry.keys.iter().filter(|(name, _)| name == kid);
        // One hint names one key; a set that lists it twice gets both tried.
        let known = found.take(2).map(|(name, key)| {
            // The account chooses the name: as an id it could be that of another account's key, in logs, uses and sessions.
            let mut known = KnownKey::new(&format!("jwks:{name}"), name, KeyLife::ACTIVE, key.clone());
            known.dialects = Box::new([dialect.into()]);
            Arc::new(known)
        });
        known.collect()
    }

    /// Notes an attempt before it is made, so that many requests at once make one.
    fn mark(&self, account: &str, url: &str, now: Time) {
        let mut entry = self.sets.entry(account.into()).or_insert_with(|| Entry {
            url: url.to_owned(),
            tried: now,
            fetched: None,
            keys: Arc::new([]),
        });
        if entry.url != url {
            *entry = Entry { url: url.to_owned(), tried: now, fetched: None, keys: Arc::new([]) };
        }
        entry.tried = now;
    }

    async fn refresh(&self, account: &str, url: &str, now: Time) {
        let bytes = match self.fetch.fetch(url).await {
            Ok(bytes) if bytes.len() <= MOST_BYTES => bytes,
            Ok(_) => return tracing::warn!(account, "the key set is larger than a megabyte; not used"),
            Err(why) => return tracing::warn!(account, why, "the key set could not be fetched"),
        };
        let set = match read_key_set(&bytes, &Policy::default()) {
            Ok(set) => set,
            Err(error) => return tracing::warn!(account, %error, "the key set cannot be read"),
        };
        let keys = set.keys.into_iter().filter_map(|intake| {
            let compact = CompactKey::from_spki_der(intake.key.spki_der()).ok()?;
            Some((intake.kid?, compact))
        });
        let keys: Arc<[_]> = keys.collect();
        if let Some(mut entry) = self.sets.get_mut(account)
            && entry.url == url
        {
            entry.keys = keys;
            entry.fetched = Some(now);
        }
    }
}

impl std::fmt::Debug for Jwks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwks").field("sets", &self.sets.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_keys::{KeyKind, PrivateKey};

    struct Fixed(Vec<u8>);

    impl Fetch for Fixed {
        fn fetch<'a>(&'a self, _: &'a str) -> Answer<'a, Result<Vec<u8>, String>> {
            Box::pin(async move { Ok(self.0.clone()) })
        }
    }

    #[tokio::test]
    async fn a_published_key_cannot_take_the_id_of_a_registered_one() {
        let private = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
        let mut key = serde_json::to_value(private.public_key().to_jwk()).unwrap();
        key["kid"] = "key_of_another".into();
        let document = serde_json::json!({ "keys": [key] }).to_string();
        let jwks = Arc::new(Jwks::new(Arc::new(Fixed(document.into_bytes())), Times::default()));
        let now = Time::from_seconds(1_767_225_600);
        let keys =
            jwks.keys("acc_1", "https://a.example/jwks", "asymmetric-jwt", Some("key_of_another"), now).await;
        let told: Vec<_> = keys.iter().map(|key| (&*key.id, &*key.label)).collect();
        assert_eq!(told, [("jwks:key_of_another", "key_of_another")]);
    }
}
