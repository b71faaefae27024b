//! The rules a proof must keep once its signature holds: a closed list, judged by one loop.
mod audience;
pub(crate) mod built;
pub(crate) mod file;
mod meaning;
mod scene;
mod telling;
mod times;

use self::audience::audience;
use self::built::BuiltRule;
pub(crate) use self::scene::Scene;
use self::times::{received_window, time, wanted_time};
use crate::ask::{ActingAs, Claim, Companion, Standing};
use crate::json::Value;
use crate::life::challenge;
use crate::reason::{Reason, Stage};
use crate::rule::meaning::Meaning;
use crate::source::{Facts, Names, Source};
use crate::time::{Span, Time};
use crate::trace::{Step, Trace};

/// One thing a dialect demands.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    /// All are there and not empty.
    Present(Vec<Source>),
    /// It is not there.
    Absent(Source, Reason),
    /// It has this text.
    Equals(Source, Box<str>, Reason),
    /// It is, or has in it, a text that is built from the request, the token and the key.
    Built(Box<BuiltRule>),
    /// Both have the same text.
    Same(Source, Source),
    /// It is this text, or (unless `sole`) a list of texts with this one in it.
    Audience { at: Source, is: Box<str>, sole: bool },
    /// It is text of at most `most` bytes, or (unless `text`) a number.
    Kind { at: Source, text: bool, most: usize },
    /// It lies at most this far from now, on either side.
    Near(Source, Span),
    /// It lies at most `future` after now, and before now by at most what the request asks for in milliseconds, up to `most`.
    Window { at: Source, received: Source, default: Span, most: Span, future: Span },
    /// It is not later than now, but for the slack.
    NotBefore { at: Source, slack: Span, optional: bool },
    /// It is later than now, but for the slack.
    NotAfter { at: Source, slack: Span, optional: bool },
    /// It lies at most this far after another time, or after now when that is missing.
    Ahead { at: Source, from: Option<Source>, most: Span, slack: Span },
    /// The second lies after the first, by at most this.
    Lifetime { from: Source, to: Source, most: Span },
    /// The companion key in this header is good.
    Companion(Source),
    /// The user to act for exists, and the account may act for it.
    KnownUser,
    /// The session that was named lives.
    Session,
    /// These together work once, and are remembered from their date for so long; where `optional`, a proof without them comes again.
    /// They are dated at most `ahead` after now.
    Once { parts: Vec<Source>, dated: Source, ahead: Span, keep: Span, optional: bool },
    /// It is a challenge that we issued; it works once.
    Issued(Source),
}

impl Rule {
    /// Whether this rule makes a proof work once.
    #[must_use]
    pub(crate) fn is_single_use(&self) -> bool {
        matches!(self, Self::Once { .. } | Self::Issued(_))
    }

    /// Whether it cannot hold without a source.
    pub(crate) fn wants(&self, is_it: &dyn Fn(&Source) -> bool) -> bool {
        match self {
            Self::Present(at) => at.iter().any(is_it),
            Self::Near(at, _) | Self::NotBefore { at, optional: false, .. } => is_it(at),
            Self::NotAfter { at, optional: false, .. } | Self::Ahead { at, .. } => is_it(at),
            Self::Lifetime { from, to, .. } => is_it(from) || is_it(to),
            _ => false,
        }
    }

    /// Whether it makes every proof work once.
    pub(crate) fn is_always_single_use(&self) -> bool {
        self.is_single_use() && !matches!(self, Self::Once { optional: true, .. })
    }

    /// Whether a proof has nothing that this rule would have used up.
    fn is_waived(&self, facts: &Facts<'_>) -> bool {
        let absent = |part: &Source| matches!(facts.value(part), Value::Absent);
        matches!(self, Self::Once { parts, optional: true, .. } if parts.iter().any(absent))
    }

    /// Whether strangers must not learn that it was this rule, or that the signature held, when it does not hold.
    fn is_about_identity(&self) -> bool {
        matches!(self, Self::Companion(_) | Self::KnownUser | Self::Session)
    }

    /// How long this rule lets a proof work at most.
    #[must_use]
    pub(crate) fn window(&self) -> Option<Span> {
        match self {
            Self::Near(_, within) => Some(Span::from_millis(within.millis().saturating_mul(2))),
            Self::Window { most, future, .. } => {
                Some(Span::from_millis(most.millis().saturating_add(future.millis())))
            }
            Self::Ahead { most, .. } | Self::Lifetime { most, .. } => Some(*most),
            _ => None,
        }
    }

    /// How the rule bounds the time in which a use must be remembered, spelt so that any change shows.
    #[must_use]
    pub(crate) fn remembering(&self) -> Option<String> {
        match self {
            Self::Near(_, within) => Some(format!("near:{}", within.millis())),
            Self::NotAfter { slack, .. } => Some(format!("end:{}", slack.millis())),
            Self::Ahead { most, slack, .. } => Some(format!("ahead:{}+{}", most.millis(), slack.millis())),
            Self::Lifetime { most, .. } => Some(format!("life:{}", most.millis())),
            Self::Once { parts, dated, ahead, keep, .. } => {
                Some(format!("once:{parts:?}:{dated:?}:{}:{}", ahead.millis(), keep.millis()))
            }
            Self::Issued(_) => Some("issued".to_owned()),
            _ => None,
        }
    }

    fn judge(&self, scene: &Scene<'_, '_>) -> Result<(), Reason> {
        let facts = scene.facts;
        let now = scene.now;
        match self {
            Self::Present(sources) => sources.iter().try_for_each(|source| match facts.value(source) {
                Value::Absent | Value::Null => Err(Reason::MissingClaim),
                Value::Text(text) if text.is_empty() => Err(Reason::MissingClaim),
                _ => Ok(()),
            }),
            Self::Absent(source, reason) => match facts.value(source) {
                Value::Absent => Ok(()),
                _ => Err(*reason),
            },
            Self::Equals(source, wanted, reason) => match facts.value(source) {
                Value::Absent | Value::Null => Err(Reason::MissingClaim),
                Value::Text(text) if *text == **wanted => Ok(()),
                Value::Text(_) => Err(*reason),
                _ => Err(Reason::MalformedClaim),
            },
            Self::Built(rule) => rule.judge(scene),
            Self::Same(one, other) => match (facts.value(one), facts.value(other)) {
                (Value::Text(one), Value::Text(other)) if one == other => Ok(()),
                (Value::Absent | Value::Null, _) | (_, Value::Absent | Value::Null) => {
                    Err(Reason::MissingClaim)
                }
                _ => Err(Reason::WrongClaim),
            },
            Self::Audience { at, is, sole } => audience(&facts.value(at), is, *sole),
            Self::Kind { at, text, most } => match facts.value(at) {
                Value::Text(value) if value.is_empty() => Err(Reason::MissingClaim),
                Value::Text(value) if value.len() <= *most => Ok(()),
                Value::Number(number) if !*text && Time::from_decimal(number).is_some() => Ok(()),
                Value::Absent | Value::Null => Err(Reason::MissingClaim),
                _ => Err(Reason::MalformedClaim),
            },
            Self::Near(source, within) => {
                let time = wanted_time(facts, source)?;
                // A positive test: only a time inside both ends passes.
                if now - *within <= time && time <= now + *within { Ok(()) } else { Err(Reason::OutOfWindow) }
            }
            Self::Window { at, received, default, most, future } => {
                let time = wanted_time(facts, at)?;
                let back = match facts.value(received) {
                    Value::Absent => *default,
                    Value::Text(text) => received_window(&text).ok_or(Reason::MalformedClaim)?,
                    _ => return Err(Reason::MalformedClaim),
                };
                if back > *most {
                    return Err(Reason::LifetimeTooLong);
                }
                if now - back <= time && time <= now + *future { Ok(()) } else { Err(Reason::OutOfWindow) }
            }
            Self::NotBefore { at, slack, optional } => match time(facts, at)? {
                Some(time) if time <= now + *slack => Ok(()),
                Some(_) => Err(Reason::NotYetValid),
                None if *optional => Ok(()),
                None => Err(Reason::MissingClaim),
            },
            Self::NotAfter { at, slack, optional } => match time(facts, at)? {
                Some(time) if now < time + *slack => Ok(()),
                Some(_) => Err(Reason::Expired),
                None if *optional => Ok(()),
                None => Err(Reason::MissingClaim),
            },
            Self::Ahead { at, from, most, slack } => {
                let end = wanted_time(facts, at)?;
                let from = match from {
                    Some(source) => time(facts, source)?,
                    None => None,
                };
                let latest = from.unwrap_or(now + *slack) + *most;
                if end <= latest { Ok(()) } else { Err(Reason::LifetimeTooLong) }
            }
            Self::Lifetime { from, to, most } => {
                let life = wanted_time(facts, to)?.since(wanted_time(facts, from)?);
                if life <= Span::ZERO {
                    Err(Reason::MalformedClaim)
                } else if life <= *most {
                    Ok(())
                } else {
                    Err(Reason::LifetimeTooLong)
                }
            }
            Self::Companion(_) => match scene.keys.companion {
                Companion::Known => Ok(()),
                Companion::Missing => Err(Reason::MissingCompanion),
                Companion::Unknown => Err(Reason::UnknownCompanion),
                Companion::Disabled => Err(Reason::CompanionDisabled),
                Companion::Elsewhere => Err(Reason::CompanionElsewhere),
            },
            Self::KnownUser => match scene.keys.acting_as {
                ActingAs::Delegated => Ok(()),
                ActingAs::NotDelegated => Err(Reason::UserNotDelegated),
                ActingAs::Unknown | ActingAs::Nobody => Err(Reason::UnknownUser),
            },
            Self::Session => match scene.keys.session {
                Standing::Live(until) if now < until => Ok(()),
                Standing::Live(_) | Standing::Ended => Err(Reason::SessionEnded),
                Standing::Unknown | Standing::None => Err(Reason::SessionUnknown),
            },
            // What remains to be asked is asked last, by `claim`; here only whether the parts are there.
            Self::Once { .. } if self.is_waived(facts) => Ok(()),
            Self::Once { parts, dated, .. } => {
                wanted_time(facts, dated)?;
                parts.iter().try_for_each(|part| match facts.value(part) {
                    Value::Text(_) | Value::Number(_) => Ok(()),
                    Value::Absent | Value::Null => Err(Reason::MissingClaim),
                    _ => Err(Reason::MalformedClaim),
                })
            }
            Self::Issued(source) => match (facts.value(source), facts.incoming.challenge) {
                (Value::Text(_), Some(challenge)) if now <= challenge.until => Ok(()),
                (Value::Text(_), Some(_)) => Err(Reason::ChallengeExpired),
                _ => Err(Reason::UnknownChallenge),
            },
        }
    }

    /// What must be claimed for this rule, told by meaning: the account, the instant, the parts.
    fn claim(&self, dialect: &str, account: &str, facts: &Facts<'_>) -> Option<Claim> {
        match self {
            Self::Once { parts, dated, ahead, keep, .. } => {
                let at = wanted_time(facts, dated).ok()?;
                let mut meaning = Meaning::new(dialect, account);
                for part in parts {
                    // The date counts as an instant, so that 1, 1.0 and 1e0 are one proof.
                    if part == dated {
                        meaning.add(b't', &at.nanos().to_be_bytes());
                    } else {
                        match facts.value(part) {
                            Value::Number(number) => meaning.add(b'n', number.as_bytes()),
                            value => meaning.add(b's', value.text()?.as_bytes()),
                        }
                    }
                }
                Some(Claim { mark: meaning.mark(), since: at - *ahead, until: at + *keep })
            }
            Self::Issued(source) => {
                let given = facts.incoming.challenge?;
                Some(challenge::claim(facts.value(source).text()?, given.issued, given.until))
            }
            _ => None,
        }
    }
}

/// Tells what works once how far ahead it may be dated by the other rules: barriers go by the earliest instant at which a proof can
/// have been used. False when one may be dated as late as the caller likes.
#[must_use]
pub(crate) fn date_single_uses(rules: &mut [Rule]) -> bool {
    let held = |rules: &[Rule], date: &Source| {
        let bounds = rules.iter().filter_map(|rule| match rule {
            Rule::Near(at, within) if at == date => Some(*within),
            Rule::Window { at, future, .. } if at == date => Some(*future),
            Rule::NotBefore { at, slack, .. } if at == date => Some(*slack),
            _ => None,
        });
        bounds.min()
    };
    for number in 0..rules.len() {
        let Some(Rule::Once { dated, .. }) = rules.get(number) else { continue };
        let Some(bound) = held(rules, dated) else { return false };
        if let Some(Rule::Once { ahead, .. }) = rules.get_mut(number) {
            *ahead = bound;
        }
    }
    true
}

/// Judges all rules in order and stops at the first that does not hold. Yields what must still be claimed.
pub(crate) fn judge_all(
    rules: &[Rule],
    names: &Names,
    dialect: &str,
    account: &str,
    scene: &Scene<'_, '_>,
    trace: &mut impl Trace,
) -> Result<Option<Claim>, Reason> {
    let mut claim = None;
    for rule in rules {
        let judged = rule.judge(scene);
        trace.step(|| {
            Step::new(Stage::Rules, rule.place(names), rule.words(), rule.found(scene), judged.err())
        });
        judged?;
        if rule.is_single_use() && !rule.is_waived(scene.facts) {
            claim = Some(rule.claim(dialect, account, scene.facts).ok_or(Reason::MalformedClaim)?);
        }
    }
    Ok(claim)
}

/// Whether everything that is known about who this is speaks for it; none of that hangs on the signature.
pub(crate) fn identity_holds(rules: &[Rule], scene: &Scene<'_, '_>) -> bool {
    rules.iter().filter(|rule| rule.is_about_identity()).all(|rule| rule.judge(scene).is_ok())
}

/// Until when the same proof may hold at most, by these rules; `None` when no rule says so.
pub(crate) fn valid_until(rules: &[Rule], facts: &Facts<'_>) -> Option<Time> {
    let ends = rules.iter().filter_map(|rule| match rule {
        Rule::NotAfter { at, slack, .. } => Some(time(facts, at).ok()?? + *slack),
        Rule::Near(at, within) => Some(time(facts, at).ok()?? + *within),
        _ => None,
    });
    ends.min()
}
