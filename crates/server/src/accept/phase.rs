//! How far a server's end has come: what every connection follows.

/// How far the server's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// All is well.
    Serving,
    /// It will end: still accepting, but answers ask callers to connect anew.
    Draining,
    /// It ends: nothing new, what was begun is finished.
    Stopping,
    /// It ends at once.
    Now,
}
