//! The spellings of a key's fingerprints: the same digest whether it comes as hexadecimal or base64.
use base64ct::{Base64Unpadded, Encoding};
use countersign_keys::{CompactKey, Digests};

/// Half of a digest.
pub(crate) type Print = [u8; 16];
/// One for each fingerprint of a key.
pub type Prints = [Print; 4];

/// The digest that a key hint spells: 64 hexadecimal digits or base64 of 32 bytes in either alphabet, padded or not,
/// with or without `SHA256:`.
pub(crate) fn digest(kid: &str) -> Option<[u8; 32]> {
    let bare = kid.strip_prefix("SHA256:").unwrap_or(kid);
    if bare.len() == 64 {
        return hexadecimal(bare);
    }
    // 43 characters and one of padding; anything longer is no digest.
    let unpadded = bare.trim_end_matches('=');
    if bare.len() > 44 || unpadded.len() > 43 {
        return None;
    }
    let mut plain = [0_u8; 43];
    let mut length = 0;
    for (to, from) in plain.iter_mut().zip(unpadded.bytes()) {
        *to = match from {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        };
        length += 1;
    }
    let mut out = [0; 32];
    let decoded = Base64Unpadded::decode(plain.get(..length)?, &mut out).ok()?.len();
    (decoded == out.len()).then_some(out)
}

/// The digests by which a key may be named; that of its DER comes first.
pub(crate) fn digests(key: &CompactKey) -> impl Iterator<Item = [u8; 32]> + use<> {
    let digests = key.digests();
    digests.into_iter().flat_map(|Digests { jwk, spki, openssh, pem }| [spki, jwk, openssh, pem])
}

/// Whether a key may be named by a digest.
pub(crate) fn has(digests: &Digests, digest: &[u8; 32]) -> bool {
    let Digests { jwk, spki, openssh, pem } = digests;
    [spki, jwk, openssh, pem].contains(&digest)
}

/// The first half of a digest: what a key is found by. What is found is compared whole, so nothing hangs on its length.
#[must_use]
pub(crate) fn print(digest: &[u8; 32]) -> Print {
    let mut print = [0; 16];
    print.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    print
}

/// What a key is found by, for each of its fingerprints: half of each digest. A registry may keep them beside the key,
/// since working them out takes longer than reading them.
#[must_use]
pub fn prints(key: &CompactKey) -> Prints {
    let mut prints = [[0; 16]; 4];
    prints.iter_mut().zip(digests(key)).for_each(|(to, digest)| *to = print(&digest));
    prints
}

fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    let mut out = [0; 32];
    for (to, [high, low]) in out.iter_mut().zip(pairs) {
        *to = (nibble(*high)? << 4) | nibble(*low)?;
    }
    Some(out)
}

fn nibble(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_digest_is_that_digest() {
        let hex = "00fbff".to_owned() + &"7e".repeat(29);
        let wanted = digest(&hex).unwrap();
        assert_eq!(digest(&hex.to_uppercase()), Some(wanted));
        let base64 = Base64Unpadded::encode_string(&wanted);
        let url = base64.replace('+', "-").replace('/', "_");
        assert_ne!(base64, url);
        for spelled in [
            base64.clone(),
            url.clone(),
            format!("{base64}="),
            format!("SHA256:{url}"),
            format!("SHA256:{hex}"),
        ] {
            assert_eq!(digest(&spelled), Some(wanted), "{spelled}");
        }
        for other in [
            "",
            "main",
            "=",
            &"0".repeat(63),
            &"g".repeat(64),
            &"A".repeat(44),
            &"A".repeat(45),
            &"é".repeat(32),
        ] {
            assert_eq!(digest(other), None, "{other}");
        }
    }
}
