//! Strict base64, base64url and hexadecimal: one canonical spelling each, nothing skipped, nothing guessed.

/// Which of the two alphabets, and whether it is padded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alphabet {
    /// RFC 4648 section 5 without padding, as JOSE wants it.
    Url,
    /// RFC 4648 section 4 with padding.
    Standard,
}

/// The text is not in the one canonical spelling of any bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotCanonical;

const NONE: u8 = 0xff;

const fn table(b62: u8, b63: u8) -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut rest: &mut [u8] = &mut table;
    let mut code = 0_u8;
    while let [first, tail @ ..] = rest {
        *first = value(code, b62, b63);
        code = code.wrapping_add(1);
        rest = tail;
    }
    table
}

const fn value(code: u8, b62: u8, b63: u8) -> u8 {
    match code {
        b'A'..=b'Z' => code - b'A',
        b'a'..=b'z' => code - b'a' + 26,
        b'0'..=b'9' => code - b'0' + 52,
        _ if code == b62 => 62,
        _ if code == b63 => 63,
        _ => NONE,
    }
}

const fn digit(value: u8, b62: u8, b63: u8) -> u8 {
    match value {
        0..=25 => b'A' + value,
        26..=51 => b'a' + (value - 26),
        52..=61 => b'0' + (value - 52),
        62 => b62,
        _ => b63,
    }
}

static URL: [u8; 256] = table(b'-', b'_');
static STANDARD: [u8; 256] = table(b'+', b'/');

/// Decodes into `out`, which is emptied first.
///
/// # Errors
/// [`NotCanonical`] for another alphabet, padding where none belongs (or none where it does), white space, a length
/// that no bytes have, or unused bits that are not zero.
pub fn decode(alphabet: Alphabet, text: &[u8], out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    out.clear();
    let (table, text) = match alphabet {
        Alphabet::Url => (&URL, text),
        Alphabet::Standard => {
            if !text.len().is_multiple_of(4) {
                return Err(NotCanonical);
            }
            let bare = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
            (&STANDARD, bare)
        }
    };
    out.reserve(text.len() / 4 * 3 + 3);
    let value = |byte: u8| table.get(usize::from(byte)).copied().unwrap_or(NONE);
    let (groups, tail) = text.as_chunks::<4>();
    for [a, b, c, d] in groups {
        let (a, b, c, d) = (value(*a), value(*b), value(*c), value(*d));
        if (a | b | c | d) & 0xc0 != 0 {
            return Err(NotCanonical);
        }
        out.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
    }
    match *tail {
        [] => Ok(()),
        [a, b] => {
            let (a, b) = (value(a), value(b));
            if (a | b) & 0xc0 != 0 || b & 0x0f != 0 {
                return Err(NotCanonical);
            }
            out.push(a << 2 | b >> 4);
            Ok(())
        }
        [a, b, c] => {
            let (a, b, c) = (value(a), value(b), value(c));
            if (a | b | c) & 0xc0 != 0 || c & 0x03 != 0 {
                return Err(NotCanonical);
            }
            out.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2]);
            Ok(())
        }
        _ => Err(NotCanonical),
    }
}

/// Decodes hexadecimal of either case into `out`, which is emptied first; `0x` before it is tolerated.
///
/// # Errors
/// [`NotCanonical`] for an odd length or anything that is no hexadecimal digit.
pub fn decode_hex(text: &[u8], out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    out.clear();
    let text = text.strip_prefix(b"0x").unwrap_or(text);
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(NotCanonical);
    }
    for [high, low] in pairs {
        let high = char::from(*high).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let low = char::from(*low).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (high, low) {
            (Some(high), Some(low)) => out.push(high << 4 | low),
            _ => return Err(NotCanonical),
        }
    }
    Ok(())
}

/// Encodes bytes.
#[must_use]
pub fn encode(alphabet: Alphabet, bytes: &[u8]) -> String {
    let (b62, b63) = match alphabet {
        Alphabet::Url => (b'-', b'_'),
        Alphabet::Standard => (b'+', b'/'),
    };
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| group.get(at).copied().unwrap_or(0);
        let (a, b, c) = (byte(0), byte(1), byte(2));
        let values = [a >> 2, (a << 4 | b >> 4) & 63, (b << 2 | c >> 6) & 63, c & 63];
        for value in values.iter().take(group.len() + 1) {
            out.push(char::from(digit(*value, b62, b63)));
        }
        if alphabet == Alphabet::Standard {
            out.extend(std::iter::repeat_n('=', 3usize.saturating_sub(group.len())));
        }
    }
    out
}

/// Encodes bytes as lower-case hexadecimal.
#[must_use]
pub fn encode_hex(bytes: &[u8]) -> String {
    let nibble = |value: u8| char::from_digit(u32::from(value & 15), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [nibble(byte >> 4), nibble(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(text: &str) -> Result<Vec<u8>, NotCanonical> {
        let mut out = Vec::new();
        decode(Alphabet::Url, text.as_bytes(), &mut out).map(|()| out)
    }
    fn standard(text: &str) -> Result<Vec<u8>, NotCanonical> {
        let mut out = Vec::new();
        decode(Alphabet::Standard, text.as_bytes(), &mut out).map(|()| out)
    }

    #[test]
    fn one_spelling_only() {
        assert_eq!(url("QQ").unwrap(), b"A");
        assert_eq!(standard("QQ==").unwrap(), b"A");
        for bad in ["QR", "QQ==", "Q", "QQ=", "Q Q", "QUI\n", "QUJ", "+A", "Q\u{e9}", "====", "QUJDR"] {
            assert_eq!(url(bad), Err(NotCanonical), "{bad}");
        }
        for bad in ["QQ", "QR==", "QQ=", "Q===", "====", "QUI", "-A==", "QUJD\n", "QQ==QQ==", "=QQ="] {
            assert_eq!(standard(bad), Err(NotCanonical), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_and_what_decodes_is_its_own_encoding(bytes: Vec<u8>, text in "[-_A-Za-z0-9+/=]{0,12}") {
            for alphabet in [Alphabet::Url, Alphabet::Standard] {
                let mut out = Vec::new();
                decode(alphabet, encode(alphabet, &bytes).as_bytes(), &mut out).unwrap();
                prop_assert_eq!(&out, &bytes);
                if decode(alphabet, text.as_bytes(), &mut out).is_ok() {
                    prop_assert_eq!(encode(alphabet, &out), text.as_str());
                }
            }
            let mut out = Vec::new();
            decode_hex(encode_hex(&bytes).as_bytes(), &mut out).unwrap();
            prop_assert_eq!(out, bytes);
        }
    }
}
