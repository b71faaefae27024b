//! By which terms a replay memory that nodes share remembers, and when it must say that uses may be missing from it.
use countersign::time::{Span, Time};
use std::collections::BTreeMap;

/// By which terms uses are remembered, for each dialect.
pub type Terms = BTreeMap<String, Term>;

/// By which terms the uses of one dialect's proofs are remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The terms, spelt so that any change shows.
    pub text: String,
    /// How far from the clock a proof may be dated.
    pub window: Span,
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
    /// How far from the clock an accepted proof may be dated, over all dialects.
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
    /// A use is kept at least this long after its date: the widest window that any node has had.
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
    /// The widest window of the dialects whose terms differ from what is noted.
    #[must_use]
    pub fn changed(&self, noted: &BTreeMap<String, String>) -> Option<Span> {
        let changed = self.terms.iter().filter(|(dialect, term)| noted.get(*dialect) != Some(&term.text));
        changed.map(|(_, term)| term.window).max()
    }

    /// How long a use is kept after its date at least, seconds.
    #[must_use]
    pub fn keep(&self) -> i64 {
        seconds(self.widest())
    }

    /// The state from now on, and why its barrier was raised, when it was.
    #[must_use]
    pub fn next(&self, before: State, found: Found) -> (State, Option<String>) {
        let horizon = self.widest();
        let keep = self.keep();
        let wider = keep > before.keep;
        let mut state = State { keep: before.keep.max(keep), ..before };
        let mut raise = |ahead: Span| {
            state.barrier = state.barrier.max(found.latest.saturating_add(seconds(ahead)));
            state.generation = state.generation.saturating_add(1);
        };
        let why = if state.place != found.place {
            raise(Span::from_millis(horizon.millis().saturating_add(found.linger.millis())));
            Some(found.moved)
        } else if let Some(changed) = found.changed {
            raise(changed);
            Some("uses are remembered by other terms than before")
        } else if wider {
            raise(horizon);
            Some("proofs may be dated further from the clock than before")
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
