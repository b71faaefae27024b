//! Turning an RSA signature back into the encoded digest that was signed.

use aws_lc_sys::{
    ERR_clear_error, RSA, RSA_PKCS1_PADDING, RSA_free, RSA_public_key_from_bytes, RSA_size, RSA_verify_raw,
};
use std::ptr::NonNull;

/// Bytes of the longest modulus that AWS-LC computes with here: 8192 bits.
pub const MAX_MODULUS_BYTES: usize = 1024;

/// An RSA public key, parsed once and owned by this value.
pub struct RsaPublic {
    rsa: NonNull<RSA>,
}

// SAFETY: the object behind the pointer is owned by this value alone (made in `from_pkcs1_der`, freed in
// `drop`, never handed out), and AWS-LC objects are not tied to the thread that made them.
#[expect(unsafe_code, reason = "the raw pointer hides that an RSA object may move between threads")]
unsafe impl Send for RsaPublic {}

// SAFETY: through a shared reference only `RSA_size` and `RSA_verify_raw` are called. openssl/rsa.h
// declares both non-mutating for thread safety; the Montgomery context they fill lazily is guarded by a
// lock inside the RSA object.
#[expect(unsafe_code, reason = "the raw pointer hides that verification is safe from many threads")]
unsafe impl Sync for RsaPublic {}

impl RsaPublic {
    /// Parses a PKCS#1 `RSAPublicKey` in DER; `None` when AWS-LC does not take it.
    #[expect(unsafe_code, reason = "parsing through the C library")]
    #[must_use]
    pub fn from_pkcs1_der(der: &[u8]) -> Option<Self> {
        // SAFETY: pointer and length describe one live slice, which the call only reads. The result is
        // null or an object that we now own.
        let parsed = NonNull::new(unsafe { RSA_public_key_from_bytes(der.as_ptr(), der.len()) });
        let Some(rsa) = parsed else {
            clear_errors();
            return None;
        };
        let key = Self { rsa };
        (key.modulus_bytes() <= MAX_MODULUS_BYTES).then_some(key)
    }

    /// Length of the modulus, and so of every signature, in bytes.
    #[expect(unsafe_code, reason = "reading the size through the C library")]
    #[must_use]
    pub fn modulus_bytes(&self) -> usize {
        // SAFETY: `self.rsa` points to a live RSA object for as long as `self` lives.
        let size = unsafe { RSA_size(self.rsa.as_ptr()) };
        usize::try_from(size).unwrap_or(usize::MAX)
    }

    /// Applies the public key to `signature`, checks and removes the PKCS#1 v1.5 type 1 padding, and
    /// returns what was inside: for an honest signature the DER of a `DigestInfo`.
    ///
    /// What comes back is **not** verified. The caller compares it, whole and byte for byte, with the
    /// `DigestInfo` that it expects.
    #[expect(unsafe_code, reason = "the safe crate has no call that recovers the digest")]
    #[must_use]
    pub fn recover<'b>(&self, signature: &[u8], out: &'b mut [u8; MAX_MODULUS_BYTES]) -> Option<&'b [u8]> {
        let mut len: usize = 0;
        // SAFETY: `self.rsa` is live; `out` is writable for `out.len()` bytes, which is at least
        // RSA_size (checked in `from_pkcs1_der`, and by the call itself through `max_out`); `signature`
        // is readable for its length; `len` is written before the call returns. The buffers cannot
        // overlap, since one of them is borrowed mutably.
        let done = unsafe {
            RSA_verify_raw(
                self.rsa.as_ptr(),
                &raw mut len,
                out.as_mut_ptr(),
                out.len(),
                signature.as_ptr(),
                signature.len(),
                RSA_PKCS1_PADDING,
            )
        };
        if done != 1 {
            clear_errors();
            return None;
        }
        out.get(..len)
    }
}

impl Drop for RsaPublic {
    #[expect(unsafe_code, reason = "giving the object back to the C library")]
    fn drop(&mut self) {
        // SAFETY: we own the object, nothing else refers to it, and it is freed once.
        unsafe { RSA_free(self.rsa.as_ptr()) }
    }
}

impl std::fmt::Debug for RsaPublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RsaPublic").field("modulus_bytes", &self.modulus_bytes()).finish()
    }
}

/// Empties this thread's error queue, so that our refusals do not turn up in someone else's report.
#[expect(unsafe_code, reason = "the error queue belongs to the C library")]
pub(crate) fn clear_errors() {
    // SAFETY: takes no argument and touches only the calling thread's own queue.
    unsafe { ERR_clear_error() }
}

#[cfg(test)]
mod tests {
    use super::{MAX_MODULUS_BYTES, RsaPublic};

    /// A PKCS#1 public key with a modulus of `len` bytes and the exponent 65537.
    fn der(len: u16, first: u8) -> Vec<u8> {
        let number = [&[0, first][..], &vec![0xab; usize::from(len) - 2], &[0x01]].concat();
        let sized = |tag: u8, body: &[u8]| {
            let len = u16::try_from(body.len()).unwrap().to_be_bytes();
            [&[tag, 0x82], &len[..], body].concat()
        };
        sized(0x30, &[sized(0x02, &number), vec![0x02, 0x03, 0x01, 0x00, 0x01]].concat())
    }

    #[test]
    fn keys_parse_and_nonsense_does_not() {
        assert_eq!(RsaPublic::from_pkcs1_der(&der(256, 0xc0)).unwrap().modulus_bytes(), 256);
        assert_eq!(RsaPublic::from_pkcs1_der(&der(1024, 0xc0)).unwrap().modulus_bytes(), MAX_MODULUS_BYTES);
        for bad in [&[][..], &[0], b"hello", &der(256, 0xc0)[1..], &der(3000, 0xc0)] {
            assert!(RsaPublic::from_pkcs1_der(bad).is_none());
        }
        let trailing = [der(256, 0xc0), vec![0]].concat();
        assert!(RsaPublic::from_pkcs1_der(&trailing).is_none());
    }

    #[test]
    fn what_is_no_signature_gives_nothing_back() {
        let key = RsaPublic::from_pkcs1_der(&der(256, 0xc0)).unwrap();
        let mut out = [0; MAX_MODULUS_BYTES];
        for len in [0, 1, 255, 256, 257, 5000] {
            for byte in [0x00, 0x01, 0x7f, 0xff] {
                assert!(key.recover(&vec![byte; len], &mut out).is_none(), "{len} times {byte}");
            }
        }
    }
}
