//! What a dialect's proofs bind, computed from its parts: shown to people as binding strength.
use super::{Find, Form};
use crate::rule::Rule;
use crate::source::{Part, Source};
use crate::verified::Covered;

pub(crate) fn compute(form: &Form, find: &Find, rules: &[Rule]) -> Covered {
    let mut covered = Covered::default();
    if let Form::Text(text) = form {
        // What every spelling covers; a member of the JSON body is not the body.
        for field in text.alternatives.first().into_iter().flatten() {
            match &field.source {
                Source::Request(Part::Method) => covered.method = true,
                Source::Request(Part::Authority) => covered.authority = true,
                Source::Request(Part::Path) => covered.path = true,
                Source::Request(Part::PathAndQuery) => {
                    covered.path = true;
                    covered.query = true;
                }
                Source::Request(Part::Url) => {
                    covered.authority = true;
                    covered.path = true;
                    covered.query = true;
                }
                Source::Request(Part::Body | Part::BodySha256) => covered.body = true,
                _ => {}
            }
        }
    }
    if let Form::HttpSig(form) = form {
        covered = form.covered();
    }
    covered.once = rules.iter().any(Rule::is_always_single_use) || matches!(find, Find::Body);
    covered.window = rules.iter().filter_map(Rule::window).min();
    covered
}
