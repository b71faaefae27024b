//! What a rule says of itself: where it looks, what it wants, and what it found.
use super::{Rule, Scene};
use crate::json::Value;
use crate::source::{Names, Source};
use crate::time::Time;

impl Rule {
    /// The rule in words, for explain and the documents.
    #[must_use]
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Present(_) => "every claim the dialect wants is there".to_owned(),
            Self::Absent(..) => "a claim this dialect has no meaning for is not there".to_owned(),
            Self::Equals(_, text, _) => format!("the text {text}"),
            Self::Built(rule) => rule.words.to_string(),
            Self::Same(..) => "the same text in both places".to_owned(),
            Self::Audience { is, sole: true, .. } => format!("{is} alone as audience"),
            Self::Audience { is, .. } => format!("{is} among the audiences"),
            Self::Kind { text: true, most, .. } => format!("text of 1 to {most} bytes"),
            Self::Kind { most, .. } => format!("text of 1 to {most} bytes, or a number"),
            Self::Near(_, within) => format!("a time at most {within} from now"),
            Self::Window { most, .. } => {
                format!("a time within the window that the request asks for, at most {most}")
            }
            Self::NotBefore { slack, .. } => format!("a time not later than now ({slack} allowed)"),
            Self::NotAfter { slack, .. } => format!("a time later than now ({slack} allowed)"),
            Self::Ahead { most, .. } => format!("an end at most {most} ahead"),
            Self::Lifetime { most, .. } => format!("a life of at most {most}"),
            Self::Companion(_) => "a good API key beside the proof".to_owned(),
            Self::KnownUser => "a user that exists and that the account may act for".to_owned(),
            Self::Session => "a session that lives".to_owned(),
            Self::Once { .. } => "a proof that was not used before".to_owned(),
            Self::Issued(_) => "a challenge that we issued and that was not answered before".to_owned(),
        }
    }

    /// Where it looks, for explain.
    pub(super) fn place(&self, names: &Names) -> String {
        let all = |sources: &[Source]| {
            sources.iter().map(|source| names.spell(source)).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Present(sources) | Self::Once { parts: sources, .. } => all(sources),
            Self::Absent(at, _)
            | Self::Equals(at, ..)
            | Self::Audience { at, .. }
            | Self::Kind { at, .. }
            | Self::Near(at, _)
            | Self::Window { at, .. }
            | Self::NotBefore { at, .. }
            | Self::NotAfter { at, .. }
            | Self::Ahead { at, .. }
            | Self::Companion(at)
            | Self::Issued(at) => names.spell(at),
            Self::Built(rule) => names.spell(&rule.at),
            Self::Same(one, other) => format!("{} and {}", names.spell(one), names.spell(other)),
            Self::Lifetime { from, to, .. } => format!("{} to {}", names.spell(from), names.spell(to)),
            Self::KnownUser => "the user to act for".to_owned(),
            Self::Session => "the session".to_owned(),
        }
    }

    /// What stands there.
    pub(super) fn found(&self, scene: &Scene<'_, '_>) -> String {
        let facts = scene.facts;
        let show = |source: &Source| match facts.value(source) {
            Value::Text(text) => format!("\"{}\"", text.escape_debug()),
            Value::Number(number) => match Time::from_decimal(number) {
                Some(time) => format!("{number} ({} from now)", time.since(scene.now)),
                None => number.to_owned(),
            },
            other => other.kind().to_owned(),
        };
        match self {
            Self::Present(sources) => sources.iter().map(show).collect::<Vec<_>>().join(", "),
            Self::Once { parts, .. } => parts.iter().map(show).collect::<Vec<_>>().join(", "),
            Self::Absent(at, _)
            | Self::Equals(at, ..)
            | Self::Audience { at, .. }
            | Self::Kind { at, .. }
            | Self::Near(at, _)
            | Self::Window { at, .. }
            | Self::NotBefore { at, .. }
            | Self::NotAfter { at, .. }
            | Self::Ahead { at, .. }
            | Self::Issued(at) => show(at),
            Self::Built(rule) => show(&rule.at),
            Self::Same(one, other) => format!("{} and {}", show(one), show(other)),
            Self::Lifetime { from, to, .. } => format!("from {} to {}", show(from), show(to)),
            Self::Companion(_) => format!("{:?}", scene.keys.companion),
            Self::KnownUser => format!("{:?}", scene.keys.acting_as),
            Self::Session => format!("{:?}", scene.keys.session),
        }
    }
}
