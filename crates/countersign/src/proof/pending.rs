//! A proof that holds but for one question: was it used before?
use crate::ask::{Caller, Claim, KnownKey, Use};
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
