//! The numbers that go with a modulus, against a big-number library.

use super::{Numbers, Prepared, Sized, negated_inverse};
use crate::test_numbers::{biguint, moduli};
use num_bigint::BigUint;

fn check<const L: usize>(numbers: &Numbers<L>, modulus: &[u8]) {
    let n = BigUint::from_bytes_be(modulus);
    assert_eq!(biguint(&numbers.n), n);
    assert_eq!(biguint(&numbers.rr), BigUint::from(2_u8).modpow(&BigUint::from(104 * L), &n));
    let low = BigUint::from(1_u8) << 52;
    assert_eq!((&n * numbers.k + 1_u8) % &low, BigUint::ZERO, "k is -1/n");
}

#[test]
fn what_goes_with_a_modulus_is_right() {
    for bytes in [256, 384, 512] {
        for modulus in moduli(bytes) {
            let prepared = Prepared::new(&modulus, &[1, 0, 1]).unwrap();
            assert_eq!(usize::try_from(prepared.bits()).unwrap(), bytes * 8);
            match &prepared.0 {
                Sized::Bits2048(numbers) => check(numbers, &modulus),
                Sized::Bits3072(numbers) => check(numbers, &modulus),
                Sized::Bits4096(numbers) => check(numbers, &modulus),
            }
        }
    }
}

#[test]
fn other_keys_are_not_taken() {
    let good = moduli(256).remove(0);
    assert!(Prepared::new(&good, &[1, 0, 1]).is_some());
    for exponent in [&[][..], &[3], &[17], &[0, 1, 0, 1], &[1, 0, 1, 0], &[1, 0, 0]] {
        assert!(Prepared::new(&good, exponent).is_none(), "{exponent:?}");
    }
    let (mut even, mut short) = (good.clone(), good.clone());
    *even.last_mut().unwrap() &= 0xfe;
    *short.first_mut().unwrap() = 0x7f;
    let (longer, zero) = ([&[0x80][..], &good].concat(), [&[0][..], &good].concat());
    for bad in [&even, &short, &longer, &zero, &good[1..], &[], &[0xff; 1024]] {
        assert!(Prepared::new(bad, &[1, 0, 1]).is_none(), "{} bytes", bad.len());
    }
}

#[test]
fn the_inverse_of_every_small_odd_number_is_right() {
    for n in (1..100_000_u64).step_by(2).chain([u64::MAX, (1 << 52) - 1, (1 << 51) + 1]) {
        assert_eq!(n.wrapping_mul(negated_inverse(n)).wrapping_add(1) & ((1 << 52) - 1), 0, "{n}");
    }
}

#[test]
fn the_memory_of_a_key_is_as_stated() {
    assert_eq!(
        (size_of::<Numbers<40>>(), size_of::<Numbers<60>>(), size_of::<Numbers<80>>()),
        (648, 968, 1288)
    );
}
