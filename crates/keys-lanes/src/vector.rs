//! What the arithmetic needs of a vector: eight numbers of 64 bits, one for each lane.

/// Lanes of a vector.
pub(crate) const LANES: usize = 8;
/// Bits of a limb: the multiplier of AVX-512 IFMA takes 52 bits a side.
pub(crate) const LIMB_BITS: u32 = 52;
/// The largest limb.
pub(crate) const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// Eight numbers of 64 bits, with the operations of AVX-512 IFMA.
///
/// No operation here reports an overflow of 64 bits: whoever adds shows that there is none. The tests run
/// the same arithmetic over a vector that stops at the first one.
pub(crate) trait Vector: Copy {
    /// The sum, lane by lane.
    fn add(self, other: Self) -> Self;
    /// `self` plus the low 52 bits of the product of the low 52 bits of `a` and `b`.
    fn add_low(self, a: Self, b: Self) -> Self;
    /// `self` plus the upper 52 bits (bits 52 to 103) of that product.
    fn add_high(self, a: Self, b: Self) -> Self;
    /// All but the low 52 bits, moved down: what is carried into the next limb.
    fn carry(self) -> Self;
    /// The low 52 bits.
    fn limb(self) -> Self;
    /// The eight numbers.
    fn lanes(self) -> [u64; LANES];
}
