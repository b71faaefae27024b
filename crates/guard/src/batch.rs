//! Gathers the signature checks of many requests once per turn of the event loop, so that the lanes run them together.
//!
//! A request puts its ticket into a queue, wakes itself and lets the others go first; when it is polled again, every
//! request that was ready in this turn has had its chance to put a ticket in too. The first one polled again runs
//! whatever is in the queue, for all of them. There is no timer and no task that leads: a request alone waits for
//! nothing but one trip through the runtime's queue, and one that is dropped takes its ticket with it.
use countersign_keys::{Found, Job, Lanes, Outcome, Ticket, verify};
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The queues of waiting checks; share it behind an `Arc`.
pub struct Batcher {
    lanes: Lanes,
    /// One for each thread that polls requests, so that threads do not wait for each other. A queue holds at most one
    /// ticket (below a kilobyte) for each request under way, and their number is bounded by the server's connections.
    queues: Box<[Mutex<Vec<Queued>>]>,
}

/// A ticket and where to put what is found.
struct Queued {
    ticket: Ticket,
    slot: Arc<Mutex<Slot>>,
}

/// Where a request looks for its answer.
enum Slot {
    /// Nothing yet; whoever brings it wakes this.
    Open(Option<Waker>),
    /// The answer, or nothing when the run ended early.
    Done(Option<Found>),
}

impl Batcher {
    /// Gathers for these lanes. `threads` is how many threads poll requests; more or fewer is only slower.
    #[must_use]
    pub fn new(lanes: Lanes, threads: NonZeroUsize) -> Self {
        Self { lanes, queues: std::iter::repeat_with(Mutex::default).take(threads.get()).collect() }
    }

    /// The lanes, for their counts and what they found out about themselves.
    #[must_use]
    pub const fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Checks one signature, together with those that other requests want checked in the same turn.
    pub async fn verify(&self, job: &Job<'_>) -> Outcome {
        let Some((check, ticket)) = self.lanes.split(job) else { return verify(job) };
        let found = match self.queues.get(thread() % self.queues.len().max(1)) {
            Some(queue) => Waiting { batcher: self, queue, ticket: Some(ticket), slot: None }.await,
            None => None,
        };
        self.lanes.settle(&check, found)
    }

    /// Runs everything in a queue. Tickets that come in meanwhile are of a later turn.
    fn run(&self, queue: &Mutex<Vec<Queued>>) {
        let mut batch = Batch(std::mem::take(&mut *lock(queue)));
        if batch.0.is_empty() {
            return;
        }
        let mut found = Vec::with_capacity(batch.0.len());
        self.lanes.run(batch.0.iter().map(|queued| &queued.ticket), &mut found);
        for (queued, found) in batch.0.drain(..).zip(found) {
            queued.answer(Some(found));
        }
    }
}

/// Tickets out of the queue; whatever happens, each gets an answer, if only that there is none.
struct Batch(Vec<Queued>);

impl Drop for Batch {
    fn drop(&mut self) {
        for queued in self.0.drain(..) {
            queued.answer(None);
        }
    }
}

impl Queued {
    fn answer(self, found: Option<Found>) {
        let before = std::mem::replace(&mut *lock(&self.slot), Slot::Done(found));
        if let Slot::Open(Some(waker)) = before {
            waker.wake();
        }
    }
}

/// A request that waits for its answer.
struct Waiting<'b> {
    batcher: &'b Batcher,
    queue: &'b Mutex<Vec<Queued>>,
    /// What is still to be put into the queue.
    ticket: Option<Ticket>,
    /// Where the answer will be, once the ticket is in the queue.
    slot: Option<Arc<Mutex<Slot>>>,
}

impl Future for Waiting<'_> {
    type Output = Option<Found>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(ticket) = self.ticket.take() {
            let slot = Arc::new(Mutex::new(Slot::Open(None)));
            self.slot = Some(Arc::clone(&slot));
            lock(self.queue).push(Queued { ticket, slot });
            // Behind the requests that are ready now.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(slot) = self.slot.clone() else { return Poll::Ready(None) };
        if !matches!(&*lock(&slot), Slot::Done(_)) {
            self.batcher.run(self.queue);
        }
        let mut state = lock(&slot);
        match &mut *state {
            Slot::Done(found) => {
                let found = found.take();
                drop(state);
                self.slot = None;
                Poll::Ready(found)
            }
            // Another thread took the ticket and is at it.
            Slot::Open(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // A request that is given up leaves nothing to compute; what is already being computed is for nobody.
        if let Some(slot) = &self.slot {
            lock(self.queue).retain(|queued| !Arc::ptr_eq(&queued.slot, slot));
        }
    }
}

/// A lock is never held while anything runs that could panic, so what is behind it is whole in any case.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number for each thread, counted from 0.
fn thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed));
    NUMBER.with(|number| *number)
}

impl std::fmt::Debug for Batcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batcher").field("lanes", &self.lanes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
