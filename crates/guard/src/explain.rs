//! The same judgement told step by step, with what likely went wrong; it uses no proof up and lets nobody in.
mod sight;
mod similar;

pub use sight::{Asking, Sight};

use crate::diagnosis::cause::Cause;
use crate::diagnosis::finding::Diagnosis;
use crate::diagnosis::scene::Scene;
use crate::diagnosis::{diagnose, diagnose_own};
use crate::guard::Guard;
use crate::policy::Policy;
use crate::walk::{Walked, With};
use countersign::ask::{Caller, KnownKey};
use countersign::dialect::Dialect;
use countersign::dialect::demand::Demand;
use countersign::incoming::Incoming;
use countersign::proof::COVERAGE;
use countersign::read::Scratch;
use countersign::reason::{Reason, Stage};
use countersign::trace::{Report, Step};
use countersign::verified::Verified;
use countersign_store::fault::Fault;
use serde::Serialize;
use sight::Eyes;
use std::sync::Arc;

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
    /// What likely went wrong.
    #[serde(flatten)]
    pub diagnosis: Diagnosis,
    /// The reason itself, whoever may be told it.
    #[serde(skip)]
    pub judged: Option<Reason>,
    /// The account that the proof names, whoever may be told it.
    #[serde(skip)]
    pub claimed: Option<Arc<Caller>>,
    /// Whether whoever asks may be told more than the outward code.
    #[serde(skip)]
    pub may_tell: bool,
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

impl Explanation {
    /// The rule that did not hold: rules are judged in order, a step for each, and the first that does not hold is the last.
    fn failed_rule(&self, dialect: Option<&Arc<Dialect>>) -> Option<Demand> {
        let is_rule = |step: &&Step| step.stage == Stage::Rules.name() && step.what != COVERAGE;
        let steps = self.steps.iter().filter(is_rule).count();
        dialect?.demands().into_iter().nth(steps.checked_sub(1)?)
    }

    /// Leaves what a stranger may know.
    fn hide(&mut self, judged: Reason) {
        self.reason = None;
        self.text = Some(crate::answer::title(judged.outward()));
        self.hint = None;
        self.caller = None;
        self.dialect = None;
        self.steps.clear();
    }

    /// Leaves what the account itself may know.
    fn as_owner(&mut self, reason: Reason) {
        (self.reason, self.text, self.hint) = (Some(reason.code()), Some(reason.text()), Some(reason.hint()));
        for step in &mut self.steps {
            let failed = Reason::ALL.iter().find(|reason| Some(reason.code()) == step.failed);
            // Whether somebody else has it or nobody does must not show in what was found, either.
            let veiled = matches!(
                failed,
                Some(
                    Reason::KeyElsewhere
                        | Reason::KeyHintUnknown
                        | Reason::CompanionElsewhere
                        | Reason::CompanionDisabled
                        | Reason::UnknownCompanion
                        | Reason::UnknownUser
                        | Reason::UserNotDelegated
                )
            );
            if veiled {
                step.failed = Some(reason.code());
                if step.stage == Stage::Rules.name() {
                    "none that this account may use".clone_into(&mut step.found);
                }
            }
        }
    }
}

impl Guard {
    /// Tells everything about how a request would be judged now: for operators, and where nobody else's accounts are.
    ///
    /// # Errors
    /// [`Fault`] when a store failed.
    pub async fn explain(&self, policy: &Policy, incoming: &Incoming<'_>) -> Result<Explanation, Fault> {
        self.explain_to(policy, incoming, &Asking::everything()).await
    }

    /// Tells as much as whoever asks may know.
    ///
    /// # Errors
    /// As [`Guard::explain`].
    pub async fn explain_to(
        &self,
        policy: &Policy,
        incoming: &Incoming<'_>,
        asking: &Asking<'_>,
    ) -> Result<Explanation, Fault> {
        let now = asking.at.unwrap_or_else(|| self.clock.now());
        let mut report = Report::default();
        let mut scratch = Scratch::default();
        // Explain always makes the check itself, so that it is a second opinion on what is remembered.
        let with = With { now, remembered: None, allowance: asking.allowance, watch: None };
        let walked = self.walk(policy, incoming, with, &mut scratch, &mut report).await?;
        let (dialect, refusal, caller) = match walked {
            Walked::Absent => (None, Some(Reason::MissingCredentials), None),
            Walked::Refused(dialect, refusal) => (dialect, Some(refusal.reason), None),
            Walked::Done(verified) => {
                let dialect = policy.dialects.iter().find(|known| known.name() == verified.dialect());
                (dialect, None, Some(CallerSummary::of(&verified)))
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
                (Some(dialect), refusal, Some(summary))
            }
        };
        let held = |step: &Step| step.stage == Stage::Signature.name() && step.failed.is_none();
        let proved = report.steps.iter().any(held);
        let (claimed, keys) = match dialect {
            Some(dialect) => self.named_by(dialect, policy, incoming, now).await?,
            None => (None, Vec::new()),
        };
        let mut told = Explanation {
            at: now.millis(),
            dialect: dialect.map(|dialect| dialect.name().to_string()),
            verdict: match refusal {
                None => "verified",
                Some(Reason::MissingCredentials) => "absent",
                Some(_) => "refused",
            },
            reason: refusal.map(Reason::code),
            text: refusal.map(Reason::text),
            hint: refusal.map(Reason::hint),
            proved,
            caller: if refusal.is_none() { caller } else { None },
            steps: report.steps,
            diagnosis: Diagnosis::default(),
            judged: refusal,
            claimed,
            may_tell: true,
        };
        let claimed = told.claimed.as_ref().map(|caller| &*caller.id);
        let eyes = Eyes::of(asking.sight, claimed, proved, refusal);
        self.tell(&mut told, eyes, &View { policy, dialect, incoming, asking, keys: &keys });
        Ok(told)
    }

    /// The account that a proof names and its keys; nobody where it cannot be read.
    async fn named_by(
        &self,
        dialect: &Dialect,
        policy: &Policy,
        incoming: &Incoming<'_>,
        now: countersign::time::Time,
    ) -> Result<(Option<Arc<Caller>>, Vec<Arc<KnownKey>>), Fault> {
        let mut scratch = Scratch::default();
        let read = dialect.read(incoming, &policy.limits, &mut scratch, &mut ());
        let Ok(Some(proof)) = read else { return Ok((None, Vec::new())) };
        let found = self.keys(&proof.wants(), now).await?;
        let mut keys: Vec<Arc<KnownKey>> = found.keys.to_vec();
        if found.opened_by.is_none() {
            // Those that the question did not ask for, too: a key named by its id stands beside others.
            let all = found.caller.iter().flat_map(|caller| caller.keys.iter());
            let more: Vec<_> =
                all.filter(|key| keys.iter().all(|known| *known.id != *key.id)).cloned().collect();
            keys.extend(more);
        }
        Ok((found.caller, keys))
    }

    /// Cuts what was found down to what whoever asks may know, and finds out what went wrong from that alone.
    fn tell(&self, told: &mut Explanation, eyes: Eyes, view: &View<'_>) {
        let Some(judged) = told.judged else { return };
        let demand = told.failed_rule(view.dialect);
        let mut scene = Scene {
            dialects: &view.policy.dialects,
            dialect: view.dialect.map(|dialect| &**dialect),
            incoming: view.incoming,
            limits: view.policy.limits,
            reason: judged,
            demand,
            account: told.claimed.as_deref(),
            keys: view.keys,
            similar: None,
            now: countersign::time::Time::from_millis(told.at),
            signed: view.asking.signed,
        };
        match eyes {
            Eyes::Nobodys => {
                told.may_tell = false;
                told.hide(judged);
            }
            Eyes::All => {
                scene.similar = self.similar(&scene, None);
                told.diagnosis = diagnose(&scene);
            }
            Eyes::Own { held } => {
                let account = told.claimed.as_ref().map(|caller| caller.id.to_string());
                let off = |id: &String| self.directory.companions_of(id).iter().any(|row| !row.enabled);
                let reason = sight::to_owner(judged, account.as_ref().is_some_and(off));
                scene.reason = reason;
                scene.similar = self.similar(&scene, account.as_deref());
                let mut diagnosis = diagnose(&scene);
                if held {
                    diagnosis.forget_permissions();
                }
                told.diagnosis = diagnosis;
                told.as_owner(reason);
            }
            Eyes::Anothers(own) => {
                let Some(own) = self.directory.caller(&own) else {
                    told.may_tell = false;
                    return told.hide(judged);
                };
                scene.account = Some(&own);
                scene.keys = &own.keys;
                scene.reason = Reason::UnknownAccount;
                scene.similar = self.similar(&scene, Some(&own.id));
                let first = if scene.similar.is_some() {
                    Cause::IdentifierSpelling
                } else {
                    Cause::IdentifierOfAnother
                };
                // The same for an identifier that somebody has and for one that nobody has.
                told.diagnosis = diagnose_own(&scene, first);
                told.hide(judged);
            }
        }
    }
}

/// What an explanation is made from beside the judgement.
struct View<'v> {
    policy: &'v Policy,
    dialect: Option<&'v Arc<Dialect>>,
    incoming: &'v Incoming<'v>,
    asking: &'v Asking<'v>,
    keys: &'v [Arc<KnownKey>],
}
