//! A change being drafted: sees the directory through what it has changed already, and gathers writes and audit entries.
use crate::denied::Denied;
use crate::directory::Directory;
use crate::draft::overlay::Overlay;
use crate::model::{
    Account, AuditDraft, CompanionRecord, Identifier, JoinCode, KeyRecord, Member, Organisation, Record,
    SecretRecord, User, Write,
};
use crate::stamp::Stamp;
use countersign::time::Time;
use std::collections::{BTreeSet, HashMap};

mod account;
mod companion;
mod configuration;
mod key;
pub(crate) mod new;
mod organisation;
mod overlay;
mod rotation;
mod rules;
mod secret;
mod session;
mod user;

pub use crate::draft::new::{Narrowing, NewAccount, NewCompanion, NewKey, Vouch, replaceable};

/// Open join codes of an organisation, unless a draft allows another number: its own members make them, and all are kept in memory.
pub const MOST_JOIN_CODES: usize = 1000;

/// Every decision about a change is made on a draft: nothing is written until the whole of it stands.
pub struct Draft<'d> {
    directory: &'d Directory,
    stamp: &'d Stamp,
    made: u32,
    accounts: Overlay<Account>,
    keys: Overlay<KeyRecord>,
    companions: Overlay<CompanionRecord>,
    users: Overlay<User>,
    organisations: Overlay<Organisation>,
    members: Overlay<Member>,
    join_codes: Overlay<JoinCode>,
    secrets: Overlay<SecretRecord>,
    /// Ids of changed accounts by names and identifiers they have or had, of changed keys by account and by key: what
    /// is found is compared.
    names: HashMap<String, BTreeSet<String>>,
    named: HashMap<Identifier, BTreeSet<String>>,
    keyed: HashMap<String, BTreeSet<String>>,
    by_spki: HashMap<[u8; 32], BTreeSet<String>>,
    audit: Vec<AuditDraft>,
    ending: BTreeSet<Ending>,
    most_join_codes: usize,
}

/// Whose sessions end with a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ending {
    pub(crate) account: String,
    /// Only the sessions that this key opened; `None`: all of the account.
    pub(crate) key: Option<String>,
}

/// A finished draft, ready to be written.
pub(crate) struct Unit {
    pub(crate) writes: Vec<Write>,
    pub(crate) audit: Vec<AuditDraft>,
    pub(crate) ending: BTreeSet<Ending>,
}

impl<'d> Draft<'d> {
    pub(crate) fn new(directory: &'d Directory, stamp: &'d Stamp) -> Self {
        Self {
            directory,
            stamp,
            made: 0,
            accounts: Overlay::default(),
            keys: Overlay::default(),
            companions: Overlay::default(),
            users: Overlay::default(),
            organisations: Overlay::default(),
            members: Overlay::default(),
            join_codes: Overlay::default(),
            secrets: Overlay::default(),
            names: HashMap::new(),
            named: HashMap::new(),
            keyed: HashMap::new(),
            by_spki: HashMap::new(),
            audit: Vec::new(),
            ending: BTreeSet::new(),
            most_join_codes: MOST_JOIN_CODES,
        }
    }

    /// When the change is made.
    #[must_use]
    pub fn now(&self) -> Time {
        self.stamp.now
    }

    /// What was noted so far, one entry for each thing that changes.
    #[must_use]
    pub fn audit(&self) -> &[AuditDraft] {
        &self.audit
    }

    /// What is there before this change.
    #[must_use]
    pub fn directory(&self) -> &'d Directory {
        self.directory
    }

    /// What people call the thing with an id, before or after the change: accounts and organisations by name, keys by
    /// account and label, anything else by its id.
    #[must_use]
    pub fn name_of(&self, id: &str) -> String {
        let of = |account: &str, label: &str| format!("{}/{label}", self.name_of(account));
        let known = self.directory;
        let name = match id.split_once('_').map(|(kind, _)| kind) {
            Some("acc") => self.account(id).ok().or_else(|| known.account(id)).map(|row| row.name),
            Some("org") => self.organisation(id).ok().or_else(|| known.organisation(id)).map(|row| row.name),
            Some("key") => {
                self.key(id).ok().or_else(|| known.key(id)).map(|row| of(&row.account, &row.label))
            }
            Some("cmp") => self
                .companion(id)
                .ok()
                .or_else(|| known.companion(id))
                .map(|row| of(&row.account, &row.label)),
            _ => None,
        };
        name.unwrap_or_else(|| id.to_owned())
    }

    pub(crate) fn finish(self) -> Unit {
        let mut writes = Vec::new();
        // Rows go before those they hang on, and come after them.
        writes.extend(self.secrets.deleted().map(|row| Write::Delete(Record::Secret(row))));
        writes.extend(self.join_codes.deleted().map(|row| Write::Delete(Record::JoinCode(row))));
        writes.extend(self.members.deleted().map(|row| Write::Delete(Record::Member(row))));
        writes.extend(self.companions.deleted().map(|row| Write::Delete(Record::Companion(row))));
        writes.extend(self.keys.deleted().map(|row| Write::Delete(Record::Key(row))));
        writes.extend(self.accounts.deleted().map(|row| Write::Delete(Record::Account(row))));
        writes.extend(self.users.deleted().map(|row| Write::Delete(Record::User(row))));
        writes.extend(self.organisations.deleted().map(|row| Write::Delete(Record::Organisation(row))));
        writes.extend(self.organisations.put().map(|row| Write::Put(Record::Organisation(row))));
        writes.extend(self.users.put().map(|row| Write::Put(Record::User(row))));
        writes.extend(self.accounts.put().map(|row| Write::Put(Record::Account(row))));
        writes.extend(self.keys.put().map(|row| Write::Put(Record::Key(row))));
        writes.extend(self.companions.put().map(|row| Write::Put(Record::Companion(row))));
        writes.extend(self.members.put().map(|row| Write::Put(Record::Member(row))));
        writes.extend(self.join_codes.put().map(|row| Write::Put(Record::JoinCode(row))));
        writes.extend(self.secrets.put().map(|row| Write::Put(Record::Secret(row))));
        Unit { writes, audit: self.audit, ending: self.ending }
    }

    fn note(&mut self, action: &str, subject: &str, detail: impl Into<String>) {
        self.audit.push(AuditDraft {
            at: self.stamp.now,
            actor: self.stamp.actor.clone(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail: detail.into(),
        });
    }

    fn id(&mut self, prefix: &str) -> String {
        let id = self.stamp.id(prefix, self.made);
        self.made = self.made.wrapping_add(1);
        id
    }

    fn end_sessions(&mut self, account: &str, key: Option<&str>) {
        self.ending.insert(Ending { account: account.to_owned(), key: key.map(str::to_owned) });
    }
}

/// What a decision on a draft gives.
pub(crate) type Decided<T> = Result<T, Denied>;
