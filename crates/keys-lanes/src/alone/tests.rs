//! One number alone against a big-number library, over a vector that stops at the first overflow and over the CPU's own.

use super::{Limbs, Modulus, vectors};
use crate::cpu::{Vectors, Witness, raise_alone};
use crate::montgomery::tests::{Checked, numbers};
use crate::prepared::{Numbers, Prepared};
use crate::test_numbers::{Stream, as_modulus, biguint, full, moduli, values};
use crate::vector::{LANES, LIMB_MASK, Vector};
use num_bigint::BigUint;
use proptest::prelude::*;

impl Limbs for Checked {
    fn spread(self) -> Self {
        Self([self.lanes()[0]; LANES])
    }
    fn down(self, next: Self) -> Self {
        let (these, next) = (self.lanes(), next.lanes());
        Self(std::array::from_fn(|at| if at + 1 < LANES { these[at + 1] } else { next[0] }))
    }
    fn first_carry(self) -> Self {
        Self(std::array::from_fn(|at| if at == 0 { self.lanes()[0] >> 52 } else { 0 }))
    }
}

fn limbs<const L: usize>(number: &BigUint) -> [u64; L] {
    crate::limbs::from_be_bytes(&full(number, L / 2 * 13)).unwrap()
}

fn check<const L: usize, const K: usize>(key: &Numbers<L>, s: &BigUint) {
    let side = limbs::<L>(s);
    let found = raise_alone::<_, L, K>(Checked, key, &side);
    let n = biguint(&key.n);
    let exact = s.modpow(&BigUint::from(65537_u32), &n);
    let sum = biguint(&found);
    assert!(sum == exact || sum == &exact + &n, "{s:x} modulo {n:x} gave {sum:x}");
    if let Some(witness) = Witness::ask() {
        assert_eq!(witness.raise_alone::<L, K>(key, &side), found, "the CPU disagrees");
    }
}

/// Every modulus at the edges with every value at the edges.
fn edges<const L: usize, const K: usize>(bytes: usize) {
    let mut stream = Stream(7);
    for modulus in moduli(bytes) {
        let prepared = Prepared::new(&modulus, &[1, 0, 1]).unwrap();
        let key = numbers::<L>(&prepared);
        for s in values(&biguint(&key.n), &mut stream) {
            check::<L, K>(key, &s);
        }
    }
}

#[test]
fn edges_2048() {
    edges::<40, 5>(256);
}

#[test]
fn edges_3072() {
    edges::<60, 8>(384);
}

#[test]
fn edges_4096() {
    edges::<80, 10>(512);
}

/// One product, for factors up to the bound of the form: below twice the modulus.
fn products<const L: usize, const K: usize>(bytes: usize) {
    let mut stream = Stream(11);
    for modulus in moduli(bytes) {
        let prepared = Prepared::new(&modulus, &[1, 0, 1]).unwrap();
        let key = numbers::<L>(&prepared);
        let n = biguint(&key.n);
        let inverse = (BigUint::from(1_u8) << (52 * L)).modinv(&n).unwrap();
        let modulus = Modulus::<Checked, K> {
            n: vectors(Checked, &key.n),
            k: Checked([key.k; LANES]),
            zero: Checked([0; LANES]),
        };
        let all = values(&(&n << 1), &mut stream);
        for a in &all {
            let b = &all[stream.below(all.len())];
            let found = modulus.multiply(Checked, &vectors(Checked, &limbs::<L>(a)), &limbs::<L>(b));
            assert!(found.iter().all(|limb| *limb <= LIMB_MASK));
            let found = biguint(&found);
            assert!(found < &n << 1, "not below twice the modulus");
            assert_eq!(found % &n, a * b * &inverse % &n);
        }
    }
}

#[test]
fn products_stay_below_twice_the_modulus() {
    products::<40, 5>(256);
    products::<60, 8>(384);
    products::<80, 10>(512);
}

/// The largest columns that can come up: every limb all ones, in both factors and in the modulus.
#[test]
fn the_fullest_columns_keep_the_stated_bounds() {
    fn fullest<const L: usize, const K: usize>() {
        for k in [0, 1, LIMB_MASK, LIMB_MASK - 1] {
            // No modulus is so large; the sums of the columns are what is looked at.
            let ones = vectors(Checked, &[LIMB_MASK; L]);
            let modulus =
                Modulus::<Checked, K> { n: ones, k: Checked([k; LANES]), zero: Checked([0; LANES]) };
            let _ = modulus.multiply(Checked, &ones, &[LIMB_MASK; L]);
        }
    }
    fullest::<40, 5>();
    fullest::<60, 8>();
    fullest::<80, 10>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn any_number(seed in any::<u64>()) {
        let mut stream = Stream(seed);
        let mut drawn = |bytes: usize| -> (Prepared, BigUint) {
            let limbs = bytes * 8 / 52 + 1;
            let number = if stream.below(2) == 0 { stream.limbs(limbs) } else { BigUint::from_bytes_be(&stream.bytes(bytes)) };
            let modulus = as_modulus(&number, bytes);
            let mut all = values(&BigUint::from_bytes_be(&modulus), &mut stream);
            let s = all.swap_remove(stream.below(all.len()));
            (Prepared::new(&modulus, &[1, 0, 1]).unwrap(), s)
        };
        let (key, s) = drawn(256);
        check::<40, 5>(numbers(&key), &s);
        let (key, s) = drawn(384);
        check::<60, 8>(numbers(&key), &s);
        let (key, s) = drawn(512);
        check::<80, 10>(numbers(&key), &s);
    }
}
