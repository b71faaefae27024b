//! The same power for one number alone: its limbs side by side in the vectors, instead of eight numbers.
//!
//! Where fewer requests wait than fill the lanes, this is the faster way: the digits of one factor come one after another, and
//! each is multiplied with all limbs of the other at once. The form is the one of [`crate::montgomery`]: limbs of 52 bits, `R` of
//! `52 · L` bits, and products that stay below `2n`.
//!
//! # Why no accumulator overflows
//!
//! A column takes four halves of products a digit, each below `2^52`, and moves down by one place with each digit, so it takes at
//! most `4 · L` of them before it leaves, and one carry of its neighbour, below `2^10`, each time. `L` is at most 80:
//! `320 · 2^52 + 80 · 2^10 < 2^61`. When the columns are made limbs again, a carry is below `2^9`.

use crate::vector::{LANES, LIMB_BITS, LIMB_MASK, Vector};

/// `65537 = 2^16 + 1`: squarings before the last multiplication.
const SQUARINGS: usize = 16;

/// What one number alone needs beside the operations of a [`Vector`]: its lanes are eight limbs, the least significant first.
pub(crate) trait Limbs: Vector {
    /// The first lane's number in every lane.
    fn spread(self) -> Self;
    /// All lanes one place down, with the first lane of `next` in the last.
    fn down(self, next: Self) -> Self;
    /// [`Vector::carry`] of the first lane; zero in all others.
    fn first_carry(self) -> Self;
}

/// One modulus, and what goes with it. `K` vectors hold its `L` limbs, with zeros above.
pub(crate) struct Modulus<V, const K: usize> {
    /// The modulus `n`, odd and below `R / 2^32`.
    pub(crate) n: [V; K],
    /// `−n⁻¹ mod 2^52` in every lane.
    pub(crate) k: V,
    /// Zero in every lane.
    pub(crate) zero: V,
}

impl<V: Limbs, const K: usize> Modulus<V, K> {
    /// `s^65537 mod n`, plus `n` at most once, for `s < n` and `rr = R² mod n`.
    ///
    /// The steps, and why the result is below `2n`, are those of [`crate::montgomery::Moduli::raise`].
    #[inline(always)]
    pub(crate) fn raise<const L: usize>(
        &self,
        load: impl Fn([u64; LANES]) -> V,
        s: &[u64; L],
        rr: &[u64; L],
    ) -> [u64; L] {
        let side = vectors(&load, s);
        let mut x = self.multiply(&load, &side, rr);
        for _ in 0..SQUARINGS {
            x = self.multiply(&load, &vectors(&load, &x), &x);
        }
        self.multiply(&load, &side, &x)
    }

    /// `a·b/R`, below `2n`.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "every place is below K, which is at least 1")]
    fn multiply<const L: usize>(
        &self,
        load: impl Fn([u64; LANES]) -> V,
        a: &[V; K],
        b: &[u64; L],
    ) -> [u64; L] {
        let zero = self.zero;
        let mut digits = b.iter();
        let mut next_digit = || digits.next().map_or(zero, |digit| load([*digit; LANES]));
        let mut digit = next_digit();
        let mut t = [zero; K];
        for at in 0..K {
            t[at] = zero.add_low(a[at], digit);
        }
        for _ in 0..L {
            // The multiple that makes the lowest column a multiple of 2^52; from there its carry moves on.
            let multiple = zero.add_low(t[0], self.k).spread();
            // What does not wait for it: the upper halves, which belong one place up and so stand right once all has moved
            // down, and the next digit's lower halves.
            let next = next_digit();
            let mut ahead = [zero; K];
            for at in 0..K {
                ahead[at] = zero.add_high(a[at], digit).add_low(a[at], next);
            }
            digit = next;
            for (column, n) in t.iter_mut().zip(&self.n) {
                *column = column.add_low(*n, multiple);
            }
            let carry = t[0].first_carry();
            for at in 0..K {
                let above = if at + 1 < K { t[at + 1] } else { zero };
                t[at] = t[at].down(above).add(ahead[at].add_high(self.n[at], multiple));
            }
            t[0] = t[0].add(carry);
        }
        limbs(&t)
    }
}

/// Limbs side by side, with zeros above.
#[inline(always)]
pub(crate) fn vectors<V: Copy, const K: usize, const L: usize>(
    load: impl Fn([u64; LANES]) -> V,
    limbs: &[u64; L],
) -> [V; K] {
    let mut side = [[0; LANES]; K];
    for (place, limb) in side.as_flattened_mut().iter_mut().zip(limbs) {
        *place = *limb;
    }
    let mut vectors = [load([0; LANES]); K];
    for (vector, side) in vectors.iter_mut().zip(side) {
        *vector = load(side);
    }
    vectors
}

/// Columns as limbs: each passes on what it has above 52 bits.
#[inline(always)]
fn limbs<V: Vector, const K: usize, const L: usize>(columns: &[V; K]) -> [u64; L] {
    let mut lanes = [[0; LANES]; K];
    for (lanes, column) in lanes.iter_mut().zip(columns) {
        *lanes = column.lanes();
    }
    let mut carry = 0;
    let mut result = [0; L];
    for (limb, column) in result.iter_mut().zip(lanes.as_flattened()) {
        // Below 2^61 and 2^9.
        let sum = column + carry;
        *limb = sum & LIMB_MASK;
        carry = sum >> LIMB_BITS;
    }
    // The carry is zero now: the result is below 2n, which fits into L limbs.
    result
}

#[cfg(test)]
mod tests;
