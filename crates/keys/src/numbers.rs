//! The numbers that a public key is made of, and their one canonical form as SPKI DER.

use crate::algorithm::KeyKind;
use crate::error::KeyError;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Tag};
use pem_rfc7468::LineEnding;
use pkcs1::RsaPublicKeyRef;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

/// Object identifier of RSA keys.
pub(crate) const OID_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// Object identifier of elliptic-curve keys.
pub(crate) const OID_EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// Object identifier of Ed25519 keys.
pub(crate) const OID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const OID_P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const OID_P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const OID_P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// A public key taken apart. Numbers are big-endian; RSA's have no leading zeros, points full length.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Numbers {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ed25519([u8; 32]),
    Ec { kind: KeyKind, x: Vec<u8>, y: Vec<u8> },
}

impl Numbers {
    /// Takes apart a `SubjectPublicKeyInfo`; checks its structure and nothing else.
    pub(crate) fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let spki = SubjectPublicKeyInfoRef::from_der(der)
            .map_err(|_| KeyError::Der { wanted: "a public key (SPKI)" })?;
        let oid = spki.algorithm.oid;
        let raw =
            spki.subject_public_key.as_bytes().ok_or(KeyError::Der { wanted: "a public key (SPKI)" })?;
        let plain = spki.algorithm.parameters.is_none_or(|parameters| parameters == AnyRef::NULL);
        if oid == OID_RSA && plain {
            return Self::from_pkcs1(raw);
        }
        if oid == OID_ED25519 && plain {
            return Self::ed25519(raw);
        }
        if oid == OID_EC {
            let parameters =
                spki.algorithm.parameters.ok_or(KeyError::Curve { found: "no curve at all".into() })?;
            let curve = parameters
                .decode_as::<ObjectIdentifier>()
                .map_err(|_| KeyError::Curve { found: "a curve described by explicit parameters".into() })?;
            return Self::from_point(curve_kind(curve)?, raw);
        }
        if oid == OID_RSA || oid == OID_ED25519 {
            return Err(KeyError::Der { wanted: "a public key (SPKI) without parameters" });
        }
        Err(not_served(oid))
    }

    /// Takes apart a PKCS#1 `RSAPublicKey`.
    pub(crate) fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let key = RsaPublicKeyRef::from_der(der)
            .map_err(|_| KeyError::Der { wanted: "an RSA public key (PKCS#1)" })?;
        Ok(Self::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes()))
    }

    /// An RSA key from its numbers, with any leading zeros.
    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Self {
        Self::Rsa { n: without_leading_zeros(n).to_vec(), e: without_leading_zeros(e).to_vec() }
    }

    /// An Ed25519 key from its 32 bytes.
    pub(crate) fn ed25519(raw: &[u8]) -> Result<Self, KeyError> {
        raw.try_into().map(Self::Ed25519).map_err(|_| KeyError::Ed25519Length { found: raw.len() })
    }

    /// An elliptic-curve key from an uncompressed point (`04 ‖ x ‖ y`).
    pub(crate) fn from_point(kind: KeyKind, point: &[u8]) -> Result<Self, KeyError> {
        let size = coordinate_bytes(kind);
        let problem = |problem| KeyError::EcPoint { curve: kind.name(), problem };
        match point.split_first() {
            Some((0x04, rest)) if rest.len() == size.saturating_mul(2) => {
                let (x, y) = rest.split_at_checked(size).ok_or(problem("has the wrong length"))?;
                Ok(Self::Ec { kind, x: x.to_vec(), y: y.to_vec() })
            }
            Some((0x00, [])) => Err(problem("is the point at infinity, which is nobody's key")),
            Some((0x02 | 0x03, rest)) if rest.len() == size => {
                Err(problem("is written in compressed form; send it uncompressed"))
            }
            _ => Err(problem("has the wrong length, or a form not read here")),
        }
    }

    pub(crate) fn kind(&self) -> KeyKind {
        match self {
            Self::Rsa { .. } => KeyKind::Rsa,
            Self::Ed25519(_) => KeyKind::Ed25519,
            Self::Ec { kind, .. } => *kind,
        }
    }

    /// The size by which people name the key: modulus bits for RSA, curve bits for the others.
    pub(crate) fn bits(&self) -> u32 {
        match self {
            Self::Rsa { n, .. } => bits_of(n),
            Self::Ed25519(_) => 256,
            Self::Ec { kind, .. } => curve_bits(*kind),
        }
    }

    /// The canonical `SubjectPublicKeyInfo` in DER.
    pub(crate) fn to_spki(&self) -> Result<Vec<u8>, KeyError> {
        let backend = |_: der::Error| KeyError::Backend { doing: "writing a public key" };
        let (oid, curve, raw) = match self {
            Self::Rsa { .. } => (OID_RSA, None, self.to_pkcs1()?),
            Self::Ed25519(raw) => (OID_ED25519, None, raw.to_vec()),
            Self::Ec { kind, x, y } => {
                let point = [&[0x04], x.as_slice(), y.as_slice()].concat();
                (OID_EC, Some(curve_oid(*kind)), point)
            }
        };
        let parameters = match (&curve, oid) {
            (Some(curve), _) => Some(AnyRef::new(Tag::ObjectIdentifier, curve.as_bytes()).map_err(backend)?),
            (None, OID_RSA) => Some(AnyRef::NULL),
            (None, _) => None,
        };
        SubjectPublicKeyInfoRef {
            algorithm: AlgorithmIdentifierRef { oid, parameters },
            subject_public_key: BitStringRef::from_bytes(&raw).map_err(backend)?,
        }
        .to_der()
        .map_err(backend)
    }

    /// The PKCS#1 `RSAPublicKey` in DER; only for RSA.
    pub(crate) fn to_pkcs1(&self) -> Result<Vec<u8>, KeyError> {
        let backend = |_: der::Error| KeyError::Backend { doing: "writing an RSA public key" };
        let Self::Rsa { n, e } = self else {
            return Err(KeyError::Backend { doing: "writing an RSA public key" });
        };
        RsaPublicKeyRef {
            modulus: UintRef::new(n).map_err(backend)?,
            public_exponent: UintRef::new(e).map_err(backend)?,
        }
        .to_der()
        .map_err(backend)
    }
}

/// The PEM text around a `SubjectPublicKeyInfo`, with a final line break.
pub(crate) fn pem(spki: &[u8]) -> String {
    pem_rfc7468::encode_string("PUBLIC KEY", LineEnding::LF, spki).unwrap_or_default()
}

/// Bytes of one coordinate on a curve.
pub(crate) const fn coordinate_bytes(kind: KeyKind) -> usize {
    match kind {
        KeyKind::P384 => 48,
        KeyKind::P521 => 66,
        KeyKind::P256 | KeyKind::Rsa | KeyKind::Ed25519 => 32,
    }
}

const fn curve_bits(kind: KeyKind) -> u32 {
    match kind {
        KeyKind::P384 => 384,
        KeyKind::P521 => 521,
        KeyKind::P256 | KeyKind::Rsa | KeyKind::Ed25519 => 256,
    }
}

const fn curve_oid(kind: KeyKind) -> ObjectIdentifier {
    match kind {
        KeyKind::P384 => OID_P384,
        KeyKind::P521 => OID_P521,
        KeyKind::P256 | KeyKind::Rsa | KeyKind::Ed25519 => OID_P256,
    }
}

/// The kind of key on a curve named by its object identifier.
pub(crate) fn curve_kind(oid: ObjectIdentifier) -> Result<KeyKind, KeyError> {
    match oid {
        OID_P256 => Ok(KeyKind::P256),
        OID_P384 => Ok(KeyKind::P384),
        OID_P521 => Ok(KeyKind::P521),
        _ => Err(match oid.to_string().as_str() {
            "1.3.132.0.10" => KeyError::Curve { found: "secp256k1".into() },
            "1.2.840.10045.3.1.1" => KeyError::Curve { found: "P-192".into() },
            "1.3.132.0.33" => KeyError::Curve { found: "P-224".into() },
            "1.3.36.3.3.2.8.1.1.7" => KeyError::Curve { found: "brainpoolP256r1".into() },
            "1.3.36.3.3.2.8.1.1.11" => KeyError::Curve { found: "brainpoolP384r1".into() },
            "1.3.36.3.3.2.8.1.1.13" => KeyError::Curve { found: "brainpoolP512r1".into() },
            other => KeyError::Curve { found: format!("object identifier {other}") },
        }),
    }
}

/// The refusal of a kind of key, under the name that people know it by.
fn not_served(oid: ObjectIdentifier) -> KeyError {
    match oid.to_string().as_str() {
        "1.3.101.110" => KeyError::Curve { found: "X25519 (encryption)".into() },
        "1.3.101.111" => KeyError::Curve { found: "X448 (encryption)".into() },
        "1.3.101.113" => KeyError::Curve { found: "Ed448".into() },
        _ => KeyError::Kind { found: kind_of_oid(oid) },
    }
}

/// What people call the kind of key that an object identifier stands for.
fn kind_of_oid(oid: ObjectIdentifier) -> String {
    match oid.to_string().as_str() {
        "1.2.840.113549.1.1.10" => "RSA restricted to PSS".into(),
        "1.2.840.113549.1.1.7" => "RSA restricted to OAEP (encryption)".into(),
        "1.2.840.10040.4.1" => "DSA".into(),
        "1.2.840.113549.1.3.1" | "1.2.840.10046.2.1" => "Diffie-Hellman".into(),
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44".into(),
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65".into(),
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87".into(),
        other => format!("unknown (object identifier {other})"),
    }
}

/// The number without its leading zero bytes.
pub(crate) fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

fn bits_of(bytes: &[u8]) -> u32 {
    let bytes = without_leading_zeros(bytes);
    let Some(first) = bytes.first() else { return 0 };
    let all = u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_mul(8);
    all.saturating_sub(first.leading_zeros())
}

/// The kind of a private key, by the algorithm that its PKCS#8 document names.
pub(crate) fn kind_of_private(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<KeyKind, KeyError> {
    match algorithm.oid {
        OID_RSA => Ok(KeyKind::Rsa),
        OID_ED25519 => Ok(KeyKind::Ed25519),
        OID_EC => algorithm
            .parameters_oid()
            .map_err(|_| KeyError::Curve { found: "a curve described by explicit parameters".into() })
            .and_then(curve_kind),
        other => Err(not_served(other)),
    }
}
