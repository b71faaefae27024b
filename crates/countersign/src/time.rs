//! Points in time and lengths of time as whole nanoseconds, read exactly from decimal text and never through a float.
pub(crate) mod format;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;

const NANOS: i128 = 1_000_000_000;
const SHORT_NANOS: i64 = 1_000_000_000;
/// The end of the year 9999: later instants are the same as "never" to every rule.
const LATEST: i128 = 253_402_300_799 * NANOS;

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, between the years -9999 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Time(i128);

/// A length of time in nanoseconds; negative when it points back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span(i128);

impl Time {
    /// The latest instant that can be told (end of the year 9999).
    pub const MAX: Self = Self(LATEST);
    /// The earliest instant that can be told.
    pub const MIN: Self = Self(-LATEST);

    /// From Unix seconds.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self::clamped(i128::from(seconds) * NANOS)
    }

    /// From Unix milliseconds.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self::clamped(i128::from(millis) * 1_000_000)
    }

    /// From Unix nanoseconds.
    #[must_use]
    pub fn from_nanos(nanos: i128) -> Self {
        Self::clamped(nanos)
    }

    /// Unix seconds, the whole second at or before this instant.
    #[must_use]
    #[inline]
    pub fn seconds(self) -> i64 {
        match i64::try_from(self.0) {
            // Until the year 2262, where one short division does: every judgement asks several times.
            Ok(short) => short.div_euclid(SHORT_NANOS),
            Err(_) => i64::try_from(self.0.div_euclid(NANOS)).unwrap_or(i64::MAX),
        }
    }

    /// Unix milliseconds, the whole millisecond at or before this instant.
    #[must_use]
    pub fn millis(self) -> i64 {
        match i64::try_from(self.0) {
            Ok(short) => short.div_euclid(1_000_000),
            Err(_) => i64::try_from(self.0.div_euclid(1_000_000)).unwrap_or(i64::MAX),
        }
    }

    /// Unix nanoseconds.
    #[must_use]
    pub fn nanos(self) -> i128 {
        self.0
    }

    /// How far this instant lies after `earlier` (negative when before).
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0 - earlier.0)
    }

    /// Reads a JSON number as Unix seconds, exactly; digits beyond the nanosecond are cut, what lies past the
    /// year 9999 is that year's end. `None` when it is not a JSON number or no double could hold it (`1e999`).
    #[must_use]
    pub fn from_decimal(text: &str) -> Option<Self> {
        if let Some(seconds) = whole_seconds(text) {
            return Some(Self::from_seconds(seconds));
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        // Position of the decimal point, counted from the first digit that is not zero.
        let all = whole.bytes().chain(fraction.bytes());
        let zeros = i64::try_from(all.clone().take_while(|digit| *digit == b'0').count()).ok()?;
        let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_sub(zeros)?;
        let mut significant = all.skip_while(|digit| *digit == b'0').peekable();
        if significant.peek().is_none() {
            return Some(Self(0));
        }
        if point > 309 {
            return None;
        }
        if point > 13 {
            return Some(if negative { Self::MIN } else { Self::MAX });
        }
        // At most 13 + 9 digits count: the value fits in 128 bits.
        let mut nanos: i128 = 0;
        for _ in 0..point.saturating_add(9).max(0) {
            let digit = significant.next().map_or(0, |byte| i128::from(byte.wrapping_sub(b'0')));
            nanos = nanos * 10 + digit;
        }
        Some(Self::clamped(if negative { -nanos } else { nanos }))
    }

    fn clamped(nanos: i128) -> Self {
        Self(nanos.clamp(-LATEST, LATEST))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From seconds.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self(i128::from(seconds) * NANOS)
    }

    /// From milliseconds.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(i128::from(millis) * 1_000_000)
    }

    /// Whole seconds, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        i64::try_from(self.0.div_euclid(NANOS)).unwrap_or(i64::MAX)
    }

    /// Whole milliseconds, rounded down.
    #[must_use]
    pub fn millis(self) -> i64 {
        i64::try_from(self.0.div_euclid(1_000_000)).unwrap_or(i64::MAX)
    }

    /// The same length without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Reads `250ms`, `20s`, `5m`, `1h`, `7d`. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let cut = text.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, unit) = text.split_at_checked(cut)?;
        let number: u32 = number.parse().ok()?;
        let unit = match unit {
            "ms" => NANOS / 1000,
            "s" => NANOS,
            "m" => 60 * NANOS,
            "h" => 3600 * NANOS,
            "d" => 86_400 * NANOS,
            _ => return None,
        };
        Some(Self(i128::from(number) * unit))
    }
}

impl std::ops::Add<Span> for Time {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self::clamped(self.0.saturating_add(span.0))
    }
}

impl std::ops::Sub<Span> for Time {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self::clamped(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, nanos) = if self.0 < 0 { ("-", -self.0) } else { ("", self.0) };
        let (seconds, rest) = (nanos / NANOS, nanos % NANOS);
        match (seconds, rest / 1_000_000) {
            (0, millis) if millis > 0 => write!(f, "{sign}{millis}ms"),
            (seconds, 0) => write!(f, "{sign}{seconds}s"),
            (seconds, millis) => write!(f, "{sign}{seconds}.{millis:03}s"),
        }
    }
}

impl fmt::Display for Time {
    /// Unix seconds, with a fraction only where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.0.div_euclid(NANOS), self.0.rem_euclid(NANOS));
        if rest == 0 { write!(f, "{seconds}") } else { write!(f, "{seconds}.{rest:09}") }
    }
}

/// Written as decimal nanoseconds in text, since JSON numbers lose digits in other people's readers.
macro_rules! as_nanos {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0.to_string())
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map(Self).map_err(|_| D::Error::custom("wanted whole nanoseconds as text"))
            }
        }
    };
}
as_nanos!(Time);
as_nanos!(Span);

/// The usual spelling, digits alone and few of them, read without ceremony: every token has two or three of these.
fn whole_seconds(text: &str) -> Option<i64> {
    // Eleven digits reach beyond the year 5000 and cannot overflow.
    if text.is_empty() || text.len() > 11 {
        return None;
    }
    let mut sum = 0_i64;
    let mut other = false;
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        other |= digit > 9;
        sum = sum * 10 + i64::from(digit);
    }
    (!other).then_some(sum)
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn read_exponent(text: &str) -> Option<i64> {
    let (negative, number) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    // Seven digits are far beyond any double; more cannot be meant.
    if number.is_empty() || !digits(number) || number.len() > 7 {
        return None;
    }
    let number: i64 = number.parse().ok()?;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_instant_are_one_instant() {
        let instant = Time::from_seconds(1_700_000_000);
        for text in ["1700000000", "1700000000.0", "1.7e9", "17e8", "1700000000000e-3", "0.17E+10"] {
            assert_eq!(Time::from_decimal(text), Some(instant), "{text}");
        }
        assert_eq!(Time::from_decimal("1700000000.5"), Some(Time::from_millis(1_700_000_000_500)));
        assert_eq!(Time::from_decimal("-5"), Some(Time::from_seconds(-5)));
        assert_eq!(Time::from_decimal("0.000000001"), Some(Time::from_nanos(1)));
        assert_eq!(Time::from_decimal("0e999"), Some(Time::from_seconds(0)));
    }

    #[test]
    fn what_no_double_holds_is_no_time() {
        for text in ["1e999", "1e400", "", "-", "1e", ".5", "NaN", "1e99999999"] {
            assert_eq!(Time::from_decimal(text), None, "{text}");
        }
        assert_eq!(Time::from_decimal("1e308"), Some(Time::MAX));
        assert_eq!(Time::from_decimal("1e-400"), Some(Time::from_seconds(0)));
    }

    #[test]
    fn spans_read_and_print() {
        assert_eq!(Span::parse("20s"), Some(Span::from_seconds(20)));
        assert_eq!(Span::parse("24h"), Some(Span::from_seconds(86_400)));
        assert_eq!(Span::parse("20"), None);
        assert_eq!(Span::parse("s"), None);
        assert_eq!(Span::from_millis(-1500).to_string(), "-1.500s");
    }
}
