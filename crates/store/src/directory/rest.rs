//! Everything in memory that is neither an account nor a key: organisations, members, join codes, users, companions, secrets.
use crate::model::{CompanionRecord, JoinCode, Member, Organisation, Record, SecretRecord, User};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows that only management reads, in order, so that they can be listed.
#[derive(Default)]
pub(crate) struct Rest {
    pub(crate) organisations: BTreeMap<String, Organisation>,
    pub(crate) organisation_names: BTreeMap<String, String>,
    /// Roles by organisation and account.
    pub(crate) members: BTreeMap<(String, String), String>,
    pub(crate) join_codes: BTreeMap<String, JoinCode>,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) companions: BTreeMap<String, Arc<CompanionRecord>>,
    pub(crate) companions_of: BTreeMap<String, BTreeSet<String>>,
    pub(crate) secrets: BTreeMap<String, SecretRecord>,
    /// Accounts with a role.
    pub(crate) operators: BTreeSet<String>,
}

impl Rest {
    pub(crate) fn put(&mut self, record: &Record) {
        match record {
            Record::Organisation(organisation) => {
                let row = organisation.clone();
                if let Some(before) = self.organisations.insert(row.id.clone(), row) {
                    self.organisation_names.remove(&before.name);
                }
                self.organisation_names.insert(organisation.name.clone(), organisation.id.clone());
            }
            Record::Member(Member { organisation, account, role }) => {
                self.members.insert((organisation.clone(), account.clone()), role.clone());
            }
            Record::JoinCode(code) => {
                self.join_codes.insert(code.digest.clone(), code.clone());
            }
            Record::User(user) => {
                self.users.insert(user.name.clone(), user.clone());
            }
            Record::Companion(companion) => {
                self.companions.insert(companion.id.clone(), Arc::new(companion.clone()));
                self.companions_of.entry(companion.account.clone()).or_default().insert(companion.id.clone());
            }
            Record::Secret(secret) => {
                self.secrets.insert(secret.name.clone(), secret.clone());
            }
            Record::Account(account) => {
                if account.role.is_some() {
                    self.operators.insert(account.id.clone());
                } else {
                    self.operators.remove(&account.id);
                }
            }
            Record::Key(_) => {}
        }
    }

    pub(crate) fn delete(&mut self, record: &Record) {
        match record {
            Record::Organisation(Organisation { id, .. }) => {
                if let Some(before) = self.organisations.remove(id) {
                    self.organisation_names.remove(&before.name);
                }
            }
            Record::Member(Member { organisation, account, .. }) => {
                self.members.remove(&(organisation.clone(), account.clone()));
            }
            Record::JoinCode(JoinCode { digest, .. }) => {
                self.join_codes.remove(digest);
            }
            Record::User(User { name, .. }) => {
                self.users.remove(name);
            }
            Record::Companion(CompanionRecord { id, .. }) => {
                if let Some(before) = self.companions.remove(id)
                    && let Some(ids) = self.companions_of.get_mut(&before.account)
                {
                    ids.remove(id);
                    if ids.is_empty() {
                        self.companions_of.remove(&before.account);
                    }
                }
            }
            Record::Secret(SecretRecord { name, .. }) => {
                self.secrets.remove(name);
            }
            Record::Account(account) => {
                self.operators.remove(&account.id);
            }
            Record::Key(_) => {}
        }
    }

    /// The accounts of an organisation with their roles.
    pub(crate) fn members_of<'a>(&'a self, organisation: &'a str) -> impl Iterator<Item = Member> + 'a {
        self.members
            .range((organisation.to_owned(), String::new())..)
            .take_while(move |((of, _), _)| of == organisation)
            .map(|((organisation, account), role)| Member {
                organisation: organisation.clone(),
                account: account.clone(),
                role: role.clone(),
            })
    }
}
