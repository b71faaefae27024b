//! The usual fingerprints of a public key: one key has many names, and callers send any of them.

use crate::digest::sha256;
use crate::jwk::Jwk;
use crate::numbers::{self, Numbers};
use crate::openssh;
use base64ct::{Base64, Base64Unpadded, Base64UrlUnpadded, Encoding};
use std::fmt::Write;

/// Every usual fingerprint of one key.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub struct Fingerprints {
    /// RFC 7638 thumbprint with SHA-256, base64url without padding.
    pub jwk_thumbprint: String,
    /// SHA-256 of the SPKI DER, base64 with padding.
    pub spki_sha256_base64: String,
    /// SHA-256 of the SPKI DER, lower-case hex.
    pub spki_sha256_hex: String,
    /// What `ssh-keygen -l` prints: `SHA256:` and base64 without padding.
    pub openssh: String,
    /// SHA-256 of the SPKI PEM text with its final line break, lower-case hex.
    pub pem_sha256_hex: String,
}

impl Fingerprints {
    /// The form that Snowflake and some clouds show: `SHA256:` and base64 of the SPKI digest.
    #[must_use]
    pub fn spki_sha256_prefixed(&self) -> String {
        format!("SHA256:{}", self.spki_sha256_base64)
    }

    /// Whether a key id that somebody sent is this key's, in any spelling of any fingerprint.
    #[must_use]
    pub fn matches_kid(&self, kid: &str) -> bool {
        let bare = kid.strip_prefix("SHA256:").unwrap_or(kid);
        if bare.len() == 64 {
            let lower = bare.to_ascii_lowercase();
            return lower == self.spki_sha256_hex || lower == self.pem_sha256_hex;
        }
        // All others are base64 of 32 bytes, in either alphabet, padded or not.
        let plain = |text: &str| text.trim_end_matches('=').replace('-', "+").replace('_', "/");
        // 43 characters and one of padding; anything longer is no digest.
        if bare.len() > 44 {
            return false;
        }
        let bare = plain(bare);
        bare == plain(&self.jwk_thumbprint)
            || bare == plain(&self.spki_sha256_base64)
            || self.openssh.strip_prefix("SHA256:").is_some_and(|own| bare == plain(own))
    }

    pub(crate) fn of(numbers: &Numbers, spki: &[u8]) -> Self {
        let Digests { jwk, spki, openssh, pem } = Digests::of(numbers, spki);
        Self {
            jwk_thumbprint: Base64UrlUnpadded::encode_string(&jwk),
            spki_sha256_base64: Base64::encode_string(&spki),
            spki_sha256_hex: hex(&spki),
            openssh: format!("SHA256:{}", Base64Unpadded::encode_string(&openssh)),
            pem_sha256_hex: hex(&pem),
        }
    }
}

/// The digests that all fingerprints spell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digests {
    /// Of the RFC 7638 text.
    pub jwk: [u8; 32],
    /// Of the SPKI DER.
    pub spki: [u8; 32],
    /// Of the key as OpenSSH writes it.
    pub openssh: [u8; 32],
    /// Of the SPKI PEM text with its final line break.
    pub pem: [u8; 32],
}

impl Digests {
    pub(crate) fn of(numbers: &Numbers, spki: &[u8]) -> Self {
        Self {
            jwk: sha256(&[Jwk::from_numbers(numbers).thumbprint_text().as_bytes()]),
            spki: sha256(&[spki]),
            openssh: sha256(&[&openssh::blob(numbers)]),
            pem: sha256(&[numbers::pem(spki).as_bytes()]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
