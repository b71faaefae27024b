//! `Accept-Signature` (RFC 9421 section 5.1): what a caller must sign to be let in, in a form that its library can read.
use super::When;
use crate::dialect::Form;
use crate::rule::Rule;
use crate::source::Source;
use crate::structured::write::write_string;

/// The field's value for a dialect; `None` when its proofs are no message signatures.
pub(crate) fn value(form: &Form, rules: &[Rule], members: &[Box<str>]) -> Option<String> {
    let Form::HttpSig(form) = form else { return None };
    let mut out = form.label_made.as_bytes().to_vec();
    out.extend_from_slice(b"=(");
    let due = form.needs.iter().filter(|need| need.when != When::IfPresent);
    for (at, need) in due.enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        write_string(need.part.name(), &mut out);
    }
    out.push(b')');
    for name in ["created", "expires"] {
        let is_it = |source: &Source| matches!(source, Source::Signed(slot) if members.get(*slot).is_some_and(|own| **own == *name));
        if rules.iter().any(|rule| rule.wants(&is_it)) {
            out.push(b';');
            out.extend_from_slice(name.as_bytes());
        }
    }
    if let Some(tag) = form.tags.first() {
        out.extend_from_slice(b";tag=");
        write_string(tag, &mut out);
    }
    String::from_utf8(out).ok()
}
