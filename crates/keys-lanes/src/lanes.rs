//! Checking signatures, up to eight at a time.

use crate::cpu::{Vectors, Witness};
use crate::encoded::{LONGEST, encode};
use crate::limbs::{compare, from_be_bytes, subtract, to_be_bytes};
use crate::prepared::{Numbers, Prepared, Sized};
use crate::vector::LANES;
use std::cmp::Ordering;
use std::fmt;

/// Jobs of one size from which on they are raised side by side: fewer are raised faster one after another, each with its limbs
/// side by side.
pub(crate) const FEWEST: usize = 6;

/// A signature to check: RSA PKCS#1 v1.5 with a prepared key.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The key that should have signed.
    pub key: &'a Prepared,
    /// The signature, as long as the key's modulus.
    pub signature: &'a [u8],
    /// The DER of the `DigestInfo` that should have been signed, with the digest in it.
    pub digest_info: &'a [u8],
}

/// The signature was good. Only [`Lanes::verify`] makes one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Matched(());

/// The signature was not good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rejected;

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not match")
    }
}

impl std::error::Error for Rejected {}

/// The capability to check signatures side by side. To have one is to have asked the CPU.
#[derive(Clone, Copy)]
pub struct Lanes(pub(crate) Witness);

impl Lanes {
    /// Jobs of one size that are checked at once; more of them are checked in turns.
    pub const WIDTH: usize = LANES;

    /// `None` when the CPU has not got the instructions (AVX-512 F and IFMA).
    #[must_use]
    pub fn new() -> Option<Self> {
        Witness::ask().map(Self)
    }

    /// Checks signatures. Many of one size go side by side, few one after another.
    ///
    /// The outcomes come in the order of the jobs.
    pub fn verify<const N: usize>(&self, jobs: &[Job<'_>; N]) -> [Result<Matched, Rejected>; N] {
        let mut outcomes = [Err(Rejected); N];
        self.verify_slice(jobs, &mut outcomes);
        outcomes
    }

    /// Checks as many signatures as there are both jobs and places for outcomes.
    ///
    /// A place whose job was not good, or that has no job, is [`Rejected`].
    pub fn verify_slice(&self, jobs: &[Job<'_>], outcomes: &mut [Result<Matched, Rejected>]) {
        outcomes.fill(Err(Rejected));
        let mut turns = (Turn::<40>::new(), Turn::<60>::new(), Turn::<80>::new());
        for (job, outcome) in jobs.iter().zip(outcomes) {
            match &job.key.0 {
                Sized::Bits2048(key) => turns.0.take::<80, 5>(self.0, key, job, outcome),
                Sized::Bits3072(key) => turns.1.take::<120, 8>(self.0, key, job, outcome),
                Sized::Bits4096(key) => turns.2.take::<160, 10>(self.0, key, job, outcome),
            }
        }
        turns.0.run::<80, 5>(self.0);
        turns.1.run::<120, 8>(self.0);
        turns.2.run::<160, 10>(self.0);
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lanes")
    }
}

/// Up to eight jobs of one size, gathered.
struct Turn<'a, 'o, const L: usize> {
    lanes: [Option<Lane<'a, 'o, L>>; LANES],
    next: usize,
}

/// One job in its lane: the signature is below the modulus.
struct Lane<'a, 'o, const L: usize> {
    key: &'a Numbers<L>,
    signature: [u64; L],
    job: &'a Job<'a>,
    outcome: &'o mut Result<Matched, Rejected>,
}

impl<'a, 'o, const L: usize> Turn<'a, 'o, L> {
    const fn new() -> Self {
        Self { lanes: [const { None }; LANES], next: 0 }
    }

    /// Gives a job a lane, and runs when all are taken. A signature that no key of this size can have made
    /// stays rejected: one of another length, or not below the modulus.
    fn take<const W: usize, const K: usize>(
        &mut self,
        witness: Witness,
        key: &'a Numbers<L>,
        job: &'a Job<'a>,
        outcome: &'o mut Result<Matched, Rejected>,
    ) {
        if job.signature.len() != modulus_bytes(L) {
            return;
        }
        let Some(signature) = from_be_bytes::<L>(job.signature) else { return };
        if compare(&signature, &key.n) != Ordering::Less {
            return;
        }
        if let Some(lane) = self.lanes.get_mut(self.next) {
            *lane = Some(Lane { key, signature, job, outcome });
            self.next += 1;
        }
        if self.next == LANES {
            self.run::<W, K>(witness);
        }
    }

    /// Runs what is gathered, and writes down what was found.
    fn run<const W: usize, const K: usize>(&mut self, witness: Witness) {
        if self.next < FEWEST {
            for lane in self.lanes.iter_mut().filter_map(Option::take) {
                let result = witness.raise_alone::<L, K>(lane.key, &lane.signature);
                *lane.outcome = compare_encoded(lane.key, result, lane.job);
            }
            self.next = 0;
            return;
        }
        // A lane without a job computes with the first one's numbers; nobody reads what comes out.
        let Some(first) = self.lanes.first().and_then(Option::as_ref) else { return };
        let used = self.lanes.each_ref().map(|lane| lane.as_ref().unwrap_or(first));
        let results = witness.raise::<L, W>(&used.map(|lane| lane.key), &used.map(|lane| &lane.signature));
        for (lane, result) in self.lanes.iter_mut().zip(results) {
            if let Some(lane) = lane.take() {
                *lane.outcome = compare_encoded(lane.key, result, lane.job);
            }
        }
        self.next = 0;
    }
}

/// Brings a result below the modulus and compares it, over its whole length, with what should be there.
fn compare_encoded<const L: usize>(
    key: &Numbers<L>,
    result: [u64; L],
    job: &Job<'_>,
) -> Result<Matched, Rejected> {
    let exact = subtract(&result, &key.n).unwrap_or(result);
    let (mut found, mut wanted) = ([0; LONGEST], [0; LONGEST]);
    let bytes = modulus_bytes(L);
    let (found, wanted) = (found.get_mut(..bytes).ok_or(Rejected)?, wanted.get_mut(..bytes).ok_or(Rejected)?);
    to_be_bytes(&exact, found).ok_or(Rejected)?;
    encode(job.digest_info, wanted).ok_or(Rejected)?;
    if found == wanted { Ok(Matched(())) } else { Err(Rejected) }
}

/// Bytes of the modulus that is held in so many limbs.
pub(crate) const fn modulus_bytes(limbs: usize) -> usize {
    match limbs {
        40 => 256,
        60 => 384,
        _ => 512,
    }
}
