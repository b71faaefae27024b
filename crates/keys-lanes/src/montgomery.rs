//! The arithmetic: `s` to the power of 65537 modulo `n`, in eight lanes, without a division.
//!
//! Numbers are `L` limbs of 52 bits, the least significant first, and `R` is 2 to the power of `52 · L`.
//! Every modulus is odd and below `R / 2^32`. The multiplication is Montgomery's, in its "almost" form: the
//! result of a product is not brought below `n` but below `2n`, and products of such numbers stay there:
//! with `a, b < 2n` and `m < R`, `(a·b + m·n) / R < (4n² + R·n) / R = n · (4n/R + 1) < 2n`.
//!
//! # Why no accumulator overflows
//!
//! A column is one accumulator of 64 bits. Products add at most `2^52 − 1` a time, since the CPU gives them
//! in halves of 52 bits. `L` is at most 80.
//!
//! | where | what a column holds at most |
//! |---|---|
//! | a product of two numbers | `L` low and `L` upper halves: `160 · 2^52 < 2^60` |
//! | a square before doubling | half of the pairs, low and upper: `80 · 2^52 < 2^59` |
//! | a square, doubled, with `a_i²` | `2^60 + 2 · 2^52` |
//! | after adding `m·n` | another `2 · L` halves, `2^60`, and one carry of the column before |
//! | a carry | a column shifted down by 52 bits: below `2^12` |
//!
//! In all below `2^60 + 2^53 + 2^60 + 2^12 < 2^62`. The tests run this file over a vector that stops when
//! an addition passes 64 bits.

use crate::vector::Vector;

/// Limbs that one pass over the columns takes: with four, a column is loaded and stored once for eight
/// products, and the registers suffice.
const BLOCK: usize = 4;
/// `65537 = 2^16 + 1`: squarings before the last multiplication.
const SQUARINGS: usize = 16;

/// The moduli of eight lanes, and what goes with them.
pub(crate) struct Moduli<V, const L: usize> {
    /// The moduli `n`, odd.
    pub(crate) n: [V; L],
    /// `R² mod n`.
    pub(crate) rr: [V; L],
    /// `−n⁻¹ mod 2^52`.
    pub(crate) k: V,
    /// Zero in every lane.
    pub(crate) zero: V,
}

impl<V: Vector, const L: usize> Moduli<V, L> {
    /// `s^65537 mod n` in every lane, plus `n` at most once. `W` is `2 · L`; limbs of `s` are below `2^52`
    /// and `s < n`.
    ///
    /// With `x = s·R`, sixteen squarings give `s^65536 · R`; multiplied with the plain `s` that is
    /// `s^65537`, and no step out of Montgomery's form is left to do. The last product is of a factor
    /// below `2n` with one below `n`: `(2n² + R·n) / R < 2n`, so one subtraction of `n` makes it exact.
    #[inline(always)]
    pub(crate) fn raise<const W: usize>(&self, s: &[V; L]) -> [V; L] {
        let mut x = self.multiply::<W>(s, &self.rr);
        for _ in 0..SQUARINGS {
            x = self.square::<W>(&x);
        }
        self.multiply::<W>(&x, s)
    }

    /// `a·b/R`, below `2n`.
    #[inline(always)]
    fn multiply<const W: usize>(&self, a: &[V; L], b: &[V; L]) -> [V; L] {
        let mut t = [self.zero; W];
        for (block, rows) in b.as_chunks::<BLOCK>().0.iter().enumerate() {
            let at = block * BLOCK;
            head(&mut t, at, rows, a, 0);
            body(&mut t, at, rows, a, 0);
            tail(&mut t, at, rows, a);
        }
        self.reduce(t)
    }

    /// `a²/R`, below `2n`.
    #[inline(always)]
    fn square<const W: usize>(&self, a: &[V; L]) -> [V; L] {
        let mut t = [self.zero; W];
        for (block, rows) in a.as_chunks::<BLOCK>().0.iter().enumerate() {
            let at = block * BLOCK;
            within(&mut t, at, rows);
            // The pairs with later limbs; the last block has none.
            if at + BLOCK < L {
                head(&mut t, at, rows, a, at + BLOCK);
                body(&mut t, at, rows, a, at + BLOCK);
                tail(&mut t, at, rows, a);
            }
        }
        // Each pair counts twice, each limb with itself once.
        for (pair, limb) in t.as_chunks_mut::<2>().0.iter_mut().zip(a) {
            let [even, odd] = *pair;
            *pair = [even.add(even).add_low(*limb, *limb), odd.add(odd).add_high(*limb, *limb)];
        }
        self.reduce(t)
    }

    /// `t/R`, by adding the multiple of `n` that makes the lower half of the columns vanish.
    #[inline(always)]
    fn reduce<const W: usize>(&self, mut t: [V; W]) -> [V; L] {
        for block in 0..L / BLOCK {
            let at = block * BLOCK;
            let rows = self.multiples(&mut t, at);
            body(&mut t, at, &rows, &self.n, 0);
            tail(&mut t, at, &rows, &self.n);
        }
        let mut carry = self.zero;
        let mut result = [self.zero; L];
        for (limb, column) in result.iter_mut().zip(t.iter().skip(L)) {
            let sum = column.add(carry);
            *limb = sum.limb();
            carry = sum.carry();
        }
        // The carry is zero now: the result is below 2n, which fits into L limbs.
        result
    }

    /// The multiples of `n` that clear four columns, `at` and after; what they add to these is done here,
    /// what they add to later columns is left to [`body`] and [`tail`].
    ///
    /// A cleared column is a multiple of `2^52`: its multiple `m` is `−column/n mod 2^52`.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "at + BLOCK is at most L, and W is 2·L; L is at least BLOCK")]
    fn multiples<const W: usize>(&self, t: &mut [V; W], at: usize) -> [V; BLOCK] {
        let multiple = |column: V| self.zero.add_low(column, self.k);
        let [n0, n1, n2, n3] = [self.n[0], self.n[1], self.n[2], self.n[3]];
        let [c0, c1, c2, c3] = [t[at], t[at + 1], t[at + 2], t[at + 3]];

        let m0 = multiple(c0);
        let carry = c0.add_low(n0, m0).carry();
        let c1 = c1.add_high(n0, m0).add_low(n1, m0).add(carry);
        let c2 = c2.add_high(n1, m0).add_low(n2, m0);
        let c3 = c3.add_high(n2, m0).add_low(n3, m0);

        let m1 = multiple(c1);
        let carry = c1.add_low(n0, m1).carry();
        let c2 = c2.add_high(n0, m1).add_low(n1, m1).add(carry);
        let c3 = c3.add_high(n1, m1).add_low(n2, m1);

        let m2 = multiple(c2);
        let carry = c2.add_low(n0, m2).carry();
        let c3 = c3.add_high(n0, m2).add_low(n1, m2).add(carry);

        let m3 = multiple(c3);
        let carry = c3.add_low(n0, m3).carry();
        t[at + BLOCK] = t[at + BLOCK].add(carry);
        [m0, m1, m2, m3]
    }
}

/// Adds the products of pairs within a block of one number.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "at + 7 is below 2·L, which is W, for every block of L limbs")]
fn within<V: Vector, const W: usize>(t: &mut [V; W], at: usize, rows: &[V; BLOCK]) {
    for (r, row) in rows.iter().enumerate() {
        for (s, other) in rows.iter().enumerate().skip(r + 1) {
            let column = 2 * at + r + s;
            t[column] = t[column].add_low(*row, *other);
            t[column + 1] = t[column + 1].add_high(*row, *other);
        }
    }
}

/// Adds four rows times the limbs of `a` from `least` on, into the first four columns that this reaches.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "least + 4 is at most L and at + 4 too, so sums are below 2·L")]
fn head<V: Vector, const L: usize, const W: usize>(
    t: &mut [V; W],
    at: usize,
    rows: &[V; BLOCK],
    a: &[V; L],
    least: usize,
) {
    for step in 0..BLOCK {
        let mut column = t[at + least + step];
        for (r, row) in rows.iter().enumerate() {
            if r <= step {
                column = column.add_low(a[least + step - r], *row);
            }
            if r < step {
                column = column.add_high(a[least + step - r - 1], *row);
            }
        }
        t[at + least + step] = column;
    }
}

/// The same, into the columns between: each gets eight products.
#[inline(always)]
fn body<V: Vector, const L: usize, const W: usize>(
    t: &mut [V; W],
    at: usize,
    rows: &[V; BLOCK],
    a: &[V; L],
    least: usize,
) {
    let [r0, r1, r2, r3] = *rows;
    // at + least + 4 is at most 2·L, and least at most L - 4.
    let columns = t[at + least + BLOCK..].iter_mut();
    for (column, [a4, a3, a2, a1, a0]) in columns.zip(a[least..].array_windows()) {
        *column = column
            .add_low(*a0, r0)
            .add_high(*a1, r0)
            .add_low(*a1, r1)
            .add_high(*a2, r1)
            .add_low(*a2, r2)
            .add_high(*a3, r2)
            .add_low(*a3, r3)
            .add_high(*a4, r3);
    }
}

/// The same, into the last four columns, which the upper limbs of `a` reach.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "at + 4 is at most L, so at + L + step is below 2·L")]
fn tail<V: Vector, const L: usize, const W: usize>(t: &mut [V; W], at: usize, rows: &[V; BLOCK], a: &[V; L]) {
    for step in 0..BLOCK {
        let mut column = t[at + L + step];
        for (r, row) in rows.iter().enumerate() {
            if r > step {
                column = column.add_low(a[L + step - r], *row);
            }
            if r >= step {
                column = column.add_high(a[L + step - r - 1], *row);
            }
        }
        t[at + L + step] = column;
    }
}

#[cfg(test)]
pub(crate) mod tests;
