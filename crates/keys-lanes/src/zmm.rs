//! The vector of AVX-512: one register of 512 bits, eight numbers of 64 bits.

use crate::alone::Limbs;
use crate::vector::{LANES, LIMB_MASK, Vector};
use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_alignr_epi64, _mm512_and_si512, _mm512_broadcastq_epi64,
    _mm512_castsi512_si128, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_maskz_srli_epi64,
    _mm512_set1_epi64, _mm512_srli_epi64,
};

/// Shows that this CPU has the instructions; only [`Witness::ask`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Witness(());

impl Witness {
    /// Asks the CPU and the operating system.
    pub(crate) fn ask() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma");
        has.then_some(Self(()))
    }
}

/// Eight numbers in a register. One exists only where the CPU has AVX-512 F and IFMA, since making it takes
/// a [`Witness`]; every operation below rests on that.
#[derive(Clone, Copy)]
pub(crate) struct Zmm(__m512i);

impl Zmm {
    /// Loads eight numbers.
    #[inline(always)]
    #[expect(unsafe_code, reason = "a register and an array of the same 64 bytes")]
    pub(crate) fn load(_: Witness, lanes: [u64; LANES]) -> Self {
        // SAFETY: both types are 64 bytes without padding, and every pattern of bits is a value of both.
        Self(unsafe { std::mem::transmute::<[u64; LANES], __m512i>(lanes) })
    }
}

// Every function is inlined into `Lanes`' entry point, which is compiled for AVX-512; outside of it a call
// costs more and means the same.
impl Vector for Zmm {
    #[inline(always)]
    #[expect(unsafe_code, reason = "an instruction of AVX-512 F")]
    fn add(self, other: Self) -> Self {
        // SAFETY: the CPU has AVX-512 F, as the existence of `self` shows.
        Self(unsafe { _mm512_add_epi64(self.0, other.0) })
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "an instruction of AVX-512 IFMA")]
    fn add_low(self, a: Self, b: Self) -> Self {
        // SAFETY: the CPU has AVX-512 IFMA, as the existence of `self` shows.
        Self(unsafe { _mm512_madd52lo_epu64(self.0, a.0, b.0) })
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "an instruction of AVX-512 IFMA")]
    fn add_high(self, a: Self, b: Self) -> Self {
        // SAFETY: the CPU has AVX-512 IFMA, as the existence of `self` shows.
        Self(unsafe { _mm512_madd52hi_epu64(self.0, a.0, b.0) })
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "an instruction of AVX-512 F")]
    fn carry(self) -> Self {
        // SAFETY: the CPU has AVX-512 F, as the existence of `self` shows. 52 is `LIMB_BITS`.
        Self(unsafe { _mm512_srli_epi64::<52>(self.0) })
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "two instructions of AVX-512 F")]
    fn limb(self) -> Self {
        // SAFETY: the CPU has AVX-512 F, as the existence of `self` shows.
        Self(unsafe { _mm512_and_si512(self.0, _mm512_set1_epi64(LIMB_MASK.cast_signed())) })
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "a register and an array of the same 64 bytes")]
    fn lanes(self) -> [u64; LANES] {
        // SAFETY: both types are 64 bytes without padding, and every pattern of bits is a value of both.
        unsafe { std::mem::transmute::<__m512i, [u64; LANES]>(self.0) }
    }
}

impl Limbs for Zmm {
    #[inline(always)]
    #[expect(unsafe_code, reason = "two instructions of AVX-512 F")]
    fn spread(self) -> Self {
        // SAFETY: the CPU has AVX-512 F, as the existence of `self` shows.
        Self(unsafe { _mm512_broadcastq_epi64(_mm512_castsi512_si128(self.0)) })
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "an instruction of AVX-512 F")]
    fn down(self, next: Self) -> Self {
        // SAFETY: the CPU has AVX-512 F, as the existence of `self` shows. The upper half comes first.
        Self(unsafe { _mm512_alignr_epi64::<1>(next.0, self.0) })
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "an instruction of AVX-512 F")]
    fn first_carry(self) -> Self {
        // SAFETY: the CPU has AVX-512 F, as the existence of `self` shows. 52 is `LIMB_BITS`, 1 the first lane.
        Self(unsafe { _mm512_maskz_srli_epi64::<52>(1, self.0) })
    }
}
