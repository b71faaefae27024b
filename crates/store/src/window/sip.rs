//! SipHash-1-3 of 32 bytes: short keyed fingerprints that nobody without the key can make collide.

/// The keyed hash of a mark. Marks are SHA-256 digests already and no fingerprint ever leaves the process but to the
/// log, so the variant that hash tables use is enough; a chance meeting refuses a proof and lets none in.
pub(crate) fn hash(key: &[u8; 16], mark: &[u8; 32]) -> u64 {
    let (key, _) = key.as_chunks::<8>();
    let [k0, k1] = [key.first(), key.last()].map(|half| half.map_or(0, |half| u64::from_le_bytes(*half)));
    let mut state = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let (words, _) = mark.as_chunks::<8>();
    for word in words {
        state = taken_in(state, u64::from_le_bytes(*word));
    }
    // The last block holds no bytes of 32, only the length.
    state = taken_in(state, 32 << 56);
    state[2] ^= 0xff;
    let [a, b, c, d] = round(round(round(state)));
    a ^ b ^ c ^ d
}

#[inline]
fn taken_in(mut state: [u64; 4], word: u64) -> [u64; 4] {
    state[3] ^= word;
    state = round(state);
    state[0] ^= word;
    state
}

#[inline]
fn round([mut a, mut b, mut c, mut d]: [u64; 4]) -> [u64; 4] {
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_siphash_1_3() {
        use siphasher::sip::SipHasher13;
        use std::hash::Hasher;
        let byte = |at: usize| u8::try_from(at).unwrap();
        for seed in 0..200_u8 {
            let key: [u8; 16] = std::array::from_fn(|at| seed.wrapping_mul(31).wrapping_add(byte(at)));
            let mark: [u8; 32] = std::array::from_fn(|at| seed.wrapping_mul(7) ^ byte(at).wrapping_mul(13));
            let mut reference = SipHasher13::new_with_key(&key);
            reference.write(&mark);
            assert_eq!(hash(&key, &mark), reference.finish());
        }
    }
}
