//! From a description to changes: what is missing is made, what differs is changed, and only `prune` removes.
use crate::denied::{ChangeError, Denied};
use crate::desired::{Desired, DesiredAccount, DesiredCompanion, DesiredKey};
use crate::draft::new::NewAccount;
use crate::draft::new::NewCompanion;
use crate::draft::new::{Narrowing, NewKey};
use crate::draft::{Decided, Draft};
use crate::model::{Account, Identifier, KeyRecord, Role};
use crate::registrar::{Registrar, draft};
use crate::stamp::Stamp;
use countersign::life::key::KeyState;
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::fmt;

/// One change that a description leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedChange {
    /// What is done, such as `key.add`.
    pub action: String,
    /// To what, by id; for what is yet to be made the id is only known once it is.
    pub subject: String,
    /// To what, by name.
    pub name: String,
    /// What changes.
    pub detail: String,
}

impl Registrar {
    /// What [`Self::apply`] would change.
    ///
    /// # Errors
    /// [`Denied`] when the description asks for what cannot be; its text says where.
    pub fn plan(&self, stamp: &Stamp, desired: &Desired) -> Result<Vec<PlannedChange>, Denied> {
        draft(self.directory(), stamp, |draft| describe(draft, desired)).map(|(changes, _)| changes)
    }

    /// Makes the installation what is described, in one unit. Done again, it changes nothing.
    ///
    /// # Errors
    /// [`ChangeError`]: nothing was written then.
    pub async fn apply(&self, stamp: &Stamp, desired: &Desired) -> Result<Vec<PlannedChange>, ChangeError> {
        self.change(stamp, |draft| describe(draft, desired)).await
    }
}

impl fmt::Display for PlannedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.name)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

impl Draft<'_> {
    /// Makes the draft what is described; gives every change noted in it so far.
    ///
    /// # Errors
    /// [`Denied`] when the description asks for what cannot be; its text says where.
    pub fn describe(&mut self, desired: &Desired) -> Result<Vec<PlannedChange>, Denied> {
        describe(self, desired)
    }
}

fn describe(draft: &mut Draft<'_>, desired: &Desired) -> Decided<Vec<PlannedChange>> {
    once("account", desired.account.iter().map(|account| &account.name))?;
    for organisation in &desired.organisation {
        let known = draft.organisation_by_name(&organisation.name);
        let row = match known {
            Some(row) => row,
            None => draft.add_organisation(&organisation.name)?,
        };
        if let Some(approval) = organisation.approval {
            draft.set_approval(&row.id, approval)?;
        }
    }
    for user in &desired.user {
        match (draft.user(&user.name), user.enabled) {
            (Err(_), enabled) => draft.add_user(&user.name, enabled.unwrap_or(true)).map(drop)?,
            (Ok(_), Some(enabled)) => draft.set_user_enabled(&user.name, enabled).map(drop)?,
            (Ok(_), None) => {}
        }
    }
    // What goes makes room for what comes: names, identifiers, labels.
    if desired.prune {
        prune_accounts(draft, desired)?;
    }
    for account in &desired.account {
        make_room(draft, account, desired.prune)
            .map_err(|denied| denied.at(&format!("account {}", account.name)))?;
    }
    // Owners first, so that there is always one.
    let (owners, others): (Vec<_>, Vec<_>) =
        desired.account.iter().partition(|account| account.role == Some(Role::Owner));
    for account in owners.into_iter().chain(others) {
        describe_account(draft, account, desired.shared)
            .map_err(|denied| denied.at(&format!("account {}", account.name)))?;
    }
    if desired.prune {
        prune_rest(draft, desired)?;
    }
    Ok(changes(draft))
}

fn make_room(draft: &mut Draft<'_>, wanted: &DesiredAccount, prune: bool) -> Decided<()> {
    let Some(account) = draft.account_by_name(&wanted.name) else { return Ok(()) };
    if let Some(identifiers) = identifiers(wanted) {
        for old in account.identifiers.iter().filter(|own| !identifiers.contains(own)) {
            draft.remove_identifier(&account.id, old)?;
        }
    }
    if prune {
        for key in draft.keys_of(&account.id) {
            let described = wanted.key.iter().any(|wanted| wanted.spki == key.spki);
            if !described && key.life.state != KeyState::Revoked {
                draft.revoke_key(&key.id)?;
            }
        }
        for companion in draft.companions_of(&account.id) {
            if !wanted.companion.iter().any(|wanted| wanted.label == companion.label) {
                draft.delete_companion(&companion.id)?;
            }
        }
    }
    Ok(())
}

fn describe_account(draft: &mut Draft<'_>, wanted: &DesiredAccount, shared: bool) -> Decided<()> {
    let id = match draft.account_by_name(&wanted.name) {
        Some(account) => account.id,
        None => {
            let (name, enabled) = (wanted.name.clone(), wanted.enabled.unwrap_or(true));
            draft.add_account(&NewAccount { name, enabled, role: wanted.role, ..NewAccount::default() })?.id
        }
    };
    if wanted.role.is_some() {
        draft.set_role(&id, wanted.role)?;
    }
    if let Some(enabled) = wanted.enabled
        && draft.account(&id)?.enabled != enabled
    {
        draft.set_account_enabled(&id, enabled)?;
    }
    for identifier in identifiers(wanted).unwrap_or_default() {
        draft.add_identifier(&id, &identifier)?;
    }
    if let Some(users) = &wanted.acts_as {
        draft.set_acts_as(&id, users)?;
    }
    if let Some(paths) = &wanted.paths {
        draft.set_paths(&id, paths)?;
    }
    if let Some(url) = &wanted.jwks_url {
        draft.set_jwks_url(&id, Some(url.as_str()).filter(|url| !url.is_empty()))?;
    }
    let account = draft.account(&id)?;
    if let Some(organisation) = &wanted.organisation {
        belong(draft, &account, organisation)?;
    }
    once("key label", wanted.key.iter().map(|key| &key.label))?;
    once("public key", wanted.key.iter().map(|key| &key.spki))?;
    for key in &wanted.key {
        describe_key(draft, &id, key, shared).map_err(|denied| denied.at(&format!("key {}", key.label)))?;
    }
    once("companion key", wanted.companion.iter().map(|companion| &companion.label))?;
    for companion in &wanted.companion {
        describe_companion(draft, &id, companion)
            .map_err(|denied| denied.at(&format!("companion key {}", companion.label)))?;
    }
    Ok(())
}

fn belong(draft: &mut Draft<'_>, account: &Account, organisation: &str) -> Decided<()> {
    let wanted = match organisation {
        "" => None,
        name => Some(draft.organisation_by_name(name).ok_or_else(|| {
            Denied::not_found(
                "organisation-not-found",
                format!(
                    "wanted an organisation that is there; {name} is not; describe it with [[organisation]]"
                ),
            )
        })?),
    };
    let wanted = wanted.as_ref().map(|organisation| organisation.id.as_str());
    if account.organisation.as_deref() == wanted {
        return Ok(());
    }
    if account.organisation.is_some() {
        draft.leave(&account.id)?;
    }
    match wanted {
        Some(organisation) => draft.add_member(organisation, &account.id, "MEMBER").map(drop),
        None => Ok(()),
    }
}

fn describe_key(draft: &mut Draft<'_>, account: &str, wanted: &DesiredKey, shared: bool) -> Decided<()> {
    let narrowing = Narrowing {
        algorithms: wanted.algorithms.clone(),
        methods: wanted.methods.clone(),
        paths: wanted.paths.clone(),
        networks: wanted.networks.clone(),
    };
    let known: Option<KeyRecord> = draft.keys_of(account).into_iter().find(|key| key.spki == wanted.spki);
    let Some(known) = known else {
        let new = NewKey {
            account: account.to_owned(),
            label: wanted.label.clone(),
            spki: wanted.spki.clone(),
            dialects: wanted.dialects.clone(),
            narrowing,
            state: KeyState::Active,
            not_before: None,
            expires: wanted.expires,
            shared,
        };
        return draft.add_key(&new).map(drop);
    };
    if known.life.state == KeyState::Revoked {
        return Err(Denied::state(
            "key-state",
            format!(
                "wanted a key that may be used; {} was revoked; take it out of the description or describe a new one",
                known.id
            ),
        ));
    }
    if !wanted.label.is_empty() {
        draft.label_key(&known.id, &wanted.label)?;
    }
    draft.set_key_dialects(&known.id, &wanted.dialects)?;
    draft.set_key_limits(&known.id, &narrowing)?;
    draft.set_key_expiry(&known.id, wanted.expires).map(drop)
}

fn describe_companion(draft: &mut Draft<'_>, account: &str, wanted: &DesiredCompanion) -> Decided<()> {
    let known = draft.companions_of(account).into_iter().find(|known| known.label == wanted.label);
    if let Some(known) = known {
        if known.digest == wanted.digest && known.dialect == wanted.dialect {
            draft.set_companion_bound(&known.id, wanted.bound)?;
            return draft.set_companion_enabled(&known.id, wanted.enabled).map(drop);
        }
        draft.delete_companion(&known.id)?;
    }
    let new = NewCompanion {
        account: account.to_owned(),
        dialect: wanted.dialect.clone(),
        label: wanted.label.clone(),
        digest: wanted.digest.clone(),
        bound: wanted.bound,
        enabled: wanted.enabled,
    };
    draft.add_companion(&new).map(drop)
}

/// Accounts that are not described go, operators aside: nobody locks themselves out by leaving a line out.
fn prune_accounts(draft: &mut Draft<'_>, desired: &Desired) -> Decided<()> {
    let described: HashSet<&str> = desired.account.iter().map(|account| account.name.as_str()).collect();
    for account in draft.directory().accounts(None, usize::MAX) {
        if account.role.is_none() && !described.contains(account.name.as_str()) {
            draft.delete_account(&account.id)?;
        }
    }
    Ok(())
}

fn prune_rest(draft: &mut Draft<'_>, desired: &Desired) -> Decided<()> {
    let users: HashSet<&str> = desired.user.iter().map(|user| user.name.as_str()).collect();
    for user in draft.directory().users(None, usize::MAX) {
        if !users.contains(user.name.as_str()) {
            draft.delete_user(&user.name)?;
        }
    }
    let organisations: HashSet<&str> = desired.organisation.iter().map(|row| row.name.as_str()).collect();
    for organisation in draft.directory().organisations(None, usize::MAX) {
        if !organisations.contains(organisation.name.as_str())
            && draft.members_of(&organisation.id).is_empty()
        {
            draft.delete_organisation(&organisation.id)?;
        }
    }
    Ok(())
}

fn identifiers(wanted: &DesiredAccount) -> Option<Vec<Identifier>> {
    let namespaces = wanted.identifiers.as_ref()?.iter();
    let all = namespaces.flat_map(|(namespace, values)| {
        values.all().iter().map(|value| Identifier { namespace: namespace.clone(), value: value.clone() })
    });
    Some(all.collect())
}

/// Refuses what is described twice: which of them counts?
fn once<T: Ord>(what: &str, all: impl Iterator<Item = T>) -> Decided<()> {
    let mut seen = BTreeSet::new();
    for (number, one) in all.enumerate() {
        if !seen.insert(one) {
            return Err(Denied::invalid(
                "described-twice",
                format!(
                    "wanted each {what} once; found number {} described before; join the two",
                    number + 1
                ),
            ));
        }
    }
    Ok(())
}

fn changes(draft: &Draft<'_>) -> Vec<PlannedChange> {
    let planned = draft.audit().iter().map(|entry| PlannedChange {
        action: entry.action.clone(),
        subject: entry.subject.clone(),
        name: draft.name_of(&entry.subject),
        detail: entry.detail.clone(),
    });
    planned.collect()
}

#[cfg(test)]
mod tests;
