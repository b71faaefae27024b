//! The replay memory in the process: which proofs were used, by keyed fingerprint, until they could no longer be valid.
use crate::fault::Fault;
use crate::window::eras::{Eras, How, Moved};
use crate::window::table::{Found, Table};
use arc_swap::ArcSwap;
use countersign::ask::{Claim, Use};
use countersign::time::Time;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

mod eras;
mod sip;
mod table;

/// Enough that callers seldom wait for each other, and that building one shard anew is short: a thousand uses, some
/// ten microseconds, when a million live.
const SHARDS: usize = 1024;
/// Bits of a fingerprint that choose the shard: the top ones, since tables place by the low ones.
const SHARD_SHIFT: u32 = 64 - SHARDS.trailing_zeros();

/// Remembers uses until the end of their time, exactly once each, in 15 to 19 bytes.
///
/// A use is found by its mark alone, whatever `until` it comes with. It is forgotten after the `until` it was claimed
/// with: whoever makes a dialect's window longer calls [`Window::raise_barrier`], or proofs of the time between would
/// count twice. Nothing live is ever thrown out; when memory has an end, that is a [`Fault`].
///
/// **When clocks step back.** A use is forgotten two seconds after its `until`. If the clock then steps back, a
/// forgotten use could look unused; whatever might be such a one is [`Use::Barred`], and only that
/// (how that is known is told in `window/eras.rs`). Steps of up to two seconds change nothing.
pub struct Window {
    key: [u8; 16],
    /// Highest second seen and what may have been forgotten; replaced whole, read without a lock.
    eras: ArcSwap<Eras>,
    /// How often `eras` was replaced; counted after it was, so that who sees the count finds the eras.
    moves: AtomicU64,
    /// The highest second in `eras`, or [`UNSEEN`]: asked first, since it seldom changes. Written last.
    seen: AtomicI64,
    moving: Mutex<()>,
    /// The latest `dated` of the uses of an era, Unix seconds rounded up: of the open one and the one before, by [`Eras::turn`].
    latest: [AtomicI64; 2],
    shards: Box<[Shard]>,
    live: AtomicUsize,
    most: usize,
    steps: AtomicU64,
}

/// No second that a clock can show.
const UNSEEN: i64 = i64::MIN;

/// A shard in a cache line of its own, so that neighbours do not slow each other down.
#[repr(align(64))]
struct Shard(Mutex<Part>);

/// A table with the eras it goes by: its own hold on them, looked at anew whenever they have moved.
struct Part {
    table: Table,
    eras: Arc<Eras>,
    moves: u64,
}

impl Window {
    /// An empty memory that remembers at most `most` uses at once. Proofs dated at or before `barrier` are barred: a
    /// memory that starts empty beside proofs already in use sets it to the start plus the longest way a proof may be
    /// dated ahead; one with nothing before it sets [`Time::MIN`].
    #[must_use]
    pub fn new(key: [u8; 16], barrier: Time, most: usize) -> Self {
        Self::starting(key, Eras::new(barrier, None), i64::MIN, most)
    }

    /// A memory that goes on where another one, whose uses are put back by [`Self::insert_recovered`], had come to
    /// `highest`: uses that were forgotten until then stay barred if the clock is behind now.
    #[must_use]
    pub fn resumed(key: [u8; 16], barrier: Time, highest: Time, most: usize) -> Self {
        // Uses not put back were over by then, so none was dated later.
        let latest = highest.seconds().saturating_add(1);
        Self::starting(key, Eras::new(barrier, Some(highest.seconds())), latest, most)
    }

    fn starting(key: [u8; 16], eras: Eras, latest: i64, most: usize) -> Self {
        let eras = Arc::new(eras);
        let shard = || Shard(Mutex::new(Part { table: Table::default(), eras: eras.clone(), moves: 0 }));
        let shards = std::iter::repeat_with(shard).take(SHARDS).collect();
        Self {
            key,
            eras: ArcSwap::new(eras),
            moves: AtomicU64::new(0),
            seen: AtomicI64::new(UNSEEN),
            moving: Mutex::default(),
            latest: [AtomicI64::new(latest), AtomicI64::new(i64::MIN)],
            shards,
            live: AtomicUsize::new(0),
            most,
            steps: AtomicU64::new(0),
        }
    }

    /// First use or not; a first use is remembered before this returns. `now` is the clock read for this claim.
    ///
    /// # Errors
    /// [`Fault`] when as many uses are remembered as this memory may hold: nobody is let in then.
    pub fn claim(&self, claim: &Claim, now: Time) -> Result<Use, Fault> {
        self.claim_marked(claim, self.fingerprint(claim), now)
    }

    /// [`Self::claim`] by whoever needs the claim's [`Self::fingerprint`] as well: it is worked out once.
    ///
    /// # Errors
    /// As for [`Self::claim`].
    pub fn claim_marked(&self, claim: &Claim, fingerprint: u64, now: Time) -> Result<Use, Fault> {
        self.see(now);
        let until = claim.until.seconds();
        let mut part = self.shard(fingerprint)?;
        let Part { table, eras, .. } = &mut *part;
        if eras.bars(claim.since, until) {
            return Ok(Use::Barred);
        }
        // Inside the lock as well: see `see`.
        self.note_date(eras, claim.since.min(claim.until).seconds().saturating_add(1));
        let live = self.live.load(Ordering::Relaxed);
        match table.remember(fingerprint, until, eras.forgotten(), live < self.most) {
            Found::Before => Ok(Use::Again),
            Found::New { freed } => {
                self.count(1, freed);
                Ok(Use::First)
            }
            Found::Full { freed } => {
                self.count(0, freed);
                Err(full(self.most))
            }
        }
    }

    /// What [`Self::claim`] would answer, remembering nothing, not even the time: explain may judge the past.
    ///
    /// # Errors
    /// [`Fault`] as for [`Self::claim`], as far as it can be known.
    pub fn peek(&self, claim: &Claim) -> Result<Use, Fault> {
        let fingerprint = self.fingerprint(claim);
        let Part { table, eras, .. } = &*self.shard(fingerprint)?;
        if eras.bars(claim.since, claim.until.seconds()) {
            Ok(Use::Barred)
        } else if table.has(fingerprint, eras.forgotten()) {
            Ok(Use::Again)
        } else {
            Ok(Use::First)
        }
    }

    /// The keyed fingerprint of a claim: what a log keeps beside `until`.
    #[must_use]
    pub fn fingerprint(&self, claim: &Claim) -> u64 {
        sip::hash(&self.key, &claim.mark)
    }

    /// Puts back a use from a log, made under the same key. One whose time is over is left out.
    ///
    /// # Errors
    /// [`Fault`] when this memory is full.
    pub fn insert_recovered(&self, fingerprint: u64, until: Time) -> Result<(), Fault> {
        let mut part = self.shard(fingerprint)?;
        let until = until.seconds();
        let Part { table, eras, .. } = &mut *part;
        let forgotten = eras.forgotten();
        if until < forgotten {
            return Ok(());
        }
        self.note_date(eras, until.saturating_add(1));
        match table.remember(fingerprint, until, forgotten, self.live.load(Ordering::Relaxed) < self.most) {
            Found::Before => {}
            Found::New { freed } => self.count(1, freed),
            Found::Full { .. } => return Err(full(self.most)),
        }
        Ok(())
    }

    /// From now on, bars every proof dated at or before `to`; a barrier is never lowered.
    pub fn raise_barrier(&self, to: Time) {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let raised = self.eras.load().raised(to);
        self.publish(raised);
    }

    /// Proofs dated at or before this are barred.
    #[must_use]
    pub fn barrier(&self) -> Time {
        self.eras.load().barrier()
    }

    /// The highest time seen, whole seconds: a log keeps it for [`Self::resumed`]. `None` before the first claim.
    #[must_use]
    pub fn highest(&self) -> Option<Time> {
        self.eras.load().highest().map(Time::from_seconds)
    }

    /// How often the clock has stepped back by more than two seconds: worth an alarm.
    #[must_use]
    pub fn steps_back(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// How many uses are held, those not yet swept out included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether no use is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held by the tables.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let tables = self
            .shards
            .iter()
            .map(|shard| shard.0.lock().unwrap_or_else(PoisonError::into_inner).table.bytes());
        tables.sum::<usize>() + size_of_val(&*self.shards)
    }

    /// Gives back the memory of uses whose time is over; claims do this too, one shard at a time, as they need room.
    pub fn sweep(&self, now: Time) {
        self.see(now);
        for shard in &self.shards {
            let mut part = self.caught_up(shard.0.lock().unwrap_or_else(PoisonError::into_inner));
            let forgotten = part.eras.forgotten();
            self.live.fetch_sub(part.table.sweep(forgotten), Ordering::Relaxed);
        }
    }

    /// Moves on with the clock: at most once a second, or when it steps back.
    fn see(&self, now: Time) {
        let second = now.seconds();
        if self.seen.load(Ordering::Acquire) == second {
            return;
        }
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.eras.load_full();
        let Some(Moved { eras, how }) = before.moved(second) else { return };
        if how != How::GoesOn
            && let Some(next) = self.latest.get(eras.turn())
        {
            // Whoever noted dates there went by an era that ended before the last one began.
            next.store(i64::MIN, Ordering::Release);
        }
        self.publish(eras.clone());
        self.seen.store(second, Ordering::Release);
        if how == How::StepsBack {
            self.steps.fetch_add(1, Ordering::Relaxed);
        }
        if how != How::GoesOn {
            // Claims under way may still go by what was before; once each shard was free, their dates are noted.
            for shard in &self.shards {
                drop(shard.0.lock());
            }
            let ended = self.latest.get(before.turn());
            self.publish(eras.dated(ended.map_or(i64::MAX, |latest| latest.load(Ordering::Acquire))));
        }
    }

    /// Notes a date, without writing where every caller would meet when it is none of the latest.
    fn note_date(&self, eras: &Eras, second: i64) {
        if let Some(latest) = self.latest.get(eras.turn())
            && latest.load(Ordering::Acquire) < second
        {
            latest.fetch_max(second, Ordering::AcqRel);
        }
    }

    /// Counts uses that came and went; when one took the place of another, nothing is written.
    fn count(&self, came: usize, went: usize) {
        if came > went {
            self.live.fetch_add(came - went, Ordering::Relaxed);
        } else if went > came {
            self.live.fetch_sub(went - came, Ordering::Relaxed);
        }
    }

    /// Replaces the eras; called by whoever holds `moving`.
    fn publish(&self, eras: Eras) {
        self.eras.store(Arc::new(eras));
        self.moves.fetch_add(1, Ordering::Release);
    }

    /// The part with the newest eras. Read inside its lock: whoever forgot something in it before us went by eras that
    /// were counted, so the count that is seen now is at least that one.
    fn caught_up<'a>(&self, mut part: MutexGuard<'a, Part>) -> MutexGuard<'a, Part> {
        let moves = self.moves.load(Ordering::Acquire);
        if part.moves != moves {
            part.eras = self.eras.load_full();
            part.moves = moves;
        }
        part
    }

    fn shard(&self, fingerprint: u64) -> Result<MutexGuard<'_, Part>, Fault> {
        let shard =
            usize::try_from(fingerprint >> SHARD_SHIFT).ok().and_then(|number| self.shards.get(number));
        let shard = shard.ok_or_else(|| Fault::new("a shard of the replay memory is missing"))?;
        // A panic inside would leave a table half changed: nobody is let in by that.
        let part = shard.0.lock();
        part.map(|part| self.caught_up(part))
            .map_err(|_| Fault::new("a shard of the replay memory broke; restart the server"))
    }
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Window({} uses)", self.len())
    }
}

fn full(most: usize) -> Fault {
    Fault::new(format!(
        "wanted room for one more use in the replay memory, found all {most} places live; raise its limit or slow the callers down"
    ))
}

#[cfg(test)]
mod tests;
