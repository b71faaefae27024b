//! Decisions about keys: registration, approval, rotation, limits and end.
use crate::denied::Denied;
use crate::draft::new::{Narrowing, NewKey};
use crate::draft::rules;
use crate::draft::{Decided, Draft};
use crate::model::KeyRecord;
use countersign::life::key::{InvalidMove, KeyLife, KeyState};
use countersign::time::Time;
use countersign_keys::{CompactKey, sha256};

/// Keys of one account that are not revoked: an account in rotation has two or three.
const MOST_KEYS: usize = 64;
/// Keys of one account, revoked ones included: decades of rotation.
const MOST_ROWS: usize = 512;

impl Draft<'_> {
    /// The key with this id, as changed so far.
    ///
    /// # Errors
    /// [`Denied`] `key-not-found`.
    pub fn key(&self, id: &str) -> Decided<KeyRecord> {
        self.keys.or(id, || self.directory.key(id)).ok_or_else(|| {
            let found = rules::shown(id);
            Denied::not_found("key-not-found", format!("no key has the id {found}; list keys to find it"))
        })
    }

    /// The keys of an account, as changed so far.
    #[must_use]
    pub fn keys_of(&self, account: &str) -> Vec<KeyRecord> {
        let known = self.directory.keys_of(account);
        let mut keys: Vec<KeyRecord> =
            known.into_iter().filter(|key| self.keys.get(&key.id).is_none()).collect();
        let changed = self.keyed.get(account).into_iter().flatten();
        keys.extend(changed.filter_map(|id| self.keys.get(id).flatten()).cloned());
        keys
    }

    /// Registers a key.
    ///
    /// # Errors
    /// [`Denied`] when a part has not the form it needs, the key is registered already, or there are too many. When it
    /// is registered at another account, the answer does not say so.
    pub fn add_key(&mut self, new: &NewKey) -> Decided<KeyRecord> {
        self.account(&new.account)?;
        let compact = CompactKey::from_spki_der(&new.spki).map_err(|error| {
            Denied::invalid(
                "key-unreadable",
                format!("wanted a public key as SubjectPublicKeyInfo in DER; {error}"),
            )
        })?;
        let own = self.keys_of(&new.account);
        self.free_key(new, &compact, &own)?;
        dialects(&new.dialects)?;
        let narrowing = narrowed(&new.narrowing, &compact)?;
        dates(new.not_before, new.expires, self.stamp.now)?;
        if !matches!(
            new.state,
            KeyState::Active | KeyState::Pending | KeyState::Disabled | KeyState::Recovery
        ) {
            return Err(Denied::invalid(
                "invalid-state",
                format!(
                    "wanted a new key that is active, pending, disabled or for recovery; found {}; choose one of these",
                    new.state.name()
                ),
            ));
        }
        let record = KeyRecord {
            id: self.id("key_"),
            account: new.account.clone(),
            label: label(&new.label, &own, None)?,
            spki: compact.to_spki_der(),
            life: KeyLife { state: new.state, not_before: new.not_before, expires: new.expires },
            dialects: new.dialects.clone(),
            algorithms: narrowing.algorithms,
            methods: narrowing.methods,
            paths: narrowing.paths,
            networks: narrowing.networks,
            created: self.stamp.now,
            last_used: None,
            last_address: None,
        };
        let fingerprint = compact.parse().fingerprints().spki_sha256_hex;
        let detail = format!(
            "account {}, label {}, {}, for {}, SHA-256 {fingerprint}",
            record.account,
            record.label,
            record.life.state.name(),
            record.dialects.join(", ")
        );
        self.note("key.add", &record.id, detail);
        self.set_key(&record.id.clone(), Some(record.clone()));
        Ok(record)
    }

    /// Switches a pending or disabled key on.
    ///
    /// # Errors
    /// [`Denied`] when its life does not allow it.
    pub fn activate_key(&mut self, id: &str) -> Decided<KeyRecord> {
        self.live(id, "key.activate", KeyLife::activate)
    }

    /// Lets a key be accepted until a date and no longer.
    ///
    /// # Errors
    /// [`Denied`] when its life does not allow it.
    pub fn retire_key(&mut self, id: &str, until: Time) -> Decided<KeyRecord> {
        let record = self.live(id, "key.retire", |life| life.retire(until))?;
        if until <= self.stamp.now {
            self.end_sessions(&record.account, Some(id));
        }
        Ok(record)
    }

    /// Switches a key off and ends its sessions. One that its owner switched off already is noted again for anybody else.
    ///
    /// # Errors
    /// [`Denied`] when its life does not allow it.
    pub fn disable_key(&mut self, id: &str) -> Decided<KeyRecord> {
        let before = self.key(id)?.life.state;
        let record = self.live(id, "key.disable", KeyLife::disable)?;
        // Owners switch on again what they alone switched off: that somebody else did so, too, must be told.
        if before == KeyState::Disabled && self.stamp.actor != record.account {
            self.note("key.disable", id, format!("account {}, disabled already", record.account));
        }
        self.end_sessions(&record.account, Some(id));
        Ok(record)
    }

    /// Ends a key for ever, and its sessions. One that is revoked already stays so; its sessions end again.
    ///
    /// # Errors
    /// [`Denied`] when there is none.
    pub fn revoke_key(&mut self, id: &str) -> Decided<KeyRecord> {
        let record = self.live(id, "key.revoke", |life| Ok(life.revoke()))?;
        self.end_sessions(&record.account, Some(id));
        Ok(record)
    }

    /// Notes that a key ends within so many days; nothing where it is gone or ends at another time by now.
    pub fn note_key_ends(&mut self, id: &str, within: i64, end: Time) {
        if self.key(id).is_ok_and(|key| key.life.ends() == Some(end)) {
            self.note("key.ending", id, format!("within {within} days, ends at Unix time {}", end.seconds()));
        }
    }

    /// Sets what a key is narrowed to.
    ///
    /// # Errors
    /// [`Denied`] when a part has not the form it needs.
    pub fn set_key_limits(&mut self, id: &str, limits: &Narrowing) -> Decided<KeyRecord> {
        let compact = self.compact(id)?;
        let Narrowing { algorithms, methods, paths, networks } = narrowed(limits, &compact)?;
        self.edit_key(id, "key.set-limits", |key| {
            let all = [&algorithms, &methods, &paths, &networks].map(|list| list.join(", "));
            let [a, m, p, n] = &all;
            let detail = format!("algorithms [{a}], methods [{m}], paths [{p}], networks [{n}]");
            (key.algorithms, key.methods, key.paths, key.networks) = (algorithms, methods, paths, networks);
            detail
        })
    }

    /// Sets the dialects a key is for; one taken away ends the sessions that the key opened.
    ///
    /// # Errors
    /// [`Denied`] when there is none among them, or one has not the form it needs.
    pub fn set_key_dialects(&mut self, id: &str, names: &[String]) -> Decided<KeyRecord> {
        dialects(names)?;
        let before = self.key(id)?;
        if before.dialects.iter().any(|name| !names.contains(name)) {
            self.end_sessions(&before.account, Some(id));
        }
        self.edit_key(id, "key.set-dialects", |key| {
            let before = std::mem::replace(&mut key.dialects, names.to_vec());
            format!("from {} to {}", before.join(", "), names.join(", "))
        })
    }

    /// Sets the date from which a key is not accepted; `None`: no such date.
    ///
    /// # Errors
    /// [`Denied`] when there is no such key, or it would end before it begins.
    pub fn set_key_expiry(&mut self, id: &str, expires: Option<Time>) -> Decided<KeyRecord> {
        let before = self.key(id)?.life.not_before;
        dates(before, expires, before.unwrap_or(Time::MIN))?;
        self.edit_key(id, "key.set-expiry", |key| {
            key.life.expires = expires;
            expires.map_or_else(|| "none".to_owned(), |expires| format!("Unix time {expires}"))
        })
    }

    /// Gives a key another label.
    ///
    /// # Errors
    /// [`Denied`] when the label is taken or has not the form it needs.
    pub fn label_key(&mut self, id: &str, new: &str) -> Decided<KeyRecord> {
        let own = self.keys_of(&self.key(id)?.account);
        let new = label(new, &own, Some(id))?;
        self.edit_key(id, "key.label", |key| {
            let before = std::mem::replace(&mut key.label, new);
            format!("from {before} to {}", key.label)
        })
    }

    pub(crate) fn set_key(&mut self, id: &str, after: Option<KeyRecord>) {
        if let Some(record) = &after {
            self.keyed.entry(record.account.clone()).or_default().insert(id.to_owned());
            self.by_spki.entry(sha256(&[&record.spki])).or_default().insert(id.to_owned());
        }
        let directory = self.directory;
        self.keys.set(id, || directory.key(id), after);
    }

    pub(crate) fn live(
        &mut self,
        id: &str,
        action: &str,
        change: impl FnOnce(KeyLife) -> Result<KeyLife, InvalidMove>,
    ) -> Decided<KeyRecord> {
        let life = change(self.key(id)?.life).map_err(|invalid| {
            Denied::state(
                "key-state",
                format!("{invalid}; register a new key, or choose a move that its state allows"),
            )
        })?;
        self.edit_key(id, action, |key| {
            let before = std::mem::replace(&mut key.life, life);
            let until = match life.state {
                KeyState::Retiring { until } => format!(" until Unix time {until}"),
                _ => String::new(),
            };
            format!("account {}, from {} to {}{until}", key.account, before.state.name(), life.state.name())
        })
    }

    fn edit_key(
        &mut self,
        id: &str,
        action: &str,
        change: impl FnOnce(&mut KeyRecord) -> String,
    ) -> Decided<KeyRecord> {
        let before = self.key(id)?;
        let mut after = before.clone();
        let detail = change(&mut after);
        if after != before {
            self.note(action, id, detail);
            self.set_key(id, Some(after.clone()));
        }
        Ok(after)
    }

    fn compact(&self, id: &str) -> Decided<CompactKey> {
        CompactKey::from_spki_der(&self.key(id)?.spki).map_err(|error| {
            Denied::state("key-unreadable", format!("the key as kept cannot be read: {error}; revoke it"))
        })
    }

    fn free_key(&self, new: &NewKey, compact: &CompactKey, own: &[KeyRecord]) -> Decided<()> {
        let spki = compact.to_spki_der();
        if let Some(twin) = own.iter().find(|key| key.spki == spki) {
            return Err(Denied::taken(
                "key-taken",
                format!(
                    "wanted a key that this account does not have; it is registered as {} ({}, {}); use that one, or make a new key pair",
                    twin.id,
                    twin.label,
                    twin.life.state.name()
                ),
            ));
        }
        let known = self.directory.registrations(compact);
        let known = known.iter().filter(|key| self.keys.get(&key.id).is_none());
        let drafted = self.by_spki.get(&sha256(&[&spki])).into_iter().flatten();
        let drafted = drafted.filter_map(|id| self.keys.get(id).flatten());
        if !new.shared && known.chain(drafted).any(|key| key.account != new.account) {
            return Err(Denied::invalid(
                "key-not-accepted",
                "this key cannot be registered for this account; make a new key pair for it and register that",
            ));
        }
        let held = own.iter().filter(|key| key.life.state != KeyState::Revoked).count();
        if held >= MOST_KEYS || own.len() >= MOST_ROWS {
            return Err(Denied::state(
                "too-many-keys",
                format!(
                    "wanted at most {MOST_KEYS} keys for an account; it has {held}; revoke those no longer used"
                ),
            ));
        }
        Ok(())
    }
}

/// A label that no other key of the account has, revoked ones aside.
fn label(wanted: &str, own: &[KeyRecord], id: Option<&str>) -> Decided<String> {
    let taken = |label: &str| {
        let mut others = own.iter().filter(|key| Some(key.id.as_str()) != id);
        others.any(|key| key.label == label && key.life.state != KeyState::Revoked)
    };
    if wanted.is_empty() {
        // There is a free one among one more than there are keys.
        let free = (1..=own.len() + 1).map(|number| format!("key-{number}")).find(|label| !taken(label));
        return Ok(free.unwrap_or_default());
    }
    rules::text("a label", "invalid-label", wanted, rules::LONGEST_NAME)?;
    if taken(wanted) {
        return Err(Denied::taken(
            "label-taken",
            format!(
                "wanted a label that no other key of this account has; {wanted} is taken; choose another"
            ),
        ));
    }
    Ok(wanted.to_owned())
}

fn dialects(names: &[String]) -> Decided<()> {
    rules::count("dialects", "too-many-dialects", names.len())?;
    if names.is_empty() {
        return Err(Denied::invalid(
            "no-dialect",
            "wanted at least one dialect that the key is for; found none; name the one its owner signs in",
        ));
    }
    names.iter().try_for_each(|name| rules::word("a dialect", "invalid-dialect", name))
}

fn narrowed(wanted: &Narrowing, key: &CompactKey) -> Decided<Narrowing> {
    rules::methods(&wanted.methods)?;
    rules::paths(&wanted.paths)?;
    Ok(Narrowing {
        algorithms: rules::algorithms(&wanted.algorithms, key)?,
        methods: wanted.methods.clone(),
        paths: wanted.paths.clone(),
        networks: rules::networks(&wanted.networks)?,
    })
}

fn dates(not_before: Option<Time>, expires: Option<Time>, now: Time) -> Decided<()> {
    let begins = not_before.map_or(now, |begins| begins.max(now));
    match expires {
        Some(expires) if expires <= begins => Err(Denied::invalid(
            "invalid-dates",
            format!(
                "wanted a key that ends after it begins (Unix time {begins}); found an end at {expires}; choose a later one"
            ),
        )),
        _ => Ok(()),
    }
}
