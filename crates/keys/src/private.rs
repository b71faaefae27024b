//! A private key: made or loaded once, then asked to sign.

use crate::algorithm::{Algorithm, KeyKind, Scheme};
use crate::encrypted;
use crate::error::KeyError;
use crate::fingerprint::Fingerprints;
use crate::public::PublicKey;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{self as lc, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaEncoding};
use pem_rfc7468::LineEnding;
use std::fmt;
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

const NO_KEY: KeyError = KeyError::PrivateForm { problem: "the numbers in it do not make a key" };
const NOT_RSA: KeyError =
    KeyError::PrivateForm { problem: "the numbers in it make no RSA key of 2048 to 8192 bits" };

/// A private key. It is wiped from memory when dropped, and printing it shows its public half only.
pub struct PrivateKey {
    signer: Signer,
    pkcs8: Zeroizing<Vec<u8>>,
    public: Arc<PublicKey>,
    /// Those of the public half, made when first asked for: a signer may name its key in each request.
    fingerprints: OnceLock<Fingerprints>,
    #[cfg(feature = "sha1-sign")]
    sha1: Option<countersign_keys_lc::sha1::RsaSha1Signer>,
}

/// The library's form of the key; it wipes its own copy.
enum Signer {
    Rsa(rsa::KeyPair),
    Ed25519(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
}

impl PrivateKey {
    /// Makes a new key with the crypto library's own randomness; `bits` matters for RSA only.
    ///
    /// # Errors
    /// When keys of that size are not made, or the library fails.
    pub fn generate(kind: KeyKind, bits: u32) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Backend { doing: "making a key" };
        let size = KeyError::NewKeySize { kind, found: bits };
        let signer = match kind {
            KeyKind::Rsa => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    4096 => KeySize::Rsa4096,
                    8192 => KeySize::Rsa8192,
                    _ => return Err(size),
                };
                Signer::Rsa(rsa::KeyPair::generate(size).map_err(failed)?)
            }
            KeyKind::Ed25519 => Signer::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => {
                Signer::Ec(EcdsaKeyPair::generate(ecdsa(kind)?).map_err(failed)?)
            }
        };
        Self::from_signer(signer)
    }

    /// Takes an unencrypted PKCS#8 document in DER.
    ///
    /// # Errors
    /// When it is not one, or holds a kind or size of key not served here.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = pkcs8::PrivateKeyInfoRef::try_from(der)
            .map_err(|_| KeyError::PrivateForm { problem: "it is not a PKCS#8 document" })?;
        let signer = match crate::numbers::kind_of_private(&info.algorithm)? {
            KeyKind::Rsa => Signer::Rsa(rsa::KeyPair::from_pkcs8(der).map_err(|_| {
                KeyError::PrivateForm { problem: "the numbers in it make no RSA key of 2048 to 8192 bits" }
            })?),
            KeyKind::Ed25519 => Signer::Ed25519(Ed25519KeyPair::from_pkcs8(der).map_err(|_| NO_KEY)?),
            kind => Signer::Ec(EcdsaKeyPair::from_pkcs8(ecdsa(kind)?, der).map_err(|_| NO_KEY)?),
        };
        Self::from_signer(signer)
    }

    pub(crate) fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        rsa::KeyPair::from_der(der).map_err(|_| NOT_RSA).and_then(|key| Self::from_signer(Signer::Rsa(key)))
    }

    pub(crate) fn from_sec1_der(kind: KeyKind, der: &[u8]) -> Result<Self, KeyError> {
        let key = EcdsaKeyPair::from_private_key_der(ecdsa(kind)?, der).map_err(|_| NO_KEY)?;
        Self::from_signer(Signer::Ec(key))
    }

    pub(crate) fn from_point(kind: KeyKind, secret: &[u8], point: &[u8]) -> Result<Self, KeyError> {
        let key = EcdsaKeyPair::from_private_key_and_public_key(ecdsa(kind)?, secret, point);
        Self::from_signer(Signer::Ec(key.map_err(|_| NO_KEY)?))
    }

    /// From a seed; a public half that comes along must belong to it.
    pub(crate) fn from_ed25519(seed: &[u8], public: Option<&[u8]>) -> Result<Self, KeyError> {
        let key = match public {
            Some(public) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
            None => Ed25519KeyPair::from_seed_unchecked(seed),
        };
        Self::from_signer(Signer::Ed25519(key.map_err(|_| NO_KEY)?))
    }

    pub(crate) fn from_rsa_numbers(numbers: &rsa::KeyPairComponents<&[u8]>) -> Result<Self, KeyError> {
        let key = rsa::KeyPair::from_components(numbers).map_err(|_| NOT_RSA)?;
        Self::from_signer(Signer::Rsa(key))
    }

    /// Signs. ECDSA signatures are raw (`r ‖ s`), as JOSE wants them; PSS salts are as long as the hash.
    ///
    /// # Errors
    /// When the algorithm is of another kind of key, or the library fails.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        if algorithm.kind() != self.kind() {
            return Err(KeyError::Algorithm { algorithm, kind: self.kind() });
        }
        let failed = |_| KeyError::Backend { doing: "signing" };
        match &self.signer {
            Signer::Rsa(_) if algorithm == Algorithm::RsaSha1 => self.sign_sha1(message),
            Signer::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(rsa_padding(algorithm)?, &SystemRandom::new(), message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Signer::Ed25519(key) => {
                key.try_sign(message).map(|signature| signature.as_ref().to_vec()).map_err(failed)
            }
            Signer::Ec(key) => key
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(failed),
        }
    }

    /// The kind of key.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.public.kind()
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> &Arc<PublicKey> {
        &self.public
    }

    /// Every usual fingerprint of the public half; made once.
    #[must_use]
    pub fn fingerprints(&self) -> &Fingerprints {
        self.fingerprints.get_or_init(|| self.public.fingerprints())
    }

    /// The PKCS#8 document in DER.
    #[must_use]
    pub fn to_pkcs8_der(&self) -> &Zeroizing<Vec<u8>> {
        &self.pkcs8
    }

    /// The PKCS#8 document as PEM, not encrypted.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(
            pem_rfc7468::encode_string("PRIVATE KEY", LineEnding::LF, &self.pkcs8).unwrap_or_default(),
        )
    }

    /// The PKCS#8 document as PEM, encrypted under a passphrase. `random` must be fresh for each call.
    ///
    /// # Errors
    /// When the library fails.
    pub fn to_encrypted_pkcs8_pem(&self, passphrase: &[u8], random: &[u8; 32]) -> Result<String, KeyError> {
        let sealed = encrypted::seal(&self.pkcs8, passphrase, random)?;
        pem_rfc7468::encode_string("ENCRYPTED PRIVATE KEY", LineEnding::LF, &sealed)
            .map_err(|_| KeyError::Backend { doing: "encrypting a key" })
    }

    fn from_signer(signer: Signer) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Backend { doing: "writing a key" };
        let (pkcs8, spki) = match &signer {
            Signer::Rsa(key) => {
                let pkcs8 = AsDer::<Pkcs8V1Der<'static>>::as_der(key).map_err(failed)?.as_ref().to_vec();
                (pkcs8, spki_of(lc::KeyPair::public_key(key))?)
            }
            Signer::Ed25519(key) => {
                let pkcs8 = key.to_pkcs8v1().map_err(failed)?.as_ref().to_vec();
                (pkcs8, spki_of(lc::KeyPair::public_key(key))?)
            }
            Signer::Ec(key) => {
                let pkcs8 = key.to_pkcs8v1().map_err(failed)?.as_ref().to_vec();
                (pkcs8, spki_of(lc::KeyPair::public_key(key))?)
            }
        };
        let pkcs8 = Zeroizing::new(pkcs8);
        let public = Arc::new(PublicKey::from_spki_der(&spki)?);
        #[cfg(feature = "sha1-sign")]
        let sha1 = pkcs8::PrivateKeyInfoRef::try_from(pkcs8.as_slice())
            .ok()
            .filter(|_| public.kind() == KeyKind::Rsa)
            .and_then(|info| {
                countersign_keys_lc::sha1::RsaSha1Signer::from_pkcs1_der(info.private_key.as_bytes())
            });
        Ok(Self {
            signer,
            pkcs8,
            public,
            fingerprints: OnceLock::new(),
            #[cfg(feature = "sha1-sign")]
            sha1,
        })
    }

    #[cfg(feature = "sha1-sign")]
    fn sign_sha1(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let failed = KeyError::Backend { doing: "signing with SHA-1" };
        let digest = crate::backend::hash(crate::algorithm::Hash::Sha1, message);
        let digest: &[u8; 20] = digest.as_ref().try_into().map_err(|_| failed.clone())?;
        self.sha1.as_ref().and_then(|signer| signer.sign_digest(digest)).ok_or(failed)
    }

    #[cfg(not(feature = "sha1-sign"))]
    #[expect(clippy::unused_self, reason = "the other build of this function uses the key")]
    fn sign_sha1(&self, _message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError::Sha1Signing)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(secret not shown, of {:?})", self.public)
    }
}

fn spki_of<K: AsDer<aws_lc_rs::encoding::PublicKeyX509Der<'static>>>(key: &K) -> Result<Vec<u8>, KeyError> {
    key.as_der()
        .map(|der| der.as_ref().to_vec())
        .map_err(|_| KeyError::Backend { doing: "writing a public key" })
}

fn ecdsa(kind: KeyKind) -> Result<&'static EcdsaSigningAlgorithm, KeyError> {
    match kind {
        KeyKind::P256 => Ok(&lc::ECDSA_P256_SHA256_FIXED_SIGNING),
        KeyKind::P384 => Ok(&lc::ECDSA_P384_SHA384_FIXED_SIGNING),
        KeyKind::P521 => Ok(&lc::ECDSA_P521_SHA512_FIXED_SIGNING),
        KeyKind::Rsa | KeyKind::Ed25519 => Err(KeyError::Backend { doing: "choosing a curve" }),
    }
}

fn rsa_padding(algorithm: Algorithm) -> Result<&'static dyn RsaEncoding, KeyError> {
    use crate::algorithm::Hash;
    match (algorithm.scheme(), algorithm.hash()) {
        (Scheme::Pkcs1, Hash::Sha256) => Ok(&lc::RSA_PKCS1_SHA256),
        (Scheme::Pkcs1, Hash::Sha384) => Ok(&lc::RSA_PKCS1_SHA384),
        (Scheme::Pkcs1, Hash::Sha512) => Ok(&lc::RSA_PKCS1_SHA512),
        (Scheme::Pss, Hash::Sha256) => Ok(&lc::RSA_PSS_SHA256),
        (Scheme::Pss, Hash::Sha384) => Ok(&lc::RSA_PSS_SHA384),
        (Scheme::Pss, Hash::Sha512) => Ok(&lc::RSA_PSS_SHA512),
        _ => Err(KeyError::Sha1Signing),
    }
}
