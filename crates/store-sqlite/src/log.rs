//! The append log behind the replay memory: one thread writes all waiting claims at once and syncs once for all.
pub(crate) mod crc;
pub(crate) mod disk;
pub(crate) mod recover;
pub(crate) mod segment;
pub(crate) mod writer;

use crate::log::segment::{Kept, MOST_CLAIMS};
use crate::log::writer::Writer;
use countersign::time::Time;
use countersign_store::fault::Fault;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot::{self, Receiver, Sender};

/// How long after an answer the thread waits for those who were just answered: they are about to come again, and one write
/// may as well do for all of them. A quarter of what the last write took, within these bounds; it ends once they are there.
const SHORTEST: Duration = Duration::from_micros(100);
const LONGEST: Duration = Duration::from_micros(500);
/// It ends in any case after this, so that callers that never pause do not put a write off for long.
const LONGEST_IN_ALL: Duration = Duration::from_millis(10);
/// Of those it does not wait for one in so many: a straggler must not hold up the rest.
const STRAGGLERS: usize = 16;
/// Where waiting was in vain, this many times at most is it left out twice as often as before.
const MOST_DOUBLINGS: u32 = 6;

/// The log's thread and the claims that wait for it.
pub(crate) struct Log {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A place among the claims that wait, taken before a claim is remembered, so that a refusal for lack of room
/// leaves the proof unused.
pub(crate) struct Place(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
    taken: AtomicUsize,
    /// How many wait in the queue, told without its lock.
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Whether the thread sleeps and wants a call: while it works, it needs none.
    asleep: bool,
    closed: bool,
}

struct Waiting {
    kept: Kept,
    clock: i64,
    done: Sender<Result<(), Fault>>,
    _place: Place,
}

impl Log {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub(crate) fn start(writer: Writer) -> Result<Self, Fault> {
        let shared = Arc::new(Shared::default());
        let work = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("replay-log".to_owned())
            .spawn(move || run(&work, writer))
            .map_err(|error| Fault::caused("cannot start the replay log's thread", error))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Takes a place.
    ///
    /// # Errors
    /// When as many claims wait as one write can take: the disk does not keep up.
    pub(crate) fn place(&self) -> Result<Place, Fault> {
        // Counted first, so that a place given back on the way out is never given twice.
        let place = Place(Arc::clone(&self.shared));
        if self.shared.taken.fetch_add(1, Ordering::Relaxed) >= MOST_CLAIMS {
            return Err(Fault::new(format!(
                "overloaded: {MOST_CLAIMS} one-time proofs wait for the replay log; try again later"
            )));
        }
        Ok(place)
    }
}

impl Place {
    /// Hands the claim to the thread; the receiver hears when it is certain on disk.
    pub(crate) fn write(self, kept: Kept, now: Time) -> Receiver<Result<(), Fault>> {
        let (done, heard) = oneshot::channel();
        let shared = Arc::clone(&self.0);
        let mut queue = shared.lock();
        if !queue.closed {
            queue.waiting.push(Waiting { kept, clock: now.millis(), done, _place: self });
            shared.waiting.store(queue.waiting.len(), Ordering::Relaxed);
            let asleep = std::mem::take(&mut queue.asleep);
            drop(queue);
            if asleep {
                shared.ready.notify_one();
            }
        }
        heard
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.ready.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Shared {
    /// All that waits, or `None` when the log is closed and nothing waits.
    fn next(&self, crowd: &mut Crowd) -> Option<Vec<Waiting>> {
        if let Some(wanted) = crowd.wanted(self.waiting.load(Ordering::Relaxed)) {
            crowd.came(self.gather(wanted, crowd.patience));
        }
        let mut queue = self.lock();
        while queue.waiting.is_empty() {
            if queue.closed {
                return None;
            }
            queue.asleep = true;
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.asleep = false;
        let all = std::mem::take(&mut queue.waiting);
        self.waiting.store(0, Ordering::Relaxed);
        crowd.answered = all.len();
        Some(all)
    }

    /// Gives way until so many wait, or until nobody came for that long; whether they came. Without a sleep: on a busy machine the
    /// way back out of one takes as long as a write. While they keep coming it goes on: where one core does everything, they
    /// are judged one after another in the time that is given away here.
    fn gather(&self, wanted: usize, patience: Duration) -> bool {
        let from = moment();
        let (mut seen, mut last) = (0, from);
        loop {
            let came = self.waiting.load(Ordering::Relaxed);
            if came >= wanted {
                return true;
            }
            let now = moment();
            if came > seen {
                (seen, last) = (came, now);
            }
            let quiet = now.saturating_duration_since(last) > patience;
            if quiet || now.saturating_duration_since(from) > LONGEST_IN_ALL {
                return false;
            }
            std::thread::yield_now();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole after every statement, whoever panicked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who may be about to come: those just answered. Whether they do is learnt.
#[derive(Default)]
struct Crowd {
    answered: usize,
    patience: Duration,
    /// So many times more it is not waited for them.
    skip: u32,
    /// How often they did not come, since they last did.
    missed: u32,
}

impl Crowd {
    /// How many to wait for, those included who wait already; `None` when waiting gains nothing.
    fn wanted(&mut self, waiting: usize) -> Option<usize> {
        let all = self.answered.saturating_add(waiting);
        let wanted = all - all / STRAGGLERS;
        if wanted < 2 || waiting >= wanted {
            return None;
        }
        let skipped = self.skip > 0;
        self.skip = self.skip.saturating_sub(1);
        (!skipped).then_some(wanted)
    }

    fn took(&mut self, write: Duration) {
        self.patience = (write / 4).clamp(SHORTEST, LONGEST);
    }

    fn came(&mut self, in_time: bool) {
        self.missed = if in_time { 0 } else { (self.missed + 1).min(MOST_DOUBLINGS) };
        self.skip = if in_time { 0 } else { 1 << self.missed };
    }
}

/// Closes the queue however the thread ends, so that nobody waits for it in vain.
struct Closing<'a>(&'a Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.closed = true;
        queue.waiting.clear();
    }
}

/// Writes what waits until the log is closed and nothing waits.
fn run(shared: &Shared, mut writer: Writer) {
    let _closing = Closing(shared);
    let mut claims = Vec::new();
    let mut crowd = Crowd::default();
    while let Some(waiting) = shared.next(&mut crowd) {
        claims.clear();
        claims.extend(waiting.iter().map(|one| one.kept));
        let clock = waiting.iter().map(|one| one.clock).max().unwrap_or(i64::MIN);
        let from = moment();
        let written = writer.append(clock, &claims).map_err(|error| error.to_string());
        crowd.took(moment().saturating_duration_since(from));
        for one in waiting {
            let told = written.as_ref().copied().map_err(|why| {
                Fault::new(format!(
                    "cannot write the replay log: {why}; free or repair the disk, the log recovers by itself"
                ))
            });
            // A claimant that went away wants no answer.
            let _heard = one.done.send(told);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it decides nothing but how long the thread waits for company")]
fn moment() -> Instant {
    Instant::now()
}
