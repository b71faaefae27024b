//! Secrets that are shown once: made from chance, kept as a digest.
use super::state::Manage;
use base64ct::{Base64UrlUnpadded, Encoding};
use countersign_guard::clock::draw;
use countersign_keys::sha256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::Write;
use zeroize::Zeroizing;

/// A secret on its way in or out; wiped from memory when dropped, and never printed.
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// A new secret: 256 bits in base64url, 43 characters.
pub(crate) fn make(manage: &Manage) -> Secret {
    let bytes = Zeroizing::new(draw::<32>(&*manage.entropy));
    Secret(Zeroizing::new(Base64UrlUnpadded::encode_string(&*bytes)))
}

/// What is kept of a secret: its SHA-256, lower-case hexadecimal.
pub(crate) fn digest(secret: &str) -> String {
    sha256(&[secret.as_bytes()]).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256_in_hexadecimal() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest("abc"), abc);
    }
}
