//! Form bodies of the token endpoint: every parameter once (RFC 6749 section 3.2), bounded, in UTF-8.
use countersign::percent;
use std::borrow::Cow;

/// Parameters of one form: real requests have at most a dozen.
const MOST_PARAMETERS: usize = 32;

/// A form's parameters.
#[derive(Debug)]
pub struct Form<'b>(Vec<(Cow<'b, str>, Cow<'b, str>)>);

/// Why a form cannot be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoForm {
    /// It is not in the encoding, is no UTF-8 or has too many parameters.
    Malformed,
    /// A parameter stands twice.
    Repeated,
    /// Several resources are named (RFC 8707 allows that); each token is for one.
    SeveralResources,
}

impl<'b> Form<'b> {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// [`NoForm`].
    pub fn read(body: &'b [u8]) -> Result<Self, NoForm> {
        let mut pairs: Vec<(Cow<'b, str>, Cow<'b, str>)> = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == MOST_PARAMETERS {
                return Err(NoForm::Malformed);
            }
            let (name, value) = percent::field(pair).ok_or(NoForm::Malformed)?;
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(if name == "resource" { NoForm::SeveralResources } else { NoForm::Repeated });
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// A parameter; one without a value counts as left out (RFC 6749 section 3.2).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(&**value).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_empty_ones_are_left_out() {
        let form = Form::read(b"grant_type=urn%3aa%3Ab&scope=a+b%20c&empty=&bare&x=1=2&").unwrap();
        assert_eq!(form.get("grant_type"), Some("urn:a:b"));
        assert_eq!(form.get("scope"), Some("a b c"));
        assert_eq!((form.get("empty"), form.get("bare"), form.get("none")), (None, None, None));
        assert_eq!(form.get("x"), Some("1=2"));
        assert!(Form::read(b"").unwrap().get("a").is_none());
    }

    #[test]
    fn what_stands_twice_in_whatever_spelling_is_refused() {
        for twice in ["a=1&a=1", "a=1&%61=2", "a&a=", "a_b=1&a%5Fb=2"] {
            assert_eq!(Form::read(twice.as_bytes()).unwrap_err(), NoForm::Repeated, "{twice}");
        }
        assert_eq!(Form::read(b"resource=a&resource=b").unwrap_err(), NoForm::SeveralResources);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for bad in ["a=%", "a=%4", "a=%zz", "%ff=1", "a=%+1", "a=%ff"] {
            assert_eq!(Form::read(bad.as_bytes()).unwrap_err(), NoForm::Malformed, "{bad}");
        }
        assert_eq!(Form::read(b"a=\xff").unwrap_err(), NoForm::Malformed);
        let many: Vec<String> = (0..33).map(|number| format!("p{number}=1")).collect();
        assert_eq!(Form::read(many.join("&").as_bytes()).unwrap_err(), NoForm::Malformed);
    }
}
