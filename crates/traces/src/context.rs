//! Which trace a request belongs to: the W3C's `traceparent`, read strictly and written.
//!
//! [Trace Context](https://www.w3.org/TR/trace-context/), section 3.2. The flag that says that an id was drawn at random is that of
//! [level 2](https://www.w3.org/TR/trace-context-2/), section 3.2.2.5.2; every other unknown flag is dropped.
use std::fmt;

/// The id of a trace: sixteen bytes, not all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// The id of a span: eight bytes, not all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

/// One place in a trace, as one party tells it to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub trace: TraceId,
    /// The span that the next one hangs below.
    pub span: SpanId,
    /// Whether whoever tells it records it.
    pub sampled: bool,
    /// Whether the trace's id was drawn at random, so that shares may be taken by it.
    pub random: bool,
}

/// Bytes of a `traceparent` of version 00.
const LENGTH: usize = 55;

const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

impl TraceId {
    /// `None` for the id that no trace has.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The 56 bits that are random where any are; shares are taken by them, so that every party takes the same traces.
    #[must_use]
    pub fn chance(&self) -> u64 {
        let [.., a, b, c, d, e, f, g] = self.0;
        u64::from_be_bytes([0, a, b, c, d, e, f, g])
    }
}

impl SpanId {
    /// `None` for the id that no span has.
    #[must_use]
    pub fn new(bytes: [u8; 8]) -> Option<Self> {
        (bytes != [0; 8]).then_some(Self(bytes))
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl Context {
    /// Reads the value of a `traceparent`, of whatever version; of later ones than 00, what that one knows. `None` for everything
    /// that is not exactly one.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(LENGTH)?;
        let [first, second, b'-', known @ ..] = known else { return None };
        let version = byte(*first, *second)?;
        let fits = match version {
            0 => rest.is_empty(),
            // Forbidden, so that nobody's error is a version.
            0xff => false,
            // A later version may go on behind another dash.
            _ => rest.first().is_none_or(|next| *next == b'-'),
        };
        if !fits {
            return None;
        }
        let (trace, known) = known.split_at_checked(32)?;
        let (span, flags) = known.strip_prefix(b"-")?.split_at_checked(16)?;
        let [first, second] = flags.strip_prefix(b"-")? else { return None };
        let flags = byte(*first, *second)?;
        Some(Self {
            trace: TraceId::new(bytes(trace)?)?,
            span: SpanId::new(bytes(span)?)?,
            sampled: flags & SAMPLED != 0,
            random: flags & RANDOM != 0,
        })
    }

    /// Its flags, without those that nobody knows.
    #[must_use]
    pub fn flags(&self) -> u8 {
        u8::from(self.sampled) * SAMPLED + u8::from(self.random) * RANDOM
    }
}

impl fmt::Display for Context {
    /// The value of a `traceparent` of version 00.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, self.flags())
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// As many bytes as wanted, of lower-case hexadecimal digits.
fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let mut found = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (to, [high, low]) in found.iter_mut().zip(pairs) {
        *to = byte(*high, *low)?;
    }
    Some(found)
}

fn byte(high: u8, low: u8) -> Option<u8> {
    Some(digit(high)? * 16 + digit(low)?)
}

/// Upper-case digits are none (section 3.2.2).
fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
