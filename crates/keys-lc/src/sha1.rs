//! Making RSA signatures with SHA-1, for callers of services that still ask for them.

use crate::recover::clear_errors;
use aws_lc_sys::{NID_sha1, RSA, RSA_free, RSA_private_key_from_bytes, RSA_sign, RSA_size};
use std::ptr::NonNull;

/// An RSA private key, parsed once, that signs SHA-1 digests and nothing else.
///
/// AWS-LC wipes the private numbers when the object is freed.
pub struct RsaSha1Signer {
    rsa: NonNull<RSA>,
}

// SAFETY: owned by this value alone, and AWS-LC objects are not tied to the thread that made them.
#[expect(unsafe_code, reason = "the raw pointer hides that an RSA object may move between threads")]
unsafe impl Send for RsaSha1Signer {}

// SAFETY: through a shared reference only `RSA_size` and `RSA_sign` are called, which openssl/rsa.h
// declares non-mutating for thread safety; blinding state is guarded by a lock inside the object.
#[expect(unsafe_code, reason = "the raw pointer hides that signing is safe from many threads")]
unsafe impl Sync for RsaSha1Signer {}

impl RsaSha1Signer {
    /// Parses a PKCS#1 `RSAPrivateKey` in DER; `None` when AWS-LC does not take it.
    #[expect(unsafe_code, reason = "parsing through the C library")]
    #[must_use]
    pub fn from_pkcs1_der(der: &[u8]) -> Option<Self> {
        // SAFETY: pointer and length describe one live slice, which the call only reads. The result is
        // null or an object that we now own; AWS-LC checks the numbers against each other on parsing.
        let parsed = NonNull::new(unsafe { RSA_private_key_from_bytes(der.as_ptr(), der.len()) });
        if parsed.is_none() {
            clear_errors();
        }
        parsed.map(|rsa| Self { rsa })
    }

    /// Signs a SHA-1 digest with PKCS#1 v1.5 padding.
    #[expect(unsafe_code, reason = "the safe crate makes no SHA-1 signatures")]
    #[must_use]
    pub fn sign_digest(&self, digest: &[u8; 20]) -> Option<Vec<u8>> {
        // SAFETY: `self.rsa` is live for as long as `self` lives.
        let size = usize::try_from(unsafe { RSA_size(self.rsa.as_ptr()) }).ok()?;
        let mut signature = vec![0_u8; size];
        let mut len: std::os::raw::c_uint = 0;
        // SAFETY: `digest` is readable for the 20 bytes named; `signature` is writable for RSA_size
        // bytes, the most that RSA_sign writes; `len` is written on success.
        let done = unsafe {
            RSA_sign(
                NID_sha1,
                digest.as_ptr(),
                digest.len(),
                signature.as_mut_ptr(),
                &raw mut len,
                self.rsa.as_ptr(),
            )
        };
        if done != 1 {
            clear_errors();
            return None;
        }
        signature.truncate(usize::try_from(len).ok()?);
        Some(signature)
    }
}

impl Drop for RsaSha1Signer {
    #[expect(unsafe_code, reason = "giving the object back to the C library")]
    fn drop(&mut self) {
        // SAFETY: we own the object, nothing else refers to it, and it is freed once.
        unsafe { RSA_free(self.rsa.as_ptr()) }
    }
}

impl std::fmt::Debug for RsaSha1Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RsaSha1Signer(private key not shown)")
    }
}
