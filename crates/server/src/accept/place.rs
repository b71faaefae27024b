//! What an open connection takes up, until it is dropped: a place among all, and one among those of its address.
use crate::limiter::doors::Entered;
use tokio::sync::OwnedSemaphorePermit;

/// The places of one connection.
pub(crate) struct Place {
    _one: OwnedSemaphorePermit,
    _entered: Option<Entered>,
}

impl Place {
    pub(super) fn new(one: OwnedSemaphorePermit, entered: Option<Entered>) -> Self {
        Self { _one: one, _entered: entered }
    }
}
