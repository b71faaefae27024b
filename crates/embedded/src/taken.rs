//! Keys that the program gave before: looked at closely once, since that takes tens of milliseconds for a large RSA key.
use crate::held_key::HeldKey;
use countersign::ask::KnownKey;
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign_keys::{Algorithm, CompactKey, Policy, read_key_set, read_public_key, sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Texts remembered in each of two halves: a program with more keys in use at once looks at some of them again.
const MOST: usize = 8192;
/// Keys of one account that count: one in rotation has two or three.
const MOST_KEYS: usize = 64;

/// What was read of texts given before; the older half is dropped when the younger is full.
#[derive(Default)]
pub(crate) struct Taken(Mutex<Halves>);

#[derive(Default)]
struct Halves {
    young: HashMap<[u8; 32], Read>,
    old: HashMap<[u8; 32], Read>,
}

/// The keys of one text, or why there are none.
type Read = Result<Arc<[Arc<KnownKey>]>, Arc<str>>;

/// The keys of an account that can be used.
pub(crate) struct Told {
    pub(crate) keys: Vec<Arc<KnownKey>>,
    /// Why the first of those that were left out cannot.
    pub(crate) unread: Option<Arc<str>>,
}

impl Taken {
    /// Every key that can be used, with the dialects it is for.
    pub(crate) fn all(&self, held: &[HeldKey], dialects: &[Box<str>]) -> Told {
        let mut told = Told { keys: Vec::new(), unread: None };
        for key in held.iter().take(MOST_KEYS) {
            match self.one(key, dialects) {
                Ok(keys) => told.keys.extend(keys.iter().cloned()),
                Err(problem) => {
                    told.unread.get_or_insert(problem);
                }
            }
        }
        told.keys.truncate(MOST_KEYS);
        told
    }

    fn one(&self, held: &HeldKey, dialects: &[Box<str>]) -> Read {
        let mark = mark(held);
        let known = || {
            let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(read) = halves.young.get(&mark) {
                return Some(read.clone());
            }
            let read = halves.old.remove(&mark)?;
            halves.keep(mark, read.clone());
            Some(read)
        };
        if let Some(read) = known() {
            return read;
        }
        // Outside the lock: others need not wait for this one.
        let read = read(held, dialects);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(mark, read.clone());
        read
    }
}

impl Halves {
    fn keep(&mut self, mark: [u8; 32], read: Read) {
        if self.young.len() >= MOST {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(mark, read);
    }
}

/// Everything about a key that makes it this one, each part with its length.
fn mark(held: &HeldKey) -> [u8; 32] {
    let mut text = Vec::with_capacity(held.public.len().saturating_add(64));
    let mut add = |part: &[u8]| {
        text.extend_from_slice(&part.len().to_be_bytes());
        text.extend_from_slice(part);
    };
    add(held.public.as_bytes());
    add(held.label.as_bytes());
    add(&held.expires.map(i64::to_be_bytes).map(Vec::from).unwrap_or_default());
    held.algorithms.iter().for_each(|name| add(name.as_bytes()));
    sha256(&[&text])
}

fn read(held: &HeldKey, dialects: &[Box<str>]) -> Read {
    let mut policy = Policy::default();
    policy.refuse_published = true;
    let text = held.public.as_bytes();
    let problem = |error: &dyn std::fmt::Display| Arc::<str>::from(format!("key {:?}: {error}", held.label));
    // Of a set, keys that cannot be taken are left out: whoever publishes it adds and removes keys as it likes.
    let intakes = match read_key_set(text, &policy) {
        Ok(set) => match (set.keys.is_empty(), set.refused.first()) {
            (true, Some(refused)) => Err(problem(&refused.error)),
            _ => Ok(set.keys),
        },
        Err(_) => read_public_key(text, &policy).map_err(|error| problem(&error)),
    }?;
    let named = |name: &String| {
        let found = Algorithm::from_name(name).or_else(|| Algorithm::from_jose(name));
        found.ok_or_else(|| problem(&format!("there is no algorithm {name}")))
    };
    let algorithms: Vec<Algorithm> = held.algorithms.iter().map(named).collect::<Result<_, _>>()?;
    let life = KeyLife { expires: held.expires.map(Time::from_seconds), ..KeyLife::ACTIVE };
    let keys = intakes.into_iter().map(|intake| {
        let compact = CompactKey::from_spki_der(intake.key.spki_der()).map_err(|error| problem(&error))?;
        let fingerprint = intake.key.fingerprints().spki_sha256_prefixed();
        let label = if held.label.is_empty() { intake.kid.as_deref().unwrap_or("") } else { &held.label };
        let mut known = KnownKey::new(&fingerprint, label, life, compact);
        known.dialects = dialects.into();
        known.algorithms = match (algorithms.is_empty(), intake.algorithm) {
            // What a set says its key is for narrows it (RFC 7517 section 4.4).
            (true, Some(only)) => [only].into(),
            _ => algorithms.as_slice().into(),
        };
        Ok(Arc::new(known))
    });
    keys.collect()
}
