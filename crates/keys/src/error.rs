//! Everything that can be wrong with a key, said as: what was found, what was wanted, what to do next.

use crate::algorithm::{Algorithm, KeyKind};
use std::fmt;

/// Why a key was not taken, or could not be used.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeyError {
    /// Nothing was sent.
    Empty,
    /// More was sent than any key needs.
    TooLong {
        /// Bytes sent.
        found: usize,
        /// Most bytes taken.
        limit: usize,
    },
    /// The text has no known form.
    Unrecognised,
    /// A private key was sent where a public one belongs.
    Private {
        /// The form it had.
        form: &'static str,
    },
    /// A certificate or a request for one was sent.
    Certificate {
        /// What exactly.
        form: &'static str,
    },
    /// The kind of key is not served.
    Kind {
        /// What it is.
        found: String,
    },
    /// The curve is not served.
    Curve {
        /// What it is.
        found: String,
    },
    /// A shared secret was sent where a public key belongs.
    Symmetric,
    /// Several keys were sent where one is wanted.
    SeveralKeys {
        /// How many.
        found: usize,
    },
    /// The armour of a PEM text is damaged.
    Pem {
        /// What is wrong.
        problem: &'static str,
    },
    /// The binary form is damaged.
    Der {
        /// What it should have been.
        wanted: &'static str,
    },
    /// An OpenSSH key is damaged.
    OpenSsh {
        /// What is wrong.
        problem: &'static str,
    },
    /// A JWK or a set of them is damaged.
    Jwk {
        /// The member at fault.
        member: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// An RSA key has a size that is not taken.
    RsaSize {
        /// Its bits.
        found: u32,
        /// What is taken.
        wanted: String,
    },
    /// An RSA key has a public exponent that is not taken.
    RsaExponent {
        /// The exponent, in decimal where it is short.
        found: String,
        /// What is taken.
        wanted: &'static str,
    },
    /// An RSA key can be broken.
    RsaWeak {
        /// How.
        weakness: String,
    },
    /// The key is on the list of compromised ones.
    Blocked,
    /// The private half of the key is published.
    Published {
        /// Where.
        source: &'static str,
    },
    /// An Ed25519 key has the wrong length.
    Ed25519Length {
        /// Its bytes.
        found: usize,
    },
    /// An Ed25519 key that can be broken or stands for no key.
    Ed25519Point {
        /// What is wrong.
        problem: &'static str,
    },
    /// A point of another curve is damaged.
    EcPoint {
        /// The curve.
        curve: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// A public key was sent where a private one belongs.
    NotPrivate,
    /// A private key is not well formed.
    PrivateForm {
        /// What is wrong.
        problem: &'static str,
    },
    /// A private key is encrypted and no passphrase was given.
    Encrypted,
    /// An OpenSSH private key is encrypted, which is not read.
    EncryptedOpenSsh,
    /// The passphrase does not open the private key.
    Passphrase,
    /// Opening the private key would cost more work than is reasonable.
    PassphraseCost,
    /// A key was asked to use an algorithm of another kind of key.
    Algorithm {
        /// The algorithm.
        algorithm: Algorithm,
        /// The kind of key.
        kind: KeyKind,
    },
    /// Signing with SHA-1 was asked for, and this build does not do it.
    Sha1Signing,
    /// A key of this size is not made.
    NewKeySize {
        /// The kind of key.
        kind: KeyKind,
        /// The bits asked for.
        found: u32,
    },
    /// A file is already there.
    FileExists {
        /// Where.
        path: String,
    },
    /// A file could not be read or written.
    File {
        /// Where.
        path: String,
        /// What the system said.
        problem: String,
    },
    /// Whoever holds a private key outside this process did not sign with it.
    Elsewhere {
        /// Who holds it: an agent, or a token by its label.
        holder: String,
        /// What went wrong.
        problem: String,
    },
    /// The crypto library failed; the caller did nothing wrong.
    Backend {
        /// What was being done.
        doing: &'static str,
    },
}

impl KeyError {
    /// A short code that never changes its meaning.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "key_empty",
            Self::TooLong { .. } => "key_too_long",
            Self::Unrecognised => "key_unrecognised",
            Self::Private { .. } => "key_private",
            Self::Certificate { .. } => "key_certificate",
            Self::Kind { .. } => "key_kind_not_served",
            Self::Curve { .. } => "key_curve_not_served",
            Self::Symmetric => "key_symmetric",
            Self::SeveralKeys { .. } => "key_several",
            Self::Pem { .. } => "key_pem_damaged",
            Self::Der { .. } => "key_der_damaged",
            Self::OpenSsh { .. } => "key_openssh_damaged",
            Self::Jwk { .. } => "key_jwk_damaged",
            Self::RsaSize { .. } => "key_rsa_size",
            Self::RsaExponent { .. } => "key_rsa_exponent",
            Self::RsaWeak { .. } => "key_rsa_weak",
            Self::Blocked => "key_blocked",
            Self::Published { .. } => "key_published",
            Self::Ed25519Length { .. } => "key_ed25519_length",
            Self::Ed25519Point { .. } => "key_ed25519_point",
            Self::EcPoint { .. } => "key_ec_point",
            Self::NotPrivate => "key_not_private",
            Self::PrivateForm { .. } => "key_private_damaged",
            Self::Encrypted => "key_encrypted",
            Self::EncryptedOpenSsh => "key_encrypted_openssh",
            Self::Passphrase => "key_passphrase",
            Self::PassphraseCost => "key_passphrase_cost",
            Self::Algorithm { .. } => "key_algorithm",
            Self::Sha1Signing => "key_sha1_signing",
            Self::NewKeySize { .. } => "key_new_size",
            Self::FileExists { .. } => "key_file_exists",
            Self::File { .. } => "key_file",
            Self::Elsewhere { .. } => "key_elsewhere",
            Self::Backend { .. } => "key_backend",
        }
    }
}

/// What is taken, in words.
const SERVED: &str = "RSA of 2048, 3072 or 4096 bits, Ed25519, or ECDSA on P-256, P-384 or P-521";

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => {
                write!(f, "no key was sent; send a public key, for instance the text of a PEM file")
            }
            Self::TooLong { found, limit } => write!(
                f,
                "the text has {found} bytes, and no key needs more than {limit}; send one public key and nothing else"
            ),
            Self::Unrecognised => write!(
                f,
                "this is no form of public key known here; send a PEM text (-----BEGIN PUBLIC KEY-----), an \
                 OpenSSH line, a JWK, or the 32 bytes of an Ed25519 key in base64 or hex"
            ),
            Self::Private { form } => write!(
                f,
                "this is a private key ({form}), and a public key is wanted; it was not kept, but treat it as \
                 leaked: make a new pair and send only its public half"
            ),
            Self::Certificate { form } => write!(
                f,
                "this is a {form}, and a public key is wanted; send its public key, for instance from `openssl \
                 x509 -in FILE -noout -pubkey` (for a request: `openssl req`)"
            ),
            Self::Kind { found } => write!(f, "the key is of a kind not served here: {found}; send {SERVED}"),
            Self::Curve { found } if found == "secp256k1" => write!(
                f,
                "the key is on the curve secp256k1, which is not served yet; send Ed25519, or ECDSA on P-256, \
                 P-384 or P-521"
            ),
            Self::Curve { found } => write!(
                f,
                "the key is on a curve not served here: {found}; send Ed25519, or ECDSA on P-256, P-384 or P-521 \
                 with the curve given by name"
            ),
            Self::Symmetric => write!(
                f,
                "this is a shared secret, and a public key is wanted; treat it as leaked, and send {SERVED}"
            ),
            Self::SeveralKeys { found } => {
                write!(f, "the text holds {found} keys, and one is wanted; send them one by one")
            }
            Self::Pem { problem } => write!(
                f,
                "the PEM text is damaged: {problem}; send the whole file again, from the line with BEGIN to the \
                 line with END"
            ),
            Self::Der { wanted } => write!(
                f,
                "the binary form inside is damaged or something else; wanted was {wanted}; export the public key \
                 again, for instance with `openssl pkey -in FILE -pubout`"
            ),
            Self::OpenSsh { problem } => {
                write!(f, "the OpenSSH key is damaged: {problem}; send the whole line of the .pub file")
            }
            Self::Jwk { member, problem } => write!(
                f,
                "the JWK is not usable: {member} {problem}; send the public JWK as RFC 7517 describes it"
            ),
            Self::RsaSize { found, wanted } => {
                write!(f, "the RSA key has {found} bits; wanted are {wanted}; make a new key of such a size")
            }
            Self::RsaExponent { found, wanted } => write!(
                f,
                "the RSA key has the public exponent {found}; wanted is {wanted}; make a new key with the usual \
                 exponent"
            ),
            Self::RsaWeak { weakness } => write!(
                f,
                "the RSA key can be broken: {weakness}; stop using it, and make a new key with an up-to-date tool"
            ),
            Self::Blocked => write!(
                f,
                "the key is on the block list of this installation; stop using it, and make a new one"
            ),
            Self::Published { source } => write!(
                f,
                "everybody has the private half of this key: it is in {source}; make a key pair of your own"
            ),
            Self::Ed25519Length { found } => write!(
                f,
                "an Ed25519 public key has 32 bytes, and this has {found}; send the 32 bytes, or the key as PEM"
            ),
            Self::Ed25519Point { problem } => {
                write!(f, "the Ed25519 key is not usable: {problem}; make a new key and send its public half")
            }
            Self::EcPoint { curve, problem } => write!(
                f,
                "the point of the {curve} key {problem}; export the public key again, or make a new one"
            ),
            Self::NotPrivate => write!(
                f,
                "this is a public key, and signing needs the private one; name the file that holds the private key"
            ),
            Self::PrivateForm { problem } => write!(
                f,
                "the private key could not be read: {problem}; wanted is PKCS#8, PKCS#1, SEC1 or OpenSSH, or the \
                 32 bytes of an Ed25519 key in base64"
            ),
            Self::Encrypted => write!(f, "the private key is encrypted; give its passphrase"),
            Self::EncryptedOpenSsh => write!(
                f,
                "the private key is an encrypted OpenSSH key, which is not read here; make a copy without a \
                 passphrase (`ssh-keygen -p -N '' -f COPY`), or turn it into encrypted PKCS#8"
            ),
            Self::Passphrase => write!(f, "the passphrase does not open the private key; give the right one"),
            Self::PassphraseCost => write!(
                f,
                "the private key asks for more work to open than any tool sets by default; wanted are at most \
                 10,000,000 PBKDF2 rounds or 1 GiB of scrypt memory; encrypt it again with usual settings"
            ),
            Self::Algorithm { algorithm, kind } => write!(
                f,
                "a key of the kind {kind} cannot use {algorithm}, which wants the kind {}; choose {}, or another key",
                algorithm.kind(),
                kind.usual_algorithm()
            ),
            Self::Sha1Signing => write!(
                f,
                "signing with SHA-1 was asked for, and this build does not do it; use RS256, or build with the \
                 feature sha1-sign"
            ),
            Self::NewKeySize { kind, found } => write!(
                f,
                "a new {kind} key of {found} bits was asked for; RSA keys are made with 2048, 3072, 4096 or 8192 \
                 bits, the others with the size of their curve"
            ),
            Self::FileExists { path } => write!(
                f,
                "{path} is already there, and a key is never overwritten; choose another name, or move the old \
                 file away"
            ),
            Self::File { path, problem } => {
                write!(f, "{path} could not be used: {problem}; check the path and who may read it")
            }
            Self::Elsewhere { holder, problem } => {
                write!(f, "{holder}, which holds the key, did not sign with it: {problem}")
            }
            Self::Backend { doing } => {
                write!(
                    f,
                    "the crypto library failed while {doing}; this is a fault on this side, not in the key"
                )
            }
        }
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests;
