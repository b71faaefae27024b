//! A signature checked beside a key that may not be there: how long it takes tells nobody whether it is.
use countersign::decoy;
use countersign_keys::{Job, KeyKind, PublicKey, verify};

/// Checks of the decoy that stand for one of the greatest key's.
const MOST_CHECKS: usize = 16;

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
                let size = signature.len() / bytes(decoy).max(1);
                let times = if *kind == KeyKind::Rsa { size.saturating_mul(size) } else { 1 };
                for _ in 0..times.clamp(1, MOST_CHECKS) {
                    let _never = check(decoy, text, signature);
                }
            }
        }
    }
    held
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
