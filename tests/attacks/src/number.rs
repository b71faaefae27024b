//! Just enough arithmetic on large whole numbers to make keys that nobody should use.

/// A whole number, its 32-bit digits from the lowest up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number(Vec<u32>);

impl Number {
    /// From a small one.
    pub(crate) fn small(value: u32) -> Self {
        Self(vec![value])
    }

    /// From bytes, highest first.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let digits =
            bytes.rchunks(4).map(|chunk| chunk.iter().fold(0, |digit, byte| digit << 8 | u32::from(*byte)));
        Self(digits.collect())
    }

    /// A number of exactly `bits` bits that looks random and is the same in every run.
    pub(crate) fn arbitrary(bits: usize, seed: &str) -> Self {
        let length = bits.div_ceil(8);
        let mut bytes = Vec::new();
        for count in 0_u32.. {
            if bytes.len() >= length {
                break;
            }
            bytes.extend(countersign_keys::sha256(&[seed.as_bytes(), &count.to_be_bytes()]));
        }
        bytes.truncate(length);
        if let Some(first) = bytes.first_mut() {
            let top = (bits + 7) % 8;
            *first = *first & ((1_u16 << (top + 1)) - 1).to_be_bytes()[1] | 1 << top;
        }
        Self::from_bytes(&bytes)
    }

    /// Sum.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let (mut digits, mut carry) = (Vec::new(), 0_u64);
        for place in 0..=self.0.len().max(other.0.len()) {
            carry += u64::from(self.digit(place)) + u64::from(other.digit(place));
            digits.push(low(carry));
            carry >>= 32;
        }
        Self(digits)
    }

    /// Product.
    pub(crate) fn times(&self, other: &Self) -> Self {
        let mut digits = vec![0_u32; self.0.len() + other.0.len() + 1];
        for (shift, one) in self.0.iter().enumerate() {
            let mut carry = 0_u64;
            for place in 0..=other.0.len() {
                carry += u64::from(digits[shift + place]) + u64::from(*one) * u64::from(other.digit(place));
                digits[shift + place] = low(carry);
                carry >>= 32;
            }
        }
        Self(digits)
    }

    /// What is left after dividing by a small one.
    pub(crate) fn modulo(&self, small: u32) -> u32 {
        let rest = self
            .0
            .iter()
            .rev()
            .fold(0_u64, |rest, digit| (rest << 32 | u64::from(*digit)) % u64::from(small));
        low(rest)
    }

    /// Bytes, highest first, without leading zeros.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let all: Vec<u8> = self.0.iter().rev().flat_map(|digit| digit.to_be_bytes()).collect();
        all.iter().copied().skip_while(|byte| *byte == 0).collect()
    }

    fn digit(&self, place: usize) -> u32 {
        self.0.get(place).copied().unwrap_or(0)
    }
}

fn low(value: u64) -> u32 {
    u32::try_from(value & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}
