//! A public key, parsed once for each algorithm it is asked for and then used many times.

use crate::algorithm::{Algorithm, Encoding, KeyKind};
use crate::backend;
use crate::digest::sha256;
use crate::ed25519;
use crate::error::KeyError;
use crate::fingerprint::Fingerprints;
use crate::jwk::Jwk;
use crate::lane_key::LaneKey;
use crate::numbers::{self, Numbers};
use crate::openssh;
use aws_lc_rs::signature::ParsedPublicKey;
use countersign_keys_lc::recover::{MAX_MODULUS_BYTES, RsaPublic};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Least bits of an RSA key that any signature is checked with.
const LEAST_RSA_BITS: u32 = 2048;

/// A public key. Share it behind an `Arc`; all threads may check signatures with it at once.
pub struct PublicKey {
    kind: KeyKind,
    bits: u32,
    spki: Box<[u8]>,
    /// The library's form of the key, one for each algorithm, made when first asked for.
    parsed: Box<[OnceLock<Option<ParsedPublicKey>>]>,
    /// SHA-256 of the DER, made when first asked for.
    digest: OnceLock<[u8; 32]>,
    /// The form that recovers the digest from an RSA signature.
    recovering: OnceLock<Option<Box<RsaPublic>>>,
    /// Whether a check in lanes was wanted before.
    asked: AtomicBool,
    /// The form for checks in lanes.
    lane: OnceLock<Option<Arc<LaneKey>>>,
}

impl PublicKey {
    /// Takes a key that was stored by us: its form is checked, its quality is not.
    ///
    /// Keys from people go through [`crate::read_public_key`].
    ///
    /// # Errors
    /// When the bytes are not a `SubjectPublicKeyInfo` of a kind of key known here.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_numbers(&Numbers::from_spki(der)?)
    }

    /// The kind of key.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The size by which people name the key: 2048 for RSA-2048, 256 for Ed25519 and P-256.
    #[must_use]
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// The canonical `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The algorithms that this key can serve; what a dialect allows is another question.
    #[must_use]
    pub const fn algorithms(&self) -> &'static [Algorithm] {
        self.kind.algorithms()
    }

    /// Whether this key can serve an algorithm.
    #[must_use]
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        algorithm.kind() == self.kind
    }

    /// Every usual fingerprint of the key.
    #[must_use]
    pub fn fingerprints(&self) -> Fingerprints {
        self.numbers().map(|numbers| Fingerprints::of(&numbers, &self.spki)).unwrap_or_default()
    }

    /// The key as SPKI PEM, with a final line break.
    #[must_use]
    pub fn to_pem(&self) -> String {
        numbers::pem(&self.spki)
    }

    /// The key as a JWK.
    #[must_use]
    pub fn to_jwk(&self) -> Jwk {
        self.numbers().map(|numbers| Jwk::from_numbers(&numbers)).unwrap_or_default()
    }

    /// The key as a line of an OpenSSH `authorized_keys` file, without a line break.
    #[must_use]
    pub fn to_openssh(&self, comment: &str) -> String {
        self.numbers().map(|numbers| openssh::line(&numbers, comment)).unwrap_or_default()
    }

    /// The 32 bytes of an Ed25519 key.
    #[must_use]
    pub fn ed25519_bytes(&self) -> Option<[u8; 32]> {
        match self.numbers() {
            Some(Numbers::Ed25519(raw)) => Some(raw),
            _ => None,
        }
    }

    pub(crate) fn from_numbers(numbers: &Numbers) -> Result<Self, KeyError> {
        if let Numbers::Ed25519(raw) = numbers {
            ed25519::check_encoding(raw)?;
        }
        Ok(Self::from_canonical(numbers.kind(), numbers.bits(), numbers.to_spki()?.into_boxed_slice()))
    }

    /// A key whose DER this crate wrote itself.
    pub(crate) fn from_canonical(kind: KeyKind, bits: u32, spki: Box<[u8]>) -> Self {
        let slots = if kind == KeyKind::Rsa { backend::SLOTS_RSA } else { backend::SLOTS_OTHER };
        Self {
            kind,
            bits,
            spki,
            parsed: std::iter::repeat_with(OnceLock::new).take(slots).collect(),
            digest: OnceLock::new(),
            recovering: OnceLock::new(),
            asked: AtomicBool::new(false),
            lane: OnceLock::new(),
        }
    }

    /// SHA-256 of the DER: what tells this key from every other.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        self.digest.get_or_init(|| sha256(&[&self.spki]))
    }

    /// The numbers again; there, since the key was built from them.
    pub(crate) fn numbers(&self) -> Option<Numbers> {
        Numbers::from_spki(&self.spki).ok()
    }

    /// Whether the crypto library takes the key, which for a curve means that the point lies on it.
    pub(crate) fn is_usable(&self) -> bool {
        self.parsed_for(self.kind.usual_algorithm(), Encoding::Raw).is_some()
    }

    /// Checks one signature over one message.
    pub(crate) fn check(
        &self,
        algorithm: Algorithm,
        encoding: Encoding,
        message: &[u8],
        signature: &[u8],
    ) -> Option<()> {
        if !self.allows(algorithm) {
            return None;
        }
        self.parsed_for(algorithm, encoding)?.verify_sig(message, signature).ok()
    }

    /// What is inside an RSA PKCS#1 v1.5 signature once its padding has been checked and removed.
    pub(crate) fn recover<'b>(
        &self,
        signature: &[u8],
        out: &'b mut [u8; MAX_MODULUS_BYTES],
    ) -> Option<&'b [u8]> {
        if self.kind != KeyKind::Rsa || self.bits < LEAST_RSA_BITS {
            return None;
        }
        let key = self.recovering.get_or_init(|| {
            let pkcs1 = self.numbers()?.to_pkcs1().ok()?;
            RsaPublic::from_pkcs1_der(&pkcs1).map(Box::new)
        });
        key.as_ref()?.recover(signature, out)
    }

    /// The key for checks in lanes, made when asked for the second time; `None` before that, and when the lanes do not serve it.
    ///
    /// Making it costs two checks, and a key that was never seen in lanes is checked by both ways: among a million keys, each used
    /// now and then, that would cost more than lanes save.
    pub(crate) fn lane_key(&self) -> Option<&Arc<LaneKey>> {
        if self.kind != KeyKind::Rsa || !self.asked.load(Ordering::Relaxed) {
            self.asked.store(true, Ordering::Relaxed);
            return None;
        }
        let key = self.lane.get_or_init(|| match self.numbers() {
            Some(Numbers::Rsa { n, e }) => LaneKey::new(&n, &e).map(Arc::new),
            _ => None,
        });
        key.as_ref()
    }

    fn parsed_for(&self, algorithm: Algorithm, encoding: Encoding) -> Option<&ParsedPublicKey> {
        let (slot, verifier) = backend::verifier(algorithm, encoding);
        self.parsed.get(slot)?.get_or_init(|| ParsedPublicKey::new(verifier, &self.spki).ok()).as_ref()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {}, {})", self.kind, self.bits, self.fingerprints().spki_sha256_hex)
    }
}

#[cfg(test)]
mod tests;
