//! Between big-endian bytes and limbs of 52 bits, the least significant first.

use crate::vector::{LIMB_BITS, LIMB_MASK};
use std::cmp::Ordering;

/// Bytes of two limbs: 104 bits.
const PAIR: usize = 13;

/// The number in `bytes`, or `None` when it does not fit into `L` limbs. `L` is even.
pub(crate) fn from_be_bytes<const L: usize>(bytes: &[u8]) -> Option<[u64; L]> {
    let mut limbs = [0; L];
    let mut places = limbs.as_chunks_mut::<2>().0.iter_mut();
    let (rest, pairs) = bytes.as_rchunks::<PAIR>();
    for pair in pairs.iter().rev() {
        *places.next()? = split(pair_of(pair));
    }
    if !rest.is_empty() {
        *places.next()? = split(pair_of(rest));
    }
    Some(limbs)
}

/// The number as bytes at the end of `out`, whose other bytes become zero; what does not fit is `None`.
pub(crate) fn to_be_bytes<const L: usize>(limbs: &[u64; L], out: &mut [u8]) -> Option<()> {
    out.fill(0);
    let mut chunks = out.rchunks_mut(PAIR);
    for pair in limbs.as_chunks::<2>().0 {
        let [low, high] = *pair;
        let number = u128::from(low) | u128::from(high) << LIMB_BITS;
        let bytes = number.to_be_bytes();
        let place = chunks.next().unwrap_or_default();
        let (over, bytes) = bytes.split_at_checked(bytes.len().checked_sub(place.len())?)?;
        if over.iter().any(|byte| *byte != 0) {
            return None;
        }
        place.copy_from_slice(bytes);
    }
    Some(())
}

/// Compares two numbers.
pub(crate) fn compare(a: &[u64], b: &[u64]) -> Ordering {
    a.iter().rev().cmp(b.iter().rev())
}

/// `a − b`; `None` when `b` is the larger one.
pub(crate) fn subtract<const L: usize>(a: &[u64; L], b: &[u64; L]) -> Option<[u64; L]> {
    let mut result = [0; L];
    let mut borrow = 0;
    for ((place, a), b) in result.iter_mut().zip(a).zip(b) {
        // Limbs are below 2^52, so the difference is above -2^52 - 1 and its sign is bit 63.
        let difference = a.wrapping_sub(*b).wrapping_sub(borrow);
        *place = difference & LIMB_MASK;
        borrow = difference >> 63;
    }
    (borrow == 0).then_some(result)
}

/// At most 13 bytes as a number.
fn pair_of(bytes: &[u8]) -> u128 {
    let mut wide = [0; 16];
    for (place, byte) in wide.iter_mut().rev().zip(bytes.iter().rev()) {
        *place = *byte;
    }
    u128::from_be_bytes(wide)
}

/// The two limbs of a number of 104 bits.
fn split(number: u128) -> [u64; 2] {
    let limb = |number: u128| u64::try_from(number & u128::from(LIMB_MASK)).unwrap_or_default();
    [limb(number), limb(number >> LIMB_BITS)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;

    fn number(limbs: &[u64]) -> BigUint {
        limbs.iter().rev().fold(BigUint::ZERO, |sum, limb| (sum << LIMB_BITS) + *limb)
    }

    #[test]
    fn bytes_become_limbs_and_bytes_again() {
        for len in 0..=520_usize {
            let bytes: Vec<u8> = (0..len).map(|at| u8::try_from((at * 151 + len) % 256).unwrap()).collect();
            let limbs = from_be_bytes::<80>(&bytes).unwrap();
            assert_eq!(number(&limbs), BigUint::from_bytes_be(&bytes), "{len}");
            assert!(limbs.iter().all(|limb| *limb <= LIMB_MASK));
            let mut back = vec![0xee; len.max(1)];
            to_be_bytes(&limbs, &mut back).unwrap();
            assert_eq!(back[back.len() - len..], bytes);
        }
        assert_eq!(from_be_bytes::<40>(&[0xff; 260]), Some([LIMB_MASK; 40]));
        assert_eq!(from_be_bytes::<40>(&[0; 261]), None);
    }

    #[test]
    fn what_does_not_fit_is_not_cut() {
        let limbs = from_be_bytes::<40>(&[&[1][..], &[0; 256]].concat()).unwrap();
        assert_eq!(to_be_bytes(&limbs, &mut [0; 256]), None);
        assert_eq!(to_be_bytes(&limbs, &mut [0; 0]), None);
        let mut out = [9; 300];
        to_be_bytes(&limbs, &mut out).unwrap();
        assert_eq!((out[42], out[43], out[44]), (0, 1, 0));
    }

    #[test]
    fn numbers_are_compared_and_subtracted() {
        let of = |number: u128| from_be_bytes::<40>(&number.to_be_bytes()).unwrap();
        let some = [0, 1, 5, u128::from(LIMB_MASK), 1 << 52, 1 << 104, u128::MAX];
        for a in some {
            for b in some {
                assert_eq!(compare(&of(a), &of(b)), a.cmp(&b));
                assert_eq!(subtract(&of(a), &of(b)), a.checked_sub(b).map(of));
            }
        }
    }
}
