//! Refusing Ed25519 keys that are no proper point: one signature could then fit every message.

use crate::bignum::{Modulus, Number};
use crate::error::KeyError;

/// 2^255 − 19, the prime of the field, big-endian.
const PRIME: [u8; 32] = {
    let mut bytes = [0xff; 32];
    let [first, .., last] = &mut bytes;
    *first = 0x7f;
    *last = 0xed;
    bytes
};

/// The curve's constant `d`, big-endian.
const D: [u8; 32] = [
    0x52, 0x03, 0x6c, 0xee, 0x2b, 0x6f, 0xfe, 0x73, 0x8c, 0xc7, 0x40, 0x79, 0x77, 0x79, 0xe8, 0x98, 0x00,
    0x70, 0x0a, 0x4d, 0x41, 0x41, 0xd8, 0xab, 0x75, 0xeb, 0x4d, 0xca, 0x13, 0x59, 0x78, 0xa3,
];

/// The second coordinates of the eight points of small order, big-endian, each shared by two points or
/// belonging to one whose first coordinate is zero: 0, 1, −1, and the two of order eight.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        let [.., last] = &mut one;
        *last = 1;
        one
    },
    {
        let mut minus_one = PRIME;
        let [.., last] = &mut minus_one;
        *last = 0xec;
        minus_one
    },
    [
        0x7a, 0x03, 0xac, 0x92, 0x77, 0xfd, 0xc7, 0x4e, 0xc6, 0xcc, 0x39, 0x2c, 0xfa, 0x53, 0x20, 0x2a, 0x0f,
        0x67, 0x10, 0x0d, 0x76, 0x0b, 0x3c, 0xba, 0x4f, 0xd8, 0x4d, 0x3d, 0x70, 0x6a, 0x17, 0xc7,
    ],
    [
        0x05, 0xfc, 0x53, 0x6d, 0x88, 0x02, 0x38, 0xb1, 0x39, 0x33, 0xc6, 0xd3, 0x05, 0xac, 0xdf, 0xd5, 0xf0,
        0x98, 0xef, 0xf2, 0x89, 0xf4, 0xc3, 0x45, 0xb0, 0x27, 0xb2, 0xc2, 0x8f, 0x95, 0xe8, 0x26,
    ],
];

/// Refuses a second spelling of a point: a coordinate not below the prime, or minus zero.
///
/// This belongs to the rule by which signatures are checked, so stored keys are held to it too.
pub(crate) fn check_encoding(raw: &[u8; 32]) -> Result<(), KeyError> {
    let y = second_coordinate(raw);
    let [_, one, minus_one, ..] = &SMALL_ORDER;
    let is_minus_zero = raw.last().is_some_and(|byte| byte & 0x80 != 0) && (y == *one || y == *minus_one);
    if y >= PRIME || is_minus_zero {
        return Err(KeyError::Ed25519Point { problem: "its point is not canonically encoded" });
    }
    Ok(())
}

/// Refuses points that are not canonically encoded, of small order, or not on the curve.
pub(crate) fn check_point(raw: &[u8; 32]) -> Result<(), KeyError> {
    check_encoding(raw)?;
    let bytes = second_coordinate(raw);
    let bad = |problem| Err(KeyError::Ed25519Point { problem });
    if SMALL_ORDER.contains(&bytes) {
        return bad("its point has small order, so that one signature fits every message");
    }
    if is_on_curve(&bytes) { Ok(()) } else { bad("its point is not on the curve") }
}

/// The second coordinate, big-endian, without the sign of the first in its highest bit.
fn second_coordinate(raw: &[u8; 32]) -> [u8; 32] {
    let mut bytes = *raw;
    bytes.reverse();
    if let Some(first) = bytes.first_mut() {
        *first &= 0x7f;
    }
    bytes
}

/// Whether some `x` fits: `x² = (y² − 1) / (d·y² + 1)` must be a square, which Euler's criterion tells.
fn is_on_curve(y: &[u8; 32]) -> bool {
    let prime = Number::from_be_bytes(&PRIME);
    let one = Number::small(1);
    let Some(field) = Modulus::new(&prime) else { return false };
    let reduced = |number: Number| number.subtract(&prime).unwrap_or(number);
    let y = Number::from_be_bytes(y);
    let square = field.product(&y, &y);
    let above = reduced(square.add(&prime).subtract(&one).unwrap_or_default());
    let below = reduced(field.product(&Number::from_be_bytes(&D), &square).add(&one));
    // u/v is a square exactly when u·v is; and (p − 1) / 2 is the exponent.
    let Some(exponent) = prime.subtract(&one) else { return false };
    let both = field.product(&above, &below);
    let twice = field.power(&both, &exponent.halved());
    twice == one
}

#[cfg(test)]
mod tests {
    use super::check_point;
    use crate::error::KeyError;
    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::edwards::CompressedEdwardsY;
    use proptest::prelude::*;

    #[test]
    fn every_point_of_small_order_is_refused_in_every_encoding() {
        let mut refused = 0;
        for point in EIGHT_TORSION {
            let mut bytes = point.compress().to_bytes();
            for sign in [0, 0x80] {
                bytes[31] = (bytes[31] & 0x7f) | sign;
                assert!(matches!(check_point(&bytes), Err(KeyError::Ed25519Point { .. })), "{bytes:02x?}");
                refused += 1;
            }
        }
        assert_eq!(refused, 16);
    }

    #[test]
    fn second_spellings_are_refused() {
        // p + k for k = 0 … 18: the only numbers that fit into 255 bits twice.
        for k in 0..=18_u8 {
            for sign in [0x7f, 0xff] {
                let mut bytes = [0xff; 32];
                bytes[0] = 0xed + k;
                bytes[31] = sign;
                let refused = check_point(&bytes).unwrap_err().to_string();
                assert!(refused.contains("canonically"), "{refused}");
            }
        }
    }

    proptest! {
        #[test]
        fn on_the_curve_means_what_another_implementation_says(bytes in any::<[u8; 32]>()) {
            let canonical = CompressedEdwardsY(bytes).decompress().filter(|p| p.compress().0 == bytes);
            prop_assert_eq!(check_point(&bytes).is_ok(), canonical.is_some_and(|p| !p.is_small_order()));
        }
    }
}
