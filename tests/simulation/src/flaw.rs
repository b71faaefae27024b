//! Faults that are built in on purpose, one at a time: the checker must find each, or it proves nothing.

/// What is broken in a simulated installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing: what is simulated is the product.
    Nothing,
    /// The replay memory looks first and remembers afterwards.
    ClaimInTwoSteps,
    /// A copy of the database that is put into service raises no barrier.
    NoBarrier,
    /// A node that cannot confirm the registry goes on.
    StaleIgnored,
    /// A session is replaced whatever is kept.
    SwapWithoutCompare,
    /// Word of a change leads to the new version without the rows.
    ChangesLost,
    /// A commit is answered before it is kept, and sometimes is not.
    CommitForgotten,
    /// A use that the caller could not be told of is told as a refusal.
    FaultAsRefusal,
}

impl Flaw {
    /// All that are flaws.
    pub const ALL: [Self; 7] = [
        Self::ClaimInTwoSteps,
        Self::NoBarrier,
        Self::StaleIgnored,
        Self::SwapWithoutCompare,
        Self::ChangesLost,
        Self::CommitForgotten,
        Self::FaultAsRefusal,
    ];
}
