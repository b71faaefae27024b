//! Percent encoding (RFC 3986 section 2.1) and forms (`application/x-www-form-urlencoded`): one strict reader and one writer for all.
use std::borrow::Cow;

/// The byte that an escape's two digits are, in either case.
#[must_use]
pub fn escape(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low)
}

/// A text with its escapes resolved; a plus sign is one. `None` when an escape is none, or its bytes are no UTF-8.
#[must_use]
pub fn decode(text: &[u8]) -> Option<Cow<'_, str>> {
    resolve(text, false)
}

/// A name or value of a form: as [`decode`], and a plus sign is a space.
///
/// # Example
/// ```
/// use countersign::percent::decode_form;
///
/// assert_eq!(decode_form(b"a+b%2B").as_deref(), Some("a b+"));
/// assert_eq!(decode_form(b"a%2"), None);
/// ```
#[must_use]
pub fn decode_form(text: &[u8]) -> Option<Cow<'_, str>> {
    resolve(text, true)
}

/// Name and value of one field of a form; the value of a bare name is empty.
#[must_use]
pub fn field(field: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let (name, value) = split(field);
    Some((decode_form(name)?, decode_form(value)?))
}

/// The two parts of a field as they stand.
pub(crate) fn split(field: &[u8]) -> (&[u8], &[u8]) {
    match field.iter().position(|byte| *byte == b'=') {
        Some(at) => (field.get(..at).unwrap_or_default(), field.get(at + 1..).unwrap_or_default()),
        None => (field, &[]),
    }
}

/// Adds a byte as an escape, with capital digits.
fn push(out: &mut String, byte: u8) {
    out.push('%');
    for nibble in [byte >> 4, byte & 15] {
        out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
    }
}

/// Adds a text in which ASCII letters, digits and the bytes `plain` stand for themselves; all else is written as escapes.
pub fn add(out: &mut String, text: &[u8], plain: &[u8]) {
    for byte in text {
        if byte.is_ascii_alphanumeric() || plain.contains(byte) {
            out.push(char::from(*byte));
        } else {
            push(out, *byte);
        }
    }
}

fn resolve(text: &[u8], form: bool) -> Option<Cow<'_, str>> {
    if !text.iter().any(|byte| *byte == b'%' || (form && *byte == b'+')) {
        return std::str::from_utf8(text).map(Cow::Borrowed).ok();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    // Bounded by the text, whose length its reader bounds.
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'+' if form => b' ',
            b'%' => escape(*rest.next()?, *rest.next()?)?,
            other => *other,
        });
    }
    String::from_utf8(out).map(Cow::Owned).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_escape_is_refused() {
        for bad in ["%", "%4", "%zz", "%+1", "%ff", "a%"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
            assert_eq!(decode_form(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(decode(b"\xff"), None);
        assert_eq!(decode(b"a+b%20c").as_deref(), Some("a+b c"));
        assert_eq!(field(b"a=b=c"), Some(("a".into(), "b=c".into())));
        assert_eq!(field(b"bare"), Some(("bare".into(), "".into())));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text: String, plain in "[-._~*]{0,4}") {
            let mut out = String::new();
            add(&mut out, text.as_bytes(), plain.as_bytes());
            prop_assert_eq!(decode(out.as_bytes()), Some(text.into()));
        }
    }
}
