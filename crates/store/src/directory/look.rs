//! What management asks the directory: rows by id, by name, and page by page.
use crate::directory::entry::Entry;
use crate::directory::{Directory, Term, kid};
use crate::model::{Account, CompanionRecord, JoinCode, KeyRecord, Member, Organisation, SecretRecord, User};
use countersign_keys::CompactKey;
use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

impl Directory {
    /// The account with this id.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<Account> {
        self.seen_account(id).map(|entry| entry.account())
    }

    /// The account with this name.
    #[must_use]
    pub fn account_by_name(&self, name: &str) -> Option<Account> {
        let (_, entry) = self.seen(&Term::Name(name), |entry| *entry.caller.name == *name)?;
        Some(entry.account())
    }

    /// The account with this identifier.
    #[must_use]
    pub fn account_by_identifier(&self, namespace: &str, value: &str) -> Option<Account> {
        let holds = |entry: &Entry| entry.identifiers.hold(namespace, value);
        self.seen(&Term::Identifier(namespace, value), holds).map(|(_, entry)| entry.account())
    }

    /// Accounts with ids above `after` in the order of ids, at most `limit`.
    #[must_use]
    pub fn accounts(&self, after: Option<&str>, limit: usize) -> Vec<Account> {
        let ordered = self.ordered();
        let places =
            ordered.after(|place| after.map_or(Ordering::Greater, |after| self.stands(place, after)));
        places.filter_map(|place| self.peek(place)).map(|entry| entry.account()).take(limit).collect()
    }

    /// Accounts with a role.
    #[must_use]
    pub fn operators(&self) -> Vec<Account> {
        let ids: Vec<String> = self.rest().operators.iter().cloned().collect();
        ids.iter().filter_map(|id| self.account(id)).collect()
    }

    /// Ids of accounts that may act for a user: looks at every account.
    #[must_use]
    pub fn acting_for(&self, user: &str) -> Vec<String> {
        let acts = |place: &u32| {
            let acts = self.cells.at(*place, |cell| match cell.now.load().as_ref() {
                Some(entry) => Some(entry.acts_as.iter().any(|name| **name == *user)),
                None => Some(self.packed_account(cell.rows())?.acts_as.iter().any(|name| *name == *user)),
            });
            acts.unwrap_or(false)
        };
        let ordered = self.ordered();
        ordered.iter().filter(acts).filter_map(|place| self.with_id(place, str::to_owned)).collect()
    }

    /// Where an account's JWKS document lives.
    #[must_use]
    pub fn jwks_url(&self, account: &str) -> Option<String> {
        self.with_account(account)?.jwks_url.as_deref().map(str::to_owned)
    }

    /// The keys of an account, oldest first, whatever their state.
    #[must_use]
    pub fn keys_of(&self, account: &str) -> Vec<KeyRecord> {
        self.seen_account(account).map(|entry| entry.keys().collect()).unwrap_or_default()
    }

    /// The key with this id.
    #[must_use]
    pub fn key(&self, id: &str) -> Option<KeyRecord> {
        let (_, entry) = self.seen(&Term::Key(id), |entry| entry.caller.key(id).is_some())?;
        entry.keys().find(|key| key.id == id)
    }

    /// The registrations of one public key, at whichever accounts.
    #[must_use]
    pub fn registrations(&self, key: &CompactKey) -> Vec<KeyRecord> {
        let mut found = Vec::new();
        let Some(digest) = kid::digests(key).next() else { return found };
        let spki = key.to_spki_der();
        let _: Option<()> = self.index.find(self.hash(&Term::Digest(&kid::print(&digest))), |place| {
            found.extend(self.peek(place)?.keys().filter(|record| record.spki == spki));
            None
        });
        found
    }

    /// The registrations of the public key that a fingerprint names, at whichever accounts.
    #[must_use]
    pub fn printed(&self, fingerprint: &str) -> Vec<KeyRecord> {
        let mut found = Vec::new();
        let Some(digest) = kid::digest(fingerprint) else { return found };
        let named = |record: &KeyRecord| {
            let key = CompactKey::from_spki_der(&record.spki);
            key.is_ok_and(|key| kid::digests(&key).any(|own| own == digest))
        };
        let _: Option<()> = self.index.find(self.hash(&Term::Digest(&kid::print(&digest))), |place| {
            found.extend(self.peek(place)?.keys().filter(named));
            None
        });
        found
    }

    /// The account with an id; what is packed stays so.
    fn seen_account(&self, id: &str) -> Option<Arc<Entry>> {
        self.seen(&Term::Account(id), |entry| *entry.caller.id == *id).map(|(_, entry)| entry)
    }

    /// The first account under a term that holds it; what is packed stays so.
    fn seen(&self, term: &Term<'_>, holds: impl Fn(&Entry) -> bool) -> Option<(u32, Arc<Entry>)> {
        self.index.find(self.hash(term), |place| {
            let entry = self.may_hold(place, term).then(|| self.peek(place))??;
            holds(&entry).then_some((place, entry))
        })
    }

    /// How the id of the account at a place stands to another.
    pub(super) fn stands(&self, place: u32, other: &str) -> Ordering {
        self.with_id(place, |id| id.cmp(other)).unwrap_or(Ordering::Less)
    }

    /// The companion key with this id.
    #[must_use]
    pub fn companion(&self, id: &str) -> Option<CompanionRecord> {
        self.rest().companions.get(id).map(|row| CompanionRecord::clone(row))
    }

    /// The companion keys of an account.
    #[must_use]
    pub fn companions_of(&self, account: &str) -> Vec<CompanionRecord> {
        let rest = self.rest();
        let ids = rest.companions_of.get(account).into_iter().flatten();
        ids.filter_map(|id| rest.companions.get(id)).map(|row| CompanionRecord::clone(row)).collect()
    }

    /// The companion keys with this digest (lower-case hexadecimal); one for each dialect at most.
    #[must_use]
    pub fn companions_by_digest(&self, digest: &str) -> Vec<CompanionRecord> {
        let Some(digest) = kid::digest(digest) else { return Vec::new() };
        let rows = self.companions.get(&digest);
        rows.map(|rows| rows.iter().map(|row| CompanionRecord::clone(row)).collect()).unwrap_or_default()
    }

    /// The user with this name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<User> {
        self.rest().users.get(name).cloned()
    }

    /// Users with names above `after`, at most `limit`.
    #[must_use]
    pub fn users(&self, after: Option<&str>, limit: usize) -> Vec<User> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.rest();
        rest.users
            .range::<str, _>((from, Bound::Unbounded))
            .take(limit)
            .map(|(_, user)| user.clone())
            .collect()
    }

    /// The organisation with this id.
    #[must_use]
    pub fn organisation(&self, id: &str) -> Option<Organisation> {
        self.rest().organisations.get(id).cloned()
    }

    /// The organisation with this name.
    #[must_use]
    pub fn organisation_by_name(&self, name: &str) -> Option<Organisation> {
        let rest = self.rest();
        rest.organisation_names.get(name).and_then(|id| rest.organisations.get(id)).cloned()
    }

    /// Organisations with ids above `after`, at most `limit`.
    #[must_use]
    pub fn organisations(&self, after: Option<&str>, limit: usize) -> Vec<Organisation> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.rest();
        let rows = rest.organisations.range::<str, _>((from, Bound::Unbounded));
        rows.take(limit).map(|(_, organisation)| organisation.clone()).collect()
    }

    /// The members of an organisation.
    #[must_use]
    pub fn members_of(&self, organisation: &str) -> Vec<Member> {
        self.rest().members_of(organisation).collect()
    }

    /// An account's membership of its organisation.
    #[must_use]
    pub fn membership(&self, account: &str) -> Option<Member> {
        let organisation = self.account(account)?.organisation?;
        let key = (organisation, account.to_owned());
        let role = self.rest().members.get(&key)?.clone();
        Some(Member { organisation: key.0, account: key.1, role })
    }

    /// The join code with this digest (lower-case hexadecimal).
    #[must_use]
    pub fn join_code(&self, digest: &str) -> Option<JoinCode> {
        self.rest().join_codes.get(digest).cloned()
    }

    /// The join codes of an organisation.
    #[must_use]
    pub fn join_codes_of(&self, organisation: &str) -> Vec<JoinCode> {
        self.rest().join_codes.values().filter(|code| code.organisation == organisation).cloned().collect()
    }

    /// The secret with this name.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<SecretRecord> {
        self.rest().secrets.get(name).cloned()
    }

    /// The secrets whose names start so.
    #[must_use]
    pub fn secrets(&self, prefix: &str) -> Vec<SecretRecord> {
        let rest = self.rest();
        let rows = rest.secrets.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        rows.take_while(|(name, _)| name.starts_with(prefix)).map(|(_, secret)| secret.clone()).collect()
    }
}
