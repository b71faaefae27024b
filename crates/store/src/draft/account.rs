//! Decisions about accounts: their names, identifiers, limits, roles and end.
use crate::denied::Denied;
use crate::draft::new::NewAccount;
use crate::draft::rules;
use crate::draft::{Decided, Draft};
use crate::model::{Account, Identifier, Role};
use std::collections::BTreeSet;

/// Identifiers of one account: a handful in practice.
const MOST_IDENTIFIERS: usize = 32;
/// Users one account may act for: looked through for each request that names one.
const MOST_USERS: usize = 1000;

impl Draft<'_> {
    /// The account with this id, as changed so far.
    ///
    /// # Errors
    /// [`Denied`] `account-not-found`.
    pub fn account(&self, id: &str) -> Decided<Account> {
        self.accounts.or(id, || self.directory.account(id)).ok_or_else(|| {
            let found = rules::shown(id);
            Denied::not_found(
                "account-not-found",
                format!("no account has the id {found}; list accounts to find it"),
            )
        })
    }

    /// The account with this name, as changed so far.
    #[must_use]
    pub fn account_by_name(&self, name: &str) -> Option<Account> {
        let changed =
            self.names.get(name).into_iter().flatten().filter_map(|id| self.accounts.get(id).flatten());
        let here = changed.into_iter().find(|account| account.name == name).cloned();
        here.or_else(|| {
            self.directory.account_by_name(name).filter(|known| self.accounts.get(&known.id).is_none())
        })
    }

    /// The account with this identifier, as changed so far.
    #[must_use]
    pub fn account_by_identifier(&self, wanted: &Identifier) -> Option<Account> {
        let changed =
            self.named.get(wanted).into_iter().flatten().filter_map(|id| self.accounts.get(id).flatten());
        let here = changed.into_iter().find(|account| account.identifiers.contains(wanted)).cloned();
        here.or_else(|| {
            let known = self.directory.account_by_identifier(&wanted.namespace, &wanted.value)?;
            self.accounts.get(&known.id).is_none().then_some(known)
        })
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`Denied`] when a part has not the form it needs, or the name or an identifier is taken.
    pub fn add_account(&mut self, new: &NewAccount) -> Decided<Account> {
        let account = Account {
            id: self.id("acc_"),
            name: new.name.clone(),
            organisation: None,
            enabled: new.enabled,
            identifiers: Vec::new(),
            acts_as: Vec::new(),
            paths: Vec::new(),
            jwks_url: None,
            role: new.role,
            created: self.stamp.now,
        };
        self.free_name(&account)?;
        let role = account.role.map_or_else(String::new, |role| format!(", operator: {role:?}"));
        let off = if account.enabled { "" } else { ", switched off" };
        self.note("account.add", &account.id, format!("name {}{off}{role}", account.name));
        self.set_account(account.clone());
        let id = account.id;
        for identifier in &new.identifiers {
            self.add_identifier(&id, identifier)?;
        }
        self.set_acts_as(&id, &new.acts_as)?;
        self.set_paths(&id, &new.paths)?;
        self.set_jwks_url(&id, new.jwks_url.as_deref())?;
        if let Some(organisation) = &new.organisation {
            self.add_member(organisation, &id, "MEMBER")?;
        }
        self.account(&id)
    }

    /// Switches an account on or off; off ends its sessions.
    ///
    /// # Errors
    /// [`Denied`] when there is none, or it is the last enabled owner.
    pub fn set_account_enabled(&mut self, id: &str, enabled: bool) -> Decided<Account> {
        if !enabled {
            self.end_sessions(id, None);
            self.withdraw_invitations_with(id)?;
        }
        let action = if enabled { "account.enable" } else { "account.disable" };
        self.edit(id, action, |account| {
            account.enabled = enabled;
            format!("name {}", account.name)
        })
    }

    /// Gives an account another name.
    ///
    /// # Errors
    /// [`Denied`] when there is none, or the name is taken or has not the form it needs.
    pub fn rename_account(&mut self, id: &str, name: &str) -> Decided<Account> {
        let account = Account { name: name.to_owned(), ..self.account(id)? };
        self.free_name(&account)?;
        self.edit(id, "account.rename", |account| {
            let before = std::mem::replace(&mut account.name, name.to_owned());
            format!("from {before} to {name}")
        })
    }

    /// Adds an identifier; one that the account has already changes nothing.
    ///
    /// # Errors
    /// [`Denied`] when it has not the form it needs, is taken, or there are too many.
    pub fn add_identifier(&mut self, id: &str, new: &Identifier) -> Decided<Account> {
        rules::word("a namespace", "invalid-identifier", &new.namespace)?;
        rules::text("an identifier", "invalid-identifier", &new.value, rules::LONGEST_IDENTIFIER)?;
        if let Some(holder) = self.account_by_identifier(new)
            && holder.id != id
        {
            return Err(Denied::taken(
                "identifier-taken",
                format!(
                    "wanted an identifier that no account has; {} {} belongs to an account already; remove it there or use another",
                    new.namespace, new.value
                ),
            ));
        }
        let count = self.account(id)?.identifiers.len() + 1;
        rules::at_most("identifiers", "too-many-identifiers", count, MOST_IDENTIFIERS)?;
        self.edit(id, "account.add-identifier", |account| {
            if !account.identifiers.contains(new) {
                account.identifiers.push(new.clone());
            }
            format!("{} {}", new.namespace, new.value)
        })
    }

    /// Removes an identifier.
    ///
    /// # Errors
    /// [`Denied`] when the account does not have it.
    pub fn remove_identifier(&mut self, id: &str, old: &Identifier) -> Decided<Account> {
        if !self.account(id)?.identifiers.contains(old) {
            return Err(Denied::not_found(
                "identifier-not-found",
                format!(
                    "the account has no identifier {} {}; show the account to see those it has",
                    old.namespace, old.value
                ),
            ));
        }
        self.edit(id, "account.remove-identifier", |account| {
            account.identifiers.retain(|own| own != old);
            format!("{} {}", old.namespace, old.value)
        })
    }

    /// Sets the users that an account may act for.
    ///
    /// # Errors
    /// [`Denied`] when one of them does not exist, or there are too many.
    pub fn set_acts_as(&mut self, id: &str, users: &[String]) -> Decided<Account> {
        rules::at_most("users to act for", "too-many-users", users.len(), MOST_USERS)?;
        for user in users {
            self.user(user)?;
        }
        let users = distinct(users);
        self.edit(id, "account.set-acts-as", |account| {
            let detail = format!("from [{}] to [{}]", account.acts_as.join(", "), users.join(", "));
            account.acts_as = users;
            detail
        })
    }

    /// Sets the path prefixes that an account may use; none: all.
    ///
    /// # Errors
    /// [`Denied`] when one has not the form it needs.
    pub fn set_paths(&mut self, id: &str, paths: &[String]) -> Decided<Account> {
        rules::paths(paths)?;
        let paths = distinct(paths);
        self.edit(id, "account.set-paths", |account| {
            let detail = format!("from [{}] to [{}]", account.paths.join(", "), paths.join(", "));
            account.paths = paths;
            detail
        })
    }

    /// Sets where the account's JWKS document lives.
    ///
    /// # Errors
    /// [`Denied`] when it is no address.
    pub fn set_jwks_url(&mut self, id: &str, url: Option<&str>) -> Decided<Account> {
        url.map_or(Ok(()), rules::url)?;
        self.edit(id, "account.set-jwks-url", |account| {
            account.jwks_url = url.map(str::to_owned);
            url.unwrap_or("none").to_owned()
        })
    }

    /// Sets what an operator may do; `None`: no operator.
    ///
    /// # Errors
    /// [`Denied`] when it is the last enabled owner.
    pub fn set_role(&mut self, id: &str, role: Option<Role>) -> Decided<Account> {
        self.edit(id, "account.set-role", |account| {
            let before = std::mem::replace(&mut account.role, role);
            format!("from {before:?} to {role:?}")
        })
    }

    /// Deletes an account with its keys, companion keys and membership, and ends its sessions.
    ///
    /// # Errors
    /// [`Denied`] when there is none, or it is the last enabled owner.
    pub fn delete_account(&mut self, id: &str) -> Decided<()> {
        let account = self.account(id)?;
        self.keep_an_owner(&account, None)?;
        if account.organisation.is_some() {
            self.leave(id)?;
        }
        for key in self.keys_of(id) {
            self.set_key(&key.id, None);
        }
        for companion in self.companions_of(id) {
            self.set_companion(&companion.id, None);
        }
        let before = || self.directory.account(id);
        self.accounts.set(id, before, None);
        self.end_sessions(id, None);
        self.note("account.delete", id, format!("name {}", account.name));
        Ok(())
    }

    /// Changes an account and notes it; what changes nothing is not noted.
    pub(crate) fn edit(
        &mut self,
        id: &str,
        action: &str,
        change: impl FnOnce(&mut Account) -> String,
    ) -> Decided<Account> {
        let before = self.account(id)?;
        let mut after = before.clone();
        let detail = change(&mut after);
        if after != before {
            self.keep_an_owner(&before, Some(&after))?;
            self.note(action, id, detail);
            self.set_account(after.clone());
        }
        Ok(after)
    }

    fn set_account(&mut self, account: Account) {
        self.names.entry(account.name.clone()).or_default().insert(account.id.clone());
        for identifier in &account.identifiers {
            self.named.entry(identifier.clone()).or_default().insert(account.id.clone());
        }
        let directory = self.directory;
        let id = account.id.clone();
        self.accounts.set(&id, || directory.account(&id), Some(account));
    }

    fn free_name(&self, account: &Account) -> Decided<()> {
        let name = &account.name;
        rules::text("an account name", "invalid-name", name, rules::LONGEST_NAME)?;
        match self.account_by_name(name) {
            Some(holder) if holder.id != account.id => Err(Denied::taken(
                "name-taken",
                format!("wanted a name that no account has; {name} is taken; choose another"),
            )),
            _ => Ok(()),
        }
    }

    /// An installation always has an owner who can come in.
    fn keep_an_owner(&self, before: &Account, after: Option<&Account>) -> Decided<()> {
        let owns = |account: &Account| account.enabled && account.role == Some(Role::Owner);
        if !owns(before) || after.is_some_and(owns) {
            return Ok(());
        }
        let changed = self.accounts.rows().cloned();
        let known =
            self.directory.operators().into_iter().filter(|account| self.accounts.get(&account.id).is_none());
        if changed.chain(known).any(|account| account.id != before.id && owns(&account)) {
            return Ok(());
        }
        Err(Denied::state(
            "last-owner",
            format!("{} is the last enabled owner; make another account owner first", before.name),
        ))
    }
}

/// Without repeats, in the order given.
fn distinct(texts: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.iter().filter(|text| seen.insert(text.as_str())).cloned().collect()
}
