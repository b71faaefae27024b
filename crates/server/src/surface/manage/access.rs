//! That somebody can still manage the installation after a change: an owner who can come in, with a key that lasts.
use countersign::life::key::KeyState;
use countersign::time::{Span, Time};
use countersign_store::denied::{Denial, Denied};
use countersign_store::directory::Directory;
use countersign_store::draft::Draft;
use countersign_store::model::{Account, KeyRecord, Role};

/// The dialect that management requests are signed in.
pub(crate) const DIALECT: &str = "operator";

/// What that dialect takes; a key that is kept to others signs no management request.
const ALGORITHMS: [&str; 3] = ["Ed25519", "ES256", "RS256"];
/// How long an owner can come in after any change, seconds: long enough to notice, and to register another key.
const NOTICE: i64 = 7 * 86_400;

/// Refuses a change that takes the last owner's last key for management calls, or lets it end within a week where one lasted longer.
///
/// # Errors
/// [`Denied`] `last-owner`.
pub(crate) fn keep_an_owner(directory: &Directory, draft: &Draft<'_>) -> Result<(), Denied> {
    let operators = directory.operators();
    let before = operators.iter().filter_map(|account| lasts(account, &directory.keys_of(&account.id))).max();
    let drafted = operators.iter().filter_map(|account| draft.account(&account.id).ok());
    let after = drafted.filter_map(|account| lasts(&account, &draft.keys_of(&account.id))).max();
    if after >= before.map(|end| end.min(draft.now() + Span::from_seconds(NOTICE))) {
        return Ok(());
    }
    let text = "after this, no owner could sign a management request, or not for a week; register another key for an owner first";
    Err(Denied::new(Denial::State, "last-owner", text))
}

/// Until when an owner comes in with the best of these keys; `None` where it does not.
fn lasts(account: &Account, keys: &[KeyRecord]) -> Option<Time> {
    let comes_in = account.enabled && account.role == Some(Role::Owner);
    let usable = keys.iter().filter(|key| comes_in && is_usable(key));
    usable.map(|key| key.life.expires.unwrap_or(Time::MAX)).max()
}

/// Whether a key may be used for every management call, until it expires.
fn is_usable(key: &KeyRecord) -> bool {
    key.life.state == KeyState::Active
        && key.dialects.iter().any(|dialect| dialect == DIALECT)
        && (key.algorithms.is_empty()
            || key.algorithms.iter().any(|name| ALGORITHMS.contains(&name.as_str())))
        && key.methods.is_empty()
        && key.paths.is_empty()
        && key.networks.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::life::key::KeyLife;

    #[test]
    fn the_algorithms_are_those_of_the_dialect() {
        let dialect = countersign_dialects::load(DIALECT, &Default::default()).unwrap();
        let names: Vec<&str> = dialect.algorithms().iter().map(|algorithm| algorithm.name()).collect();
        assert_eq!(names, ALGORITHMS);
    }

    #[test]
    fn a_key_for_other_algorithms_lets_no_owner_in() {
        let key = |algorithms: &[&str]| KeyRecord {
            id: String::new(),
            account: String::new(),
            label: String::new(),
            spki: Vec::new(),
            life: KeyLife { state: KeyState::Active, not_before: None, expires: None },
            dialects: vec![DIALECT.to_owned()],
            algorithms: algorithms.iter().map(ToString::to_string).collect(),
            methods: Vec::new(),
            paths: Vec::new(),
            networks: Vec::new(),
            created: Time::default(),
            last_used: None,
            last_address: None,
        };
        assert!(is_usable(&key(&[])) && is_usable(&key(&["PS512", "RS256"])));
        assert!(!is_usable(&key(&["PS512"])));
    }
}
