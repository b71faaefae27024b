//! Tests of the arithmetic against 128-bit integers and against values computed elsewhere.

use super::{Modulus, Number};
use proptest::prelude::*;

fn number(value: u128) -> Number {
    Number::from_be_bytes(&value.to_be_bytes())
}

proptest! {
    #[test]
    fn sums_and_differences(a in any::<u128>(), b in any::<u128>()) {
        let (a, b) = (a >> 1, b >> 1);
        prop_assert_eq!(number(a).add(&number(b)), number(a + b));
        prop_assert_eq!(number(a).subtract(&number(b)), a.checked_sub(b).map(number));
        prop_assert_eq!(number(a).cmp(&number(b)), a.cmp(&b));
    }

    #[test]
    fn remainders(a in any::<u128>(), by in 1..u64::MAX) {
        prop_assert_eq!(u128::from(number(a).remainder(by)), a % u128::from(by));
    }

    #[test]
    fn square_roots(a in any::<u128>()) {
        let root = a.isqrt();
        prop_assert_eq!(number(a).square_root(), (number(root), number(a - root * root)));
    }

    #[test]
    fn products_and_powers(a in any::<u64>(), b in any::<u64>(), e in 0..2000_u64, n in any::<u64>()) {
        let n = n | 1;
        prop_assume!(n > 1);
        let (a, b) = (a % n, b % n);
        let times = |a: u64, b: u64| u64::try_from(u128::from(a) * u128::from(b) % u128::from(n)).unwrap();
        let modulus = Modulus::new(&Number::small(n)).unwrap();
        prop_assert_eq!(modulus.product(&Number::small(a), &Number::small(b)), Number::small(times(a, b)));
        let power = (0..e).fold(1, |sum, _| times(sum, a));
        prop_assert_eq!(modulus.power(&Number::small(a), &Number::small(e)), Number::small(power));
    }

    #[test]
    fn fermats_little_theorem(bytes in prop::collection::vec(any::<u8>(), 66)) {
        // 2^521 - 1 is prime, and has more than one digit.
        let mut prime = [0xff_u8; 66];
        prime[0] = 0x01;
        let prime = Number::from_be_bytes(&prime);
        let base = Number::from_be_bytes(&bytes[1..]);
        prop_assume!(!base.is_zero());
        let exponent = prime.subtract(&Number::small(1)).unwrap();
        prop_assert_eq!(Modulus::new(&prime).unwrap().power(&base, &exponent), Number::small(1));
    }
}

#[test]
fn even_moduli_are_not_prepared() {
    assert!(Modulus::new(&Number::small(10)).is_none());
    assert!(Modulus::new(&Number::small(1)).is_none());
    assert!(Modulus::new(&Number::small(0)).is_none());
    assert!(Number::small(0).is_zero() && Number::small(3).is_odd());
}
