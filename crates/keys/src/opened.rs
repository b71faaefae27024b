//! What an RSA PKCS#1 v1.5 signature says it signed: for telling why it does not hold, never for accepting one.

use crate::algorithm::Hash;
use crate::backend;
use crate::public::PublicKey;
use countersign_keys_lc::recover::MAX_MODULUS_BYTES;

/// The digest inside an RSA signature that this key made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// The hash that the signer named; `None` when it named none, or one that is not known here.
    pub digest: Option<Digest>,
    /// What was inside the padding.
    pub inside: Vec<u8>,
}

/// A hash, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Digest {
    /// Every hash that signatures here are made over.
    pub const ALL: &'static [Self] = &[Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name that people use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The digest of a text.
    #[must_use]
    pub fn of(self, text: &[u8]) -> Vec<u8> {
        backend::hash(self.hash(), text).as_ref().to_vec()
    }

    const fn hash(self) -> Hash {
        match self {
            Self::Sha1 => Hash::Sha1,
            Self::Sha256 => Hash::Sha256,
            Self::Sha384 => Hash::Sha384,
            Self::Sha512 => Hash::Sha512,
        }
    }
}

impl Opened {
    /// Whether this is the digest of a text, by the hash that was named.
    #[must_use]
    pub fn is_of(&self, text: &[u8]) -> bool {
        self.digest.is_some_and(|digest| digest.of(text) == self.inside)
    }
}

impl PublicKey {
    /// Opens an RSA PKCS#1 v1.5 signature. `None`: this key did not make it, or not with that padding.
    #[must_use]
    pub fn open(&self, signature: &[u8]) -> Option<Opened> {
        let mut buffer = [0; MAX_MODULUS_BYTES];
        let inside = self.recover(signature, &mut buffer)?;
        let named = Digest::ALL.iter().copied().find_map(|digest| {
            inside.strip_prefix(backend::digest_info_prefix(digest.hash())).map(|rest| (digest, rest))
        });
        Some(match named {
            Some((digest, rest)) => Opened { digest: Some(digest), inside: rest.to_vec() },
            None => Opened { digest: None, inside: inside.to_vec() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Algorithm, KeyKind, PrivateKey};

    #[test]
    fn a_signature_tells_its_digest_to_its_own_key_alone() {
        let key = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
        let other = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
        for (algorithm, digest) in
            [(Algorithm::RsaSha256, Digest::Sha256), (Algorithm::RsaSha512, Digest::Sha512)]
        {
            let signature = key.sign(algorithm, b"text").unwrap();
            let opened = key.public_key().open(&signature).unwrap();
            assert_eq!(opened.digest, Some(digest));
            assert!(opened.is_of(b"text") && !opened.is_of(b"other"));
            assert!(other.public_key().open(&signature).is_none());
        }
        let pss = key.sign(Algorithm::PssSha256, b"text").unwrap();
        assert!(key.public_key().open(&pss).is_none());
        assert!(key.public_key().open(b"short").is_none());
    }
}
