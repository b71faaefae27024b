//! The dialects of the corpus, one of them with each of its two kinds of key.

/// Whose client the request is from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Dialect {
    /// RS256 bearer token named by e-mail.
    Skykit,
    /// `JWT` token with time and nonce, RS512.
    Jwt,
    /// The same, with an Ed25519 key.
    JwtEd,
    /// Token with issuer, audience and a companion key.
    Partner,
    /// Base64 signature over a JSON text.
    Skillhive,
    /// Hexadecimal signature over a challenge.
    Spacetime,
    /// ES256 signature over lines.
    Operator,
    /// HTTP message signature (RFC 9421) with an Ed25519 key.
    Message,
}

impl Dialect {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::Skykit,
        Self::Jwt,
        Self::JwtEd,
        Self::Partner,
        Self::Skillhive,
        Self::Spacetime,
        Self::Operator,
        Self::Message,
    ];

    /// The name of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Skykit => "skykit",
            Self::Jwt | Self::JwtEd => "asymmetric-jwt",
            Self::Partner => "partner-key",
            Self::Skillhive => "skillhive",
            Self::Spacetime => "spacetime",
            Self::Operator => "operator",
            Self::Message => "http-signature",
        }
    }

    /// The name and the kind of key, where it is one of two.
    #[must_use]
    pub fn label(self) -> &'static str {
        if self == Self::JwtEd { "asymmetric-jwt (Ed25519)" } else { self.name() }
    }

    /// The ids of its key, of an old one, and of one that nobody registered.
    #[must_use]
    pub fn keys(self) -> [&'static str; 3] {
        match self {
            Self::JwtEd | Self::Spacetime | Self::Message => ["key_ed", "key_ed_old", "nobody_ed"],
            Self::Operator => ["key_es", "key_es_old", "nobody_es"],
            _ => ["key_main", "key_old", "nobody"],
        }
    }
}
