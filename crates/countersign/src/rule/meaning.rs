//! What a use means, as a digest: two spellings of one proof are one use.
use countersign_keys::sha256;

/// A digest of parts, each with its kind and length, so that no two lists of parts run together.
pub(super) struct Meaning(Vec<u8>);

impl Meaning {
    pub(super) fn new(dialect: &str, account: &str) -> Self {
        let mut meaning = Self(Vec::with_capacity(128));
        meaning.add(b'd', dialect.as_bytes());
        meaning.add(b'a', account.as_bytes());
        meaning
    }
    pub(super) fn add(&mut self, kind: u8, part: &[u8]) {
        self.0.push(kind);
        self.0.extend_from_slice(&part.len().to_be_bytes());
        self.0.extend_from_slice(part);
    }
    pub(super) fn mark(&self) -> [u8; 32] {
        sha256(&[&self.0])
    }
}
