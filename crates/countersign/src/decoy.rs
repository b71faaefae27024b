//! Keys of nobody: an unknown caller costs the same check as a known one.
use countersign_keys::{KeyKind, PublicKey};
use std::sync::LazyLock;

/// The decoy of a kind of key, to be checked in the place of one that is not there. Its private half was thrown away; even a signature that held would be refused.
#[must_use]
pub fn key(kind: KeyKind) -> &'static PublicKey {
    static RSA: LazyLock<Option<PublicKey>> = LazyLock::new(|| parse(include_bytes!("decoy/rsa.der")));
    static ED25519: LazyLock<Option<PublicKey>> =
        LazyLock::new(|| parse(include_bytes!("decoy/ed25519.der")));
    static P256: LazyLock<Option<PublicKey>> = LazyLock::new(|| parse(include_bytes!("decoy/p256.der")));
    static P384: LazyLock<Option<PublicKey>> = LazyLock::new(|| parse(include_bytes!("decoy/p384.der")));
    static P521: LazyLock<Option<PublicKey>> = LazyLock::new(|| parse(include_bytes!("decoy/p521.der")));
    let chosen = match kind {
        KeyKind::Ed25519 => &ED25519,
        KeyKind::P256 => &P256,
        KeyKind::P384 => &P384,
        KeyKind::P521 => &P521,
        _ => &RSA,
    };
    match &**chosen {
        Some(key) => key,
        None => unreachable!("the decoys are part of the program and parse; a test looks at each"),
    }
}

fn parse(der: &[u8]) -> Option<PublicKey> {
    PublicKey::from_spki_der(der).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_decoy() {
        for kind in [KeyKind::Rsa, KeyKind::Ed25519, KeyKind::P256, KeyKind::P384, KeyKind::P521] {
            assert_eq!(key(kind).kind(), kind);
        }
    }
}
