//! Times and lengths of time as rules read them from a proof.
use crate::json::Value;
use crate::reason::Reason;
use crate::source::{Facts, Source};
use crate::time::{Span, Time};

/// A time claim: a number in a token, decimal text in a header. Wrong types are refused, never skipped.
pub(super) fn time(facts: &Facts<'_>, source: &Source) -> Result<Option<Time>, Reason> {
    match facts.value(source) {
        Value::Absent => Ok(None),
        Value::Number(number) => Time::from_decimal(number).map(Some).ok_or(Reason::MalformedClaim),
        Value::Text(text) if matches!(source, Source::Dated(..)) => {
            let Source::Dated(_, format) = source else { return Err(Reason::MalformedClaim) };
            format.read(&text).map(Some).ok_or(Reason::MalformedClaim)
        }
        Value::Text(text) if matches!(source, Source::Header(_) | Source::Auth(_)) => {
            Time::from_decimal(&text).map(Some).ok_or(Reason::MalformedClaim)
        }
        _ => Err(Reason::MalformedClaim),
    }
}

/// Whole milliseconds, at most six digits: longer windows are none.
pub(super) fn received_window(text: &str) -> Option<Span> {
    let good = (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| text.parse().ok().map(Span::from_millis)).flatten()
}

pub(super) fn wanted_time(facts: &Facts<'_>, source: &Source) -> Result<Time, Reason> {
    time(facts, source)?.ok_or(Reason::MissingClaim)
}
