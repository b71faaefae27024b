//! Header values and targets as Node gives them: one letter a byte.
use napi::{Error, Result};

/// The bytes of a text whose letters stand for one byte each.
///
/// # Errors
/// When one does not.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>> {
    let byte = |letter: char| u8::try_from(letter).ok();
    let read: Option<Vec<u8>> = text.chars().map(byte).collect();
    read.ok_or_else(|| Error::from_reason("wanted one letter a byte, as Node gives headers, found others"))
}

/// The text whose letters stand for these bytes.
pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Names and values in turn, as `rawHeaders` has them.
///
/// # Errors
/// As [`bytes`].
pub(crate) fn pairs(flat: &[String]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let pair = |both: &[String]| match both {
        [name, value] => Ok((bytes(name)?, bytes(value)?)),
        _ => Err(Error::from_reason("wanted names and values in turn, found a name without a value")),
    };
    flat.chunks(2).map(pair).collect()
}

/// The same, borrowed.
pub(crate) fn borrowed(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<(&[u8], &[u8])> {
    pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_bytes_both_ways() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes(&text(&all)).unwrap(), all);
        assert!(bytes("\u{100}").is_err());
        let flat = ["a".to_owned(), "\u{e4}".to_owned()];
        assert_eq!(pairs(&flat).unwrap(), [(b"a".to_vec(), vec![0xe4])]);
        assert!(pairs(&flat[..1]).is_err());
    }
}
