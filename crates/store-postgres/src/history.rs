//! Whose history versions count in: after a failover or a restore, an equal version may stand for other rows.
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where the rows lay when all of them were read last, in the words of the replay memory: server, time line, database, table.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// `None` until everything was read once: nothing is known then that could be of another history.
    place: Option<String>,
    moved: bool,
}

impl History {
    /// Whether versions at this place go on from what was read; remembers when they do not.
    pub(crate) fn goes_on(&self, place: &str) -> bool {
        let mut known = self.known();
        known.moved |= known.place.as_deref().is_some_and(|read| read != place);
        !known.moved
    }

    /// Everything was read, at this place.
    pub(crate) fn begin(&self, place: String) {
        *self.known() = Known { place: Some(place), moved: false };
    }

    /// Whether everything has to be read.
    pub(crate) fn has_moved(&self) -> bool {
        self.known().moved
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
