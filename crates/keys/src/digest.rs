//! Digests and the keyed digest (HMAC-SHA-256) that proofs, fingerprints and challenges need.
use crate::algorithm::Algorithm;
use crate::backend;
use aws_lc_rs::{digest, hmac};

/// SHA-256 of the parts, one after another.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    // A SHA-256 digest is 32 bytes by definition, so every byte is written.
    for (to, from) in out.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    out
}

/// The digest of a message under an algorithm's hash, for devices that sign digests alone.
#[must_use]
pub fn digest(algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    backend::hash(algorithm.hash(), message).as_ref().to_vec()
}

/// HMAC-SHA-256 with a key made once and used many times.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

impl MacKey {
    /// Makes the key from secret bytes (32 random bytes are right).
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The 32-byte tag over the parts, one after another.
    #[must_use]
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        out
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey(..)")
    }
}
