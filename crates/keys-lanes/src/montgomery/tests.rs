//! The arithmetic against a big-number library, over a vector that stops at the first overflow and over the
//! CPU's own.

use super::Moduli;
use crate::cpu::{Vectors, Witness, apart, raise, side_by_side};
use crate::prepared::{Numbers, Prepared, Sized};
use crate::test_numbers::{Stream, biguint, full, moduli, values};
use crate::vector::{LANES, LIMB_MASK, Vector};
use num_bigint::BigUint;
use proptest::prelude::*;

/// Eight numbers of 64 bits whose additions are checked.
#[derive(Clone, Copy)]
pub(crate) struct Checked(pub(crate) [u64; LANES]);

fn lane(of: impl Fn(usize) -> u64) -> Checked {
    Checked(std::array::from_fn(of))
}

fn product(a: u64, b: u64) -> u128 {
    u128::from(a & LIMB_MASK) * u128::from(b & LIMB_MASK)
}

impl Vector for Checked {
    fn add(self, other: Self) -> Self {
        // Bounds are stated as 2^62; a carry never enters the upper two bits.
        lane(|at| self.0[at].checked_add(other.0[at]).filter(|sum| *sum < 1 << 62).unwrap())
    }
    fn add_low(self, a: Self, b: Self) -> Self {
        let low = |at: usize| u64::try_from(product(a.0[at], b.0[at]) & u128::from(LIMB_MASK)).unwrap();
        self.add(lane(low))
    }
    fn add_high(self, a: Self, b: Self) -> Self {
        self.add(lane(|at| u64::try_from(product(a.0[at], b.0[at]) >> 52).unwrap()))
    }
    fn carry(self) -> Self {
        lane(|at| self.0[at] >> 52)
    }
    fn limb(self) -> Self {
        lane(|at| self.0[at] & LIMB_MASK)
    }
    fn lanes(self) -> [u64; LANES] {
        self.0
    }
}

/// One modulus and one value a lane, checked both ways.
fn check<const L: usize, const W: usize>(keys: &[&Numbers<L>; LANES], s: &[BigUint; LANES]) {
    let limbs = s.each_ref().map(|s| crate::limbs::from_be_bytes::<L>(&full(s, L / 2 * 13)).unwrap());
    let found = raise::<_, L, W>(Checked, keys, &limbs.each_ref());
    for ((key, s), found) in keys.iter().zip(s).zip(&found) {
        let n = biguint(&key.n);
        let exact = s.modpow(&BigUint::from(65537_u32), &n);
        let found = biguint(found);
        assert!(found == exact || found == &exact + &n, "{s:x} modulo {n:x} gave {found:x}");
    }
    if let Some(witness) = Witness::ask() {
        assert_eq!(witness.raise::<L, W>(keys, &limbs.each_ref()), found, "the CPU disagrees");
    }
}

pub(crate) fn numbers<const L: usize>(prepared: &Prepared) -> &Numbers<L> {
    let any: &dyn std::any::Any = match &prepared.0 {
        Sized::Bits2048(numbers) => &**numbers,
        Sized::Bits3072(numbers) => &**numbers,
        Sized::Bits4096(numbers) => &**numbers,
    };
    any.downcast_ref().unwrap()
}

/// Every modulus at the edges with every value at the edges, the moduli mixed over the lanes.
fn edges<const L: usize, const W: usize>(bytes: usize) {
    let keys: Vec<Prepared> =
        moduli(bytes).iter().map(|modulus| Prepared::new(modulus, &[1, 0, 1]).unwrap()).collect();
    let mut stream = Stream(7);
    let pairs: Vec<(&Numbers<L>, BigUint)> = keys
        .iter()
        .flat_map(|key| {
            values(&biguint(&numbers::<L>(key).n), &mut stream).into_iter().map(move |s| (key, s))
        })
        .map(|(key, s)| (numbers(key), s))
        .collect();
    // A stride that is prime to the count puts different moduli side by side.
    let stride = 29;
    assert!(!pairs.len().is_multiple_of(stride) && pairs.len().is_multiple_of(LANES), "{}", pairs.len());
    for group in 0..pairs.len() / LANES {
        let of = |lane: usize| &pairs[(group * LANES + lane) * stride % pairs.len()];
        check::<L, W>(
            &std::array::from_fn(|lane| of(lane).0),
            &std::array::from_fn(|lane| of(lane).1.clone()),
        );
    }
}

#[test]
fn edges_2048() {
    edges::<40, 80>(256);
}

#[test]
fn edges_3072() {
    edges::<60, 120>(384);
}

#[test]
fn edges_4096() {
    edges::<80, 160>(512);
}

/// One product, for factors up to the bound of the form: below twice the modulus.
fn products<const L: usize, const W: usize>(bytes: usize) {
    let mut stream = Stream(11);
    for modulus in moduli(bytes) {
        let prepared = Prepared::new(&modulus, &[1, 0, 1]).unwrap();
        let key = numbers::<L>(&prepared);
        let n = biguint(&key.n);
        let all: Vec<BigUint> = values(&(&n << 1), &mut stream);
        let r = BigUint::from(1_u8) << (52 * L);
        let inverse = r.modinv(&n).unwrap();
        for group in all.as_chunks::<LANES>().0 {
            let load = |group: &[BigUint; LANES]| {
                let limbs =
                    group.each_ref().map(|s| crate::limbs::from_be_bytes::<L>(&full(s, L / 2 * 13)).unwrap());
                side_by_side(Checked, &limbs.each_ref())
            };
            let other: [BigUint; LANES] = std::array::from_fn(|_| all[stream.below(all.len())].clone());
            let moduli = Moduli {
                n: side_by_side(Checked, &[&key.n; LANES]),
                rr: side_by_side(Checked, &[&key.rr; LANES]),
                k: Checked([key.k; LANES]),
                zero: Checked([0; LANES]),
            };
            let squares = apart(&moduli.square::<W>(&load(group)));
            let mixed = apart(&moduli.multiply::<W>(&load(group), &load(&other)));
            for lane in 0..LANES {
                for (found, b) in [(&squares[lane], &group[lane]), (&mixed[lane], &other[lane])] {
                    let found = biguint(found);
                    assert!(found < &n << 1, "not below twice the modulus");
                    assert_eq!(found % &n, &group[lane] * b * &inverse % &n);
                }
            }
        }
    }
}

#[test]
fn products_stay_below_twice_the_modulus() {
    products::<40, 80>(256);
    products::<60, 120>(384);
    products::<80, 160>(512);
}

/// The largest columns that can come up: every limb all ones, in both factors and in the modulus.
#[test]
fn the_fullest_columns_keep_the_stated_bounds() {
    fn fullest<const L: usize, const W: usize>() {
        let ones = [Checked([LIMB_MASK; LANES]); L];
        for k in [0, 1, LIMB_MASK, LIMB_MASK - 1] {
            // No modulus of the lanes is so large; the sums of the columns are what is looked at.
            let moduli = Moduli { n: ones, rr: ones, k: Checked([k; LANES]), zero: Checked([0; LANES]) };
            let _ = moduli.square::<W>(&ones);
            let _ = moduli.multiply::<W>(&ones, &ones);
        }
    }
    fullest::<40, 80>();
    fullest::<60, 120>();
    fullest::<80, 160>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_numbers_in_any_lanes(seed in any::<u64>()) {
        let mut stream = Stream(seed);
        let mut drawn = |bytes: usize| -> (Prepared, BigUint) {
            let limbs = bytes * 8 / 52 + 1;
            let number = if stream.below(2) == 0 { stream.limbs(limbs) } else { BigUint::from_bytes_be(&stream.bytes(bytes)) };
            let modulus = crate::test_numbers::as_modulus(&number, bytes);
            let n = BigUint::from_bytes_be(&modulus);
            let mut all = values(&n, &mut stream);
            let s = all.swap_remove(stream.below(all.len()));
            (Prepared::new(&modulus, &[1, 0, 1]).unwrap(), s)
        };
        let eight: [_; LANES] = std::array::from_fn(|_| drawn(256));
        check::<40, 80>(&eight.each_ref().map(|(key, _)| numbers(key)), &eight.each_ref().map(|(_, s)| s.clone()));
        let eight: [_; LANES] = std::array::from_fn(|_| drawn(384));
        check::<60, 120>(&eight.each_ref().map(|(key, _)| numbers(key)), &eight.each_ref().map(|(_, s)| s.clone()));
        let eight: [_; LANES] = std::array::from_fn(|_| drawn(512));
        check::<80, 160>(&eight.each_ref().map(|(key, _)| numbers(key)), &eight.each_ref().map(|(_, s)| s.clone()));
    }
}
