//! What the console gives out and takes back without keeping it: texts under a key that all nodes have.
use countersign::ask::Claim;
use countersign::base64::{Alphabet, decode, encode};
use countersign::life::challenge::AHEAD;
use countersign::time::{Span, Time};
use countersign_keys::{MacKey, sha256};
use subtle::ConstantTimeEq;

/// Characters of a token: the longest are links, with three ids.
const LONGEST: usize = 1024;
/// Bytes of the tag.
const TAG: usize = 16;

/// Makes a token of what it says; `purpose` keeps it from being one of another kind.
pub(super) fn seal(key: &MacKey, purpose: &str, text: &[u8]) -> String {
    let tag = key.tag(&[purpose.as_bytes(), b"\0", text]);
    let mut bytes = tag.get(..TAG).unwrap_or(&tag).to_vec();
    bytes.extend_from_slice(text);
    encode(Alphabet::Url, &bytes)
}

/// What a token says, if it is ours and of this kind.
pub(super) fn open(key: &MacKey, purpose: &str, token: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if token.len() > LONGEST || decode(Alphabet::Url, token.as_bytes(), &mut bytes).is_err() {
        return None;
    }
    let (found, text) = bytes.split_at_checked(TAG)?;
    let wanted = key.tag(&[purpose.as_bytes(), b"\0", text]);
    bool::from(wanted.get(..TAG)?.ct_eq(found)).then(|| text.to_vec())
}

/// What must be claimed so that a token works once.
pub(super) fn claim(token: &str, made: Time, until: Time) -> Claim {
    let mark = sha256(&[b"countersign console token used\0", token.as_bytes()]);
    // Its date may be that of a node whose clock is ahead.
    Claim { mark, since: made - Span::from_seconds(AHEAD), until }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_under_its_key_for_its_purpose_unchanged() {
        let key = MacKey::new(&[1; 32]);
        let token = seal(&key, "link", b"text");
        assert_eq!(open(&key, "link", &token).as_deref(), Some(&b"text"[..]));
        assert_eq!(open(&key, "challenge", &token), None);
        assert_eq!(open(&MacKey::new(&[2; 32]), "link", &token), None);
        for changed in [token.replace('A', "B") + "AAAA", token[1..].to_owned(), String::new()] {
            assert_eq!(open(&key, "link", &changed), None, "{changed}");
        }
    }
}
