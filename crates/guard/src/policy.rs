//! What a route takes and whom it admits.
use crate::dpop;
use countersign::ask::Caller;
use countersign::dialect::Dialect;
use countersign::dialect::demand::{Demand, DemandKind};
use countersign::incoming::{Incoming, Limits};
use countersign::read::Addressed;
use countersign::reason::{Class, Reason};
use countersign::verified::Covered;
use std::sync::Arc;

/// The conditions of one route.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The dialects it takes.
    pub dialects: Vec<Arc<Dialect>>,
    /// Names or ids of the accounts it admits; `None`: all. What looks like an id is one, whatever accounts are called.
    pub admit: Option<Vec<String>>,
    /// Names of the organisations whose accounts it admits; `None`: all, and accounts without one.
    pub organisations: Option<Vec<String>>,
    /// What a proof must bind; only the switches count.
    pub require: Covered,
    /// What a caller may make the verifier read.
    pub limits: Limits,
}

/// How a refusal is answered in a dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Value of `WWW-Authenticate`.
    pub challenge: Option<Arc<str>>,
    /// Value of `Accept-Signature` (RFC 9421 section 5.1): what a signature would have to cover.
    pub accept_signature: Option<Arc<str>>,
}

/// Which of a route's dialects a request is addressed to.
pub(crate) enum Found<'p> {
    None,
    One(&'p Arc<Dialect>),
    Several,
}

impl Policy {
    /// A route that takes these dialects, admits everybody and keeps the shipped limits.
    #[must_use]
    pub fn of(dialects: Vec<Arc<Dialect>>) -> Self {
        Self {
            dialects,
            admit: None,
            organisations: None,
            require: Covered::default(),
            limits: Limits::default(),
        }
    }

    /// Whether a dialect of the route signs the body, so that it must be read before judging.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        self.dialects.iter().any(|dialect| dialect.needs_body())
    }

    /// How a refusal without a dialect is answered: as the first dialect of the route would.
    #[must_use]
    pub fn reply(&self, reason: Reason) -> Reply {
        match self.dialects.first() {
            Some(dialect) => Reply::of(dialect, reason),
            None => Reply::plain(reason),
        }
    }

    /// Whether the route admits an account, whatever it proves.
    #[must_use]
    pub fn admits(&self, caller: &Caller) -> bool {
        let is_meant =
            |listed: &String| *listed == *caller.id || (!is_account_id(listed) && *listed == *caller.name);
        let named = self.admit.as_ref().is_none_or(|admitted| admitted.iter().any(is_meant));
        let belongs = self.organisations.as_ref().is_none_or(|names| {
            caller.organisation.as_ref().is_some_and(|own| names.iter().any(|name| **name == **own))
        });
        named && belongs
    }

    /// What a route wants bound that a dialect does not bind, in words.
    #[must_use]
    pub fn lacking(require: &Covered, covered: &Covered) -> Option<&'static str> {
        [
            (require.method && !covered.method, "the method"),
            (require.authority && !covered.authority, "the host"),
            (require.path && !covered.path, "the path"),
            (require.query && !covered.query, "the query"),
            (require.body && !covered.body, "the body"),
            (require.once && !covered.once, "that it works once"),
        ]
        .into_iter()
        .find_map(|(lacks, words)| lacks.then_some(words))
    }

    /// One dialect speaks for the request, or none does, or it is refused: there is no "try the next".
    pub(crate) fn find(&self, incoming: &Incoming<'_>) -> Found<'_> {
        match self.addressed(incoming, false) {
            // Only where several dialects share a place is the proof itself looked at.
            Found::Several => match self.addressed(incoming, true) {
                Found::None => Found::Several,
                found => found,
            },
            found => found,
        }
    }

    fn addressed(&self, incoming: &Incoming<'_>, discriminate: bool) -> Found<'_> {
        let ours = |dialect: &&Arc<Dialect>| {
            dialect.addressed(incoming, &self.limits, discriminate) == Addressed::Yes
        };
        let mut found = self.dialects.iter().filter(ours);
        match (found.next(), found.next()) {
            (None, _) => Found::None,
            (Some(only), None) => Found::One(only),
            _ => Found::Several,
        }
    }
}

/// Whether a text has the form of an account's id, as [`countersign_store::stamp::Stamp::id`] makes them.
#[must_use]
pub fn is_account_id(text: &str) -> bool {
    let letters = |rest: &str| rest.len() == 26 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.strip_prefix("acc_").is_some_and(letters)
}

impl Reply {
    /// How a dialect answers a reason.
    #[must_use]
    pub fn of(dialect: &Dialect, reason: Reason) -> Self {
        if reason.class() == Class::Limit {
            return Self::limit(reason);
        }
        let status = dialect.status(reason);
        if status != 401 {
            return Self { status, ..Self::plain(reason) };
        }
        let beside = is_about_what_stands_beside(dialect, reason).then_some(Reason::WrongDpop);
        let challenge = match dpop::challenge(beside.unwrap_or(reason)) {
            Some(challenge) => Some(challenge.into()),
            None => dialect.challenge(reason).cloned(),
        };
        Self { status, challenge, accept_signature: dialect.accept_signature().cloned() }
    }

    /// How a limit is answered: as HTTP does, whatever a dialect makes of refusals, since it says nothing about the proof.
    #[must_use]
    pub fn limit(reason: Reason) -> Self {
        Self::plain(reason)
    }

    /// The reason's own status, and nothing about dialects.
    #[must_use]
    pub fn plain(reason: Reason) -> Self {
        Self { status: reason.status(), challenge: None, accept_signature: None }
    }
}

/// Whether a reason that other dialects have of their own can only be a DPoP proof's here: the tokens it stands beside come again, and are not dated by
/// the second.
fn is_about_what_stands_beside(dialect: &Dialect, reason: Reason) -> bool {
    let of_a_proof = matches!(reason, Reason::Replayed | Reason::BeforeRestart | Reason::OutOfWindow);
    let near = |demand: &Demand| demand.kind == DemandKind::Near;
    of_a_proof && !dialect.is_single_use() && !dialect.demands().iter().any(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(id: &str, name: &str) -> Caller {
        Caller {
            id: id.into(),
            name: name.into(),
            organisation: None,
            enabled: true,
            paths: Box::default(),
            keys: Box::default(),
        }
    }

    #[test]
    fn an_id_in_the_list_is_no_name() {
        let id = "acc_01hf7yat00aaaaaaaaaaaaaaaa";
        let admit = Some(vec![id.to_owned(), "partner".to_owned()]);
        let policy = Policy { admit, ..Policy::of(Vec::new()) };
        assert!(policy.admits(&caller(id, "whatever")));
        assert!(policy.admits(&caller("acc_other", "partner")));
        assert!(!policy.admits(&caller("acc_other", id)), "an account that is called like another's id");
        assert!(!policy.admits(&caller("acc_other", "Partner")));
        assert!(Policy::of(Vec::new()).admits(&caller("acc_other", "anyone")));
    }
}
