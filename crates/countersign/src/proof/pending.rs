//! A proof that holds but for one question: was it used before?
use crate::ask::{Caller, Claim, KnownKey, Use};
use crate::dpop::Held;
use crate::reason::{Reason, Refusal, Stage};
use crate::trace::{Step, Trace};
use crate::verified::{Covered, Verified};
use countersign_keys::Algorithm;
use std::sync::Arc;

/// A proof whose signature and rules hold.
#[derive(Debug)]
pub enum Checked {
    /// Nothing is left to ask.
    Done(Box<Verified>),
    /// It works once; whether this is the first time must be asked.
    Once(Pending),
    /// It counts only beside a proof of the key that it is bound to.
    Bound(Bound),
}

/// A token that holds but for one thing: whoever sends it must prove to have the key that it is bound to.
#[derive(Debug)]
pub struct Bound {
    pub(super) verified: Box<Verified>,
    pub(super) jkt: Box<str>,
}

impl Bound {
    /// Who it is, if the proof beside it holds.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.verified.caller
    }

    /// What both proofs bind together.
    #[must_use]
    pub fn covered(&self) -> Covered {
        self.verified.covered
    }

    /// Takes the proof, which leaves the question whether it was sent before.
    ///
    /// # Errors
    /// [`Refusal`] `dpop-key-elsewhere` when the proof is of another key.
    pub fn settle(self, held: &Held, trace: &mut impl Trace) -> Result<Pending, Refusal> {
        let failed = (!bool::from(held.is_of(&self.jkt))).then_some(Reason::DpopKeyElsewhere);
        trace.step(|| {
            let wanted = format!("a proof of the key {}", self.jkt);
            Step::new(Stage::Policy, "the DPoP proof", wanted, format!("one of {}", held.jkt()), failed)
        });
        match failed {
            Some(reason) => Err(Refusal::new(reason, Stage::Policy)),
            None => Ok(Pending { verified: self.verified, claim: held.claim() }),
        }
    }
}

/// A proof that holds but for one question: was it used before?
#[derive(Debug)]
pub struct Pending {
    pub(super) verified: Box<Verified>,
    pub(super) claim: Claim,
}

impl Pending {
    /// Who it is, for what the route admits; the signature and the rules hold.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.verified.caller
    }

    /// The identifier the account was found by.
    #[must_use]
    pub fn identifier(&self) -> &str {
        self.verified.identifier()
    }

    /// The key that signed.
    #[must_use]
    pub fn key(&self) -> &Arc<KnownKey> {
        &self.verified.key
    }

    /// The algorithm that held.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.verified.algorithm
    }

    /// The user it wants to act for.
    #[must_use]
    pub fn acting_as(&self) -> Option<&str> {
        self.verified.acting_as.as_deref()
    }

    /// What the proof binds.
    #[must_use]
    pub fn covered(&self) -> Covered {
        self.verified.covered
    }

    /// Second question: what must not have been used before.
    #[must_use]
    pub fn claim(&self) -> Claim {
        self.claim
    }

    /// Takes the answer.
    ///
    /// # Errors
    /// [`Refusal`] `replayed` or `before-restart`.
    pub fn settle(self, answer: Use, trace: &mut impl Trace) -> Result<Box<Verified>, Refusal> {
        self.preview(answer, trace)?;
        Ok(self.verified)
    }

    /// What [`Pending::settle`] would say to an answer; for explain, which must not use a proof up and never gets a
    /// [`Verified`].
    ///
    /// # Errors
    /// As `settle`.
    pub fn preview(&self, answer: Use, trace: &mut impl Trace) -> Result<(), Refusal> {
        let failed = match answer {
            Use::First => None,
            Use::Again => Some(Reason::Replayed),
            Use::Barred => Some(Reason::BeforeRestart),
        };
        trace.step(|| Step::new(Stage::Once, "single use", "a first use", format!("{answer:?}"), failed));
        failed.map_or(Ok(()), |reason| Err(Refusal::new(reason, Stage::Once)))
    }
}
