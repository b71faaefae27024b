//! Which parts of the crypto library stand behind each algorithm.

use crate::algorithm::{Algorithm, Encoding, Hash};
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{self as lc, VerificationAlgorithm};

/// How many parsed forms a key may keep: RSA has seven algorithms, ECDSA two encodings.
pub(crate) const SLOTS_RSA: usize = 7;
/// See [`SLOTS_RSA`].
pub(crate) const SLOTS_OTHER: usize = 2;

/// The verifier of an algorithm, and the slot in which a key keeps its parsed form for it.
///
/// RSA below 2048 bits is refused by every verifier named here, SHA-1 or not.
pub(crate) fn verifier(
    algorithm: Algorithm,
    encoding: Encoding,
) -> (usize, &'static dyn VerificationAlgorithm) {
    match (algorithm, encoding) {
        (Algorithm::RsaSha1, _) => (0, &lc::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        (Algorithm::RsaSha256, _) => (1, &lc::RSA_PKCS1_2048_8192_SHA256),
        (Algorithm::RsaSha384, _) => (2, &lc::RSA_PKCS1_2048_8192_SHA384),
        (Algorithm::RsaSha512, _) => (3, &lc::RSA_PKCS1_2048_8192_SHA512),
        (Algorithm::PssSha256, _) => (4, &lc::RSA_PSS_2048_8192_SHA256),
        (Algorithm::PssSha384, _) => (5, &lc::RSA_PSS_2048_8192_SHA384),
        (Algorithm::PssSha512, _) => (6, &lc::RSA_PSS_2048_8192_SHA512),
        (Algorithm::EcdsaP256Sha256, Encoding::Raw) => (0, &lc::ECDSA_P256_SHA256_FIXED),
        (Algorithm::EcdsaP256Sha256, Encoding::Der) => (1, &lc::ECDSA_P256_SHA256_ASN1),
        (Algorithm::EcdsaP384Sha384, Encoding::Raw) => (0, &lc::ECDSA_P384_SHA384_FIXED),
        (Algorithm::EcdsaP384Sha384, Encoding::Der) => (1, &lc::ECDSA_P384_SHA384_ASN1),
        (Algorithm::EcdsaP521Sha512, Encoding::Raw) => (0, &lc::ECDSA_P521_SHA512_FIXED),
        (Algorithm::EcdsaP521Sha512, Encoding::Der) => (1, &lc::ECDSA_P521_SHA512_ASN1),
        (Algorithm::Ed25519, _) => (0, &lc::ED25519),
    }
}

/// Hashes `bytes` with the hash of an algorithm.
pub(crate) fn hash(hash: Hash, bytes: &[u8]) -> Digest {
    let algorithm = match hash {
        Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    };
    digest::digest(algorithm, bytes)
}

/// What stands before the hash in a PKCS#1 v1.5 signature: the DER of a `DigestInfo` up to its digest,
/// with the NULL parameters present (RFC 8017, section 9.2, note 1). Other spellings are refused.
pub(crate) const fn digest_info_prefix(hash: Hash) -> &'static [u8] {
    match hash {
        Hash::Sha1 => {
            &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14]
        }
        Hash::Sha256 => &[
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
            0x00, 0x04, 0x20,
        ],
        Hash::Sha384 => &[
            0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05,
            0x00, 0x04, 0x30,
        ],
        Hash::Sha512 => &[
            0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05,
            0x00, 0x04, 0x40,
        ],
    }
}
