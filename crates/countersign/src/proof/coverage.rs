//! What one proof binds: of this very request where its signature says so, and together with the proof beside it.
use crate::dialect::Form;
use crate::proof::found::Proof;
use crate::reason::{Reason, Stage};
use crate::trace::{Step, Trace};
use crate::verified::Covered;

/// What is looked at before the rules, where a signature says what it covers: a step of their stage that is no rule.
pub const COVERAGE: &str = "what the signature covers";

/// What the proof binds of this request, where it is enough for the dialect.
///
/// # Errors
/// What is not covered, or is not what was signed.
pub(super) fn of_this_request(proof: &Proof<'_>, trace: &mut impl Trace) -> Result<Covered, Reason> {
    let (Form::HttpSig(form), Some(listed)) = (&proof.dialect.form, &proof.listed) else {
        return Ok(proof.dialect.covered);
    };
    let incoming = proof.facts.incoming;
    let judged = form.judge(listed, incoming);
    trace.step(|| {
        let unmet = form.unmet(listed, incoming).map(|need| format!("{} is not covered", need.part.name()));
        let found = unmet.unwrap_or_else(|| match judged {
            Ok(()) => "all of it".to_owned(),
            Err(reason) => reason.text().to_owned(),
        });
        let wanted = "what the dialect wants covered, and the body that was signed";
        Step::new(Stage::Rules, COVERAGE, wanted, found, judged.err())
    });
    judged.map(|()| listed.covered(incoming, proof.dialect.covered))
}

/// What a proof binds; beside a bound token there is one more, over method and address, that works once.
pub(super) fn beside(own: Covered, bound: bool) -> Covered {
    if !bound {
        return own;
    }
    Covered { method: true, authority: true, path: true, once: true, ..own }
}
