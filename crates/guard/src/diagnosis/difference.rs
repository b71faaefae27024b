//! Two texts beside each other: where they part, and what stands there.
use countersign::base64::{Alphabet, encode};
use serde::Serialize;

/// Longest text that is shown whole; of a longer one the start is.
const MOST_SHOWN: usize = 16 * 1024;
/// Bytes shown around the place where two texts part.
const AROUND: usize = 24;

/// Bytes that were or should have been signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    /// How many bytes.
    pub bytes: usize,
    /// The bytes, in standard base64; of a long text the first 16 KiB.
    pub base64: String,
    /// The same as text, with escapes for what is none.
    pub text: String,
}

/// Where two texts part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The first byte that differs, counted from 0; the length of the shorter text where that is the start of the other.
    pub offset: usize,
    /// Bytes of the expected text.
    pub expected_bytes: usize,
    /// Bytes of the signed text.
    pub signed_bytes: usize,
    /// What the expected text has there, up to where both go on alike.
    pub expected: String,
    /// What the signed text has there.
    pub signed: String,
    /// What stands before, in both.
    pub before: String,
}

impl Text {
    /// Shows a text.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let start = bytes.get(..MOST_SHOWN).unwrap_or(bytes);
        Self {
            bytes: bytes.len(),
            base64: encode(Alphabet::Standard, start),
            text: start.escape_ascii().to_string(),
        }
    }
}

impl Difference {
    /// Lays two texts beside each other; `None` when they are the same.
    #[must_use]
    pub fn between(expected: &[u8], signed: &[u8]) -> Option<Self> {
        if expected == signed {
            return None;
        }
        let offset = alike(expected.iter(), signed.iter());
        let (left, right) = (expected.get(offset..)?, signed.get(offset..)?);
        let tail = alike(left.iter().rev(), right.iter().rev());
        let shown = |bytes: &[u8]| {
            let whole = bytes.get(..bytes.len().saturating_sub(tail)).unwrap_or_default();
            let cut = whole.get(..AROUND * 4).unwrap_or(whole);
            let more = if cut.len() < whole.len() { "…" } else { "" };
            format!("{}{more}", cut.escape_ascii())
        };
        let from = offset.saturating_sub(AROUND);
        Some(Self {
            offset,
            expected_bytes: expected.len(),
            signed_bytes: signed.len(),
            expected: shown(left),
            signed: shown(right),
            before: expected.get(from..offset)?.escape_ascii().to_string(),
        })
    }

    /// The one of several texts that has most in common with what was signed.
    #[must_use]
    pub fn nearest<'t>(texts: &[&'t [u8]], signed: &[u8]) -> Option<&'t [u8]> {
        let common =
            |text: &&&[u8]| alike(text.iter(), signed.iter()) + alike(text.iter().rev(), signed.iter().rev());
        texts.iter().max_by_key(common).copied()
    }
}

fn alike<'b>(one: impl Iterator<Item = &'b u8>, other: impl Iterator<Item = &'b u8>) -> usize {
    one.zip(other).take_while(|(left, right)| left == right).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_where_texts_part_is_told() {
        let found = Difference::between(b"GET\n/v2/things\nx", b"GET\n/v3/things\nx").unwrap();
        assert_eq!((found.offset, found.expected.as_str(), found.signed.as_str()), (6, "2", "3"));
        assert_eq!(found.before, "GET\\n/v");
        let longer = Difference::between(b"abc", b"abc\n").unwrap();
        assert_eq!((longer.offset, longer.expected.as_str(), longer.signed.as_str()), (3, "", "\\n"));
        assert_eq!(Difference::between(b"same", b"same"), None);
        assert!(Difference::between(b"", b"x").is_some());
    }

    #[test]
    fn the_nearest_spelling_is_shown() {
        let texts: [&[u8]; 2] = [b"{\"a\":\"x\\/y\"}", b"{\"a\":\"x/y\"}"];
        assert_eq!(Difference::nearest(&texts, b"{\"a\":\"x/z\"}"), Some(texts[1]));
        assert_eq!(Difference::nearest(&[], b"x"), None);
    }
}
