//! One parameter of a query, as RFC 9421 section 2.2.8 has it signed: read as a form, written in percent encoding.

use crate::percent;

/// Adds the value of the one parameter whose name, written anew, is `name`. `None` when there is none, when there are several, and when
/// it is no text.
pub(crate) fn parameter(query: &str, name: &str, out: &mut Vec<u8>) -> Option<()> {
    let mut found = None;
    let (mut decoded, mut encoded) = (Vec::new(), String::new());
    // Bounded by the length of a query.
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (own, value) = pair.split_once('=').unwrap_or((pair, ""));
        encoded.clear();
        if again(own, &mut decoded, &mut encoded).is_some()
            && encoded == name
            && found.replace(value).is_some()
        {
            return None;
        }
    }
    encoded.clear();
    again(found?, &mut decoded, &mut encoded)?;
    out.extend_from_slice(encoded.as_bytes());
    Some(())
}

/// A part of a form, decoded and written in the one spelling that is signed.
fn again(part: &str, decoded: &mut Vec<u8>, out: &mut String) -> Option<()> {
    decoded.clear();
    let mut rest = part.as_bytes();
    // Every round takes at least one byte.
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) => match percent::escape(*high, *low) {
                Some(byte) => {
                    decoded.push(byte);
                    rest = after;
                }
                None => decoded.push(*first),
            },
            _ => decoded.push(*first),
        }
    }
    // What is no UTF-8 would be read as replacement characters, and many texts as one.
    std::str::from_utf8(decoded).ok()?;
    percent::add(out, decoded, b"*-._");
    Some(())
}

#[cfg(test)]
mod tests {
    use super::parameter;

    fn value(query: &str, name: &str) -> Option<String> {
        let mut out = Vec::new();
        parameter(query, name, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn values_are_those_of_the_rfc() {
        // RFC 9421 section 2.2.8.
        let query = "var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something";
        assert_eq!(value(query, "var").as_deref(), Some("this%20is%20a%20big%0Amultiline%20value"));
        assert_eq!(value(query, "bar").as_deref(), Some("with%20plus%20whitespace"));
        assert_eq!(value(query, "fa%C3%A7ade%22%3A%20").as_deref(), Some("something"));
        assert_eq!(value("param=value&foo=bar&baz=batman&qux=", "qux").as_deref(), Some(""));
        assert_eq!(value("a", "a").as_deref(), Some(""));
    }

    #[test]
    fn a_name_that_comes_twice_in_any_spelling_is_none() {
        assert_eq!(value("a=1&a=2", "a"), None);
        assert_eq!(value("a=1&%61=2", "a"), None);
        assert_eq!(value("b=1", "a"), None);
        assert_eq!(value("a=%ff", "a"), None);
        assert_eq!(value("a=%zz", "a").as_deref(), Some("%25zz"));
    }
}
