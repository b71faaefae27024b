//! The same judgement told step by step: a sink that forgets (yes/no) and one that keeps (explain).
use crate::reason::{Reason, Stage};
use serde::Serialize;

/// One thing that was looked at while judging.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The stage it belongs to.
    pub stage: &'static str,
    /// What was looked at.
    pub what: String,
    /// What the dialect wants.
    pub wanted: String,
    /// What the request has.
    pub found: String,
    /// `None` when it holds, else the reason's code.
    pub failed: Option<&'static str>,
}

impl Step {
    /// A step that holds, or failed for a reason.
    pub fn new(
        stage: Stage,
        what: impl Into<String>,
        wanted: impl Into<String>,
        found: impl Into<String>,
        failed: Option<Reason>,
    ) -> Self {
        Self {
            stage: stage.name(),
            what: what.into(),
            wanted: wanted.into(),
            found: found.into(),
            failed: failed.map(Reason::code),
        }
    }
}

/// Where the steps of a judgement go.
pub trait Trace {
    /// Takes a step; the closure runs only when somebody listens.
    fn step(&mut self, step: impl FnOnce() -> Step);
}

impl Trace for () {
    fn step(&mut self, _: impl FnOnce() -> Step) {}
}

/// Keeps every step. It cannot become a [`crate::verified::Verified`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The steps in order.
    pub steps: Vec<Step>,
}

impl Trace for Report {
    fn step(&mut self, step: impl FnOnce() -> Step) {
        self.steps.push(step());
    }
}
