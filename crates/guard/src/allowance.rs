//! Whether the costly part of a judgement may be done for a caller now; whoever knows where requests come from decides.

/// Decides whether a signature may be checked for one request.
///
/// It is asked before each check that is really made: a token whose check is remembered passes without. When it says no, the request is refused with
/// [`countersign::reason::Reason::TooManyFailures`], whoever it names and whether its signature would hold.
pub trait Allowance: Send + Sync {
    /// Whether a check may be made. `claimed`: the id of the account that the proof names, which nobody proved yet.
    fn may_check(&self, claimed: Option<&str>) -> bool;

    /// Whether one more request of this account, which proved it, may pass now. Asked before a single-use proof is used up; otherwise the request is refused
    /// with [`countersign::reason::Reason::TooManyRequests`].
    fn may_pass(&self, account: &str) -> bool;

    /// Notes that this account proved itself where nobody else tells of it: in the session API.
    fn proved(&self, _account: &str) {}
}

/// Every check may be made.
#[derive(Clone, Copy, Debug)]
pub struct Unlimited;

impl Allowance for Unlimited {
    fn may_check(&self, _claimed: Option<&str>) -> bool {
        true
    }

    fn may_pass(&self, _account: &str) -> bool {
        true
    }
}
