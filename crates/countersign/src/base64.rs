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
/// Stands above the 24 bits of four characters: one of them is not in the alphabet.
const BAD: u32 = 1 << 24;

/// What each character is worth at each of the four places of a group.
type Places = [[u32; 256]; 4];

const fn places(b62: u8, b63: u8) -> Places {
    [place(b62, b63, 18), place(b62, b63, 12), place(b62, b63, 6), place(b62, b63, 0)]
}

const fn place(b62: u8, b63: u8, shift: u32) -> [u32; 256] {
    let mut table = [BAD; 256];
    let mut rest: &mut [u32] = &mut table;
    let mut code = 0_u8;
    while let [first, tail @ ..] = rest {
        let value = value(code, b62, b63);
        if value != NONE {
            *first = u32::from_be_bytes([0, 0, 0, value]) << shift;
        }
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

/// Groups of four characters that are spelt before they are added to a text.
const PIECE: usize = 64;

const fn digits(b62: u8, b63: u8) -> [u8; 64] {
    let mut table = [0; 64];
    let mut value = 0;
    let mut rest: &mut [u8] = &mut table;
    while let [first, tail @ ..] = rest {
        *first = digit(value, b62, b63);
        value += 1;
        rest = tail;
    }
    table
}

static URL_DIGITS: [u8; 64] = digits(b'-', b'_');
static STANDARD_DIGITS: [u8; 64] = digits(b'+', b'/');
static URL: Places = places(b'-', b'_');
static STANDARD: Places = places(b'+', b'/');

/// Decodes into `out`, which is emptied first.
///
/// # Errors
/// [`NotCanonical`] for another alphabet, padding where none belongs (or none where it does), white space, a length
/// that no bytes have, or unused bits that are not zero.
pub fn decode(alphabet: Alphabet, text: &[u8], out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    out.clear();
    let (places, text) = match alphabet {
        Alphabet::Url => (&URL, text),
        Alphabet::Standard => {
            if !text.len().is_multiple_of(4) {
                return Err(NotCanonical);
            }
            let bare = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
            (&STANDARD, bare)
        }
    };
    out.resize(decoded_len(text), 0);
    fill(places, text, out)
}

/// How many bytes a text without padding spells.
pub(crate) fn decoded_len(text: &[u8]) -> usize {
    text.len() / 4 * 3 + (text.len() % 4).saturating_sub(1)
}

/// Decodes base64url into `out`, which has exactly [`decoded_len`] bytes.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_url(text: &[u8], out: &mut [u8]) -> Result<(), NotCanonical> {
    fill(&URL, text, out)
}

/// Four characters a step; what is wrong with any of them is looked at once, at the end.
fn fill(places: &Places, text: &[u8], out: &mut [u8]) -> Result<(), NotCanonical> {
    if out.len() != decoded_len(text) {
        return Err(NotCanonical);
    }
    let [first, second, third, fourth] = places;
    let worth = |place: &[u32; 256], byte: u8| place.get(usize::from(byte)).copied().unwrap_or(BAD);
    let group =
        |[a, b, c, d]: [u8; 4]| worth(first, a) | worth(second, b) | worth(third, c) | worth(fourth, d);
    let mut all = 0_u32;
    // Two groups a step where there are two: their bytes are written together.
    let (pairs, text) = text.as_chunks::<8>();
    let (sixes, out) = out.split_at_mut_checked(pairs.len() * 6).ok_or(NotCanonical)?;
    for ([a, b, c, d, e, f, g, h], bytes) in pairs.iter().zip(sixes.as_chunks_mut::<6>().0) {
        let (high, low) = (group([*a, *b, *c, *d]), group([*e, *f, *g, *h]));
        all |= high | low;
        let [_, _, u, v, w, x, y, z] = (u64::from(high) << 24 | u64::from(low)).to_be_bytes();
        *bytes = [u, v, w, x, y, z];
    }
    let (groups, tail) = text.as_chunks::<4>();
    let (whole, rest) = out.as_chunks_mut::<3>();
    for (characters, bytes) in groups.iter().zip(whole) {
        let bits = group(*characters);
        all |= bits;
        let [_, x, y, z] = bits.to_be_bytes();
        *bytes = [x, y, z];
    }
    // What the last group does not use must be zero: otherwise several texts would spell the same bytes.
    let unused = match (tail, rest) {
        ([], []) => 0,
        ([a, b], [to]) => {
            let bits = worth(first, *a) | worth(second, *b);
            let [_, x, ..] = bits.to_be_bytes();
            *to = x;
            bits & !0x00ff_0000
        }
        ([a, b, c], [to, next]) => {
            let bits = worth(first, *a) | worth(second, *b) | worth(third, *c);
            let [_, x, y, _] = bits.to_be_bytes();
            (*to, *next) = (x, y);
            bits & !0x00ff_ff00
        }
        _ => BAD,
    };
    if all & BAD == 0 && unused == 0 { Ok(()) } else { Err(NotCanonical) }
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
    let mut out = String::with_capacity(encoded_len(bytes));
    encode_into(alphabet, bytes, &mut out);
    out
}

/// Most characters that spell these bytes.
pub(crate) fn encoded_len(bytes: &[u8]) -> usize {
    bytes.len().div_ceil(3) * 4
}

/// Encodes bytes at the end of a text.
pub(crate) fn encode_into(alphabet: Alphabet, bytes: &[u8], out: &mut String) {
    let digits = match alphabet {
        Alphabet::Url => &URL_DIGITS,
        Alphabet::Standard => &STANDARD_DIGITS,
    };
    // The numbers are below 64, so that each has its digit.
    let digit = |value: u8| digits.get(usize::from(value & 63)).copied().unwrap_or_default();
    let spelt = |[a, b, c]: [u8; 3]| [a >> 2, a << 4 | b >> 4, b << 2 | c >> 6, c].map(digit);
    // A piece at a time, so that a text is made of many characters at once: they are ASCII, every one.
    let mut piece = [[0; 4]; PIECE];
    for part in bytes.chunks(PIECE * 3) {
        let (groups, rest) = part.as_chunks::<3>();
        for (place, group) in piece.iter_mut().zip(groups) {
            *place = spelt(*group);
        }
        let whole = piece.get(..groups.len()).unwrap_or_default().as_flattened();
        out.push_str(std::str::from_utf8(whole).unwrap_or_default());
        let (last, used) = match *rest {
            [a] => (spelt([a, 0, 0]), 2),
            [a, b] => (spelt([a, b, 0]), 3),
            _ => continue,
        };
        out.extend(last.iter().take(used).map(|byte| char::from(*byte)));
        if alphabet == Alphabet::Standard {
            out.extend(std::iter::repeat_n('=', 4 - used));
        }
    }
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
