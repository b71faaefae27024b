//! A rule that compares what a token says with a text built from the request, the token itself and the key that signed.
use super::scene::Scene;
use crate::form::built::Built;
use crate::incoming::Body;
use crate::json::{Bounds, Value, read_list};
use crate::reason::Reason;
use crate::source::{Part, Source};

/// A comparison with built texts, any of which may be the one.
#[derive(Clone, Debug)]
pub(crate) struct BuiltRule {
    pub(crate) at: Source,
    pub(crate) how: How,
    pub(crate) texts: Vec<Built>,
    /// Texts that count besides, for a request without a body.
    pub(crate) empty: Vec<Built>,
    /// The rule in words.
    pub(crate) words: Box<str>,
    pub(crate) optional: bool,
    /// Nothing is wanted of a request without a body; one with a body must have it.
    pub(crate) for_body: bool,
    pub(crate) reason: Reason,
}

/// How it is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// It is the text.
    Equals,
    /// It is a list with the text in it, or the text alone.
    Contains,
    /// It begins with the text, and something follows.
    Begins,
    /// It has the text among its words, which single spaces part.
    Word,
}

impl BuiltRule {
    pub(crate) fn judge(&self, scene: &Scene<'_, '_>) -> Result<(), Reason> {
        let value = scene.facts.value(&self.at);
        if self.for_body && value == Value::Absent && scene.facts.incoming.body == Body::Empty {
            return Ok(());
        }
        if self.optional && value == Value::Absent {
            return Ok(());
        }
        if matches!(value, Value::Absent | Value::Null) {
            return Err(Reason::MissingClaim);
        }
        let empty = self.empty.iter().filter(|_| scene.facts.incoming.body == Body::Empty);
        let mut refused = self.reason;
        for text in self.texts.iter().chain(empty) {
            let wanted = text.bytes(scene.facts, scene.key)?;
            match self.how.fits(&value, &wanted) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(reason) => refused = reason,
            }
        }
        Err(refused)
    }

    /// The parts of a request that hold whenever this rule holds. `signed`: the text that is signed has the value in it.
    pub(crate) fn binds(&self, signed: bool) -> impl Iterator<Item = Part> {
        let first = self.texts.first().filter(|_| !self.optional && (signed || self.at.is_in_token()));
        let all = |part: &Part| {
            self.texts.iter().all(|text| text.sources().any(|source| *source == Source::Request(*part)))
        };
        let parts = first.into_iter().flat_map(Built::sources).filter_map(|source| match source {
            Source::Request(part) => Some(*part),
            _ => None,
        });
        parts.filter(all)
    }

    /// Whether the body is looked at.
    pub(crate) fn has_body(&self) -> bool {
        self.texts.iter().any(Built::has_body)
    }
}

impl How {
    fn fits(self, value: &Value<'_>, wanted: &[u8]) -> Result<bool, Reason> {
        match (self, value) {
            (Self::Equals | Self::Contains, Value::Text(text)) => Ok(text.as_bytes() == wanted),
            (Self::Begins, Value::Text(text)) => {
                Ok(text.as_bytes().strip_prefix(wanted).is_some_and(|rest| !rest.is_empty()))
            }
            (Self::Word, Value::Text(text)) => Ok(text.split(' ').any(|word| word.as_bytes() == wanted)),
            (Self::Contains, Value::List(list)) => {
                let (mut found, mut texts) = (false, true);
                // The list was read once already, inside the token's own bounds.
                let bounds = Bounds { depth: 16, members: 256 };
                read_list(list, bounds, |item| match item.text() {
                    Some(text) => found |= text.as_bytes() == wanted,
                    None => texts = false,
                })
                .map_err(|_| Reason::MalformedClaim)?;
                if texts { Ok(found) } else { Err(Reason::MalformedClaim) }
            }
            _ => Err(Reason::MalformedClaim),
        }
    }

    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Equals => "the text",
            Self::Contains => "in the list,",
            Self::Begins => "a text that begins with",
            Self::Word => "among the words,",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comparison_takes_what_it_says_and_no_more() {
        let text = |text: &'static str| Value::Text(text.into());
        let fits = |how: How, value: &Value<'_>| how.fits(value, b"a/");
        assert_eq!(fits(How::Equals, &text("a/")), Ok(true));
        assert_eq!(fits(How::Equals, &text("a/b")), Ok(false));
        assert_eq!(fits(How::Begins, &text("a/b")), Ok(true));
        assert_eq!(fits(How::Begins, &text("a/")), Ok(false));
        assert_eq!(fits(How::Word, &text("b a/")), Ok(true));
        assert_eq!(fits(How::Word, &text("b a/c")), Ok(false));
        assert_eq!(fits(How::Contains, &Value::List(r#"["b","a/"]"#)), Ok(true));
        assert_eq!(fits(How::Contains, &Value::List(r#"["b"]"#)), Ok(false));
        assert_eq!(fits(How::Contains, &Value::List("[]")), Ok(false));
        assert_eq!(fits(How::Contains, &Value::List(r#"["a/",1]"#)), Err(Reason::MalformedClaim));
        assert_eq!(fits(How::Equals, &Value::List(r#"["a/"]"#)), Err(Reason::MalformedClaim));
        assert_eq!(fits(How::Equals, &Value::Number("1")), Err(Reason::MalformedClaim));
    }
}
