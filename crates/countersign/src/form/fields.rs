//! Reads one field of an HTML form in a body (`application/x-www-form-urlencoded`), strictly: a field that stands twice is none.
use crate::incoming::Body;
use crate::json::{Bounds, Value, read_object};
use crate::percent;
use crate::reason::Reason;
use std::borrow::Cow;

/// A field of a body, as a dialect names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    /// The body may be a JSON object instead of a form.
    pub(crate) json: bool,
}

impl Field {
    /// Its text in this body; `None` when it is not there.
    ///
    /// # Errors
    /// As [`only`]; `malformed-json` for a body that begins as an object and is none, or a member that is no text.
    pub(crate) fn read<'b>(&self, body: Body<'b>) -> Result<Option<Cow<'b, str>>, Reason> {
        match body {
            // What begins like this is never read as a form: two readers would see two requests.
            Body::Seen(bytes) if self.json && bytes.first() == Some(&b'{') => {
                let mut found = Value::Absent;
                // As deep and wide as tokens may be.
                let bounds = Bounds { depth: 16, members: 256 };
                read_object(bytes, bounds, |name, value| {
                    if name == &*self.name {
                        found = value;
                    }
                })
                .map_err(|_| Reason::MalformedJson)?;
                match found {
                    Value::Absent => Ok(None),
                    Value::Text(text) => Ok(Some(text)),
                    _ => Err(Reason::MalformedJson),
                }
            }
            body => only(body, &self.name),
        }
    }
}

/// The text of a field; `None` when there is no such field.
///
/// # Errors
/// `ambiguous-credentials` when it stands twice, `malformed-encoding` when an escape is none or its bytes are no UTF-8, `body-unseen`
/// when there may be a body that does not come here.
pub(crate) fn only<'b>(body: Body<'b>, name: &str) -> Result<Option<Cow<'b, str>>, Reason> {
    let bytes = match body {
        Body::Seen(bytes) => bytes,
        Body::Empty => return Ok(None),
        Body::Unseen => return Err(Reason::BodyUnseen),
    };
    let mut found = None;
    // Bounded by the body, whose limit was looked at before.
    for field in bytes.split(|byte| *byte == b'&') {
        let (key, value) = percent::split(field);
        // A name that is no text cannot be this one, whatever else it is.
        if percent::decode_form(key).is_none_or(|key| key != name) {
            continue;
        }
        if found.is_some() {
            return Err(Reason::AmbiguousCredentials);
        }
        found = Some(percent::decode_form(value).ok_or(Reason::MalformedEncoding)?);
    }
    Ok(found)
}

/// Adds a field to a form.
pub(crate) fn add(form: &mut String, name: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    escape(form, name);
    form.push('=');
    escape(form, value);
}

fn escape(out: &mut String, text: &str) {
    for (number, part) in text.split(' ').enumerate() {
        if number > 0 {
            out.push('+');
        }
        percent::add(out, part.as_bytes(), b"-._*");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_field_is_read_once_and_whole() {
        let read = |body: &'static str, name: &str| only(Body::Seen(body.as_bytes()), name);
        assert_eq!(read("a=1&b=x%3Ay+z", "b"), Ok(Some("x:y z".into())));
        assert_eq!(read("a=1&b", "b"), Ok(Some("".into())));
        assert_eq!(read("a=1", "b"), Ok(None));
        assert_eq!(
            read("a=1&%61=2", "a"),
            Err(Reason::AmbiguousCredentials),
            "a name in disguise is the same"
        );
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert_eq!(read(bad, "a"), Err(Reason::MalformedEncoding), "{bad}");
        }
        assert_eq!(only(Body::Unseen, "a"), Err(Reason::BodyUnseen));
        assert_eq!(only(Body::Empty, "a"), Ok(None));
    }

    #[test]
    fn a_json_body_is_read_where_it_may_be_one() {
        let read = |body: &'static str, json| {
            Field { name: "a".into(), json }
                .read(Body::Seen(body.as_bytes()))
                .map(|text| text.map(Cow::into_owned))
        };
        assert_eq!(read(r#"{"a":"x","b":1}"#, true), Ok(Some("x".to_owned())));
        assert_eq!(read("a=x", true), Ok(Some("x".to_owned())));
        assert_eq!(read(r#"{"a":"x","b":1}"#, false), Ok(None));
        for bad in [r#"{"a":"x","a":"y"}"#, r#"{"b":1}&a=x"#, r#"{"a":1}"#] {
            assert_eq!(read(bad, true), Err(Reason::MalformedJson), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_added_reads_back(name in "[a-z]{1,6}", value: String) {
            let mut form = String::new();
            add(&mut form, "other_", "x");
            add(&mut form, &name, &value);
            prop_assert_eq!(only(Body::Seen(form.as_bytes()), &name), Ok(Some(value.into())));
        }
    }
}
