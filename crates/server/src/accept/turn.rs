//! Answers that are ready in one turn of the event loop go out one after the other, so that whoever reads them is woken once.
use std::cell::Cell;

/// Answers that do not wait after one waited in vain. A server with little to do asks the kernel once more for every this many.
const ALONE: u32 = 32;

thread_local! {
    static TURN: Turn = const { Turn::new() };
}

/// What one thread's event loop has seen. The counts wrap around.
struct Turn {
    /// Answers so far.
    answered: Cell<u32>,
    /// How many there were when last one that waited went on.
    ended: Cell<u32>,
    /// Answers that still go out at once.
    alone: Cell<u32>,
}

/// An answer that waits.
#[derive(Clone, Copy)]
struct Waiting {
    /// Which one it is.
    number: u32,
    /// Another waited already when it came.
    joined: bool,
}

/// Lets the requests that came in the same turn be judged before this answer goes out. A turn has at most 61 steps in it (tokio looks
/// for new events that often), so that is what an answer waits for; where nobody else answered meanwhile, the next ones do not wait.
pub(super) async fn over() {
    let Some(waiting) = TURN.with(Turn::begin) else { return };
    tokio::task::yield_now().await;
    TURN.with(|turn| turn.end(waiting));
}

impl Turn {
    const fn new() -> Self {
        Self { answered: Cell::new(0), ended: Cell::new(0), alone: Cell::new(0) }
    }

    /// Counts an answer, and says whether it waits.
    fn begin(&self) -> Option<Waiting> {
        let joined = self.answered.get() != self.ended.get();
        let number = self.answered.get().wrapping_add(1);
        self.answered.set(number);
        if let Some(left) = self.alone.get().checked_sub(1) {
            self.alone.set(left);
            self.ended.set(number);
            return None;
        }
        Some(Waiting { number, joined })
    }

    /// After waiting: whether it was worth it.
    fn end(&self, waiting: Waiting) {
        if self.answered.get() == waiting.number && !waiting.joined {
            self.alone.set(ALONE);
        }
        self.ended.set(self.answered.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_alone_waits_seldom() {
        let turn = Turn::new();
        turn.answered.set(u32::MAX - 1);
        turn.ended.set(u32::MAX - 1);
        let waited = (0..3 * (ALONE + 1)).filter(|_| {
            let waiting = turn.begin();
            waiting.into_iter().for_each(|waiting| turn.end(waiting));
            waiting.is_some()
        });
        assert_eq!(waited.count(), 3);
    }

    #[test]
    fn those_who_come_together_always_wait() {
        let turn = Turn::new();
        for _ in 0..100 {
            let waiting: Vec<Waiting> = (0..3).filter_map(|_| turn.begin()).collect();
            assert_eq!(waiting.len(), 3);
            waiting.into_iter().for_each(|waiting| turn.end(waiting));
        }
    }
}
