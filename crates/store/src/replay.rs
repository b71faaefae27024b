//! By which terms a replay memory that nodes share remembers, and when it must say that uses may be missing from it.
use countersign::time::{Span, Time};
use std::collections::BTreeMap;

/// By which terms uses are remembered, for each dialect. A start with other terms than those noted, or with a dialect that has
/// none noted, puts what was used before behind a barrier: its use may be forgotten, and its proof may hold for longer now.
pub type Terms = BTreeMap<String, Term>;

/// By which terms the uses of one dialect's proofs are remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The terms, spelt so that any change shows.
    pub text: String,
    /// How long a proof may hold at most.
    pub window: Span,
}

/// What stands before the terms in a memory that was given up for another one.
const ELSEWHERE: &str = "elsewhere: ";

impl Term {
    /// The same terms as a memory notes them that was given up for another one: other terms than its own, so that nodes that still
    /// ask it are stopped, and that it begins behind a barrier when it is asked again.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        Self { text: format!("{ELSEWHERE}{}", self.text), window: self.window }
    }
}

/// For how long at most a proof may hold whose use was remembered by other terms than these; `None` when all are as noted. `noted` tells
/// whether these terms are what is noted of a dialect; `None` where nothing is.
///
/// Nothing, for a dialect of which nothing was noted: it has used nothing that could be forgotten by other terms. Nothing as well
/// where the same uses were remembered elsewhere meanwhile: they are unknown here, and none of them stands after now.
pub fn changed(terms: &Terms, noted: impl Fn(&str, &str) -> Option<bool>) -> Option<Span> {
    let changed = terms.iter().filter_map(|(dialect, term)| {
        let is_noted = |text: &str| noted(dialect, text);
        let moved = match term.text.strip_prefix(ELSEWHERE) {
            Some(here) => is_noted(here),
            None => is_noted(&term.elsewhere().text),
        };
        match is_noted(&term.text) {
            Some(true) => None,
            None => Some(Span::ZERO),
            Some(false) if moved == Some(true) => Some(Span::ZERO),
            Some(false) => Some(term.window),
        }
    });
    changed.max()
}

/// What a replay memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One-time proofs.
    Proofs,
    /// Answered challenges, which strangers can ask for.
    Challenges,
}

/// What a replay memory needs to begin.
#[derive(Clone, Debug)]
pub struct ReplayStart {
    /// Now.
    pub now: Time,
    /// How far ahead of this clock a use may stand ([`Claim::since`](countersign::ask::Claim)): so far apart may the clocks of nodes be.
    pub horizon: Span,
    /// By which terms this node remembers. When they are others than before, what was used before is behind a barrier, and nodes
    /// that still go by the others answer faults until they are started anew.
    pub terms: Terms,
}

/// What was found at the start, for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Proofs dated at or before this are barred; [`Time::MIN`] when all of them are vouched for.
    pub barrier: Time,
    /// Why the barrier was raised at this start, when it was.
    pub why: Option<String>,
}

/// Whether terms may be changed: at the start of a node, and never afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The start of a node.
    Begin,
    /// A node that runs already.
    Again,
}

/// What is known of the uses that are kept. Times are whole seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Whose history they are. Elsewhere, some may be missing.
    pub place: String,
    /// Grows with every barrier; nodes that began before look again.
    pub generation: i64,
    /// What is dated at or before this is barred: its use may be unknown.
    pub barrier: i64,
    /// Uses that ended at or before this may be gone, so what ends there is barred as well.
    pub forgotten: i64,
    /// A use is kept at least this long after it can have been used first: the widest window that any node has had.
    pub keep: i64,
}

/// What is found by a node that begins, or looks again.
#[derive(Clone, Debug)]
pub struct Found {
    /// Whose history is there now.
    pub place: String,
    /// What to say when that is another than before.
    pub moved: &'static str,
    /// For how long nodes may still claim where the history was before.
    pub linger: Span,
    /// The later of the node's clock and the store's, seconds.
    pub latest: i64,
    /// The widest window of the dialects whose terms changed: [`ReplayStart::changed`].
    pub changed: Option<Span>,
}

impl Scope {
    /// The number in tables.
    #[must_use]
    pub fn number(self) -> i16 {
        match self {
            Self::Proofs => 1,
            Self::Challenges => 2,
        }
    }

    /// The word in names.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Proofs => "proofs",
            Self::Challenges => "challenges",
        }
    }
}

impl ReplayStart {
    /// [`changed`], for terms noted by dialect.
    #[must_use]
    pub fn changed(&self, noted: &BTreeMap<String, String>) -> Option<Span> {
        changed(&self.terms, |dialect, text| noted.get(dialect).map(|noted| noted == text))
    }

    /// How long a use is kept after its date at least, seconds.
    #[must_use]
    pub fn keep(&self) -> i64 {
        seconds(self.widest())
    }

    /// The state from now on, and why its barrier was raised, when it was.
    #[must_use]
    pub fn next(&self, before: State, found: Found) -> (State, Option<String>) {
        let horizon = self.horizon;
        let keep = self.keep();
        let wider = keep > before.keep;
        let mut state = State { keep: before.keep.max(keep), ..before };
        let mut raise = |ahead: Span| {
            state.barrier = state.barrier.max(found.latest.saturating_add(seconds(ahead)));
            state.generation = state.generation.saturating_add(1);
        };
        let why = if state.place != found.place {
            let ahead = horizon.max(found.changed.unwrap_or_default());
            raise(Span::from_millis(ahead.millis().saturating_add(found.linger.millis())));
            Some(found.moved)
        } else if let Some(changed) = found.changed {
            raise(horizon.max(changed));
            Some("uses are remembered by other terms than before")
        } else if wider {
            raise(self.widest());
            Some("proofs may hold for longer than before")
        } else {
            None
        };
        state.place = found.place;
        (state, why.map(str::to_owned))
    }

    fn widest(&self) -> Span {
        self.terms.values().map(|term| term.window).fold(self.horizon, Span::max)
    }
}

/// Seconds, rounded up.
fn seconds(span: Span) -> i64 {
    span.millis().div_euclid(1000).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(named: &[(&str, &str)], window: Span) -> Terms {
        let term = |text: &str| Term { text: text.to_owned(), window };
        named.iter().map(|(name, text)| ((*name).to_owned(), term(text))).collect()
    }

    #[test]
    fn only_terms_that_were_others_cost_a_window() {
        let hour = Span::from_seconds(3600);
        let noted = BTreeMap::from([("a".to_owned(), "near:20".to_owned())]);
        let asked = |wanted: &Terms, noted: &BTreeMap<String, String>| {
            changed(wanted, |name, text| noted.get(name).map(|noted| noted == text))
        };
        assert_eq!(asked(&terms(&[("a", "near:20")], hour), &noted), None);
        assert_eq!(asked(&terms(&[("a", "near:30")], hour), &noted), Some(hour));
        assert_eq!(asked(&terms(&[("a", "near:20"), ("b", "once")], hour), &noted), Some(Span::ZERO));
        // Given up for another memory, and taken up again.
        let here = terms(&[("a", "near:20")], hour);
        let there: Terms = here.iter().map(|(name, term)| (name.clone(), term.elsewhere())).collect();
        assert_eq!(asked(&there, &noted), Some(Span::ZERO));
        let given_up = there.iter().map(|(name, term)| (name.clone(), term.text.clone())).collect();
        assert_eq!(asked(&here, &given_up), Some(Span::ZERO));
        assert_eq!(asked(&there, &given_up), None);
        assert_eq!(asked(&terms(&[("a", "near:30")], hour), &given_up), Some(hour), "and changed meanwhile");
    }
}
