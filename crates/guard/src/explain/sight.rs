//! How much whoever asks for an explanation may see.
use super::Explanation;
use crate::allowance::{Allowance, Unlimited};
use crate::diagnosis::Scene;
use crate::guard::Guard;
use countersign::dialect::Dialect;
use countersign::dialect::demand::Demand;
use countersign::incoming::{Incoming, Limits};
use countersign::read::Scratch;
use countersign::reason::{Class, Reason, Stage};
use countersign::time::Time;
use std::sync::Arc;

/// Accounts and users that are looked through for one whose name differs in spelling alone: an operator waits for it, and beyond some
/// thousands a list is searched by other means.
const MOST_LOOKED_AT: usize = 5000;
/// Of which so many are copied at once.
const PAGE: usize = 500;

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
    pub(super) fn of(sight: Sight<'_>, told: &Explanation, refusal: Option<Reason>) -> Self {
        // What was refused before anybody was looked up says nothing about anybody.
        let unread = refusal.is_some_and(|reason| matches!(reason.class(), Class::Absent | Class::Malformed));
        let limited = refusal.is_some_and(|reason| reason.class() == Class::Limit);
        match (sight, &told.claimed) {
            (Sight::All, _) => Self::All,
            (Sight::Account(id), Some(claimed)) if *claimed.id == *id => Self::Own { held: false },
            _ if told.proved => Self::Own { held: true },
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

impl Explanation {
    /// The rule that did not hold: rules are judged in order, a step for each, and the first that does not hold is the last.
    pub(super) fn failed_rule(&self, dialect: Option<&Arc<Dialect>>) -> Option<Demand> {
        let steps = self.steps.iter().filter(|step| step.stage == Stage::Rules.name()).count();
        dialect?.demands().into_iter().nth(steps.checked_sub(1)?)
    }

    /// Leaves what a stranger may know.
    pub(super) fn hide(&mut self, judged: Reason) {
        self.reason = None;
        self.text = Some(crate::answer::title(judged.outward()));
        self.hint = None;
        self.caller = None;
        self.dialect = None;
        self.steps.clear();
    }

    /// Leaves what the account itself may know.
    pub(super) fn as_owner(&mut self, reason: Reason) {
        (self.reason, self.text, self.hint) = (Some(reason.code()), Some(reason.text()), Some(reason.hint()));
        for step in &mut self.steps {
            let failed = Reason::ALL.iter().find(|reason| Some(reason.code()) == step.failed);
            // Whether somebody else has it or nobody does must not show in what was found, either.
            let veiled = matches!(
                failed,
                Some(
                    Reason::KeyElsewhere
                        | Reason::KeyHintUnknown
                        | Reason::CompanionElsewhere
                        | Reason::CompanionDisabled
                        | Reason::UnknownCompanion
                        | Reason::UnknownUser
                        | Reason::UserNotDelegated
                )
            );
            if veiled {
                step.failed = Some(reason.code());
                if step.stage == Stage::Rules.name() {
                    "none that this account may use".clone_into(&mut step.found);
                }
            }
        }
    }
}

impl Guard {
    /// A registered identifier or known user that differs from the one in the proof in spelling alone: of all accounts, or of one.
    pub(super) fn similar(&self, scene: &Scene<'_>, only: Option<&str>) -> Option<String> {
        let dialect = scene.dialect?;
        let mut scratch = Scratch::default();
        let limits: &Limits = &scene.limits;
        let incoming: &Incoming<'_> = scene.incoming;
        let proof = dialect.read(incoming, limits, &mut scratch, &mut ()).ok()??;
        let own = only.map(|id| self.directory.account(id));
        match scene.reason {
            Reason::UnknownAccount => {
                let meant = bare(proof.identifier());
                let namespace = dialect.namespace()?;
                let of = |account: countersign_store::model::Account| {
                    let named = account.identifiers.into_iter();
                    named
                        .filter(|known| known.namespace == namespace)
                        .find(|known| bare(&known.value) == meant)
                };
                let found = match own {
                    Some(account) => account.and_then(of),
                    None => self.looked_through(of),
                };
                found.map(|known| known.value).filter(|known| known != proof.identifier())
            }
            Reason::UnknownUser => {
                let meant = bare(proof.wants().acting_as?);
                match own {
                    Some(account) => account?.acts_as.into_iter().find(|user| bare(user) == meant),
                    None => {
                        let users = self.directory.users(None, MOST_LOOKED_AT);
                        users.into_iter().map(|user| user.name).find(|user| bare(user) == meant)
                    }
                }
            }
            Reason::UserNotDelegated => {
                let named = proof.wants().acting_as?;
                let meant = bare(named);
                own??.acts_as.into_iter().find(|user| bare(user) == meant && user != named)
            }
            _ => None,
        }
    }

    fn looked_through<T>(&self, of: impl Fn(countersign_store::model::Account) -> Option<T>) -> Option<T> {
        let mut after: Option<String> = None;
        for _ in 0..MOST_LOOKED_AT / PAGE {
            let page = self.directory.accounts(after.as_deref(), PAGE);
            after = Some(page.last()?.id.clone());
            if let Some(found) = page.into_iter().find_map(&of) {
                return Some(found);
            }
        }
        None
    }
}

/// A name without what people get wrong: capitals, white space, leading zeros.
fn bare(name: &str) -> String {
    name.trim().trim_start_matches('0').to_lowercase()
}
