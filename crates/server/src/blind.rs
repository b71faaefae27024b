//! A signature checked beside a key that may not be there: how long it takes tells nobody whether it is.
use countersign::decoy;
use countersign_keys::{Job, KeyKind, PublicKey, verify};

/// Checks of the decoy that stand for one of the greatest key's.
const MOST_CHECKS: u32 = 16;
/// Bytes of a signature by the decoy for RSA keys.
const DECOY: usize = 256;

/// Checks a signature with the key, if there is one of its shape, and with decoys for all that are not there: what is done
/// depends on the signature's length alone.
pub(crate) fn holds(own: Option<&PublicKey>, text: &[u8], signature: &[u8]) -> bool {
    let shapes: &[KeyKind] = match signature.len() {
        // Both have signatures of this length.
        64 => &[KeyKind::Ed25519, KeyKind::P256],
        96 => &[KeyKind::P384],
        132 => &[KeyKind::P521],
        _ => &[KeyKind::Rsa],
    };
    let mut held = false;
    for kind in shapes {
        let fits = |key: &&PublicKey| {
            key.kind() == *kind && (*kind != KeyKind::Rsa || bytes(key) == signature.len())
        };
        match own.filter(fits) {
            Some(own) => held |= check(own, text, signature),
            None => {
                let decoy = decoy::key(*kind);
                let times = if *kind == KeyKind::Rsa { times(signature.len()) } else { 1 };
                for _ in 0..times {
                    let _never = check(decoy, text, signature);
                }
            }
        }
    }
    held
}

/// What such a check costs for a signature of so many bytes, in checks beyond the first.
pub(crate) fn more_than_one(length: usize) -> u32 {
    match length {
        64 | 96 | 132 => 0,
        other => times(other).saturating_sub(1),
    }
}

/// Checks of the decoy that take as long as one of an RSA key with signatures of so many bytes.
fn times(length: usize) -> u32 {
    let size = u32::try_from(length / DECOY).unwrap_or(u32::MAX);
    size.saturating_mul(size).clamp(1, MOST_CHECKS)
}

fn bytes(key: &PublicKey) -> usize {
    usize::try_from(key.bits().div_ceil(8)).unwrap_or(usize::MAX)
}

fn check(key: &PublicKey, text: &[u8], signature: &[u8]) -> bool {
    let job = Job::new(key, key.kind().usual_algorithm(), text, signature);
    verify(&job).accepted(signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_keys::PrivateKey;

    #[test]
    fn only_the_key_that_is_there_holds() {
        for kind in [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384, KeyKind::P521] {
            let key = PrivateKey::generate(kind, 0).unwrap();
            let signature = key.sign(kind.usual_algorithm(), b"text").unwrap();
            assert!(holds(Some(key.public_key()), b"text", &signature), "{kind:?}");
            assert!(!holds(Some(key.public_key()), b"tex", &signature), "{kind:?}");
            assert!(!holds(None, b"text", &signature), "{kind:?}");
            assert!(!holds(Some(key.public_key()), b"text", b""), "{kind:?}");
        }
    }
}
