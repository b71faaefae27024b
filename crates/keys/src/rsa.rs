//! Recognising RSA moduli that can be factored.

use crate::bignum::{Modulus, Number};
use crate::error::KeyError;

/// Largest prime that is tried as a factor: all of 16 bits. (Certificate authorities stop at 751, but keys
/// with larger small factors have been published.)
const LARGEST_SMALL_PRIME: u64 = 65_521;
/// Steps of Fermat's method: finds primes that agree in all but a few of their upper bits.
const FERMAT_ROUNDS: u32 = 110;
/// The primes whose residues mark keys of the faulty Infineon library (CVE-2017-15361, "ROCA").
const ROCA_LARGEST_PRIME: u64 = 167;
/// The generator that the library used.
const ROCA_GENERATOR: u64 = 65537;

/// Refuses a modulus that is even, has a small factor, or falls to a known method.
pub(crate) fn check_modulus(n: &[u8]) -> Result<(), KeyError> {
    let weak = |weakness: String| Err(KeyError::RsaWeak { weakness });
    let number = Number::from_be_bytes(n);
    if !number.is_odd() {
        return weak("its modulus is even".into());
    }
    if let Some(factor) = small_primes(LARGEST_SMALL_PRIME).find(|prime| number.remainder(*prime) == 0) {
        return weak(format!("its modulus is divisible by {factor}"));
    }
    if has_a_pattern(n) {
        return weak("the digits of its modulus follow a pattern".into());
    }
    if is_roca(&number) {
        return weak("it was made by the faulty library known as ROCA (CVE-2017-15361)".into());
    }
    if has_close_factors(&number) {
        return weak("its two primes are so close that Fermat's method finds them".into());
    }
    if is_probably_prime(&number) {
        return weak("its modulus is itself a prime".into());
    }
    Ok(())
}

/// The odd primes up to a limit.
fn small_primes(limit: u64) -> impl Iterator<Item = u64> {
    let is_prime = |n: &u64| (3..).step_by(2).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (3..=limit).step_by(2).filter(is_prime)
}

/// Whether one byte value makes up a sixteenth of the modulus. In a random one each value has a 256th;
/// a sixteenth of 256 bytes happens by chance less than once in 10^10 keys.
fn has_a_pattern(n: &[u8]) -> bool {
    let mut counts = [0_usize; 256];
    for byte in n {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    counts.iter().any(|count| count.saturating_mul(16) >= n.len())
}

/// Whether the modulus is, modulo every small prime, a power of 65537: true for all keys of the faulty
/// library, and for one in about 2^27 others.
fn is_roca(n: &Number) -> bool {
    small_primes(ROCA_LARGEST_PRIME).all(|prime| {
        let residue = n.remainder(prime);
        let generator = ROCA_GENERATOR % prime;
        // At most `prime` powers before they repeat.
        std::iter::successors(Some(1), |power| Some(power * generator % prime))
            .take(usize::try_from(prime).unwrap_or_default())
            .any(|power| power == residue)
    })
}

/// Fermat's method: looks for `a² − n = b²` with `a` just above the square root of `n`.
fn has_close_factors(n: &Number) -> bool {
    let one = Number::small(1);
    let (root, rest) = n.square_root();
    if rest.is_zero() {
        return true;
    }
    let mut a = root.add(&one);
    let Some(mut difference) = a.add(&root).subtract(&rest) else { return false };
    // a² − n = (root + 1)² − n = 2·root + 1 − rest, and grows by 2·a + 1 with each step of a.
    for _ in 0..FERMAT_ROUNDS {
        if is_square(&difference) {
            return true;
        }
        difference = difference.add(&a).add(&a).add(&one);
        a = a.add(&one);
    }
    false
}

/// Whether a number is a square: by its residues first, which rule out 99 of 100.
fn is_square(number: &Number) -> bool {
    [64, 63, 65, 11].into_iter().all(|by| {
        let residue = number.remainder(by);
        (0..by).any(|root| root * root % by == residue)
    }) && number.square_root().1.is_zero()
}

/// Fermat's test with base 2.
fn is_probably_prime(n: &Number) -> bool {
    let one = Number::small(1);
    let (Some(modulus), Some(exponent)) = (Modulus::new(n), n.subtract(&one)) else { return false };
    modulus.power(&Number::small(2), &exponent) == one
}

#[cfg(test)]
mod tests;
