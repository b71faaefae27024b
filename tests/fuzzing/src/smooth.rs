//! RSA keys made cheaply for comparing verdicts: products of many small primes, with which anybody can sign.
use num_bigint::BigUint;
use std::sync::LazyLock;

/// The odd primes of up to 16 bits. None of them, less one, is a multiple of 65537, so each can be in a key.
static PRIMES: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let is_prime = |n: &u64| (3..).step_by(2).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (3..65_536).step_by(2).filter(is_prime).collect()
});

/// A key of a size, with its factors.
pub struct Key {
    /// The modulus; its top bit is set.
    pub n: BigUint,
    primes: Vec<u64>,
}

impl Key {
    /// Draws a key of `bits` bits; `draw` gives a number below its argument.
    pub fn new(bits: u64, draw: &mut impl FnMut(usize) -> usize) -> Self {
        // A draw that leaves no last prime begins anew; nearly all of them end well.
        loop {
            if let Some(key) = Self::drawn(bits, draw) {
                return key;
            }
        }
    }

    fn drawn(bits: u64, draw: &mut impl FnMut(usize) -> usize) -> Option<Self> {
        let (mut n, mut primes) = (BigUint::from(1_u8), Vec::new());
        loop {
            let missing = bits - n.bits();
            // Two last primes share what a single one cannot fill.
            let (from, to) = match missing {
                32.. => (1 << 15, 1 << 16),
                16..32 => (1 << (missing / 2 - 1), 1 << (missing / 2)),
                0..16 => break,
            };
            let prime = pick(from, to, &primes, draw)?;
            n *= prime;
            primes.push(prime);
        }
        let least = (BigUint::from(1_u8) << (bits - 1)) / &n + 1_u8;
        let end = (BigUint::from(1_u8) << bits) / &n;
        let last = pick(small(&least)?, small(&end)?, &primes, draw)?;
        n *= last;
        primes.push(last);
        (n.bits() == bits).then_some(Self { n, primes })
    }

    /// The number whose 65537th power is `message`, for `message` below the modulus.
    pub fn root(&self, message: &BigUint) -> BigUint {
        let (mut root, mut product) = (BigUint::ZERO, BigUint::from(1_u8));
        for prime in &self.primes {
            let of = |number: &BigUint| small(&(number % *prime)).unwrap_or_default();
            let exponent = inverse(65537 % (prime - 1), prime - 1);
            let wanted = power(of(message), exponent, *prime);
            // Chinese remaindering: the step that makes the root right for this prime too.
            let missing = (wanted + prime - of(&root)) % prime;
            let step = missing * power(of(&product), prime - 2, *prime) % prime;
            root += &product * step;
            product *= *prime;
        }
        root
    }
}

fn pick(from: u64, to: u64, but: &[u64], draw: &mut impl FnMut(usize) -> usize) -> Option<u64> {
    let start = PRIMES.partition_point(|prime| *prime < from);
    let end = PRIMES.partition_point(|prime| *prime < to);
    let count = end.checked_sub(start).filter(|count| *count > 0)?;
    // A key takes less than a tenth of the primes, so a few draws find a fresh one.
    (0..16).find_map(|_| PRIMES.get(start + draw(count)).copied().filter(|prime| !but.contains(prime)))
}

fn small(number: &BigUint) -> Option<u64> {
    u64::try_from(number).ok()
}

fn power(base: u64, exponent: u64, modulus: u64) -> u64 {
    let (mut base, mut exponent, mut result) = (base % modulus, exponent, 1);
    while exponent > 0 {
        if exponent % 2 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        exponent /= 2;
    }
    result
}

/// The inverse modulo a number that need not be a prime, by Euclid.
fn inverse(number: u64, modulus: u64) -> u64 {
    let (mut a, mut b) = (i128::from(number), i128::from(modulus));
    let (mut x, mut y) = (1_i128, 0_i128);
    while b != 0 {
        (x, y) = (y, x - a / b * y);
        (a, b) = (b, a % b);
    }
    u64::try_from(x.rem_euclid(i128::from(modulus))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_size_and_roots_are_roots() {
        let mut state = 1_usize;
        let mut draw = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for bits in [2048, 3072, 4096] {
            let key = Key::new(bits, &mut draw);
            assert_eq!(key.n.bits(), bits);
            for message in [BigUint::ZERO, BigUint::from(2_u8), &key.n - 1_u8, &key.n / 3_u8] {
                let root = key.root(&message);
                assert!(root < key.n);
                assert_eq!(root.modpow(&BigUint::from(65537_u32), &key.n), message);
            }
        }
    }
}
