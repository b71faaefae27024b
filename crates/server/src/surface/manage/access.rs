//! That somebody can still manage the installation after a change: an owner who can come in, with a key that lasts.
use countersign::life::key::KeyState;
use countersign_store::denied::{Denial, Denied};
use countersign_store::directory::Directory;
use countersign_store::draft::Draft;
use countersign_store::model::{Account, KeyRecord, Role};

/// The dialect that management requests are signed in.
pub(crate) const DIALECT: &str = "operator";

/// Refuses a change that takes the last owner's last key for management calls.
///
/// # Errors
/// [`Denied`] `last-owner`.
pub(crate) fn keep_an_owner(directory: &Directory, draft: &Draft<'_>) -> Result<(), Denied> {
    let operators = directory.operators();
    let before = operators.iter().any(|account| manages(account, &directory.keys_of(&account.id)));
    let drafted = operators.iter().filter_map(|account| draft.account(&account.id).ok());
    let after = drafted.into_iter().any(|account| manages(&account, &draft.keys_of(&account.id)));
    if after || !before {
        return Ok(());
    }
    let text =
        "after this, no owner could sign a management request; register another key for an owner first";
    Err(Denied::new(Denial::State, "last-owner", text))
}

fn manages(account: &Account, keys: &[KeyRecord]) -> bool {
    account.enabled && account.role == Some(Role::Owner) && keys.iter().any(lasts)
}

/// Whether a key may be used for every management call, without an end in sight.
fn lasts(key: &KeyRecord) -> bool {
    key.life.state == KeyState::Active
        && key.dialects.iter().any(|dialect| dialect == DIALECT)
        && key.methods.is_empty()
        && key.paths.is_empty()
        && key.networks.is_empty()
}
