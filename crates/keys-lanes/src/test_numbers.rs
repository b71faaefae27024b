//! Numbers at the edges, for the tests: moduli and values where carries run far or sums grow largest.

use crate::vector::{LIMB_BITS, LIMB_MASK};
use num_bigint::BigUint;

/// A stream of numbers that look random; the same in every run.
pub(crate) struct Stream(pub(crate) u64);

impl Stream {
    pub(crate) fn draw(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.draw().to_le_bytes()).flatten().take(len).collect()
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.draw() % u64::try_from(end).unwrap()).unwrap()
    }

    /// Limbs that are mostly extreme: all ones, zero, one bit.
    pub(crate) fn limbs(&mut self, count: usize) -> BigUint {
        (0..count).fold(BigUint::ZERO, |sum, _| {
            let limb = match self.draw() % 8 {
                0..=2 => LIMB_MASK,
                3 | 4 => 0,
                5 => 1 << (self.draw() % 52),
                6 => LIMB_MASK ^ (1 << (self.draw() % 52)),
                _ => self.draw() & LIMB_MASK,
            };
            (sum << LIMB_BITS) + limb
        })
    }
}

pub(crate) fn biguint(limbs: &[u64]) -> BigUint {
    limbs.iter().rev().fold(BigUint::ZERO, |sum, limb| (sum << LIMB_BITS) + *limb)
}

/// The number at full length.
pub(crate) fn full(number: &BigUint, bytes: usize) -> Vec<u8> {
    let short = number.to_bytes_be();
    [vec![0; bytes - short.len()], short].concat()
}

/// Any number as an odd one with its top bit set.
pub(crate) fn as_modulus(number: &BigUint, bytes: usize) -> Vec<u8> {
    let bits = u64::try_from(bytes * 8).unwrap();
    let mut number = number % (BigUint::from(1_u8) << bits);
    number.set_bit(0, true);
    number.set_bit(bits - 1, true);
    full(&number, bytes)
}

/// Moduli of so many bytes: the smallest, the largest, extreme limbs, and random ones.
pub(crate) fn moduli(bytes: usize) -> Vec<Vec<u8>> {
    let bits = u64::try_from(bytes * 8).unwrap();
    let one = BigUint::from(1_u8);
    let top = &one << bits;
    let mut stream = Stream(u64::try_from(bytes).unwrap());
    let mut numbers = vec![
        BigUint::ZERO,
        &top - 1_u8,
        &top - 3_u8,
        &top - (&one << 52),
        &top - (&one << (bits - 2)),
        (&one << (bits - 1)) + (&one << 51),
        (&one << (bits - 1)) + (&one << 52) - 1_u8,
        (&one << (bits - 1)) + (&one << 104) - 1_u8,
    ];
    numbers.extend((0..8).map(|_| stream.limbs(bytes * 8 / 52 + 1)));
    numbers.extend((0..8).map(|_| BigUint::from_bytes_be(&stream.bytes(bytes))));
    numbers.iter().map(|number| as_modulus(number, bytes)).collect()
}

/// Values below a modulus: the ends, small ones, powers of two, extreme limbs, and random ones.
pub(crate) fn values(modulus: &BigUint, stream: &mut Stream) -> Vec<BigUint> {
    let one = BigUint::from(1_u8);
    let bits = modulus.bits();
    let limbs = usize::try_from(bits).unwrap() / 52 + 1;
    let mut values = vec![
        BigUint::ZERO,
        one.clone(),
        modulus - 1_u8,
        modulus - 2_u8,
        BigUint::from(2_u8),
        modulus >> 1,
        (modulus >> 1) + 1_u8,
        &one << (bits - 1),
        (&one << (bits - 1)) - 1_u8,
        (&one << 52) - 1_u8,
        &one << 52,
        modulus - (&one << 52),
    ];
    values.extend((0..6).map(|_| stream.limbs(limbs)));
    values.extend((0..6).map(|_| BigUint::from_bytes_be(&stream.bytes(limbs * 7))));
    values.into_iter().map(|value| value % modulus).collect()
}
