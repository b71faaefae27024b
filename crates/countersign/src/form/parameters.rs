//! Parameters of a request: `name="value"` behind a scheme word, and fields of the query or of a form in the body, each read once.
use crate::form::fields;
use crate::incoming::{Body, Incoming};
use crate::percent;
use crate::reason::Reason;
use smallvec::SmallVec;
use std::borrow::Cow;

/// Parameters behind one scheme word: the longest real credential has seven.
const MOST: usize = 16;
/// Parameters of a query and a form together: no API call has more.
const MOST_SENT: usize = 256;

/// Names with their values, in order.
pub(crate) type Pairs<'s> = SmallVec<[(&'s str, Cow<'s, str>); 8]>;

/// Reads `a="1",b=2, c="3"`: commas with optional spaces, values quoted without escapes or bare, every name once. `escaped`:
/// values are percent-encoded (OAuth 1.0a, RFC 5849 section 3.5.1).
///
/// # Errors
/// `malformed-credential` for anything else, `ambiguous-credentials` for a name that stands twice.
pub(crate) fn read(text: &[u8], escaped: bool) -> Result<Pairs<'_>, Reason> {
    let shape = Reason::MalformedCredential;
    let mut rest = std::str::from_utf8(text).map_err(|_| shape)?.trim_matches(' ');
    let mut pairs = Pairs::new();
    // Bounded by MOST, and the text by the limit of a credential.
    loop {
        let (name, after) = rest.split_once('=').ok_or(shape)?;
        if !is_name(name) || pairs.len() >= MOST {
            return Err(shape);
        }
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or(shape)?,
            None => after.split_at_checked(after.find(',').unwrap_or(after.len())).ok_or(shape)?,
        };
        let plain = |byte: u8| (b' '..0x7f).contains(&byte) && byte != b'\\' && byte != b'"';
        let bare = !after.starts_with('"');
        if !value.bytes().all(plain) || (bare && (value.is_empty() || value.contains(' '))) {
            return Err(shape);
        }
        if pairs.iter().any(|(known, _)| *known == name) {
            return Err(Reason::AmbiguousCredentials);
        }
        let value = if escaped {
            percent::decode(value.as_bytes()).ok_or(Reason::MalformedEncoding)?
        } else {
            Cow::Borrowed(value)
        };
        pairs.push((name, value));
        if tail.is_empty() {
            return Ok(pairs);
        }
        rest = tail.strip_prefix(',').ok_or(shape)?.trim_start_matches(' ');
    }
}

/// Whether a text can be the name of a parameter behind a scheme word.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The value of a parameter that stands in the query or in a form in the body, once in both together.
///
/// # Errors
/// As [`fields::only`].
pub(crate) fn only<'r>(incoming: &Incoming<'r>, name: &str) -> Result<Option<Cow<'r, str>>, Reason> {
    let query = fields::only(Body::Seen(incoming.target.query.unwrap_or("").as_bytes()), name)?;
    let body = match incoming.body {
        // A body that does not come here may have it a second time; who needs the body says so elsewhere.
        Body::Unseen => None,
        body => fields::only(body, name)?,
    };
    match (query, body) {
        (Some(_), Some(_)) => Err(Reason::AmbiguousCredentials),
        (one, other) => Ok(one.or(other)),
    }
}

/// The parameters as they were sent, without the last one, which must be `last`: the query, or else the body.
///
/// # Errors
/// `malformed-credential` where both have parameters, since nothing would part them, or where `last` is not the last.
pub(crate) fn sent_without(incoming: &Incoming<'_>, last: &str) -> Result<Vec<u8>, Reason> {
    let query = incoming.target.query.unwrap_or("").as_bytes();
    let body = seen(incoming.body)?;
    let is_last = |text: &[u8]| {
        let from = text.iter().rposition(|byte| *byte == b'&').map_or(0, |at| at + 1);
        let named = text.get(from..).and_then(|field| field.strip_prefix(last.as_bytes()));
        named.is_some_and(|rest| rest.first() == Some(&b'=')).then_some(from.saturating_sub(1))
    };
    match (is_last(query), is_last(body)) {
        (Some(end), None) if body.is_empty() => Ok(query.get(..end).unwrap_or_default().to_vec()),
        (Some(0), None) if !query.contains(&b'&') => Ok(body.to_vec()),
        (None, Some(end)) if query.is_empty() => Ok(body.get(..end).unwrap_or_default().to_vec()),
        // Not signed yet: the signer's own look at its request.
        (None, None) if query.is_empty() || body.is_empty() => Ok([query, body].concat()),
        _ => Err(Reason::MalformedCredential),
    }
}

/// Every parameter of query and form, decoded, in the order of their names, as `name=value` with `&` between; without `except`.
///
/// # Errors
/// `ambiguous-credentials` for a name that stands twice; `malformed-encoding` for what is no form, and for a value that could be read
/// as several parameters once they are joined.
pub(crate) fn sorted_without(incoming: &Incoming<'_>, except: &str) -> Result<Vec<u8>, Reason> {
    let query = incoming.target.query.unwrap_or("").as_bytes();
    let body = seen(incoming.body)?;
    let mut all: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    for field in query.split(|byte| *byte == b'&').chain(body.split(|byte| *byte == b'&')) {
        if field.is_empty() {
            continue;
        }
        let (name, value) = percent::field(field).ok_or(Reason::MalformedEncoding)?;
        if all.len() >= MOST_SENT || name.is_empty() || name.contains(['&', '=']) {
            return Err(Reason::MalformedEncoding);
        }
        // `a=1&b=2` as one value would read as two.
        if value.split('&').skip(1).any(|rest| rest.contains('=')) {
            return Err(Reason::MalformedEncoding);
        }
        if all.iter().any(|(known, _)| *known == name) {
            return Err(Reason::AmbiguousCredentials);
        }
        all.push((name, value));
    }
    all.retain(|(name, _)| name != except);
    all.sort();
    let joined: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(joined.join("&").into_bytes())
}

fn seen(body: Body<'_>) -> Result<&[u8], Reason> {
    match body {
        Body::Seen(bytes) => Ok(bytes),
        Body::Empty => Ok(&[]),
        Body::Unseen => Err(Reason::BodyUnseen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::Target;

    fn sent(query: Option<&str>, body: &str, sorted: bool) -> Result<String, Reason> {
        let headers = http::HeaderMap::new();
        let target = Target { scheme: "https", authority: "h", path: "/", query };
        let body = if body.is_empty() { Body::Empty } else { Body::Seen(body.as_bytes()) };
        let incoming =
            Incoming { method: "GET", target, headers: &headers, body, client: None, challenge: None };
        let text = if sorted { sorted_without(&incoming, "sign") } else { sent_without(&incoming, "sign") };
        text.map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn parameters_behind_a_scheme_word_are_read_once() {
        let read = |text: &str, percent| {
            read(text.as_bytes(), percent)
                .map(|pairs| pairs.iter().map(|(n, v)| format!("{n}:{v}")).collect::<Vec<_>>())
        };
        assert_eq!(read(r#"a="1, 2",b=x==, c="""#, false).unwrap(), ["a:1, 2", "b:x==", "c:"]);
        assert_eq!(read(r#"a="x%2By+z""#, true).unwrap(), ["a:x+y+z"]);
        assert_eq!(read(r#"a="1",a="1""#, false), Err(Reason::AmbiguousCredentials));
        for bad in [
            "",
            "a",
            r#"a="1"b="2""#,
            r#"a="1",,"#,
            r#"a="x\"y""#,
            "a=",
            "a=x y",
            r#"a ="1""#,
            "ä=1",
            r#"a="1","#,
        ] {
            assert_eq!(read(bad, false), Err(Reason::MalformedCredential), "{bad}");
        }
        let many = (0..=MOST).map(|number| format!("a{number}=1")).collect::<Vec<_>>().join(",");
        assert_eq!(read(&many, false), Err(Reason::MalformedCredential));
    }

    #[test]
    fn what_was_sent_is_told_without_the_signature() {
        assert_eq!(sent(Some("b=2&a=1&sign=x"), "", false).unwrap(), "b=2&a=1");
        assert_eq!(sent(None, "b=2&sign=x", false).unwrap(), "b=2");
        assert_eq!(sent(Some("sign=x"), "b=2", false).unwrap(), "b=2");
        // Nothing parts the query from the body.
        assert_eq!(sent(Some("a=1&sign=x"), "b=2", false), Err(Reason::MalformedCredential));
        assert_eq!(sent(Some("a=1&sign=x"), "b=2&sign=x", false), Err(Reason::MalformedCredential));
        assert_eq!(sent(Some("a=1"), "b=2", false), Err(Reason::MalformedCredential));
    }

    #[test]
    fn sorted_parameters_never_run_together() {
        assert_eq!(sent(Some("b=2%20x&sign=q"), "a=%C3%BC", true).unwrap(), "a=ü&b=2 x");
        assert_eq!(sent(Some("a=R%26D&sign=q"), "", true).unwrap(), "a=R&D");
        assert_eq!(sent(Some("a=1%26b=2"), "", true), Err(Reason::MalformedEncoding));
        assert_eq!(sent(Some("a%26=1"), "", true), Err(Reason::MalformedEncoding));
        assert_eq!(sent(Some("a=1"), "a=1", true), Err(Reason::AmbiguousCredentials));
        assert_eq!(sent(Some("a=%ff"), "", true), Err(Reason::MalformedEncoding));
    }
}
