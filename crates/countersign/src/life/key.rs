//! The life of a key: pending, active, retiring until a date, then revoked or expired.
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// Where a key stands in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum KeyState {
    /// Registered, waits for approval or for proof of possession.
    Pending,
    /// In use.
    Active,
    /// Replaced: still accepted until the instant given.
    Retiring {
        /// Last instant (exclusive) at which the key is accepted, Unix nanoseconds.
        until: Time,
    },
    /// Switched off by a person; may come back.
    Disabled,
    /// Put away for the day on which the account's other keys are lost: proves a rotation, never a request.
    Recovery,
    /// Ended for ever.
    Revoked,
}

/// A key's state with its dates: everything that decides whether it is accepted now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyLife {
    /// Where the key stands.
    pub state: KeyState,
    /// Not accepted before this instant.
    pub not_before: Option<Time>,
    /// Not accepted from this instant on.
    pub expires: Option<Time>,
}

/// A move that the life of a key does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidMove {
    /// The state the key is in.
    pub from: KeyState,
    /// What was asked for.
    pub asked: &'static str,
}

impl KeyLife {
    /// An active key without dates.
    pub const ACTIVE: Self = Self { state: KeyState::Active, not_before: None, expires: None };

    /// Whether a proof by this key counts at `now`.
    #[must_use]
    pub fn is_live(&self, now: Time) -> bool {
        let state = match self.state {
            KeyState::Active => true,
            KeyState::Retiring { until } => now < until,
            KeyState::Pending | KeyState::Disabled | KeyState::Recovery | KeyState::Revoked => false,
        };
        state && self.not_before.is_none_or(|from| from <= now) && self.expires.is_none_or(|end| now < end)
    }

    /// Whether the key may prove a rotation at `now`: one that is active, or one kept for recovery, within its dates. One that
    /// retires has its successor already, and may have been replaced because somebody else has it.
    #[must_use]
    pub fn may_vouch(&self, now: Time) -> bool {
        let held = matches!(self.state, KeyState::Active | KeyState::Recovery);
        held && Self { state: KeyState::Active, ..*self }.is_live(now)
    }

    /// The first instant at which a live key no longer counts, as things stand; `None` without an end.
    #[must_use]
    pub fn ends(&self) -> Option<Time> {
        let retired = match self.state {
            KeyState::Retiring { until } => Some(until),
            _ => None,
        };
        retired.into_iter().chain(self.expires).min()
    }

    /// Pending or disabled becomes active.
    ///
    /// # Errors
    /// [`InvalidMove`] from any other state: a revoked key never comes back.
    pub fn activate(self) -> Result<Self, InvalidMove> {
        match self.state {
            KeyState::Pending | KeyState::Disabled | KeyState::Active => {
                Ok(Self { state: KeyState::Active, ..self })
            }
            from => Err(InvalidMove { from, asked: "activate" }),
        }
    }

    /// Active becomes retiring until `until`; a retiring key may get another date.
    ///
    /// # Errors
    /// [`InvalidMove`] from any other state.
    pub fn retire(self, until: Time) -> Result<Self, InvalidMove> {
        match self.state {
            KeyState::Active | KeyState::Retiring { .. } => {
                Ok(Self { state: KeyState::Retiring { until }, ..self })
            }
            from => Err(InvalidMove { from, asked: "retire" }),
        }
    }

    /// Active or pending becomes disabled.
    ///
    /// # Errors
    /// [`InvalidMove`] from retiring or revoked.
    pub fn disable(self) -> Result<Self, InvalidMove> {
        match self.state {
            KeyState::Active | KeyState::Pending | KeyState::Disabled => {
                Ok(Self { state: KeyState::Disabled, ..self })
            }
            from => Err(InvalidMove { from, asked: "disable" }),
        }
    }

    /// Any state becomes revoked, for ever.
    #[must_use]
    pub fn revoke(self) -> Self {
        Self { state: KeyState::Revoked, ..self }
    }
}

impl KeyState {
    /// The word for it in tables, answers and messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retiring { .. } => "retiring",
            Self::Disabled => "disabled",
            Self::Recovery => "recovery",
            Self::Revoked => "revoked",
        }
    }
}

impl std::fmt::Display for InvalidMove {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot {} a key that is {}", self.asked, self.from.name())
    }
}

impl std::error::Error for InvalidMove {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revoked_key_never_comes_back() {
        let key = KeyLife::ACTIVE.revoke();
        assert!(key.activate().is_err() && key.disable().is_err());
        assert!(key.retire(Time::MAX).is_err());
        assert!(!key.is_live(Time::from_seconds(0)));
    }

    #[test]
    fn a_recovery_key_vouches_and_does_nothing_else() {
        let key = KeyLife { state: KeyState::Recovery, ..KeyLife::ACTIVE };
        let now = Time::from_seconds(5);
        assert!(!key.is_live(now) && key.may_vouch(now));
        assert!(key.activate().is_err() && key.disable().is_err() && key.retire(Time::MAX).is_err());
        assert!(!key.revoke().may_vouch(now));
        assert!(!KeyLife { expires: Some(now), ..key }.may_vouch(now));
        let pending = KeyLife { state: KeyState::Pending, ..KeyLife::ACTIVE };
        assert!(!pending.may_vouch(now) && KeyLife::ACTIVE.may_vouch(now));
        assert!(!KeyLife::ACTIVE.retire(Time::MAX).unwrap().may_vouch(now), "it has its successor");
    }

    #[test]
    fn a_retiring_key_ends_at_its_date() {
        let until = Time::from_seconds(100);
        let key = KeyLife::ACTIVE.retire(until).unwrap();
        assert!(key.is_live(Time::from_seconds(99)));
        assert!(!key.is_live(until));
    }

    #[test]
    fn dates_bound_an_active_key() {
        let key = KeyLife {
            not_before: Some(Time::from_seconds(10)),
            expires: Some(Time::from_seconds(20)),
            ..KeyLife::ACTIVE
        };
        let live: Vec<i64> = (8..22).filter(|s| key.is_live(Time::from_seconds(*s))).collect();
        assert_eq!((live.first(), live.last()), (Some(&10), Some(&19)));
    }

    #[test]
    fn a_key_that_is_switched_off_comes_back_when_it_is_switched_on() {
        let off = KeyLife::ACTIVE.disable().unwrap();
        assert_eq!(off.state, KeyState::Disabled);
        assert!(!off.is_live(Time::from_seconds(0)));
        assert_eq!(off.activate().unwrap(), KeyLife::ACTIVE);
        let refused = KeyLife::ACTIVE.revoke().disable().unwrap_err();
        assert_eq!(refused.to_string(), "cannot disable a key that is revoked");
    }

    #[test]
    fn a_key_ends_at_the_first_of_its_ends() {
        let at = Time::from_seconds;
        assert_eq!(KeyLife::ACTIVE.ends(), None);
        let expires = KeyLife { expires: Some(at(20)), ..KeyLife::ACTIVE };
        assert_eq!(expires.ends(), Some(at(20)));
        assert_eq!(KeyLife::ACTIVE.retire(at(10)).unwrap().ends(), Some(at(10)));
        assert_eq!(expires.retire(at(10)).unwrap().ends(), Some(at(10)));
        assert_eq!(expires.retire(at(30)).unwrap().ends(), Some(at(20)));
    }
}
