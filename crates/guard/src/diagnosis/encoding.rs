//! Bytes written in another alphabet than is wanted, half, or twice.
use super::cause::Cause;
use countersign::base64::{Alphabet, decode, decode_hex};
use countersign_keys::KeyKind;

/// Longest signature in any spelling that is looked at: RSA-8192 in hexadecimal of hexadecimal has 4096.
const LONGEST: usize = 8 * 1024;

/// Bytes that signatures of keys in use anywhere have: ECDSA and Ed25519, then RSA (1024 bits are used no more: 128 bytes are half a signature).
const USUAL: &[usize] = &[64, 96, 132, 256, 384, 512, 1024];

/// Reads base64 of either alphabet, padded or not.
pub(super) fn loose(text: &str) -> Option<Vec<u8>> {
    let bare = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let mut out = Vec::new();
    decode(Alphabet::Url, bare.as_bytes(), &mut out).is_ok().then_some(out)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    (!text.is_empty() && decode_hex(text.as_bytes(), &mut out).is_ok()).then_some(out)
}

/// What is wrong with how one part of a token is written.
pub(super) fn of_part(text: &str) -> Option<Cause> {
    if text.contains([' ', '\t', '\n', '\r']) {
        Some(Cause::WhiteSpaceInside)
    } else if text.contains('%') {
        Some(Cause::PercentEncoded)
    } else if text.contains(['+', '/']) {
        Some(Cause::Base64ForBase64url)
    } else if text.ends_with('=') {
        Some(Cause::PaddingKept)
    } else {
        None
    }
}

/// What is wrong with how a signature is written. `wanted` is `base64`, `base64url` or `hex`; `lengths` are those that signatures of the
/// keys in question have. `None`: nothing. A signature as long as another usual key makes them is whole: that key is the wrong one.
pub(super) fn of_signature(text: &str, wanted: &str, lengths: &[usize]) -> Option<Cause> {
    if text.is_empty() {
        return Some(Cause::TokenUnsigned);
    }
    if text.len() > LONGEST {
        return Some(Cause::SignatureTooLong);
    }
    let fits = |bytes: &Option<Vec<u8>>| bytes.as_ref().is_some_and(|bytes| lengths.contains(&bytes.len()));
    let usual = |bytes: &Option<Vec<u8>>| bytes.as_ref().is_some_and(|bytes| USUAL.contains(&bytes.len()));
    let spaced = |text: &str| text.contains([' ', '\t', '\n', '\r']);
    if spaced(text) {
        let joined: String = text.split_ascii_whitespace().collect();
        let read = if wanted == "hex" { hex(&joined) } else { loose(&joined) };
        if fits(&read) {
            return Some(if wanted == "hex" { Cause::HexWithMarks } else { Cause::WhiteSpaceInside });
        }
        if fits(&loose(&text.replace(' ', "+"))) {
            return Some(Cause::PlusBecameSpace);
        }
    }
    if let Some(plain) = percent_decoded(text)
        && (fits(&loose(&plain)) || fits(&hex(&plain)))
    {
        return Some(Cause::PercentEncoded);
    }
    if wanted == "hex" {
        let bare: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        if bare.len() < text.len() && fits(&hex(&bare)) {
            return Some(Cause::HexWithMarks);
        }
        if fits(&loose(text)) {
            return Some(Cause::Base64ForHex);
        }
    } else {
        let read = hex(text);
        if fits(&read) || usual(&read) {
            return Some(Cause::HexForBase64);
        }
        if fits(&loose(text)) {
            return of_alphabet(text, wanted);
        }
    }
    let read = |text: &str| if wanted == "hex" { hex(text) } else { loose(text) };
    let Some(bytes) = read(text) else {
        // A text that is cut anywhere ends in the middle of a byte.
        let whole = (1..=3_usize).find_map(|less| read(text.get(..text.len().checked_sub(less)?)?));
        let cut = whole.is_some_and(|bytes| lengths.iter().any(|length| bytes.len() < *length));
        return Some(if cut { Cause::SignatureCut } else { Cause::EncodingWrong });
    };
    if lengths.contains(&bytes.len()) {
        return None;
    }
    if let Ok(inner) = std::str::from_utf8(&bytes)
        && (fits(&hex(inner)) || fits(&loose(inner)))
    {
        return Some(Cause::EncodedTwice);
    }
    if is_der(&bytes) {
        return Some(Cause::DerForRaw);
    }
    if USUAL.contains(&bytes.len()) {
        return of_alphabet(text, wanted);
    }
    // A few bytes behind a whole one are a line end or a terminator, even where other keys make longer signatures.
    let behind = lengths.iter().any(|length| bytes.len().checked_sub(*length).is_some_and(|more| more <= 4));
    let cut = !behind && lengths.iter().any(|length| bytes.len() < *length);
    Some(if cut { Cause::SignatureCut } else { Cause::SignatureTooLong })
}

/// What is wrong with the letters of a signature that is as long as one.
fn of_alphabet(text: &str, wanted: &str) -> Option<Cause> {
    match wanted {
        "base64" if text.contains(['-', '_']) => Some(Cause::Base64urlForBase64),
        "base64" if !text.len().is_multiple_of(4) => Some(Cause::PaddingCut),
        "base64url" => of_part(text),
        _ => None,
    }
}

/// The ASN.1 sequence of two integers that an ECDSA signature is elsewhere.
fn is_der(bytes: &[u8]) -> bool {
    match bytes {
        [0x30, 0x81, length, 2, ..] => bytes.len() == usize::from(*length) + 3,
        [0x30, length, 2, ..] => bytes.len() == usize::from(*length) + 2,
        _ => false,
    }
}

/// How long a signature by such a key is, in bytes.
pub(super) fn length(kind: KeyKind, bits: u32) -> usize {
    match kind {
        KeyKind::Rsa => usize::try_from(bits.div_ceil(8)).unwrap_or(0),
        KeyKind::P384 => 96,
        KeyKind::P521 => 132,
        _ => 64,
    }
}

/// Undoes percent-encoding; `None` where there is none.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    text.contains('%').then_some(())?;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    // Every round takes at least one byte.
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                out.extend(hex(std::str::from_utf8(&digits).ok()?)?);
                rest = after;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::base64::{encode, encode_hex};

    #[test]
    fn each_way_of_writing_is_told() {
        let bytes: Vec<u8> = (0..64_u8).map(|byte| byte.wrapping_mul(251).wrapping_add(7)).collect();
        let (standard, url, hex) =
            (encode(Alphabet::Standard, &bytes), encode(Alphabet::Url, &bytes), encode_hex(&bytes));
        let cases = [
            (standard.clone(), "base64", None),
            (url.clone(), "base64url", None),
            (hex.clone(), "hex", None),
            (standard.clone(), "base64url", Some(Cause::Base64ForBase64url)),
            (url.clone(), "base64", Some(Cause::Base64urlForBase64)),
            (hex.clone(), "base64", Some(Cause::HexForBase64)),
            (standard.clone(), "hex", Some(Cause::Base64ForHex)),
            (encode_hex(hex.as_bytes()), "hex", Some(Cause::EncodedTwice)),
            (encode(Alphabet::Standard, standard.as_bytes()), "base64", Some(Cause::EncodedTwice)),
            (String::new(), "hex", Some(Cause::TokenUnsigned)),
            (hex[..60].to_owned(), "hex", Some(Cause::SignatureCut)),
            (format!("{hex}00"), "hex", Some(Cause::SignatureTooLong)),
            (hex.repeat(4), "hex", None),
            (hex.repeat(4), "base64", Some(Cause::HexForBase64)),
            (encode(Alphabet::Url, &bytes.repeat(4)), "base64url", None),
            (encode(Alphabet::Url, &bytes.repeat(4)), "base64", Some(Cause::Base64urlForBase64)),
            ("[object Object]".to_owned(), "base64", Some(Cause::EncodingWrong)),
            (format!("{url}=="), "base64url", Some(Cause::PaddingKept)),
        ];
        for (text, wanted, cause) in cases {
            let found = of_signature(&text, wanted, &[64]);
            let same = found == cause
                || (cause == Some(Cause::PaddingKept) && found == Some(Cause::Base64ForBase64url));
            assert!(same, "{text} as {wanted}: {found:?}");
        }
        assert_eq!(percent_decoded("a%2Bb").as_deref(), Some("a+b"));
        assert_eq!(percent_decoded("a%2"), Some("a%2".to_owned()));
        assert_eq!(percent_decoded("%ff"), None);
    }
}
