//! The same judgement told step by step; it uses no proof up and lets nobody in.
use crate::allowance::{Allowance, Unlimited};
use crate::guard::Guard;
use crate::policy::Policy;
use crate::walk::{Walked, With};
use countersign::incoming::Incoming;
use countersign::read::Scratch;
use countersign::reason::Reason;
use countersign::time::Time;
use countersign::trace::{Report, Step};
use countersign::verified::Verified;
use countersign_store::fault::Fault;
use serde::Serialize;

/// What explain tells.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// When it was judged, Unix milliseconds.
    pub at: i64,
    /// The dialect that was judged.
    pub dialect: Option<String>,
    /// `verified`, `absent` or `refused`.
    pub verdict: &'static str,
    /// The reason's code, when refused.
    pub reason: Option<&'static str>,
    /// The reason in a sentence.
    pub text: Option<&'static str>,
    /// What to do next.
    pub hint: Option<&'static str>,
    /// Whether the signature held: only then may the teller be told everything.
    pub proved: bool,
    /// Who, when verified.
    pub caller: Option<CallerSummary>,
    /// Every step.
    pub steps: Vec<Step>,
}

/// Who was recognised, as text.
#[derive(Clone, Debug, Serialize)]
pub struct CallerSummary {
    /// The account's name.
    pub account: String,
    /// The identifier in the proof.
    pub identifier: String,
    /// The key's id.
    pub key: String,
    /// The algorithm.
    pub algorithm: &'static str,
    /// The user acted for.
    pub acting_as: Option<String>,
}

impl CallerSummary {
    /// A summary of a verified proof.
    #[must_use]
    pub fn of(verified: &Verified) -> Self {
        Self {
            account: verified.caller().name.to_string(),
            identifier: verified.identifier().to_owned(),
            key: verified.key().id.to_string(),
            algorithm: verified.algorithm().name(),
            acting_as: verified.acting_as().map(str::to_owned),
        }
    }
}

impl Guard {
    /// Tells how a request would be judged now.
    ///
    /// # Errors
    /// [`Fault`] when a store failed.
    pub async fn explain(&self, policy: &Policy, incoming: &Incoming<'_>) -> Result<Explanation, Fault> {
        self.explain_within(policy, incoming, &Unlimited).await
    }

    /// The same, where every check of a signature is asked for first.
    ///
    /// # Errors
    /// As [`Guard::explain`].
    pub async fn explain_within(
        &self,
        policy: &Policy,
        incoming: &Incoming<'_>,
        allowance: &dyn Allowance,
    ) -> Result<Explanation, Fault> {
        let now = self.clock.now();
        let mut report = Report::default();
        let mut scratch = Scratch::default();
        // Explain always makes the check itself, so that it is a second opinion on what is remembered.
        let with = With { now, remembered: None, allowance, watch: None };
        let walked = self.walk(policy, incoming, with, &mut scratch, &mut report).await?;
        let (dialect, refusal, caller) = match walked {
            Walked::Absent => (None, Some(Reason::MissingCredentials), None),
            Walked::Refused(dialect, refusal) => {
                (dialect.map(|dialect| dialect.name().to_string()), Some(refusal.reason), None)
            }
            Walked::Done(verified) => {
                (Some(verified.dialect().to_string()), None, Some(CallerSummary::of(&verified)))
            }
            Walked::Once(dialect, pending) => {
                let answer = self.peek(&pending, now).await?;
                let refusal = pending.preview(answer, &mut report).err().map(|refusal| refusal.reason);
                let caller = pending.caller();
                let summary = CallerSummary {
                    account: caller.name.to_string(),
                    identifier: pending.identifier().to_owned(),
                    key: pending.key().id.to_string(),
                    algorithm: pending.algorithm().name(),
                    acting_as: pending.acting_as().map(str::to_owned),
                };
                (Some(dialect.name().to_string()), refusal, Some(summary))
            }
        };
        Ok(explanation(now, dialect, refusal, caller, report))
    }
}

fn explanation(
    now: Time,
    dialect: Option<String>,
    refusal: Option<Reason>,
    caller: Option<CallerSummary>,
    report: Report,
) -> Explanation {
    let held = |step: &Step| step.stage == "signature" && step.failed.is_none();
    Explanation {
        at: now.millis(),
        dialect,
        verdict: match refusal {
            None => "verified",
            Some(Reason::MissingCredentials) => "absent",
            Some(_) => "refused",
        },
        reason: refusal.map(Reason::code),
        text: refusal.map(Reason::text),
        hint: refusal.map(Reason::hint),
        proved: report.steps.iter().any(held),
        caller: if refusal.is_none() { caller } else { None },
        steps: report.steps,
    }
}
