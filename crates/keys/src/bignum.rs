//! Arithmetic on large positive numbers, just enough to recognise weak keys.
//!
//! Only public numbers pass through here, so nothing needs to take constant time.

use std::cmp::Ordering;

/// A number as 64-bit digits, the least first, without leading zeros.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Number(Vec<u64>);

impl Number {
    pub(crate) fn from_be_bytes(bytes: &[u8]) -> Self {
        let digits = bytes.rchunks(8).map(|chunk| chunk.iter().fold(0, |sum, b| (sum << 8) | u64::from(*b)));
        Self(digits.collect()).trimmed()
    }

    pub(crate) fn small(value: u64) -> Self {
        Self(vec![value]).trimmed()
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn is_odd(&self) -> bool {
        self.0.first().is_some_and(|digit| digit % 2 == 1)
    }

    /// The remainder of a division by a small number.
    pub(crate) fn remainder(&self, by: u64) -> u64 {
        let wide = self.0.iter().rev().fold(0_u128, |rest, digit| {
            ((rest << 64) | u128::from(*digit)).checked_rem(u128::from(by)).unwrap_or_default()
        });
        u64::try_from(wide).unwrap_or_default()
    }

    pub(crate) fn add(&self, other: &Self) -> Self {
        let len = self.0.len().max(other.0.len());
        let mut carry = false;
        let mut sum: Vec<u64> = Vec::with_capacity(len.saturating_add(1));
        for (a, b) in self.padded().zip(other.padded()).take(len) {
            let (digit, next) = a.carrying_add(b, carry);
            carry = next;
            sum.push(digit);
        }
        sum.push(u64::from(carry));
        Self(sum).trimmed()
    }

    /// The difference; `None` when it would be negative.
    pub(crate) fn subtract(&self, other: &Self) -> Option<Self> {
        let len = self.0.len().max(other.0.len());
        let mut borrow = false;
        let mut rest = Vec::with_capacity(len);
        for (a, b) in self.padded().zip(other.padded()).take(len) {
            let (digit, next) = a.borrowing_sub(b, borrow);
            borrow = next;
            rest.push(digit);
        }
        (!borrow).then_some(Self(rest).trimmed())
    }

    /// The largest number whose square is not above this one, and what is left over.
    pub(crate) fn square_root(&self) -> (Self, Self) {
        let (mut root, mut rest) = (Self(Vec::new()), Self(Vec::new()));
        // One turn for each pair of bits, from the top: the pen-and-paper method.
        for digit in self.0.iter().rev() {
            for pair in (0..32_u32).rev() {
                let bits = (digit >> (pair.saturating_mul(2))) & 3;
                rest = rest.shifted_in(2, bits);
                let trial = root.shifted_in(2, 1);
                let next = rest.subtract(&trial);
                root = root.shifted_in(1, u64::from(next.is_some()));
                rest = next.unwrap_or(rest);
            }
        }
        (root, rest)
    }

    /// Half of the number, rounded down.
    pub(crate) fn halved(&self) -> Self {
        let above = self.0.iter().skip(1).copied().chain([0]);
        Self(self.0.iter().zip(above).map(|(digit, above)| (digit >> 1) | (above << 63)).collect()).trimmed()
    }

    /// The bits from the top, for exponentiation.
    pub(crate) fn bits(&self) -> impl Iterator<Item = bool> {
        let all =
            self.0.iter().rev().flat_map(|digit| (0..64_u32).rev().map(move |at| (digit >> at) & 1 == 1));
        all.skip_while(|bit| !bit)
    }

    /// Shifts left by a few bits and fills the gap.
    fn shifted_in(&self, by: u32, fill: u64) -> Self {
        let mut carry = fill;
        let mut out: Vec<u64> = Vec::with_capacity(self.0.len().saturating_add(1));
        for digit in &self.0 {
            out.push((digit << by) | carry);
            carry = digit >> (64_u32.saturating_sub(by));
        }
        out.push(carry);
        Self(out).trimmed()
    }

    fn padded(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied().chain(std::iter::repeat(0))
    }

    fn trimmed(mut self) -> Self {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An odd modulus, prepared for Montgomery multiplication.
pub(crate) struct Modulus {
    n: Number,
    /// Minus the inverse of the lowest digit, modulo 2^64.
    inverse: u64,
    /// 2^(128 · digits) mod n, which carries numbers into Montgomery form.
    square: Number,
}

impl Modulus {
    /// `None` for an even modulus, or one.
    pub(crate) fn new(n: &Number) -> Option<Self> {
        let lowest = *n.0.first()?;
        if lowest % 2 == 0 || *n == Number::small(1) {
            return None;
        }
        // Newton's iteration doubles the correct bits: 3, 6, 12, 24, 48, 96.
        let inverse = (0..6).fold(lowest, |x, _| x.wrapping_mul(2_u64.wrapping_sub(lowest.wrapping_mul(x))));
        let mut square = Number::small(1);
        for _ in 0..n.0.len().saturating_mul(128) {
            square = square.shifted_in(1, 0);
            square = square.subtract(n).unwrap_or(square);
        }
        Some(Self { n: n.clone(), inverse: inverse.wrapping_neg(), square })
    }

    /// `base` to the power of `exponent`.
    pub(crate) fn power(&self, base: &Number, exponent: &Number) -> Number {
        let base = self.montgomery(base, &self.square);
        let mut result = self.montgomery(&Number::small(1), &self.square);
        for bit in exponent.bits() {
            result = self.montgomery(&result, &result);
            if bit {
                result = self.montgomery(&result, &base);
            }
        }
        self.montgomery(&result, &Number::small(1))
    }

    /// The product of two numbers below the modulus.
    pub(crate) fn product(&self, a: &Number, b: &Number) -> Number {
        self.montgomery(&self.montgomery(a, &self.square), b)
    }

    /// `a · b / 2^(64 · digits) mod n`.
    fn montgomery(&self, a: &Number, b: &Number) -> Number {
        let len = self.n.0.len();
        let mut sum = vec![0_u64; len.saturating_add(1)];
        for digit in a.padded().take(len) {
            let above = add_multiple(&mut sum, digit, b);
            let factor = sum.first().copied().unwrap_or_default().wrapping_mul(self.inverse);
            let above = above.wrapping_add(add_multiple(&mut sum, factor, &self.n));
            // The lowest digit is now zero: drop it, and move up what ran over the top.
            sum.rotate_left(1);
            if let Some(top) = sum.last_mut() {
                *top = above;
            }
        }
        let sum = Number(sum).trimmed();
        sum.subtract(&self.n).unwrap_or(sum)
    }
}

/// Adds `factor · number` to `sum`, and gives back what ran over the top.
fn add_multiple(sum: &mut [u64], factor: u64, number: &Number) -> u64 {
    let mut carry = 0_u64;
    for (place, digit) in sum.iter_mut().zip(number.padded()) {
        let (low, high) = factor.carrying_mul_add(digit, *place, carry);
        *place = low;
        carry = high;
    }
    carry
}

#[cfg(test)]
mod tests;
