//! Signature checks that held, remembered by digest, so that a credential that comes again costs no second check.
//!
//! What is remembered is a fact of arithmetic: this key, this algorithm, these bytes, this signature: it holds. It stays true when
//! the key is revoked, the account disabled or the configuration changed, and says nothing about any of them: whoever asks must
//! judge all that anew, every time. Only checks that [`verify`] made get in, and nothing that did not hold is remembered.
//!
//! Most credentials are seen once or a hundred times. The first time leaves a trace of four bytes and costs no digest; from the
//! second on the check is remembered. So a stream of fresh tokens neither pays for this nor drives out those in use.
use crate::algorithm::Encoding;
use crate::digest::sha256;
use crate::job::{Job, Message, Outcome, verify};
use shard::{Begun, Shard};
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

mod shard;

/// Enough that threads seldom wait for each other.
const SHARDS: usize = 64;
/// Below so many credentials, one shard does.
const FEW: usize = 4096;

/// Signature checks that held.
pub struct Remembered {
    /// Drawn anew for each process: nobody can work out digests or choose places.
    secret: Zeroizing<[u8; 32]>,
    shards: Box<[Mutex<Shard>]>,
}

/// What is known of a check before it is made.
#[derive(Debug)]
pub enum Recalled<'m> {
    /// It was made before and held.
    Held(Outcome),
    /// It is to be made now.
    Ours(Turn<'m>),
    /// The same credential is being checked at this moment: wait, and ask again.
    Theirs(Wait<'m>),
}

/// The right to make a check that others may be waiting for; dropping it lets them go on.
pub struct Turn<'m> {
    memory: &'m Remembered,
    tag: u64,
    number: Option<u64>,
}

/// Ends when the check that was under way is over, however it went.
pub struct Wait<'m> {
    memory: &'m Remembered,
    tag: u64,
    number: u64,
}

impl Remembered {
    /// Bytes of memory for each credential that may be remembered.
    pub const BYTES_EACH: usize = shard::BYTES_EACH;

    /// A memory for at most `most` checks, in groups of four. `secret` is fresh random bytes. Memory is taken as it is used.
    #[must_use]
    pub fn new(secret: [u8; 32], most: usize) -> Self {
        let shards = if most < FEW { 1 } else { SHARDS };
        let shard = || Mutex::new(Shard::new(most / shards));
        Self { secret: Zeroizing::new(secret), shards: std::iter::repeat_with(shard).take(shards).collect() }
    }

    /// Asks for a check before it is made.
    #[must_use]
    pub fn recall(&self, job: &Job<'_>) -> Recalled<'_> {
        let tag = self.tag(job.signature);
        let begun = self.shard(tag).begin(tag);
        match begun {
            Begun::Found(digest) => match self.compared(job, &digest) {
                Some(outcome) => Recalled::Held(outcome),
                // Another credential with the same tag has the place.
                None => Recalled::Ours(Turn { memory: self, tag, number: None }),
            },
            Begun::First(number) => Recalled::Ours(Turn { memory: self, tag, number: Some(number) }),
            Begun::UnderWay(number) => Recalled::Theirs(Wait { memory: self, tag, number }),
            Begun::Crowded => Recalled::Ours(Turn { memory: self, tag, number: None }),
        }
    }

    /// How many checks are remembered, for metrics; looks at every place.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).count()).sum()
    }

    fn compared(&self, job: &Job<'_>, digest: &[u8; 32]) -> Option<Outcome> {
        let own = self.digest(job)?;
        bool::from(own.ct_eq(digest)).then(|| Outcome::remembered(job))
    }

    /// Everything that the check depends on, each part with an end of its own; `None` for a check of several spellings.
    fn digest(&self, job: &Job<'_>) -> Option<[u8; 32]> {
        let Message::Bytes(message) = job.message else { return None };
        let encoding: &[u8] = match job.encoding {
            Encoding::Raw => b"\0raw\0",
            Encoding::Der => b"\0der\0",
        };
        let length = job.signature.len().to_be_bytes();
        let algorithm = job.algorithm.name().as_bytes();
        Some(sha256(&[
            self.secret.as_slice(),
            job.key.digest(),
            algorithm,
            encoding,
            &length,
            job.signature,
            message,
        ]))
    }

    /// Where to look, from the signature's first bytes. It decides nothing: what is found is compared by digest.
    fn tag(&self, signature: &[u8]) -> u64 {
        let [a, b, ..] = self.secret.as_chunks::<8>().0 else { return 0 };
        let mut start = [0; 8];
        for (to, from) in start.iter_mut().zip(signature) {
            *to = *from;
        }
        let mixed =
            (u64::from_le_bytes(start) ^ u64::from_le_bytes(*a)).wrapping_mul(u64::from_le_bytes(*b) | 1);
        mixed ^ (mixed >> 32)
    }

    fn shard(&self, tag: u64) -> MutexGuard<'_, Shard> {
        let at = usize::try_from(tag >> 58).unwrap_or(0) % self.shards.len();
        match self.shards.get(at) {
            Some(shard) => locked(shard),
            None => unreachable!("there is at least one shard, and the place was taken modulo their number"),
        }
    }
}

impl Turn<'_> {
    /// Makes the check and remembers it if it holds. `until` is when the credential ends, Unix seconds: what has ended makes room
    /// first. `now` likewise.
    #[must_use]
    pub fn check(self, job: &Job<'_>, until: i64, now: i64) -> Outcome {
        self.keep(job, verify(job), until, now)
    }

    /// The same for a check of this very job that was made elsewhere meanwhile, such as in the lanes; gives its outcome back.
    #[must_use]
    pub fn keep(self, job: &Job<'_>, outcome: Outcome, until: i64, now: i64) -> Outcome {
        let seconds = |time: i64| u32::try_from(time.max(1)).unwrap_or(u32::MAX);
        let good = outcome.accepted(job.signature).is_ok();
        let again = good && self.memory.shard(self.tag).seen_again(self.tag, self.number);
        if again && let Some(digest) = self.memory.digest(job) {
            self.memory.shard(self.tag).put(self.tag, digest, seconds(until), seconds(now));
        }
        outcome
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let waiting = self.memory.shard(self.tag).end(number);
        waiting.into_iter().for_each(std::task::Waker::wake);
    }
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.memory.shard(self.tag).join(self.number, context.waker()) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

fn locked(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // Nothing in a shard is ever half done: a panic elsewhere leaves it as it was.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wait")
    }
}

#[cfg(test)]
mod tests;
