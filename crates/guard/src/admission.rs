//! What stands between a proof that held and the second question: the route, the limits, and the proof beside a bound token.
use crate::allowance::Allowance;
use crate::guard::Guard;
use crate::policy::Policy;
use crate::walk::{Walked, With};
use countersign::ask::Caller;
use countersign::dialect::Dialect;
use countersign::incoming::Incoming;
use countersign::proof::Checked;
use countersign::reason::{Reason, Refusal, Stage};
use countersign::trace::{Step, Trace};
use countersign::verified::Covered;
use std::sync::Arc;

impl Guard {
    /// Asks the route about a proof that held, then for the second proof that a bound token wants beside it.
    pub(crate) fn admit<'p>(
        &self,
        policy: &Policy,
        dialect: &'p Arc<Dialect>,
        incoming: &Incoming<'_>,
        checked: Checked,
        with: With<'_>,
        trace: &mut impl Trace,
    ) -> Walked<'p> {
        let (caller, covered) = match &checked {
            Checked::Done(verified) => (&**verified.caller(), verified.covered()),
            Checked::Once(pending) => (pending.caller(), pending.covered()),
            Checked::Bound(bound) => (bound.caller(), bound.covered()),
        };
        if let Err(refusal) = admits(policy, &covered, caller, with.allowance, trace) {
            return Walked::Refused(Some(dialect), refusal);
        }
        match checked {
            Checked::Done(verified) => Walked::Done(verified),
            Checked::Once(pending) => Walked::Once(dialect, pending),
            Checked::Bound(bound) => {
                let account = &*bound.caller().id;
                let held = self
                    .prove_possession(incoming, &policy.limits, with.now, with.allowance, account)
                    .map_err(|reason| {
                        trace.step(|| {
                            let wanted = "a proof for this request and token";
                            let found = reason.text();
                            Step::new(Stage::Policy, "the DPoP proof", wanted, found, Some(reason))
                        });
                        Refusal::new(reason, Stage::Policy)
                    });
                match held.and_then(|held| bound.settle(&held, trace)) {
                    Ok(pending) => Walked::Once(dialect, pending),
                    Err(refusal) => Walked::Refused(Some(dialect), refusal),
                }
            }
        }
    }
}

/// Whether the route admits a caller whose proof held, and the limits let it pass.
fn admits(
    policy: &Policy,
    covered: &Covered,
    caller: &Caller,
    allowance: &dyn Allowance,
    trace: &mut impl Trace,
) -> Result<(), Refusal> {
    // Before the claim: who is not let in uses nothing up.
    if !policy.admits(caller) {
        let refusal = Refusal::new(Reason::NotAdmitted, Stage::Policy);
        trace.step(|| {
            let found = format!("account {}", caller.name);
            Step::new(Stage::Policy, "the route", "an account it admits", found, Some(refusal.reason))
        });
        return Err(refusal);
    }
    if let Some(lacking) = Policy::lacking(&policy.require, covered) {
        let refusal = Refusal::new(Reason::NotCovered, Stage::Policy);
        trace.step(|| {
            let found = format!("a proof that does not bind {lacking}");
            Step::new(Stage::Policy, "the route", "all it requires", found, Some(refusal.reason))
        });
        return Err(refusal);
    }
    if !allowance.may_pass(&caller.id) {
        let refusal = Refusal::new(Reason::TooManyRequests, Stage::Policy);
        trace.step(|| {
            let wanted = "an account within its rate";
            Step::new(Stage::Policy, "the limits", wanted, "one beyond it", Some(refusal.reason))
        });
        return Err(refusal);
    }
    Ok(())
}
