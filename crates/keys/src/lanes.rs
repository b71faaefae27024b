//! RSA signatures checked in the vector lanes of CPUs that have them, many at a time where many wait, and watched by the scalar library.
//!
//! A check is split in two: a [`Ticket`], which owns all that the lanes need, so that the tickets of many
//! requests can be gathered, and a [`Check`], which stays with its request and makes the [`Outcome`]:
//!
//! ```text
//! Lanes::split(job) ─► Check ───────────────────────────► Lanes::settle(check, found) ─► Outcome
//!                  └─► Ticket ─► Lanes::run(tickets) ─► Found ┘
//! ```
//!
//! # How the lanes are watched
//!
//! Their arithmetic is our own, so the scalar library looks over their shoulder. Until it has agreed with
//! the lanes about a good signature of a key, each result for that key is checked by both; after that, one
//! result in so many. At the first difference the scalar library's verdict counts, and the lanes stay off
//! for as long as the process lives.

use crate::algorithm::Algorithm;
use crate::backend;
use crate::job::{Job, Message, Outcome, verify};
use crate::lane_key::LaneKey;
use countersign_keys_lanes as cpu;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// The lanes of this CPU, with their watch. One for a process; share it behind an `Arc`.
pub struct Lanes {
    cpu: Option<cpu::Lanes>,
    every: NonZeroU32,
    /// Results settled, begun at the number that was given; each `every`-th is checked again.
    settled: AtomicU64,
    tickets: AtomicU64,
    turns: AtomicU64,
    in_lanes: AtomicU64,
    scalar: AtomicU64,
    rechecked: AtomicU64,
    differences: AtomicU64,
    difference: OnceLock<Difference>,
}

/// How many checks went which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Times that waiting checks were run; how many were gathered each time follows from the checks.
    pub turns: u64,
    /// Checks that the lanes made.
    pub in_lanes: u64,
    /// Checks that were split, and then made by the scalar library alone, because the lanes were off by then or nothing was found.
    pub scalar: u64,
    /// Of the checks in lanes, those that the scalar library made too.
    pub rechecked: u64,
    /// Of these, those where the two differed. Anything but 0 is an alarm.
    pub differences: u64,
}

/// A result of the lanes that the scalar library did not share; the lanes are off since.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The algorithm of the check.
    pub algorithm: Algorithm,
    /// SHA-256 of the key's SPKI, in hex.
    pub key: String,
    /// Whether the lanes took what the scalar library refuses, or the other way round.
    pub lanes_accepted: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { algorithm, key, .. } = self;
        let (lanes, scalar) =
            if self.lanes_accepted { ("accepted", "refuses") } else { ("refused", "accepts") };
        write!(
            f,
            "the lanes {lanes} a signature ({algorithm}, key {key}) that the scalar library {scalar}; its \
             verdict was given, and the lanes are off until the next start. Please report it, with the CPU's \
             model, and set lanes to off"
        )
    }
}

/// What the lanes need of one job. It owns its bytes, less than 700.
pub struct Ticket {
    number: u64,
    key: Arc<LaneKey>,
    signature: Box<[u8]>,
    digest_info: Box<[u8]>,
}

/// The part of a job that waits for what the lanes find.
pub struct Check<'j> {
    number: u64,
    key: Arc<LaneKey>,
    job: Job<'j>,
}

/// What the lanes found for one ticket, or that they left it to the scalar library.
pub struct Found {
    number: u64,
    verdict: Option<Result<cpu::Matched, cpu::Rejected>>,
}

impl Lanes {
    /// The lanes of this CPU; `None` when it has none (AVX-512 F and IFMA).
    ///
    /// One result in `every` is checked again by the scalar library, and `start`, any number, says where the
    /// counting begins.
    #[must_use]
    pub fn new(every: NonZeroU32, start: u64) -> Option<Self> {
        Some(Self::with(Some(cpu::Lanes::new()?), every, start))
    }

    fn with(cpu: Option<cpu::Lanes>, every: NonZeroU32, start: u64) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            cpu,
            every,
            settled: AtomicU64::new(start),
            tickets: zero(),
            turns: zero(),
            in_lanes: zero(),
            scalar: zero(),
            rechecked: zero(),
            differences: zero(),
            difference: OnceLock::new(),
        }
    }

    /// How many checks went which way since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            turns: self.turns.load(Ordering::Relaxed),
            in_lanes: self.in_lanes.load(Ordering::Relaxed),
            scalar: self.scalar.load(Ordering::Relaxed),
            rechecked: self.rechecked.load(Ordering::Relaxed),
            differences: self.differences.load(Ordering::Relaxed),
        }
    }

    /// The difference that put the lanes off, if there was one.
    #[must_use]
    pub fn difference(&self) -> Option<&Difference> {
        self.difference.get()
    }

    /// Splits a job; `None` for one that the lanes do not serve, which [`verify`] then checks: not RSA
    /// PKCS#1 v1.5, a key of another size or exponent, the first job of a key, several spellings of the message,
    /// or lanes that are off.
    #[must_use]
    pub fn split<'j>(&self, job: &Job<'j>) -> Option<(Check<'j>, Ticket)> {
        let Message::Bytes(message) = job.message else { return None };
        if self.difference.get().is_some() || !job.algorithm.is_pkcs1() || !job.key.allows(job.algorithm) {
            return None;
        }
        let key = job.key.lane_key()?;
        // Nothing longer is a signature of this key; the scalar library refuses it, and no bytes are copied.
        if u64::try_from(job.signature.len()).ok()? != u64::from(key.prepared.bits() / 8) {
            return None;
        }
        let hash = job.algorithm.hash();
        let digest = backend::hash(hash, message);
        let digest_info = [backend::digest_info_prefix(hash), digest.as_ref()].concat();
        let number = self.tickets.fetch_add(1, Ordering::Relaxed);
        let ticket = Ticket {
            number,
            key: Arc::clone(key),
            signature: job.signature.into(),
            digest_info: digest_info.into(),
        };
        Some((Check { number, key: Arc::clone(key), job: *job }, ticket))
    }

    /// Runs tickets in the lanes, and adds what was found to `out` in their order: many of one size side by side, few one after
    /// another.
    ///
    /// Where the lanes are off, tickets are left to the scalar library, which [`Lanes::settle`] then asks.
    pub fn run<'t>(&self, tickets: impl IntoIterator<Item = &'t Ticket>, out: &mut Vec<Found>) {
        let tickets: Vec<&Ticket> = tickets.into_iter().collect();
        let Some(cpu) = self.cpu.filter(|_| self.difference.get().is_none()) else {
            out.extend(tickets.iter().map(|ticket| Found { number: ticket.number, verdict: None }));
            return;
        };
        self.turns.fetch_add(1, Ordering::Relaxed);
        let jobs: Vec<cpu::Job<'_>> = tickets.iter().map(|ticket| ticket.job()).collect();
        let mut outcomes = vec![Err(cpu::Rejected); jobs.len()];
        cpu.verify_slice(&jobs, &mut outcomes);
        out.extend(
            tickets
                .iter()
                .zip(outcomes)
                .map(|(ticket, outcome)| Found { number: ticket.number, verdict: Some(outcome) }),
        );
    }

    /// Makes the outcome of a check from what was found, under the watch that the module describes.
    ///
    /// Nothing found, or what was found for another check, is the scalar library's to judge.
    #[must_use]
    pub fn settle(&self, check: &Check<'_>, found: Option<Found>) -> Outcome {
        let found = found.filter(|found| found.number == check.number).and_then(|found| found.verdict);
        let Some(verdict) = found else {
            self.scalar.fetch_add(1, Ordering::Relaxed);
            return verify(&check.job);
        };
        self.in_lanes.fetch_add(1, Ordering::Relaxed);
        let turn = self.settled.fetch_add(1, Ordering::Relaxed);
        let sampled = turn.is_multiple_of(u64::from(self.every.get()));
        let trusted = check.key.confirmed.load(Ordering::Relaxed) && self.difference.get().is_none();
        if trusted && !sampled {
            return Outcome::of_lanes(&check.job, verdict);
        }
        self.rechecked.fetch_add(1, Ordering::Relaxed);
        let outcome = verify(&check.job);
        match (verdict.is_ok(), outcome.accepted(check.job.signature).is_ok()) {
            (true, true) => check.key.confirmed.store(true, Ordering::Relaxed),
            (false, false) => {}
            (lanes_accepted, _) => self.differ(&check.job, lanes_accepted),
        }
        outcome
    }

    /// Checks many signatures that are all there; the outcomes are added to `out` in the order of the jobs.
    pub fn verify_many(&self, jobs: &[Job<'_>], out: &mut Vec<Outcome>) {
        let split: Vec<_> = jobs.iter().map(|job| self.split(job)).collect();
        let mut found = Vec::with_capacity(jobs.len());
        self.run(split.iter().flatten().map(|(_, ticket)| ticket), &mut found);
        let mut found = found.into_iter();
        out.extend(jobs.iter().zip(&split).map(|(job, split)| match split {
            Some((check, _)) => self.settle(check, found.next()),
            None => verify(job),
        }));
    }

    fn differ(&self, job: &Job<'_>, lanes_accepted: bool) {
        self.differences.fetch_add(1, Ordering::Relaxed);
        self.difference.get_or_init(|| Difference {
            algorithm: job.algorithm,
            key: job.key.fingerprints().spki_sha256_hex,
            lanes_accepted,
        });
    }
}

impl Ticket {
    fn job(&self) -> cpu::Job<'_> {
        cpu::Job { key: &self.key.prepared, signature: &self.signature, digest_info: &self.digest_info }
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({})", self.number)
    }
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({})", self.number)
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Found({}, {:?})", self.number, self.verdict)
    }
}

#[cfg(test)]
mod tests;
