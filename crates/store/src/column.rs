//! How values that a database has no type for stand in a column: instants and lists as text, words for enumerations.
use crate::fault::Fault;
use crate::model::Role;
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;

/// An instant as decimal nanoseconds.
#[must_use]
pub fn instant(time: Time) -> String {
    time.nanos().to_string()
}

/// A list as JSON.
///
/// # Errors
/// When the list cannot be written as JSON, which no list of texts does.
pub fn list(items: &[String]) -> Result<String, Fault> {
    serde_json::to_string(items).map_err(|error| Fault::caused("cannot write a list as JSON", error))
}

/// A role as its word.
#[must_use]
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Auditor => "auditor",
        Role::Manager => "manager",
        Role::Owner => "owner",
    }
}

/// An instant from decimal nanoseconds; most fit into 64 bits, which read faster.
#[must_use]
pub fn nanos(text: &str) -> Option<Time> {
    let short = text.parse::<i64>().map(i128::from);
    short.or_else(|_| text.parse()).ok().map(Time::from_nanos)
}

/// A list from JSON; most are empty.
#[must_use]
pub fn list_of(text: &str) -> Option<Vec<String>> {
    if text == "[]" { Some(Vec::new()) } else { serde_json::from_str(text).ok() }
}

/// A role from its word.
///
/// # Errors
/// What the column should hold, when the word is no role.
pub fn role_of(word: Option<&str>) -> Result<Option<Role>, &'static str> {
    match word {
        None => Ok(None),
        Some("auditor") => Ok(Some(Role::Auditor)),
        Some("manager") => Ok(Some(Role::Manager)),
        Some("owner") => Ok(Some(Role::Owner)),
        Some(_) => Err("auditor, manager or owner"),
    }
}

/// A key's life from its state's word and its dates.
///
/// # Errors
/// What the column should hold, when that is no state a key can be in.
pub fn life(
    state: &str,
    retiring_until: Option<Time>,
    not_before: Option<Time>,
    expires: Option<Time>,
) -> Result<KeyLife, &'static str> {
    let state = match (state, retiring_until) {
        ("pending", _) => KeyState::Pending,
        ("active", _) => KeyState::Active,
        ("retiring", Some(until)) => KeyState::Retiring { until },
        ("disabled", _) => KeyState::Disabled,
        ("recovery", _) => KeyState::Recovery,
        ("revoked", _) => KeyState::Revoked,
        _ => return Err("pending, active, retiring with its date, disabled, recovery or revoked"),
    };
    Ok(KeyLife { state, not_before, expires })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for time in [Time::MIN, Time::from_seconds(0), Time::from_millis(1_767_225_600_123), Time::MAX] {
            assert_eq!(nanos(&instant(time)), Some(time));
        }
        for items in [vec![], vec!["a".to_owned(), "\" ,".to_owned()]] {
            assert_eq!(list_of(&list(&items).unwrap()), Some(items));
        }
        for one in [Role::Auditor, Role::Manager, Role::Owner] {
            assert_eq!(role_of(Some(role(one))), Ok(Some(one)));
        }
        assert!(nanos("1.5").is_none() && list_of("[1]").is_none() && role_of(Some("king")).is_err());
        assert!(life("retiring", None, None, None).is_err());
    }
}
