//! The table of signature algorithms: what each is called, which keys it takes, whether it is weak.

use std::fmt;

/// A signature algorithm, with its padding and hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-1: only where a connection was registered with it.
    RsaSha1,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RsaSha384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    RsaSha512,
    /// RSA PSS with SHA-256, salt as long as the hash.
    PssSha256,
    /// RSA PSS with SHA-384, salt as long as the hash.
    PssSha384,
    /// RSA PSS with SHA-512, salt as long as the hash.
    PssSha512,
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384Sha384,
    /// ECDSA on P-521 with SHA-512.
    EcdsaP521Sha512,
    /// Ed25519.
    Ed25519,
}

/// A kind of key; one kind may serve several algorithms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum KeyKind {
    /// RSA of any size.
    Rsa,
    /// Ed25519.
    Ed25519,
    /// ECDSA on the curve P-256.
    P256,
    /// ECDSA on the curve P-384.
    P384,
    /// ECDSA on the curve P-521.
    P521,
}

/// How an ECDSA signature is written down; the other algorithms have one way only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// `r` and `s` side by side at full length, as JOSE and RFC 9421 have it.
    #[default]
    Raw,
    /// An ASN.1 sequence of the two, as OpenSSL and most clouds have it.
    Der,
}

/// The hash inside an algorithm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// The shape of the signature around the hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scheme {
    Pkcs1,
    Pss,
    Ecdsa,
    EdDsa,
}

/// One line of the table.
struct Row {
    algorithm: Algorithm,
    name: &'static str,
    aliases: &'static [&'static str],
    jose: &'static [&'static str],
    http: Option<&'static str>,
    kind: KeyKind,
    scheme: Scheme,
    hash: Hash,
    weak: bool,
}

#[rustfmt::skip]
const TABLE: [Row; 11] = {
    use Algorithm as A;
    use KeyKind as K;
    use Scheme as S;
    [
        Row { algorithm: A::RsaSha1, name: "RSA-SHA1", aliases: &[], jose: &[], http: None, kind: K::Rsa, scheme: S::Pkcs1, hash: Hash::Sha1, weak: true },
        Row { algorithm: A::RsaSha256, name: "RS256", aliases: &["RSA-SHA256"], jose: &["RS256"], http: Some("rsa-v1_5-sha256"), kind: K::Rsa, scheme: S::Pkcs1, hash: Hash::Sha256, weak: false },
        Row { algorithm: A::RsaSha384, name: "RS384", aliases: &["RSA-SHA384"], jose: &["RS384"], http: None, kind: K::Rsa, scheme: S::Pkcs1, hash: Hash::Sha384, weak: false },
        Row { algorithm: A::RsaSha512, name: "RS512", aliases: &["RSA-SHA512"], jose: &["RS512"], http: None, kind: K::Rsa, scheme: S::Pkcs1, hash: Hash::Sha512, weak: false },
        Row { algorithm: A::PssSha256, name: "PS256", aliases: &[], jose: &["PS256"], http: None, kind: K::Rsa, scheme: S::Pss, hash: Hash::Sha256, weak: false },
        Row { algorithm: A::PssSha384, name: "PS384", aliases: &[], jose: &["PS384"], http: None, kind: K::Rsa, scheme: S::Pss, hash: Hash::Sha384, weak: false },
        Row { algorithm: A::PssSha512, name: "PS512", aliases: &[], jose: &["PS512"], http: Some("rsa-pss-sha512"), kind: K::Rsa, scheme: S::Pss, hash: Hash::Sha512, weak: false },
        Row { algorithm: A::EcdsaP256Sha256, name: "ES256", aliases: &[], jose: &["ES256"], http: Some("ecdsa-p256-sha256"), kind: K::P256, scheme: S::Ecdsa, hash: Hash::Sha256, weak: false },
        Row { algorithm: A::EcdsaP384Sha384, name: "ES384", aliases: &[], jose: &["ES384"], http: Some("ecdsa-p384-sha384"), kind: K::P384, scheme: S::Ecdsa, hash: Hash::Sha384, weak: false },
        Row { algorithm: A::EcdsaP521Sha512, name: "ES512", aliases: &[], jose: &["ES512"], http: None, kind: K::P521, scheme: S::Ecdsa, hash: Hash::Sha512, weak: false },
        Row { algorithm: A::Ed25519, name: "Ed25519", aliases: &["EdDSA"], jose: &["EdDSA", "Ed25519"], http: Some("ed25519"), kind: K::Ed25519, scheme: S::EdDsa, hash: Hash::Sha512, weak: false },
    ]
};

impl Algorithm {
    /// Every algorithm, in the order of the table.
    pub const ALL: &'static [Self] = &[
        Self::RsaSha1,
        Self::RsaSha256,
        Self::RsaSha384,
        Self::RsaSha512,
        Self::PssSha256,
        Self::PssSha384,
        Self::PssSha512,
        Self::EcdsaP256Sha256,
        Self::EcdsaP384Sha384,
        Self::EcdsaP521Sha512,
        Self::Ed25519,
    ];

    /// The name that dialect files, settings and reports use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The algorithm of a name in a dialect file: the canonical one, or an alias such as `RSA-SHA256`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name || row.aliases.contains(&name)).map(|row| row.algorithm)
    }

    /// The algorithm of a JOSE `alg` value, letter case included; never one with SHA-1.
    #[must_use]
    pub fn from_jose(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.jose.contains(&name)).map(|row| row.algorithm)
    }

    /// The JOSE names; the first is the one to write.
    #[must_use]
    pub const fn jose_names(self) -> &'static [&'static str] {
        self.row().jose
    }

    /// The name in the RFC 9421 registry of HTTP signature algorithms.
    #[must_use]
    pub const fn http_name(self) -> Option<&'static str> {
        self.row().http
    }

    /// The algorithm of an RFC 9421 `alg` value.
    #[must_use]
    pub fn from_http(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.http == Some(name)).map(|row| row.algorithm)
    }

    /// The kind of key that this algorithm takes.
    #[must_use]
    pub const fn kind(self) -> KeyKind {
        self.row().kind
    }

    /// Whether the algorithm is kept only for services that cannot yet do without it.
    #[must_use]
    pub const fn is_weak(self) -> bool {
        self.row().weak
    }

    /// Whether this is RSA with PKCS#1 v1.5 padding, the only shape that a job with several spellings takes.
    #[must_use]
    pub const fn is_pkcs1(self) -> bool {
        matches!(self.row().scheme, Scheme::Pkcs1)
    }

    pub(crate) const fn hash(self) -> Hash {
        self.row().hash
    }

    pub(crate) const fn scheme(self) -> Scheme {
        self.row().scheme
    }

    #[rustfmt::skip]
    const fn row(self) -> &'static Row {
        let [sha1, rs256, rs384, rs512, ps256, ps384, ps512, es256, es384, es512, ed] = &TABLE;
        match self {
            Self::RsaSha1 => sha1, Self::RsaSha256 => rs256, Self::RsaSha384 => rs384, Self::RsaSha512 => rs512,
            Self::PssSha256 => ps256, Self::PssSha384 => ps384, Self::PssSha512 => ps512,
            Self::EcdsaP256Sha256 => es256, Self::EcdsaP384Sha384 => es384, Self::EcdsaP521Sha512 => es512,
            Self::Ed25519 => ed,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl KeyKind {
    /// Every kind of key.
    pub const ALL: &'static [Self] = &[Self::Rsa, Self::Ed25519, Self::P256, Self::P384, Self::P521];

    /// The name in settings and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::Ed25519 => "Ed25519",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// The kind of a name, in any letter case, with or without the dash of a curve's name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let plain = |text: &str| text.replace('-', "").to_ascii_lowercase();
        Self::ALL.iter().copied().find(|kind| plain(kind.name()) == plain(name))
    }

    /// The name of the elliptic curve, as JOSE spells it; RSA has none.
    #[must_use]
    pub const fn curve(self) -> Option<&'static str> {
        match self {
            Self::Rsa => None,
            Self::Ed25519 | Self::P256 | Self::P384 | Self::P521 => Some(self.name()),
        }
    }

    /// The algorithms that a key of this kind can serve.
    #[must_use]
    pub const fn algorithms(self) -> &'static [Algorithm] {
        use Algorithm as A;
        match self {
            Self::Rsa => &[
                A::RsaSha1,
                A::RsaSha256,
                A::RsaSha384,
                A::RsaSha512,
                A::PssSha256,
                A::PssSha384,
                A::PssSha512,
            ],
            Self::Ed25519 => &[A::Ed25519],
            Self::P256 => &[A::EcdsaP256Sha256],
            Self::P384 => &[A::EcdsaP384Sha384],
            Self::P521 => &[A::EcdsaP521Sha512],
        }
    }

    /// The algorithm to use where nobody has said otherwise.
    #[must_use]
    pub const fn usual_algorithm(self) -> Algorithm {
        match self {
            Self::Rsa => Algorithm::RsaSha256,
            Self::Ed25519 => Algorithm::Ed25519,
            Self::P256 => Algorithm::EcdsaP256Sha256,
            Self::P384 => Algorithm::EcdsaP384Sha384,
            Self::P521 => Algorithm::EcdsaP521Sha512,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, KeyKind, TABLE};

    #[test]
    fn the_table_and_the_enum_agree() {
        for (row, algorithm) in TABLE.iter().zip(Algorithm::ALL) {
            assert_eq!(row.algorithm, *algorithm);
            assert_eq!(algorithm.name(), row.name);
            assert_eq!(Algorithm::from_name(row.name), Some(*algorithm));
        }
        assert_eq!(TABLE.len(), Algorithm::ALL.len());
    }

    #[test]
    fn kinds_list_exactly_the_algorithms_that_name_them() {
        for kind in KeyKind::ALL {
            let of_table: Vec<_> = Algorithm::ALL.iter().copied().filter(|a| a.kind() == *kind).collect();
            assert_eq!(kind.algorithms(), of_table);
            assert!(kind.algorithms().contains(&kind.usual_algorithm()));
            assert_eq!(KeyKind::from_name(&kind.name().to_lowercase()), Some(*kind));
        }
    }

    #[test]
    fn no_name_stands_for_two_algorithms() {
        let mut names: Vec<&str> =
            TABLE.iter().flat_map(|r| r.aliases.iter().chain([&r.name])).copied().collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn jose_names_are_exact_and_never_weak() {
        assert_eq!(Algorithm::from_jose("EdDSA"), Some(Algorithm::Ed25519));
        assert_eq!(Algorithm::from_jose("Ed25519"), Some(Algorithm::Ed25519));
        for bad in ["rs256", "RS256 ", "none", "None", "", "RS1", "RSA-SHA1", "HS256", "RSA-SHA256", "eddsa"]
        {
            assert_eq!(Algorithm::from_jose(bad), None, "{bad}");
        }
        for algorithm in Algorithm::ALL {
            for name in algorithm.jose_names() {
                assert!(!algorithm.is_weak());
                assert_eq!(Algorithm::from_jose(name), Some(*algorithm));
            }
            if let Some(name) = algorithm.http_name() {
                assert_eq!(Algorithm::from_http(name), Some(*algorithm));
            }
        }
    }

    #[test]
    fn text_dialects_may_name_rsa_the_long_way() {
        assert_eq!(Algorithm::from_name("RSA-SHA1"), Some(Algorithm::RsaSha1));
        assert_eq!(Algorithm::from_name("RSA-SHA256"), Some(Algorithm::RsaSha256));
        assert!(Algorithm::RsaSha1.is_weak());
    }
}
