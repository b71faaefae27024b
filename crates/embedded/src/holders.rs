//! Who has which keys, asked of the program for each proof.
use crate::held_key::HeldKey;
use crate::taken::{Taken, Told};
use countersign::ask::{ActingAs, Caller, Companion, KeyQuery, Keys, Who};
use countersign::base64::encode_hex;
use countersign_guard::key_source::KeySource;
use countersign_keys::sha256;
use countersign_store::fault::Fault;
use countersign_store::registry::Answer;
use std::sync::Arc;

/// Bytes of a companion key: real ones stay under 200.
const LONGEST_COMPANION: usize = 1024;

/// Where a program keeps its accounts and their keys.
pub trait Holders: Send + Sync {
    /// Who a proof says it is of; `None` when nobody is. What fails here is a fault of ours, and lets nobody in.
    fn find<'a>(&'a self, asked: Asked<'a>) -> Answer<'a, Result<Option<Holder>, Fault>>;

    /// Is told that no key of an account can be used, and why. Its proofs are refused as a stranger's would be, so nobody else is told:
    /// bring it to whoever looks after the accounts.
    fn unusable(&self, account: &str, problem: &str);
}

/// Whom a proof names. Nobody has proved anything yet.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The dialect's name.
    pub dialect: &'a str,
    /// What kind of name it is (`email`, `user`, `connection`, `site`, …); `None` when the proof names a key only.
    pub namespace: Option<&'a str>,
    /// The name, byte for byte; for a proof that names a key only, that key's id or fingerprint.
    pub identifier: &'a str,
    /// The proof's hint at a key. It says nothing about whose key it is.
    pub kid: Option<&'a str>,
}

/// Somebody with keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The account's name.
    pub account: String,
    /// What stays the same when the name changes, and is never given to another; empty: the name. Uses are remembered under it.
    pub id: String,
    /// Whether the account is switched off.
    pub disabled: bool,
    /// Name of its organisation.
    pub organisation: Option<String>,
    /// Its keys.
    pub keys: Vec<HeldKey>,
    /// Users it may act for.
    pub acts_as: Vec<String>,
    /// SHA-256 of each companion key that is good beside its proofs, 64 small hexadecimal digits.
    pub companions: Vec<String>,
    /// Path prefixes it may use, on segment borders; empty: all.
    pub paths: Vec<String>,
}

/// The guard's question, put to the program.
pub(crate) struct Asking {
    holders: Arc<dyn Holders>,
    dialects: Box<[Box<str>]>,
    taken: Taken,
}

impl Asking {
    pub(crate) fn new(holders: Arc<dyn Holders>, dialects: Box<[Box<str>]>) -> Self {
        Self { holders, dialects, taken: Taken::default() }
    }

    fn keys(&self, holder: Holder, query: &KeyQuery<'_>) -> Result<Keys, Fault> {
        sound(&holder)?;
        let Told { keys, unread } = self.taken.all(&holder.keys, &self.dialects);
        if let (true, Some(problem)) = (keys.is_empty(), unread) {
            // One key among several that nobody can read locks nobody out. Where none is left, the account goes on without any: another
            // answer than that to an unknown name would tell strangers that there is such an account.
            self.holders.unusable(&holder.account, &problem);
        }
        let id = if holder.id.is_empty() { &holder.account } else { &holder.id };
        let caller = Caller {
            id: id.as_str().into(),
            name: holder.account.as_str().into(),
            organisation: holder.organisation.map(Into::into),
            enabled: !holder.disabled,
            paths: holder.paths.into_iter().map(Into::into).collect(),
            keys: keys.iter().cloned().collect(),
        };
        let keys = match query.who {
            // The program says whose key it is; which of that account's keys is meant is looked at here.
            Who::Key(text) => {
                let named = |key: &&Arc<_>| names(key, text);
                keys.iter().filter(named).cloned().collect()
            }
            Who::Identifier { .. } | Who::Session(_) => keys.into(),
        };
        Ok(Keys {
            caller: Some(Arc::new(caller)),
            keys,
            companion: query
                .companion
                .map_or(Companion::Missing, |secret| beside(secret, &holder.companions)),
            acting_as: query.acting_as.map_or(ActingAs::Nobody, |user| {
                let listed = holder.acts_as.iter().any(|name| *name == *user);
                if listed { ActingAs::Delegated } else { ActingAs::NotDelegated }
            }),
            ..Keys::default()
        })
    }
}

impl KeySource for Asking {
    fn answer<'a>(&'a self, query: &'a KeyQuery<'a>) -> Answer<'a, Result<Keys, Fault>> {
        Box::pin(async move {
            let (namespace, identifier) = match query.who {
                Who::Identifier { namespace, identifier } => (Some(namespace), identifier),
                Who::Key(text) => (None, text),
                Who::Session(_) => return Ok(Keys::default()),
            };
            let asked = Asked { dialect: query.dialect, namespace, identifier, kid: query.kid };
            match self.holders.find(asked).await? {
                Some(holder) => self.keys(holder, query),
                None => Ok(Keys::default()),
            }
        })
    }
}

/// Whether the parts of an answer are what they are taken for: what is wrong with them is never read as a wider permission.
fn sound(holder: &Holder) -> Result<(), Fault> {
    if holder.account.is_empty() {
        return Err(Fault::new("wanted the name of an account, found an empty one"));
    }
    match holder.paths.iter().find(|path| !path.starts_with('/')) {
        None => Ok(()),
        Some(found) => Err(Fault::new(format!(
            "paths of account {}: wanted prefixes that begin with a slash, found {found:?}",
            holder.account
        ))),
    }
}

fn names(key: &Arc<countersign::ask::KnownKey>, text: &str) -> bool {
    *key.id == *text || *key.label == *text || key.fingerprints().matches_kid(text)
}

fn beside(secret: &str, digests: &[String]) -> Companion {
    let digest = encode_hex(&sha256(&[secret.as_bytes()]));
    let known = secret.len() <= LONGEST_COMPANION && digests.contains(&digest);
    if known { Companion::Known } else { Companion::Unknown }
}
