//! The replay memory: what must not be used twice.
use crate::fault::Fault;
use crate::registry::Answer;
use countersign::ask::{Claim, Use};
use countersign::time::Time;

/// Remembers claims until they could no longer be valid. One call decides and remembers: there is no gap between.
pub trait Once: Send + Sync {
    /// First use or not; when `First`, the use is remembered (durably, where the store promises that) before this answers.
    fn claim(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>>;

    /// What `claim` would answer, remembering nothing: for explain.
    fn peek(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>>;

    /// How many uses it remembers now, where it can tell: for metrics.
    fn remembered(&self) -> Option<usize> {
        None
    }
}
