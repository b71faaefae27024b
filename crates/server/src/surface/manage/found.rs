//! Rows by the id in a path, or the problem that says there is no such thing.
use super::problem::Problem;
use super::state::Manage;
use countersign_store::model::{Account, CompanionRecord, KeyRecord, Organisation, User};

/// The account with this id.
pub(crate) fn account(manage: &Manage, id: &str) -> Result<Account, Problem> {
    manage.directory.account(id).ok_or_else(|| Problem::missing("account"))
}

/// The key with this id.
pub(crate) fn key(manage: &Manage, id: &str) -> Result<KeyRecord, Problem> {
    manage.directory.key(id).ok_or_else(|| Problem::missing("key"))
}

/// The account that has the key with this id.
pub(crate) fn owner_of_key(manage: &Manage, id: &str) -> Result<Account, Problem> {
    account(manage, &key(manage, id)?.account)
}

/// The companion key with this id and the account that has it.
pub(crate) fn companion_and_owner(manage: &Manage, id: &str) -> Result<(CompanionRecord, Account), Problem> {
    let companion = manage.directory.companion(id).ok_or_else(|| Problem::missing("companion"))?;
    let owner = account(manage, &companion.account)?;
    Ok((companion, owner))
}

/// The organisation with this id.
pub(crate) fn organisation(manage: &Manage, id: &str) -> Result<Organisation, Problem> {
    manage.directory.organisation(id).ok_or_else(|| Problem::missing("organisation"))
}

/// The user with this name.
pub(crate) fn user(manage: &Manage, name: &str) -> Result<User, Problem> {
    manage.directory.user(name).ok_or_else(|| Problem::missing("user"))
}
