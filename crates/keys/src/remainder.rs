//! One division on secret numbers, done in place so that nothing is left behind in memory.

use zeroize::Zeroizing;

/// Longest number divided: the private exponent of an 8192-bit key.
const MAX_BYTES: usize = 1024;

/// `number mod (prime − 1)` for big-endian numbers: the exponent that RSA uses with one of its primes.
pub(crate) fn remainder(number: &[u8], prime: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (last, rest) = prime.split_last()?;
    if number.len() > MAX_BYTES || prime.len() > MAX_BYTES || last % 2 == 0 || prime.iter().all(|b| *b <= 1) {
        return None;
    }
    // One byte more on top, so that doubling cannot run over.
    let mut by = Zeroizing::new(Vec::with_capacity(prime.len().saturating_add(1)));
    by.push(0);
    by.extend_from_slice(rest);
    by.push(last & 0xfe);
    let mut left = Zeroizing::new(vec![0_u8; by.len()]);
    for byte in number {
        for at in (0..8_u32).rev() {
            double(&mut left, (byte >> at) & 1);
            if left.as_slice() >= by.as_slice() {
                subtract(&mut left, &by);
            }
        }
    }
    Some(left)
}

fn double(number: &mut [u8], mut carry: u8) {
    for byte in number.iter_mut().rev() {
        let above = *byte >> 7;
        *byte = (*byte << 1) | carry;
        carry = above;
    }
}

fn subtract(number: &mut [u8], other: &[u8]) {
    let mut borrow = false;
    for (byte, other) in number.iter_mut().zip(other).rev() {
        let (rest, under) = byte.borrowing_sub(*other, borrow);
        *byte = rest;
        borrow = under;
    }
}

#[cfg(test)]
mod tests {
    use super::remainder;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_divides(number in any::<u128>(), prime in 3..u64::MAX) {
            let prime = prime | 1;
            let rest = remainder(&number.to_be_bytes(), &prime.to_be_bytes()).unwrap();
            let rest = rest.iter().fold(0_u128, |sum, byte| sum * 256 + u128::from(*byte));
            prop_assert_eq!(rest, number % u128::from(prime - 1));
        }
    }

    #[test]
    fn what_is_no_prime_is_refused() {
        assert!(remainder(&[5], &[]).is_none());
        assert!(remainder(&[5], &[0]).is_none());
        assert!(remainder(&[5], &[1]).is_none());
        assert!(remainder(&[5], &[8]).is_none());
        assert!(remainder(&[5; 2000], &[7]).is_none());
    }
}
