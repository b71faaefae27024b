//! The bare operation without a verdict, for the programs that compare it with other libraries.

use crate::cpu::{Vectors, Witness};
use crate::lanes::{FEWEST, Lanes, modulus_bytes};
use crate::limbs::{compare, from_be_bytes, subtract, to_be_bytes};
use crate::prepared::{Numbers, Prepared, Sized};
use crate::vector::LANES;
use std::cmp::Ordering;

impl Lanes {
    /// `s^65537 mod n` at full length for each key and value; eight of one size are computed together. It
    /// verifies nothing. `None` stands for a value of another length than its modulus, or not below it.
    #[must_use]
    pub fn raise(&self, work: &[(&Prepared, &[u8])]) -> Vec<Option<Vec<u8>>> {
        let mut results = vec![None; work.len()];
        let (mut small, mut middle, mut large) = (Vec::new(), Vec::new(), Vec::new());
        for ((key, value), result) in work.iter().zip(&mut results) {
            match &key.0 {
                Sized::Bits2048(key) => small.extend(Lane::<40>::new(key, value, result)),
                Sized::Bits3072(key) => middle.extend(Lane::<60>::new(key, value, result)),
                Sized::Bits4096(key) => large.extend(Lane::<80>::new(key, value, result)),
            }
        }
        small.chunks_mut(LANES).for_each(|eight| run::<40, 80, 5>(self.0, eight));
        middle.chunks_mut(LANES).for_each(|eight| run::<60, 120, 8>(self.0, eight));
        large.chunks_mut(LANES).for_each(|eight| run::<80, 160, 10>(self.0, eight));
        results
    }
}

/// One value in its lane.
struct Lane<'k, 'r, const L: usize> {
    key: &'k Numbers<L>,
    value: [u64; L],
    result: &'r mut Option<Vec<u8>>,
}

impl<'k, 'r, const L: usize> Lane<'k, 'r, L> {
    fn new(key: &'k Numbers<L>, value: &[u8], result: &'r mut Option<Vec<u8>>) -> Option<Self> {
        let fits = value.len() == modulus_bytes(L);
        let value = from_be_bytes::<L>(value)?;
        (fits && compare(&value, &key.n) == Ordering::Less).then_some(Self { key, value, result })
    }

    /// Writes down a result below twice the modulus.
    fn put(&mut self, result: [u64; L]) {
        let exact = subtract(&result, &self.key.n).unwrap_or(result);
        let mut bytes = vec![0; modulus_bytes(L)];
        *self.result = to_be_bytes(&exact, &mut bytes).map(|()| bytes);
    }
}

fn run<const L: usize, const W: usize, const K: usize>(witness: Witness, lanes: &mut [Lane<'_, '_, L>]) {
    if lanes.len() < FEWEST {
        for lane in lanes {
            lane.put(witness.raise_alone::<L, K>(lane.key, &lane.value));
        }
        return;
    }
    let Some(first) = lanes.first() else { return };
    let used: [_; LANES] = std::array::from_fn(|lane| lanes.get(lane).unwrap_or(first));
    let results = witness.raise::<L, W>(&used.map(|lane| lane.key), &used.map(|lane| &lane.value));
    for (lane, result) in lanes.iter_mut().zip(results) {
        lane.put(result);
    }
}
