//! Sees how long the parts of one judgement take; whoever records that brings the time along.

/// A part of a judgement that may take long enough to be worth seeing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Which keys may have signed it: the registry in memory, the sessions, or a fetched key set.
    Keys,
    /// Whether the signature holds, with the wait for others that are checked beside it.
    Signature,
    /// Whether it is the first use, which the replay memory says.
    Claim,
}

/// Told when a part begins and when it is over. Parts do not overlap, and one may come several times: once for each key that is tried.
pub trait Watch: Send + Sync {
    /// The part begins; one that is not over yet, and begins again, goes on.
    fn began(&self, part: Part);

    /// What began last is over.
    fn ended(&self);
}
