//! Loading a private key from whatever file or text it was kept in.

use crate::algorithm::KeyKind;
use crate::armour::{self, Block};
use crate::encrypted;
use crate::error::KeyError;
use crate::form;
use crate::numbers;
use crate::openssh;
use crate::private::PrivateKey;
use crate::remainder::remainder;
use crate::spelling;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use der::Decode;
use ssh_key::private::{EcdsaKeypair, KeypairData, RsaKeypair};
use zeroize::Zeroizing;

/// Longest text taken; the largest private key, RSA-8192 as PEM, has 7 KiB.
const MAX_TEXT: usize = 64 * 1024;

impl PrivateKey {
    /// Reads a private key: PKCS#8 (also encrypted), PKCS#1, SEC1 or OpenSSH, as PEM or DER; or the 32 or
    /// 64 bytes of an Ed25519 key in base64 or hex.
    ///
    /// # Errors
    /// When the text holds no private key, or one that cannot be opened or used.
    pub fn read(text: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        if text.len() > MAX_TEXT {
            return Err(KeyError::TooLong { found: text.len(), limit: MAX_TEXT });
        }
        if text.trim_ascii().is_empty() {
            return Err(KeyError::Empty);
        }
        if form::looks_like_der(text) {
            return from_der(text, passphrase);
        }
        match str::from_utf8(text) {
            Ok(text) => from_text(text.trim_matches(spelling::is_blank), passphrase),
            Err(_) => from_raw(text, passphrase),
        }
    }
}

fn from_text(text: &str, passphrase: Option<&[u8]>) -> Result<PrivateKey, KeyError> {
    if armour::is_armoured(text) {
        let mut blocks = armour::blocks(text)?;
        // OpenSSL writes a block of curve parameters before an EC key.
        blocks.retain(|block| !block.label.ends_with("PARAMETERS"));
        let private = blocks.iter().find(|block| block.label.contains("PRIVATE"));
        return private.ok_or(KeyError::NotPrivate).and_then(|block| from_block(block, passphrase));
    }
    if openssh::is_line(text) {
        return Err(KeyError::NotPrivate);
    }
    if let Some(bytes) = spelling::hex(text)
        && (bytes.len() == 32 || bytes.len() == 64 || form::looks_like_der(&bytes))
    {
        return from_raw(&bytes, passphrase);
    }
    let unknown = KeyError::PrivateForm { problem: "it has no form known here" };
    let bytes = spelling::base64(text, &mut Vec::new()).ok_or(unknown)?;
    from_raw(&bytes, passphrase)
}

fn from_block(block: &Block, passphrase: Option<&[u8]>) -> Result<PrivateKey, KeyError> {
    if block.old_encryption {
        return Err(KeyError::PrivateForm {
            problem: "it is encrypted the old OpenSSL way (turn it into PKCS#8 with `openssl pkcs8 -topk8`)",
        });
    }
    match block.label.as_str() {
        "OPENSSH PRIVATE KEY" => from_openssh(&block.body),
        "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
            from_der(&block.body, passphrase)
        }
        _ => Err(KeyError::PrivateForm { problem: "its PEM label names a kind not read here" }),
    }
}

/// Bare bytes: a seed, a seed with its public half, or DER without armour.
fn from_raw(bytes: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, KeyError> {
    match bytes.len() {
        32 => PrivateKey::from_ed25519(bytes, None),
        64 => {
            let (seed, public) = bytes.split_at_checked(32).unwrap_or_default();
            PrivateKey::from_ed25519(seed, Some(public))
        }
        _ if form::looks_like_der(bytes) => from_der(bytes, passphrase),
        _ => Err(KeyError::PrivateForm { problem: "it has no form known here" }),
    }
}

fn from_der(der: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, KeyError> {
    match form::public_key(der) {
        Err(KeyError::Private { form: "PKCS#8" }) => PrivateKey::from_pkcs8_der(der),
        Err(KeyError::Private { form: "encrypted PKCS#8" }) => {
            PrivateKey::from_pkcs8_der(&encrypted::open(der, passphrase)?)
        }
        Err(KeyError::Private { form: "PKCS#1" }) => PrivateKey::from_pkcs1_der(der),
        Err(KeyError::Private { form: "SEC1" }) => from_sec1(der),
        Err(KeyError::Private { .. }) => {
            Err(KeyError::PrivateForm { problem: "it is DSA or PKCS#12, which are not read here" })
        }
        Err(KeyError::Der { .. }) => {
            Err(KeyError::PrivateForm { problem: "it is cut off, malformed or something else" })
        }
        Err(other) => Err(other),
        Ok(_) => Err(KeyError::NotPrivate),
    }
}

fn from_sec1(der: &[u8]) -> Result<PrivateKey, KeyError> {
    let key = sec1::EcPrivateKey::from_der(der)
        .map_err(|_| KeyError::PrivateForm { problem: "it is not a SEC1 document" })?;
    let curve = key
        .parameters
        .and_then(|parameters| parameters.named_curve())
        .ok_or(KeyError::PrivateForm { problem: "it does not name its curve" })?;
    PrivateKey::from_sec1_der(numbers::curve_kind(curve)?, der)
}

fn from_openssh(body: &[u8]) -> Result<PrivateKey, KeyError> {
    let damaged = KeyError::PrivateForm { problem: "the OpenSSH document is cut off or malformed" };
    let key = ssh_key::PrivateKey::from_bytes(body).map_err(|_| damaged)?;
    match key.key_data() {
        KeypairData::Ed25519(pair) => {
            let seed = Zeroizing::new(pair.private.to_bytes());
            PrivateKey::from_ed25519(seed.as_slice(), Some(&pair.public.0))
        }
        KeypairData::Ecdsa(pair) => {
            let kind = match pair {
                EcdsaKeypair::NistP256 { .. } => KeyKind::P256,
                EcdsaKeypair::NistP384 { .. } => KeyKind::P384,
                EcdsaKeypair::NistP521 { .. } => KeyKind::P521,
            };
            PrivateKey::from_point(kind, pair.private_key_bytes(), pair.public_key_bytes())
        }
        KeypairData::Rsa(pair) => from_openssh_rsa(pair),
        KeypairData::Encrypted(_) => Err(KeyError::EncryptedOpenSsh),
        _ => Err(KeyError::PrivateForm { problem: "OpenSSH keys of its kind are not read here" }),
    }
}

/// OpenSSH leaves out two numbers that follow from the others.
fn from_openssh_rsa(pair: &RsaKeypair) -> Result<PrivateKey, KeyError> {
    let damaged = KeyError::PrivateForm { problem: "the numbers in it do not make a key" };
    let positive = |number: &ssh_key::Mpint| {
        number.as_positive_bytes().map(|bytes| Zeroizing::new(bytes.to_vec())).ok_or(damaged.clone())
    };
    let (n, e) = (positive(&pair.public.n)?, positive(&pair.public.e)?);
    let (d, p, q) = (positive(&pair.private.d)?, positive(&pair.private.p)?, positive(&pair.private.q)?);
    let inverse = positive(&pair.private.iqmp)?;
    let d_p = remainder(&d, &p).ok_or(damaged.clone())?;
    let d_q = remainder(&d, &q).ok_or(damaged.clone())?;
    PrivateKey::from_rsa_numbers(&KeyPairComponents {
        public_key: PublicKeyComponents { n: n.as_slice(), e: e.as_slice() },
        d: d.as_slice(),
        p: p.as_slice(),
        q: q.as_slice(),
        dP: d_p.as_slice(),
        dQ: d_q.as_slice(),
        qInv: inverse.as_slice(),
    })
}

#[cfg(test)]
mod tests;
