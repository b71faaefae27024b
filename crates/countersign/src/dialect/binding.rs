//! Binding strength: what a proof of a dialect holds together, and how long one that was overheard still works; computed from the file.
use super::{By, Dialect};
use crate::rule::Rule;
use crate::source::{Head, KeyFact, Source};
use crate::time::Span;
use crate::verified::Covered;
use std::fmt;

/// What a proof of a dialect binds, and what an eavesdropper may still do with one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// The parts of a request that are covered.
    pub covered: Covered,
    /// Whether the proof says when it was made or when it ends.
    pub time: bool,
    /// Whether the proof names the very key that signed it, so that it holds under no other.
    pub key: bool,
    /// How long an overheard proof works.
    pub replay: Replay,
    /// The weak algorithms that it takes.
    pub weak: Vec<&'static str>,
}

/// How long an overheard proof works again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replay {
    /// Never: a proof works once.
    Never,
    /// For so long at most, from when it was made or from now.
    For(Span),
    /// Until its session ends.
    Session,
    /// For ever, as far as the dialect goes.
    Forever,
}

impl Dialect {
    /// Its binding strength, with the settings in force.
    #[must_use]
    pub fn binding(&self) -> Binding {
        let by_session = matches!(self.who.by, By::Session { .. });
        let replay = match (self.covered.once, self.covered.window) {
            (true, _) => Replay::Never,
            (false, Some(window)) => Replay::For(window),
            (false, None) if by_session => Replay::Session,
            (false, None) => Replay::Forever,
        };
        let weak = self.algorithms.iter().filter(|algorithm| algorithm.is_weak());
        Binding {
            covered: self.covered,
            time: self.rules.iter().any(|rule| self.is_signed_time(rule)),
            key: self.names_its_key(),
            replay,
            weak: weak.map(|algorithm| algorithm.name()).collect(),
        }
    }

    /// Whether a rule looks at a time that the signature covers.
    fn is_signed_time(&self, rule: &Rule) -> bool {
        let at = match rule {
            Rule::Near(at, _) => at,
            Rule::NotAfter { at, optional: false, .. } | Rule::NotBefore { at, optional: false, .. } => at,
            Rule::Ahead { at, .. } | Rule::Lifetime { to: at, .. } => at,
            // A challenge of ours is dated by us.
            Rule::Issued(_) => return true,
            _ => return false,
        };
        at.is_in_token() || self.form.covers(at)
    }

    /// Whether a token must have a hint at its key; strict or not, a hint that is not there names no key.
    fn wants_kid(&self) -> bool {
        let is_kid = |source: &Source| *source == Source::Head(Head::Kid) || self.is_keyid(source);
        let by_rule = self.rules.iter().any(|rule| match rule {
            Rule::Present(all) => all.iter().any(is_kid),
            Rule::Same(one, other) => is_kid(one) || is_kid(other),
            _ => false,
        });
        // A message signature's `keyid` that names the account hints at no key.
        !self.is_keyid(&self.who.from) && (by_rule || is_kid(&self.who.from))
    }

    fn names_its_key(&self) -> bool {
        let fingerprint = Source::Key(KeyFact::SpkiSha256);
        let by_rule = self.rules.iter().any(|rule| match rule {
            Rule::Built(built) => {
                !built.optional
                    && built.texts.iter().all(|text| text.sources().any(|source| *source == fingerprint))
            }
            _ => false,
        });
        let by_name = matches!(self.who.by, By::Key) && self.form.covers(&self.who.from);
        by_rule || by_name || (self.kid_strict && self.wants_kid())
    }
}

impl Binding {
    /// What is covered, by name: `method`, `host`, `path`, `query`, `body`, `time`, `key`.
    #[must_use]
    pub fn covers(&self) -> Vec<&'static str> {
        let Covered { method, authority, path, query, body, .. } = self.covered;
        let parts = [
            (method, "method"),
            (authority, "host"),
            (path, "path"),
            (query, "query"),
            (body, "body"),
            (self.time, "time"),
            (self.key, "key"),
        ];
        parts.iter().filter(|(covered, _)| *covered).map(|(_, name)| *name).collect()
    }
}

impl Replay {
    /// In seconds; `None` for ever or while the session lives.
    #[must_use]
    pub fn seconds(self) -> Option<u64> {
        match self {
            Self::Never => Some(0),
            Self::For(span) => u64::try_from(span.millis() / 1000).ok(),
            Self::Session | Self::Forever => None,
        }
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::For(span) => write!(f, "for {span}"),
            Self::Session => f.write_str("while the session lives"),
            Self::Forever => f.write_str("for ever"),
        }
    }
}
