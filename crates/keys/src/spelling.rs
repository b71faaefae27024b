//! Base64 and hex as people send them: either alphabet, padded or not, with blanks in between.

use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

/// Decodes base64 in either alphabet, and notes what had to be put right.
pub(crate) fn base64(text: &str, repaired: &mut Vec<&'static str>) -> Option<Zeroizing<Vec<u8>>> {
    let compact: Zeroizing<String> = Zeroizing::new(text.chars().filter(|c| !is_blank(*c)).collect());
    let bare = compact.trim_end_matches('=');
    let padding = compact.len().saturating_sub(bare.len());
    // Base64 ends in at most two; more is something else.
    if padding > 2 {
        return None;
    }
    let plain = Base64Unpadded::decode_vec(bare).ok();
    let decoded = match plain {
        Some(bytes) => {
            if padding != bare.len().wrapping_neg() % 4 {
                repaired.push("base64 padding was put right");
            }
            bytes
        }
        None => {
            let bytes = Base64UrlUnpadded::decode_vec(bare).ok()?;
            repaired.push("base64url was read as base64");
            bytes
        }
    };
    Some(Zeroizing::new(decoded))
}

/// Decodes hex, in either letter case, with blanks, colons or a leading `0x`.
pub(crate) fn hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let mut high: Option<u32> = None;
    for c in text.chars().filter(|c| !is_blank(*c) && *c != ':') {
        let digit = c.to_digit(16)?;
        high = match high {
            None => Some(digit),
            Some(first) => {
                out.push(u8::try_from(first.checked_mul(16)?.checked_add(digit)?).ok()?);
                None
            }
        };
    }
    (high.is_none() && !out.is_empty()).then_some(out)
}

/// White space, and the invisible characters that chats and word processors add.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{base64, hex};

    fn decoded(text: &str) -> (Option<Vec<u8>>, Vec<&'static str>) {
        let mut repaired = Vec::new();
        let bytes = base64(text, &mut repaired).map(|bytes| bytes.to_vec());
        (bytes, repaired)
    }

    #[test]
    fn both_alphabets_are_read() {
        assert_eq!(decoded("+/8="), (Some(vec![0xfb, 0xff]), vec![]));
        assert_eq!(decoded("-_8").0, Some(vec![0xfb, 0xff]));
        assert_eq!(decoded("+/8").1, ["base64 padding was put right"]);
        assert_eq!(decoded(" + /\n8 = ").0, Some(vec![0xfb, 0xff]));
    }

    #[test]
    fn what_is_not_base64_is_not_guessed() {
        for bad in ["+_8=", "a", "+/8===", "+/9=", "ä", "[...]"] {
            assert_eq!(decoded(bad).0, None, "{bad}");
        }
    }

    #[test]
    fn hex_may_have_colons_and_blanks() {
        assert_eq!(hex("0xAb:0c 1D").unwrap().as_slice(), [0xab, 0x0c, 0x1d]);
        for bad in ["", "abc", "zz", "0x"] {
            assert!(hex(bad).is_none(), "{bad}");
        }
    }
}
