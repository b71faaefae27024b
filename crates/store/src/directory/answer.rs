//! The first question answered from memory: the account, its keys, and what is known of everything else the proof names.
use crate::directory::entry::Entry;
use crate::directory::{Directory, Term, kid};
use crate::model::LastUse;
use countersign::ask::{ActingAs, Caller, Companion, KeyQuery, Keys, KnownKey, Standing, Who};
use countersign::life::key::KeyState;
use countersign::life::session::Session;
use countersign::time::Time;
use countersign_keys::sha256;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::sync::Arc;

/// Keys given for one proof: an account may have no more.
const MOST_KEYS: usize = 64;
/// Accounts looked at that share one key: sharing is rare, and beyond this the name is ambiguous anyway.
const MOST_SHARED: usize = 8;
/// Bytes of a companion key: ours have 43 characters, other providers' under 200.
const LONGEST_COMPANION: usize = 1024;

/// Keys for one proof: most accounts have a few.
type Few = SmallVec<[Arc<KnownKey>; 4]>;
/// An account as found, with the keys in question.
type Owner = (u32, Arc<Entry>, Few);

impl Directory {
    /// Who might have made this proof. Never waits; a session's keys are given by whoever holds our signing keys.
    #[must_use]
    pub fn answer(&self, query: &KeyQuery<'_>) -> Keys {
        let found = match query.who {
            Who::Identifier { namespace, identifier } => {
                self.identified(namespace, identifier).map(|(place, entry)| {
                    let keys = newest_used(&entry.caller.keys);
                    (place, entry, keys)
                })
            }
            Who::Key(text) => self.keyed(text, query.dialect),
            Who::Session(_) => return Keys::default(),
        };
        let place = found.as_ref().map(|(place, ..)| *place);
        let entry = found.as_ref().map(|(_, entry, _)| &**entry);
        Keys {
            kid_elsewhere: query.kid.is_some_and(|kid| self.elsewhere(kid, place, entry)),
            companion: query
                .companion
                .map_or(Companion::Missing, |secret| self.companion_beside(secret, query.dialect, entry)),
            acting_as: query.acting_as.map_or(ActingAs::Nobody, |user| self.acting_as(user, entry)),
            session: Standing::None,
            opened_by: None,
            bound_to: None,
            decoys: None,
            caller: entry.map(|entry| entry.caller.clone()),
            keys: found.map(|(.., keys)| keys).unwrap_or_default(),
        }
    }

    /// An account as judging needs it.
    #[must_use]
    pub fn caller(&self, account: &str) -> Option<Arc<Caller>> {
        Some(self.with_account(account)?.caller.clone())
    }

    /// Whether an account may act for a user.
    #[must_use]
    pub fn delegation(&self, account: &str, user: &str) -> ActingAs {
        self.acting_as(user, self.with_account(account).as_deref())
    }

    /// How a session stands beside what is known now: it ends with its own end, its account's, that of the identifier it
    /// names, or that of the key or companion key that opened it. `published`: the key stands in the key set that the account publishes.
    #[must_use]
    pub fn standing(&self, session: &Session, now: Time, published: bool) -> Standing {
        let backed = self.with_account(&session.account).is_some_and(|entry| {
            let mut keys = entry.caller.keys.iter();
            // A name that went to somebody else must not be told onwards for its former holder.
            let named = entry.identifiers.hold_value(&session.identifier);
            entry.caller.enabled
                && named
                && (keys.any(|key| *key.id == *session.key && key.life.is_live(now))
                    || self.by_companion(session)
                    || published)
        });
        if backed && session.is_live(now) { Standing::Live(session.ends) } else { Standing::Ended }
    }

    /// Whether a companion key of the session's account opened it and is still good.
    fn by_companion(&self, session: &Session) -> bool {
        self.companion(&session.key).is_some_and(|row| row.enabled && row.account == session.account)
    }

    /// Notes uses that the registry was told of, so that listings show from where a key came.
    pub fn came_from(&self, uses: &[LastUse]) {
        for LastUse { key, at, address } in uses {
            if let Some((_, entry)) = self.owner(key) {
                entry.came_from(key, *at, address.as_deref());
            }
        }
    }

    /// The account with an identifier.
    pub(super) fn identified(&self, namespace: &str, value: &str) -> Option<(u32, Arc<Entry>)> {
        self.holder(&Term::Identifier(namespace, value), |entry| entry.identifiers.hold(namespace, value))
    }

    /// The account that has a key, by the key's id.
    pub(super) fn owner(&self, key: &str) -> Option<(u32, Arc<Entry>)> {
        self.holder(&Term::Key(key), |entry| has_key(entry, key))
    }

    /// The account and the key that a key's id or fingerprint names. A fingerprint that several accounts share names
    /// the one whose key serves the dialect; when that is not exactly one, it names nobody.
    fn keyed(&self, text: &str, dialect: &str) -> Option<Owner> {
        if let Some((place, entry)) = self.owner(text) {
            let keys = newest_used(entry.caller.keys.iter().filter(|key| *key.id == *text));
            return Some((place, entry, keys));
        }
        let digest = kid::digest(text)?;
        let mut owners: SmallVec<[_; MOST_SHARED]> = SmallVec::new();
        self.index.find(self.hash(&Term::Digest(&kid::print(&digest))), |place| {
            let entry = self.entry(place)?;
            // Kept with the key: a proof that names its key by a fingerprint comes again and again.
            let named = |key: &&Arc<KnownKey>| key.digests().is_some_and(|own| kid::has(own, &digest));
            let keys = newest_used(entry.caller.keys.iter().filter(named));
            if !keys.is_empty() {
                owners.push((place, entry, keys));
            }
            (owners.len() == MOST_SHARED).then_some(())
        });
        if owners.len() > 1 {
            let serves = |key: &Arc<KnownKey>| key.serves(dialect) && key.life.state != KeyState::Revoked;
            owners.retain(|(.., keys)| keys.iter().any(serves));
        }
        let owner = owners.pop();
        if owners.is_empty() { owner } else { None }
    }

    /// Whether a key hint names a key of another account and none of this one's.
    fn elsewhere(&self, kid: &str, place: Option<u32>, entry: Option<&Entry>) -> bool {
        // Labels count within the account only: two accounts may both call a key `main`.
        let own = |entry: &Entry| entry.caller.keys.iter().any(|key| *key.id == *kid || *key.label == *kid);
        if entry.is_some_and(own) {
            return false;
        }
        if let Some(digest) = kid::digest(kid) {
            let hash = self.hash(&Term::Digest(&kid::print(&digest)));
            // By far most hints name an own key: these are told without working out digests.
            let mut others = false;
            let here = self.index.find(hash, |other| {
                others |= place != Some(other);
                (place == Some(other)).then_some(())
            });
            if here.is_some() {
                return false;
            }
            // The index keeps a part of each hash: among millions of keys, chance alone must make no hint another's.
            let has = |entry: &Entry| {
                entry.caller.keys.iter().any(|key| kid::digests(key.compact()).any(|own| own == digest))
            };
            if others && self.index.find(hash, |other| self.peek(other).filter(|other| has(other))).is_some()
            {
                return true;
            }
        }
        self.owner(kid).is_some()
    }

    fn companion_beside(&self, secret: &str, dialect: &str, entry: Option<&Entry>) -> Companion {
        if secret.len() > LONGEST_COMPANION {
            return Companion::Unknown;
        }
        // Looked up by digest: how long that takes says nothing about any secret but its own digest.
        let Some(rows) = self.companions.get(&sha256(&[secret.as_bytes()])) else {
            return Companion::Unknown;
        };
        let Some(row) = rows.iter().find(|row| row.dialect == dialect) else {
            return Companion::Unknown;
        };
        let own = entry.filter(|entry| *entry.caller.id == *row.account);
        let owner_enabled = match own {
            Some(entry) => entry.caller.enabled,
            None => self.with_account(&row.account).is_some_and(|owner| owner.caller.enabled),
        };
        if row.bound && own.is_none() {
            Companion::Elsewhere
        } else if row.enabled && owner_enabled {
            Companion::Known
        } else {
            Companion::Disabled
        }
    }

    fn acting_as(&self, user: &str, entry: Option<&Entry>) -> ActingAs {
        if !self.users.get(user).is_some_and(|enabled| *enabled) {
            ActingAs::Unknown
        } else if entry.is_some_and(|entry| entry.acts_as.iter().any(|name| **name == *user)) {
            ActingAs::Delegated
        } else {
            ActingAs::NotDelegated
        }
    }
}

fn has_key(entry: &Entry, key: &str) -> bool {
    entry.caller.keys.iter().any(|known| *known.id == *key)
}

/// The keys, those that may count before those that cannot, and each of these last used first.
fn newest_used<'a>(keys: impl IntoIterator<Item = &'a Arc<KnownKey>>) -> Few {
    let mut keys = keys.into_iter();
    let (first, second) = (keys.next(), keys.next());
    // Most callers have one key, whose life need not be read to be given.
    let (Some(first), Some(second)) = (first, second) else { return first.into_iter().cloned().collect() };
    let keys = [first, second].into_iter().chain(keys);
    // The times are read once: uses noted meanwhile must not confuse the sorting.
    let rank = |key: &KnownKey| {
        let counts = matches!(key.life.state, KeyState::Active | KeyState::Retiring { .. });
        (!counts, Reverse(key.last_used()))
    };
    let mut ranked: SmallVec<[_; 4]> = keys.map(|key| (rank(key), key)).collect();
    if ranked.len() > 1 {
        ranked.sort_by_key(|(rank, _)| *rank);
    }
    ranked.into_iter().take(MOST_KEYS).map(|(_, key)| key.clone()).collect()
}
