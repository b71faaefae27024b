//! A signature check as a value: the job to do, the doing of it, and the witness of what was found.

use crate::algorithm::{Algorithm, Encoding};
use crate::backend;
use crate::public::PublicKey;
use countersign_keys_lanes::Matched;
use countersign_keys_lc::recover::MAX_MODULUS_BYTES;
use std::fmt;
use subtle::ConstantTimeEq;

/// Most candidates that one job compares. A dialect's spellings are few (the largest known set, two
/// digests times sixteen JSON spellings, is 32), and each one may cost a hash of the whole message.
pub const MAX_CANDIDATES: usize = 64;

/// What was signed, or what may have been.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// Exactly these bytes.
    Bytes(&'a [u8]),
    /// One of several spellings of the same meaning; RSA PKCS#1 v1.5 only, one RSA operation for all.
    AnyOf(&'a [Candidate<'a>]),
}

/// One spelling that may have been signed, and the algorithm it would have been signed with.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// An RSA PKCS#1 v1.5 algorithm.
    pub algorithm: Algorithm,
    /// The whole signed message; an empty one is never accepted.
    pub bytes: &'a [u8],
}

/// A signature to check.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The key that should have signed.
    pub key: &'a PublicKey,
    /// The algorithm it should have signed with.
    pub algorithm: Algorithm,
    /// What should have been signed.
    pub message: Message<'a>,
    /// The signature.
    pub signature: &'a [u8],
    /// How the signature is written down.
    pub encoding: Encoding,
}

impl<'a> Job<'a> {
    /// A job with one message.
    #[must_use]
    pub const fn new(
        key: &'a PublicKey,
        algorithm: Algorithm,
        message: &'a [u8],
        signature: &'a [u8],
    ) -> Self {
        Self { key, algorithm, message: Message::Bytes(message), signature, encoding: Encoding::Raw }
    }

    /// A job with several spellings of one meaning; `algorithm` is any of the candidates' algorithms.
    #[must_use]
    pub const fn any_of(
        key: &'a PublicKey,
        algorithm: Algorithm,
        candidates: &'a [Candidate<'a>],
        signature: &'a [u8],
    ) -> Self {
        Self { key, algorithm, message: Message::AnyOf(candidates), signature, encoding: Encoding::Raw }
    }

    /// The same job, for a signature written down in another way.
    #[must_use]
    pub const fn with_encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }
}

/// The witness of one check. Only [`verify`], [`verify_many`] and the lanes make it, and [`crate::Remembered`] for a check that they
/// made before.
///
/// It remembers which signature bytes it was made for, so that the outcome of one job cannot be handed
/// in for another.
#[derive(Clone, Copy)]
pub struct Outcome {
    address: usize,
    len: usize,
    found: Option<usize>,
}

impl Outcome {
    /// The witness of a check with one message that was made before and held.
    pub(crate) fn remembered(job: &Job<'_>) -> Self {
        Self { address: job.signature.as_ptr().addr(), len: job.signature.len(), found: Some(0) }
    }

    /// The witness of a check that was made in the lanes, for a job with one message.
    pub(crate) fn of_lanes(
        job: &Job<'_>,
        verdict: Result<Matched, countersign_keys_lanes::Rejected>,
    ) -> Self {
        let found = verdict.ok().map(|_: Matched| 0);
        Self { address: job.signature.as_ptr().addr(), len: job.signature.len(), found }
    }

    /// Asks whether `signature`, the very slice of the job, was good.
    ///
    /// # Errors
    /// [`Rejected`] when the signature was not good, or when this outcome is of another job.
    pub fn accepted(&self, signature: &[u8]) -> Result<Accepted, Rejected> {
        if self.address != signature.as_ptr().addr() || self.len != signature.len() {
            return Err(Rejected);
        }
        self.found.map(|candidate| Accepted { candidate }).ok_or(Rejected)
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.found.is_some() { "Outcome(good)" } else { "Outcome(not good)" })
    }
}

/// The signature was good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive] // so that only this crate makes one
pub struct Accepted {
    /// Which candidate was signed, counted from 0; always 0 for a job with one message.
    pub candidate: usize,
}

/// The signature was not good. It carries nothing, since saying more would help only a forger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rejected;

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not match")
    }
}

impl std::error::Error for Rejected {}

/// Checks one signature.
#[must_use]
pub fn verify(job: &Job<'_>) -> Outcome {
    let found = match job.message {
        Message::Bytes(message) => {
            job.key.check(job.algorithm, job.encoding, message, job.signature).map(|()| 0)
        }
        Message::AnyOf(candidates) => check_any(job, candidates),
    };
    Outcome { address: job.signature.as_ptr().addr(), len: job.signature.len(), found }
}

/// Checks many signatures; the outcomes are added to `out` in the order of the jobs.
pub fn verify_many(jobs: &[Job<'_>], out: &mut Vec<Outcome>) {
    out.extend(jobs.iter().map(verify));
}

/// One RSA operation, then a comparison of the recovered `DigestInfo` with what each candidate's would be.
fn check_any(job: &Job<'_>, candidates: &[Candidate<'_>]) -> Option<usize> {
    let fits = |algorithm: Algorithm| algorithm.is_pkcs1() && job.key.allows(algorithm);
    if candidates.is_empty() || candidates.len() > MAX_CANDIDATES || !fits(job.algorithm) {
        return None;
    }
    if !candidates.iter().all(|candidate| fits(candidate.algorithm)) {
        return None;
    }
    let mut buffer = [0_u8; MAX_MODULUS_BYTES];
    let recovered = job.key.recover(job.signature, &mut buffer)?;
    // Bounded by MAX_CANDIDATES, checked above.
    candidates.iter().position(|candidate| {
        let hash = candidate.algorithm.hash();
        // The prefix names the hash, so a candidate with another hash costs no hashing.
        recovered.strip_prefix(backend::digest_info_prefix(hash)).is_some_and(|digest| {
            !candidate.bytes.is_empty()
                && bool::from(digest.ct_eq(backend::hash(hash, candidate.bytes).as_ref()))
        })
    })
}

#[cfg(test)]
mod tests;
