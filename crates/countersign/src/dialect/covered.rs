//! What a dialect's proofs bind, computed from its parts: shown to people as binding strength.
use super::{Find, Form};
use crate::rule::Rule;
use crate::source::{Part, Source};
use crate::verified::Covered;

pub(crate) fn compute(form: &Form, find: &Find, rules: &[Rule]) -> Covered {
    let mut covered = Covered::default();
    match form {
        // What every spelling covers; a member of the JSON body is not the body.
        Form::Text(text) => {
            if let Some(built) = text.built.first() {
                built.sources().for_each(|source| add(&mut covered, source));
            }
            text.alternatives
                .first()
                .into_iter()
                .flatten()
                .for_each(|field| add(&mut covered, &field.source));
        }
        Form::Detached(detached) => detached.payload.sources().for_each(|source| add(&mut covered, source)),
        Form::HttpSig(form) => covered = form.covered(),
        Form::Jws => {}
    }
    for rule in rules {
        if let Rule::Built(built) = rule {
            built.binds(form.covers(&built.at)).for_each(|part| add(&mut covered, &Source::Request(part)));
        }
    }
    covered.once = rules.iter().any(Rule::is_always_single_use) || matches!(find, Find::Body);
    covered.window = rules.iter().filter_map(Rule::window).min();
    covered
}

impl Form {
    /// Whether every signature of the dialect covers a source.
    pub(crate) fn covers(&self, source: &Source) -> bool {
        match self {
            Self::Jws | Self::Detached(_) => source.is_in_token(),
            Self::Text(text) => text.covers(source),
            Self::HttpSig(form) => form.covers(source),
        }
    }
}

fn add(covered: &mut Covered, source: &Source) {
    match source {
        Source::Request(Part::Method) => covered.method = true,
        Source::Request(Part::Authority) => covered.authority = true,
        Source::Request(Part::Path) => covered.path = true,
        Source::Request(Part::Query | Part::SortedQuery) => covered.query = true,
        Source::Request(Part::PathAndQuery) => {
            covered.path = true;
            covered.query = true;
        }
        Source::Request(Part::Url) => {
            covered.authority = true;
            covered.path = true;
            covered.query = true;
        }
        Source::Request(part) if part.is_body() => covered.body = true,
        _ => {}
    }
}
