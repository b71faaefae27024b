//! A key pair as a signer sees it: the public half, and somebody who signs, whether in memory, in an agent or in a token.

use crate::algorithm::{Algorithm, KeyKind};
use crate::error::KeyError;
use crate::fingerprint::Fingerprints;
use crate::private::PrivateKey;
use crate::public::PublicKey;
use std::fmt;
use std::sync::Arc;

/// A key pair that signs, wherever its private half is.
pub trait KeyPair: fmt::Debug + Send + Sync {
    /// The public half.
    fn public_key(&self) -> &Arc<PublicKey>;

    /// Every usual fingerprint of the public half; made once.
    fn fingerprints(&self) -> &Fingerprints;

    /// Signs. ECDSA signatures are raw (`r ‖ s`), as JOSE wants them; PSS salts are as long as the hash.
    ///
    /// # Errors
    /// When the algorithm is of another kind of key, or whoever holds the private half does not sign.
    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// The kind of key.
    fn kind(&self) -> KeyKind {
        self.public_key().kind()
    }

    /// Whether it can sign with this algorithm; who holds a key may do less than the key could.
    fn signs(&self, algorithm: Algorithm) -> bool {
        self.public_key().allows(algorithm)
    }

    /// Whether signing waits for something outside this process, so that no other work should wait with it.
    fn waits(&self) -> bool {
        false
    }
}

impl KeyPair for PrivateKey {
    fn public_key(&self) -> &Arc<PublicKey> {
        PrivateKey::public_key(self)
    }

    fn fingerprints(&self) -> &Fingerprints {
        PrivateKey::fingerprints(self)
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        PrivateKey::sign(self, algorithm, message)
    }
}

impl<K: KeyPair + ?Sized> KeyPair for Arc<K> {
    fn public_key(&self) -> &Arc<PublicKey> {
        (**self).public_key()
    }

    fn fingerprints(&self) -> &Fingerprints {
        (**self).fingerprints()
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        (**self).sign(algorithm, message)
    }

    fn signs(&self, algorithm: Algorithm) -> bool {
        (**self).signs(algorithm)
    }

    fn waits(&self) -> bool {
        (**self).waits()
    }
}
