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

/// Whoever changes terms leaves proofs about for this many seconds at most. Barriers that lay further ahead were told by a clock that was
/// wrong, and must not outlive the memory that they were kept in.
const LONGEST: i64 = 86_400;

/// What stands before the terms in a memory that was given up for another one.
const ELSEWHERE: &str = "elsewhere: ";

impl Term {
    /// The same terms as a memory notes them that was given up for another one: other terms than its own, so that nodes that still
    /// ask it are stopped, and that it begins behind a barrier when it is asked again.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        Self { text: given_up(&self.text), window: self.window }
    }

    /// As a memory notes it: with the window, since proofs may still be about that hold by it when it is another one.
    #[must_use]
    pub fn noted(&self) -> String {
        noted(Some(self.window), &self.text)
    }
}

/// What was noted of a dialect ([`Term::noted`]) as it is noted of one that nobody has any more: other terms than its own.
#[must_use]
pub fn gone(before: &str) -> String {
    let (window, text) = read(before);
    noted(window, &given_up(text))
}

/// In what terms differ from those that were noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// For how long at most a proof may hold, now or before, of those dialects whose terms were others: their uses may stand so far ahead.
    pub window: Span,
    /// Whether terms were others, and not only unheard of: nodes that go by them must stop.
    pub otherwise: bool,
    /// Whether uses of the same proofs were remembered somewhere else meanwhile: none of them is known here.
    pub elsewhere: bool,
}

/// In what these terms differ from those noted; `None` when all are the same.
///
/// A dialect of which nothing was noted has no window: it has used nothing that could be forgotten by other terms. Nor has one whose
/// same uses were remembered elsewhere meanwhile: they are unknown here, and none of them stands after now.
#[must_use]
pub fn changed(terms: &Terms, noted: &BTreeMap<String, String>) -> Option<Changed> {
    let mut changed = None;
    for (dialect, term) in terms {
        let Some(noted) = noted.get(dialect) else {
            changed.get_or_insert_with(Changed::default);
            continue;
        };
        let (window, text) = read(noted);
        if text == term.text {
            continue;
        }
        let changed = changed.get_or_insert_with(Changed::default);
        changed.otherwise = true;
        let [was, is] = [text, &term.text].map(|text| (text, text.strip_prefix(ELSEWHERE)));
        changed.elsewhere |= was.1.is_some() || is.1.is_some();
        if was.1.unwrap_or(was.0) != is.1.unwrap_or(is.0) {
            changed.window = changed.window.max(term.window).max(window.unwrap_or_default());
        }
    }
    changed
}

/// How late uses may stand at least, whatever `latest` is: where a barrier lay before.
#[must_use]
pub fn floor(before: Time, latest: Time) -> Time {
    if before <= latest + Span::from_seconds(LONGEST) { before } else { Time::MIN }
}

fn given_up(text: &str) -> String {
    if text.starts_with(ELSEWHERE) { text.to_owned() } else { format!("{ELSEWHERE}{text}") }
}

fn noted(window: Option<Span>, text: &str) -> String {
    window.map_or_else(|| text.to_owned(), |window| format!("{}ms {text}", window.millis()))
}

/// The window and the text of what was noted.
fn read(noted: &str) -> (Option<Span>, &str) {
    let told = noted.split_once("ms ").and_then(|(window, text)| Some((window.parse().ok()?, text)));
    told.map_or((None, noted), |(window, text)| (Some(Span::from_millis(window)), text))
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
    /// Where the barrier lies of a memory that keeps what this one may lose: one that is raised here lies no earlier ([`floor`]).
    pub floor: Time,
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
    /// In what the terms changed: [`ReplayStart::changed`].
    pub changed: Option<Changed>,
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
    /// [`changed`], for the terms of this node.
    #[must_use]
    pub fn changed(&self, noted: &BTreeMap<String, String>) -> Option<Changed> {
        changed(&self.terms, noted)
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
        let floor = floor(self.floor, Time::from_seconds(found.latest));
        let mut raise = |ahead: Span| {
            let reached = found.latest.saturating_add(seconds(ahead)).max(floor.seconds());
            state.barrier = state.barrier.max(reached);
            state.generation = state.generation.saturating_add(1);
        };
        let why = if state.place != found.place {
            let ahead = horizon.max(found.changed.unwrap_or_default().window);
            raise(Span::from_millis(ahead.millis().saturating_add(found.linger.millis())));
            Some(found.moved)
        } else if let Some(changed) = found.changed {
            raise(horizon.max(changed.window));
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
        let (short, hour) = (Span::from_seconds(60), Span::from_seconds(3600));
        let note = |wanted: &Terms| {
            wanted.iter().map(|(name, term)| (name.clone(), term.noted())).collect::<BTreeMap<_, _>>()
        };
        let window = |wanted: &Terms, noted| changed(wanted, noted).map(|changed| changed.window);
        let here = terms(&[("a", "near:20")], hour);
        let noted = note(&here);
        assert_eq!(changed(&here, &noted), None);
        let others = terms(&[("a", "near:30")], hour);
        let otherwise = Changed { window: hour, otherwise: true, elsewhere: false };
        assert_eq!(changed(&others, &noted), Some(otherwise));
        // Proofs may still be about that hold by the longer one.
        assert_eq!(window(&terms(&[("a", "near:30")], short), &noted), Some(hour));
        let more = terms(&[("a", "near:20"), ("b", "once")], hour);
        assert_eq!(changed(&more, &noted), Some(Changed::default()), "unheard of, and nobody has to stop");
        // Given up for another memory, and taken up again.
        let there: Terms = here.iter().map(|(name, term)| (name.clone(), term.elsewhere())).collect();
        let away = note(&there);
        let moved = Changed { window: Span::ZERO, otherwise: true, elsewhere: true };
        assert_eq!(changed(&there, &noted), Some(moved));
        assert_eq!(changed(&here, &away), Some(moved));
        assert_eq!(changed(&there, &away), None);
        assert_eq!(window(&others, &away), Some(hour), "and changed meanwhile");
        // Of a dialect that was removed and is back.
        let back = noted.iter().map(|(name, text)| (name.clone(), gone(&gone(text)))).collect();
        assert_eq!(changed(&here, &back), Some(moved));
        assert_eq!(window(&terms(&[("a", "near:30")], short), &back), Some(hour));
    }
}
