//! A public key made ready for the lanes: its modulus in limbs, and two numbers that depend on it alone.

use crate::limbs::{compare, from_be_bytes, subtract};
use crate::vector::{LIMB_BITS, LIMB_MASK};
use std::cmp::Ordering;
use std::fmt;

/// An RSA public key with the exponent 65537, of 2048, 3072 or 4096 bits exactly.
///
/// It takes 648, 968 or 1288 bytes on the heap, and making it costs about as much as two checks with a
/// scalar library.
pub struct Prepared(pub(crate) Sized);

/// The numbers, by the limbs they take.
pub(crate) enum Sized {
    Bits2048(Box<Numbers<40>>),
    Bits3072(Box<Numbers<60>>),
    Bits4096(Box<Numbers<80>>),
}

/// What the arithmetic needs to know of one modulus.
pub(crate) struct Numbers<const L: usize> {
    /// The modulus.
    pub(crate) n: [u64; L],
    /// `R² mod n`, where `R` is 2 to the power of `52 · L`.
    pub(crate) rr: [u64; L],
    /// `−n⁻¹ mod 2^52`.
    pub(crate) k: u64,
}

impl Prepared {
    /// Takes the modulus and the exponent as big-endian bytes without leading zeros; `None` for a key that
    /// the lanes do not serve: another size, another exponent, an even modulus.
    #[must_use]
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let full = modulus.first().is_some_and(|byte| *byte >= 0x80);
        let odd = modulus.last().is_some_and(|byte| byte % 2 == 1);
        if exponent != [1, 0, 1] || !full || !odd {
            return None;
        }
        Some(Self(match modulus.len() {
            256 => Sized::Bits2048(Box::new(Numbers::new(modulus)?)),
            384 => Sized::Bits3072(Box::new(Numbers::new(modulus)?)),
            512 => Sized::Bits4096(Box::new(Numbers::new(modulus)?)),
            _ => return None,
        }))
    }

    /// Bits of the modulus: 2048, 3072 or 4096.
    #[must_use]
    pub const fn bits(&self) -> u32 {
        match self.0 {
            Sized::Bits2048(_) => 2048,
            Sized::Bits3072(_) => 3072,
            Sized::Bits4096(_) => 4096,
        }
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared({} bits)", self.bits())
    }
}

impl<const L: usize> Numbers<L> {
    /// Bits that [`Self::square_of_r`] reaches by doubling alone; the rest is reached by squaring.
    const DOUBLED: u32 = 64;

    /// The numbers of an odd modulus with its top bit set, which leaves at least 32 bits of `L` limbs free.
    fn new(modulus: &[u8]) -> Option<Self> {
        let n = from_be_bytes::<L>(modulus)?;
        let bits = u32::try_from(modulus.len()).ok()?.checked_mul(8)?;
        let k = negated_inverse(*n.first()?);
        let mut numbers = Self { n, rr: [0; L], k };
        numbers.rr = numbers.square_of_r(bits)?;
        Some(numbers)
    }

    /// `R² mod n`.
    ///
    /// In Montgomery's form, `2^e` is `2^e · R mod n`. It starts with `e` of at least 64 by doubling
    /// `2^(bits − 1)`, which is below `n`, and then squares and doubles its way up to `e = 52 · L`, along
    /// the bits of that number: `2^(52 · L) · R = R²`.
    fn square_of_r(&self, bits: u32) -> Option<[u64; L]> {
        let r_bits = u32::try_from(L).ok()?.checked_mul(LIMB_BITS)?;
        // The leading bits of 52·L that make a number of 64 or more.
        let (mut exponent, mut below) = (r_bits, 0_u32);
        while exponent >> 1 >= Self::DOUBLED {
            exponent >>= 1;
            below = below.checked_add(1)?;
        }
        let mut x = self.power_of_two(bits.checked_sub(1)?)?;
        for _ in bits.checked_sub(1)?..r_bits.checked_add(exponent)? {
            x = self.double(&x)?;
        }
        for place in (0..below).rev() {
            x = self.square(&x)?;
            if r_bits >> place & 1 == 1 {
                x = self.double(&x)?;
            }
        }
        Some(x)
    }

    /// `2^exponent`, for an exponent below `52 · L`.
    fn power_of_two(&self, exponent: u32) -> Option<[u64; L]> {
        let mut power = [0; L];
        let limb = power.get_mut(usize::try_from(exponent / LIMB_BITS).ok()?)?;
        *limb = 1 << (exponent % LIMB_BITS);
        (compare(&power, &self.n) == Ordering::Less).then_some(power)
    }

    /// `2·a mod n`, for `a < n`.
    fn double(&self, a: &[u64; L]) -> Option<[u64; L]> {
        let mut twice = [0; L];
        let mut carry = 0;
        for (place, limb) in twice.iter_mut().zip(a) {
            // A limb is below 2^52, so its double and a carry fit.
            let sum = (limb << 1) | carry;
            *place = sum & LIMB_MASK;
            carry = sum >> LIMB_BITS;
        }
        // 2·a is below 2·n, which fits into the limbs.
        (carry == 0).then(|| self.reduced(twice))
    }

    /// `a²/R mod n`, for `a < n`, one limb after another and with checked sums.
    ///
    /// Written apart from the lanes on purpose: the two check each other in the tests.
    fn square(&self, a: &[u64; L]) -> Option<[u64; L]> {
        // One place more than a number has, for what is carried out of the last.
        let (mut t, mut top) = ([0_u64; L], 0_u64);
        for limb in a {
            top = top.checked_add(add_product(&mut t, a, *limb)?)?;
            let m = t.first()?.wrapping_mul(self.k) & LIMB_MASK;
            top = top.checked_add(add_product(&mut t, &self.n, m)?)?;
            // The lowest limb is zero now: everything moves down by one.
            if *t.first()? != 0 {
                return None;
            }
            t.rotate_left(1);
            *t.last_mut()? = top & LIMB_MASK;
            top >>= LIMB_BITS;
        }
        // Below 2·n, which fits into the limbs.
        (top == 0).then(|| self.reduced(t))
    }

    /// `a mod n`, for `a < 2·n`.
    fn reduced(&self, a: [u64; L]) -> [u64; L] {
        subtract(&a, &self.n).unwrap_or(a)
    }
}

/// Adds `a · factor` to `t` and gives what is carried out of the last limb; `None` would be an overflow.
fn add_product<const L: usize>(t: &mut [u64; L], a: &[u64; L], factor: u64) -> Option<u64> {
    let mut carry = 0_u128;
    for (place, limb) in t.iter_mut().zip(a) {
        let sum = u128::from(*limb).checked_mul(u128::from(factor))?;
        let sum = sum.checked_add(u128::from(*place))?.checked_add(carry)?;
        *place = u64::try_from(sum & u128::from(LIMB_MASK)).ok()?;
        carry = sum >> LIMB_BITS;
    }
    u64::try_from(carry).ok()
}

/// `−n⁻¹ mod 2^52` for an odd `n`, by Newton's method: each step doubles the bits that are right.
fn negated_inverse(n: u64) -> u64 {
    // n·n = 1 modulo 8 for every odd n, so n is its own inverse in the lowest 3 bits: 3, 6, 12, 24, 48, 96.
    let inverse = (0..5).fold(n, |x, _| x.wrapping_mul(2_u64.wrapping_sub(n.wrapping_mul(x))));
    inverse.wrapping_neg() & LIMB_MASK
}

#[cfg(test)]
mod tests;
