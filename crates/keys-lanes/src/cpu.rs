//! Where the arithmetic meets the CPU: the witness of its instructions, and the one way in.

pub(crate) use arch::Witness;

use crate::prepared::Numbers;
use crate::vector::LANES;

/// Computes in eight lanes.
pub(crate) trait Vectors {
    /// `s^65537 mod n` in every lane, plus `n` at most once, for `s < n`. `W` is `2 · L`.
    fn raise<const L: usize, const W: usize>(
        self,
        keys: &[&Numbers<L>; LANES],
        s: &[&[u64; L]; LANES],
    ) -> [[u64; L]; LANES];

    /// The same for one number alone. `K` vectors hold `L` limbs.
    fn raise_alone<const L: usize, const K: usize>(self, key: &Numbers<L>, s: &[u64; L]) -> [u64; L];
}

/// The lanes side by side: limb by limb instead of number by number.
#[cfg(any(target_arch = "x86_64", test))]
#[inline(always)]
pub(crate) fn side_by_side<V: Copy, const L: usize>(
    load: impl Fn([u64; LANES]) -> V,
    numbers: &[&[u64; L]; LANES],
) -> [V; L] {
    let mut limbs = numbers.map(|number| number.iter());
    std::array::from_fn(|_| load(limbs.each_mut().map(|limb| limb.next().copied().unwrap_or_default())))
}

/// The numbers again, from the lanes.
#[cfg(any(target_arch = "x86_64", test))]
#[inline(always)]
pub(crate) fn apart<V: crate::vector::Vector, const L: usize>(vectors: &[V; L]) -> [[u64; L]; LANES] {
    let mut numbers = [[0; L]; LANES];
    for (place, vector) in vectors.iter().enumerate() {
        for (number, limb) in numbers.iter_mut().zip(vector.lanes()) {
            if let Some(to) = number.get_mut(place) {
                *to = limb;
            }
        }
    }
    numbers
}

/// All eight numbers of a computation, loaded and raised.
#[cfg(any(target_arch = "x86_64", test))]
#[inline(always)]
pub(crate) fn raise<V: crate::vector::Vector, const L: usize, const W: usize>(
    load: impl Fn([u64; LANES]) -> V,
    keys: &[&Numbers<L>; LANES],
    s: &[&[u64; L]; LANES],
) -> [[u64; L]; LANES] {
    let moduli = crate::montgomery::Moduli {
        n: side_by_side(&load, &keys.map(|key| &key.n)),
        rr: side_by_side(&load, &keys.map(|key| &key.rr)),
        k: load(keys.map(|key| key.k)),
        zero: load([0; LANES]),
    };
    apart(&moduli.raise::<W>(&side_by_side(&load, s)))
}

/// One number alone, loaded and raised.
#[cfg(any(target_arch = "x86_64", test))]
#[inline(always)]
pub(crate) fn raise_alone<V: crate::alone::Limbs, const L: usize, const K: usize>(
    load: impl Fn([u64; LANES]) -> V + Copy,
    key: &Numbers<L>,
    s: &[u64; L],
) -> [u64; L] {
    let modulus = crate::alone::Modulus::<V, K> {
        n: crate::alone::vectors(load, &key.n),
        k: load([key.k; LANES]),
        zero: load([0; LANES]),
    };
    modulus.raise(load, s, &key.rr)
}

#[cfg(target_arch = "x86_64")]
mod arch {
    use super::Vectors;
    use crate::prepared::Numbers;
    use crate::vector::LANES;
    pub(crate) use crate::zmm::Witness;
    use crate::zmm::Zmm;

    impl Vectors for Witness {
        #[expect(unsafe_code, reason = "entering code that is compiled for AVX-512")]
        fn raise<const L: usize, const W: usize>(
            self,
            keys: &[&Numbers<L>; LANES],
            s: &[&[u64; L]; LANES],
        ) -> [[u64; L]; LANES] {
            // SAFETY: `self` shows that the CPU has both features.
            unsafe { raise::<L, W>(self, keys, s) }
        }

        #[expect(unsafe_code, reason = "entering code that is compiled for AVX-512")]
        fn raise_alone<const L: usize, const K: usize>(self, key: &Numbers<L>, s: &[u64; L]) -> [u64; L] {
            // SAFETY: `self` shows that the CPU has both features.
            unsafe { raise_alone::<L, K>(self, key, s) }
        }
    }

    /// The arithmetic for one number, compiled for AVX-512 with everything that it calls.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn raise_alone<const L: usize, const K: usize>(
        witness: Witness,
        key: &Numbers<L>,
        s: &[u64; L],
    ) -> [u64; L] {
        super::raise_alone::<_, L, K>(|lanes| Zmm::load(witness, lanes), key, s)
    }

    /// The arithmetic, compiled for AVX-512 with everything that it calls.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn raise<const L: usize, const W: usize>(
        witness: Witness,
        keys: &[&Numbers<L>; LANES],
        s: &[&[u64; L]; LANES],
    ) -> [[u64; L]; LANES] {
        super::raise::<_, L, W>(|lanes| Zmm::load(witness, lanes), keys, s)
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod arch {
    use super::Vectors;
    use crate::prepared::Numbers;
    use crate::vector::LANES;

    /// Other CPUs have no such instructions, so that there is never a witness.
    #[derive(Clone, Copy)]
    pub(crate) enum Witness {}

    impl Witness {
        pub(crate) fn ask() -> Option<Self> {
            None
        }
    }

    impl Vectors for Witness {
        fn raise<const L: usize, const W: usize>(
            self,
            _: &[&Numbers<L>; LANES],
            _: &[&[u64; L]; LANES],
        ) -> [[u64; L]; LANES] {
            match self {}
        }

        fn raise_alone<const L: usize, const K: usize>(self, _: &Numbers<L>, _: &[u64; L]) -> [u64; L] {
            match self {}
        }
    }
}
