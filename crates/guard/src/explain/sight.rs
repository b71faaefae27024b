//! How much whoever asks for an explanation may see.
use crate::allowance::{Allowance, Unlimited};
use countersign::reason::{Class, Reason};
use countersign::time::Time;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight<'a> {
    /// An operator, or somebody who asks offline of rows of its own.
    All,
    /// The account with this id: it proved a key of its own when it asked.
    Account(&'a str),
    /// Anybody: who is told more only where the signature of the request in question holds.
    Stranger,
}

/// One question.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// Who asks.
    pub sight: Sight<'a>,
    /// When to judge; now without it.
    pub at: Option<Time>,
    /// What the caller says it signed.
    pub signed: Option<&'a [u8]>,
    /// Whether a signature may be checked.
    pub allowance: &'a dyn Allowance,
}

/// What is shown after the judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Eyes {
    /// Everything.
    All,
    /// All that concerns the account itself. `held`: it is shown because the request's own signature holds, to whoever has the request.
    Own { held: bool },
    /// What concerns the account with this id, in a request that names somebody else or nobody.
    Anothers(String),
    /// The outward code.
    Nobodys,
}

impl Asking<'_> {
    /// Everything, now, without a limit.
    #[must_use]
    pub fn everything() -> Self {
        Self { sight: Sight::All, at: None, signed: None, allowance: &Unlimited }
    }
}

impl std::fmt::Debug for Asking<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking").field("sight", &self.sight).field("at", &self.at).finish_non_exhaustive()
    }
}

impl Eyes {
    pub(super) fn of(sight: Sight<'_>, claimed: Option<&str>, proved: bool, refusal: Option<Reason>) -> Self {
        // What was refused before anybody was looked up says nothing about anybody.
        let unread = refusal.is_some_and(|reason| matches!(reason.class(), Class::Absent | Class::Malformed));
        let limited = refusal.is_some_and(|reason| reason.class() == Class::Limit);
        match (sight, claimed) {
            (Sight::All, _) => Self::All,
            (Sight::Account(id), Some(claimed)) if claimed == id => Self::Own { held: false },
            _ if proved => Self::Own { held: true },
            (Sight::Account(_), _) if unread => Self::Own { held: false },
            (Sight::Account(_), _) if limited => Self::Nobodys,
            (Sight::Account(id), _) => Self::Anothers(id.to_owned()),
            (Sight::Stranger, _) => Self::Nobodys,
        }
    }
}

/// The reason as the account itself may be told it: what is others' is the same as what is not there.
pub(super) fn to_owner(reason: Reason, own_companion_off: bool) -> Reason {
    match reason {
        Reason::KeyElsewhere => Reason::KeyHintUnknown,
        Reason::CompanionElsewhere => Reason::UnknownCompanion,
        Reason::CompanionDisabled if !own_companion_off => Reason::UnknownCompanion,
        Reason::UnknownUser => Reason::UserNotDelegated,
        reason => reason,
    }
}
