//! Private keys under a passphrase: PKCS#8 encrypted with PBES2.

use crate::error::KeyError;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{self, Kdf, ScryptParams};
use zeroize::Zeroizing;

/// Most PBKDF2 rounds done for one file: ten times what careful tools set.
const MAX_ROUNDS: u32 = 10_000_000;
/// Most memory that scrypt may take for one file.
const MAX_SCRYPT_BYTES: u64 = 1 << 30;
/// Most times that scrypt may fill that memory.
const MAX_SCRYPT_PASSES: u16 = 16;

/// scrypt with N = 2^14, r = 8, p = 5: one of OWASP's equal choices, and the one whose memory (16 MiB)
/// stays under the limit that OpenSSL sets itself when reading.
const SCRYPT_N: u64 = 1 << 14;
const SCRYPT_R: u16 = 8;
const SCRYPT_P: u16 = 5;

/// Encrypts a PKCS#8 document; the first half of `random` becomes the salt, the second the first block.
pub(crate) fn seal(pkcs8: &[u8], passphrase: &[u8], random: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
    let failed = KeyError::Backend { doing: "encrypting a key" };
    let (salt, iv) = random.split_first_chunk::<16>().ok_or_else(|| failed.clone())?;
    let scrypt = ScryptParams {
        salt: salt.as_slice().try_into().map_err(|_| failed.clone())?,
        cost_parameter: SCRYPT_N,
        block_size: SCRYPT_R,
        parallelization: SCRYPT_P,
        key_length: None,
    };
    let encryption = pbes2::EncryptionScheme::Aes256Cbc { iv: iv.try_into().map_err(|_| failed.clone())? };
    let parameters = pbes2::Parameters { kdf: Kdf::Scrypt(scrypt), encryption };
    let info = pkcs8::PrivateKeyInfoRef::try_from(pkcs8).map_err(|_| failed.clone())?;
    let sealed = info.encrypt_with_params(parameters, passphrase).map_err(|_| failed)?;
    Ok(sealed.as_bytes().to_vec())
}

/// Decrypts an `EncryptedPrivateKeyInfo`, unless the file asks for unreasonable work.
pub(crate) fn open(der: &[u8], passphrase: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::PrivateForm {
        problem: "it is encrypted in a way not read here (wanted: PBES2 with PBKDF2 or scrypt, and AES)",
    })?;
    check_cost(&info.encryption_algorithm)?;
    let passphrase = passphrase.ok_or(KeyError::Encrypted)?;
    let opened = info.decrypt(passphrase).map_err(|_| KeyError::Passphrase)?;
    Ok(Zeroizing::new(opened.as_bytes().to_vec()))
}

fn check_cost(scheme: &EncryptionScheme) -> Result<(), KeyError> {
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return Ok(());
    };
    let fits = match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MAX_ROUNDS,
        Kdf::Scrypt(scrypt) => {
            let n = scrypt.cost_parameter;
            let bytes = n.saturating_mul(u64::from(scrypt.block_size)).saturating_mul(128);
            // The library takes the logarithm of N on trust, so N must be a power of two here already.
            n.is_power_of_two()
                && n > 1
                && bytes <= MAX_SCRYPT_BYTES
                && scrypt.parallelization <= MAX_SCRYPT_PASSES
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(KeyError::PassphraseCost) }
}
