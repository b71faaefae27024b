//! A public key at rest: its DER and nothing else, for registries that hold millions of them.

use crate::algorithm::KeyKind;
use crate::error::KeyError;
use crate::fingerprint::Digests;
use crate::numbers::Numbers;
use crate::public::PublicKey;
use std::fmt;

/// A public key as DER: about 300 bytes for RSA-2048, under 100 for the curves.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CompactKey {
    spki: Box<[u8]>,
    bits: u32,
    kind: KeyKind,
}

impl CompactKey {
    /// Takes the DER of a key that was stored by us.
    ///
    /// # Errors
    /// When the bytes are not a `SubjectPublicKeyInfo` of a kind of key known here.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        PublicKey::from_spki_der(der).map(|key| Self::from(&key))
    }

    /// The key ready for use.
    #[must_use]
    pub fn parse(&self) -> PublicKey {
        PublicKey::from_canonical(self.kind, self.bits, self.spki.clone())
    }

    /// The digests that its fingerprints spell; `None` never happens for a key that was taken.
    #[must_use]
    pub fn digests(&self) -> Option<Digests> {
        let numbers = Numbers::from_spki(&self.spki).ok()?;
        Some(Digests::of(&numbers, &self.spki))
    }

    /// The kind of key.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The canonical `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }
}

impl From<&PublicKey> for CompactKey {
    fn from(key: &PublicKey) -> Self {
        Self { spki: key.spki_der().into(), bits: key.bits(), kind: key.kind() }
    }
}

impl fmt::Debug for CompactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompactKey({}, {} bytes)", self.kind, self.spki.len())
    }
}
