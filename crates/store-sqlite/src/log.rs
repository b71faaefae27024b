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
use std::time::Duration;
use tokio::sync::oneshot::{self, Receiver, Sender};

/// How often the thread gives way although nobody came: microseconds, where a sync takes a thousand.
const MOST_QUIET: u32 = 64;
/// How often it gives way at all before a write: callers that never pause must not put the first one off for long.
const MOST_TURNS: u32 = 4096;
/// From as many callers on, the thread also naps when fewer than last time have come: a write for half of them costs the
/// other half a whole sync.
const CROWDED: usize = 64;
/// How often, and for how long: half a millisecond in all, less than a sync takes.
const MOST_NAPS: u32 = 4;
const NAP: Duration = Duration::from_micros(100);

/// The log's thread and the claims that wait for it.
pub(crate) struct Log {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A place among the claims that wait, taken before a claim is remembered, so that a refusal for lack of room
/// leaves the proof unused.
pub(crate) struct Place(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
    taken: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
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
        let shared =
            Arc::new(Shared { queue: Mutex::default(), ready: Condvar::new(), taken: AtomicUsize::new(0) });
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
            drop(queue);
            shared.ready.notify_one();
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
    /// All that waits, or `None` when the log is closed and nothing waits. `crowd` is how many came of late: those
    /// who were just answered are about to come again, and one sync may as well do for all of them. While they keep
    /// coming, this gives way to them.
    fn next(&self, crowd: usize) -> Option<Vec<Waiting>> {
        let mut queue = self.lock();
        while queue.waiting.is_empty() {
            if queue.closed {
                return None;
            }
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut seen, mut quiet, mut naps) = (queue.waiting.len(), 0, 0);
        for _ in 0..MOST_TURNS {
            if crowd <= 2 || seen >= crowd || queue.closed {
                break;
            }
            let nap = quiet >= MOST_QUIET;
            if nap && (crowd < CROWDED || seen >= crowd / 2 || naps >= MOST_NAPS) {
                break;
            }
            drop(queue);
            if nap {
                std::thread::sleep(NAP);
                naps += 1;
            } else {
                std::thread::yield_now();
            }
            queue = self.lock();
            let came = queue.waiting.len();
            quiet = if came > seen { 0 } else { quiet + 1 };
            seen = came;
        }
        Some(std::mem::take(&mut queue.waiting))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole after every statement, whoever panicked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
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
    let mut sizes = (0, 0);
    while let Some(waiting) = shared.next(sizes.0 + sizes.1) {
        sizes = (sizes.1, waiting.len());
        claims.clear();
        claims.extend(waiting.iter().map(|one| one.kept));
        let clock = waiting.iter().map(|one| one.clock).max().unwrap_or(i64::MIN);
        let written = writer.append(clock, &claims).map_err(|error| error.to_string());
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
