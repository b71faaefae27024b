//! What rules look at: the facts of one proof, what is known of its maker, and the time.
use crate::ask::{Keys, KnownKey};
use crate::source::Facts;
use crate::time::Time;

/// Everything rules look at.
pub(crate) struct Scene<'a, 's> {
    pub(crate) facts: &'a Facts<'s>,
    pub(crate) keys: &'a Keys,
    /// The key that signed; `None` before the signature was checked.
    pub(crate) key: Option<&'a KnownKey>,
    pub(crate) now: Time,
}
