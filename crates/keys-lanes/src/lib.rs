//! RSA signatures checked in vector registers, on CPUs with AVX-512 IFMA.
//!
//! Scalar arithmetic is latency: a CPU spends most of the time waiting for carries. Eight independent signatures
//! side by side, one in each lane of a vector register, keep its multipliers busy; where fewer wait, eight limbs of
//! one number stand side by side instead. What comes out is the same verdict as a scalar library gives, at about a
//! quarter of the time for each of many and less than half of it for one.
//!
//! - [`Prepared`] is a public key made ready: RSA of 2048, 3072 or 4096 bits with the exponent 65537.
//! - [`Job`] says what to check: PKCS#1 v1.5 signatures only.
//! - [`Lanes`] checks them. There is one only where the CPU can.
//!
//! Nothing here is secret: keys and signatures are public, so nothing needs constant time. But a wrong carry
//! would be a forged signature, so every bound is written down where it is used, and the tests hold the
//! arithmetic against a big-number library and the verdicts against AWS-LC.

#[cfg(any(target_arch = "x86_64", test))]
mod alone;
#[cfg(feature = "raise")]
mod bare;
mod cpu;
mod encoded;
mod lanes;
mod limbs;
#[cfg(any(target_arch = "x86_64", test))]
mod montgomery;
mod prepared;
#[cfg(test)]
mod test_numbers;
mod vector;
#[cfg(target_arch = "x86_64")]
mod zmm;

pub use crate::lanes::{Job, Lanes, Matched, Rejected};
pub use crate::prepared::Prepared;
