//! A public key as the program keeps it, with its conditions.

/// A public key with its conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldKey {
    /// The key in any spelling: PEM, OpenSSH, JWK, the text of a JWK set, or 32 bytes of Ed25519 in base64 or hex.
    pub public: String,
    /// What its owner calls it; a proof may hint at it by this name.
    pub label: String,
    /// Algorithms it is narrowed to; empty: all of its kind that are not weak.
    pub algorithms: Vec<String>,
    /// From when it no longer counts, Unix seconds.
    pub expires: Option<i64>,
}
