//! The signature base string of OAuth 1.0a over method, address, query and the credential's own parameters, as Mastercard's packages have it:
//! unlike RFC 5849 section 3.4.1 the credential's values are escaped once, and not twice.
use crate::percent;
use crate::reason::Reason;
use crate::source::Facts;
use std::borrow::Cow;

/// Parameters of one request: no API call has more.
const MOST: usize = 256;

/// How the names of the credential's own parameters begin (RFC 5849 section 3.1), and no other's.
const OWN: &str = "oauth_";

/// Writes the base string. `oauth_signature` and `realm` are no part of it; a form in the body is covered by its digest alone, as
/// `oauth_body_hash` has it.
pub(crate) fn add(facts: &Facts<'_>, out: &mut Vec<u8>) -> Result<(), Reason> {
    let target = facts.incoming.target;
    let query = target.query.unwrap_or("");
    let mut all: Vec<String> = Vec::new();
    for field in query.split('&').filter(|field| !field.is_empty()) {
        // The text does not tell where a parameter stood, so each name has one place: nobody moves one out of the query.
        if pair(field)?.0.starts_with(OWN) {
            return Err(Reason::MalformedCredential);
        }
        // Without an escape anywhere a query stands as it is; with one, every name and value is spelt anew.
        all.push(if query.contains('%') {
            let (name, value) = pair(field)?;
            format!("{}={}", escaped(&name), escaped(&value))
        } else if field.contains('=') {
            field.to_owned()
        } else {
            format!("{field}=")
        });
        if all.len() > MOST {
            return Err(Reason::MalformedEncoding);
        }
    }
    for (name, value) in facts.auth.iter().filter(|(name, _)| !matches!(*name, "oauth_signature" | "realm")) {
        // The credential's own values are not escaped before they are joined, so none may look like several.
        if value.contains('&') || !name.starts_with(OWN) {
            return Err(Reason::MalformedCredential);
        }
        all.push(format!("{name}={value}"));
    }
    all.sort();
    let joined = all.join("&");
    let authority = target.authority.to_ascii_lowercase();
    let port = if target.scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(port).unwrap_or(&authority);
    let address = format!("{}://{authority}{}", target.scheme, target.path);
    let method = facts.incoming.method.to_ascii_uppercase();
    out.extend_from_slice(format!("{method}&{}&{}", escaped(&address), escaped(&joined)).as_bytes());
    Ok(())
}

/// RFC 5849 section 3.6: everything but letters, digits, `-`, `.`, `_` and `~`.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    percent::add(&mut out, text.as_bytes(), b"-._~");
    out
}

fn pair(field: &str) -> Result<(Cow<'_, str>, Cow<'_, str>), Reason> {
    percent::field(field.as_bytes()).ok_or(Reason::MalformedEncoding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::{Body, Incoming, Target};
    use http::HeaderMap;

    fn base(target: &str, auth: &[(&'static str, &'static str)]) -> Result<String, Reason> {
        let headers = HeaderMap::new();
        let target = Target::new("https", "h", target);
        let incoming = Incoming {
            method: "GET",
            target,
            headers: &headers,
            body: Body::Empty,
            client: None,
            challenge: None,
        };
        let mut facts = Facts::new(&incoming, 0);
        facts.auth = auth.iter().map(|(name, value)| (*name, (*value).into())).collect();
        let mut out = Vec::new();
        add(&facts, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn no_parameter_moves_between_query_and_credential() {
        let good = base("/p?limit=1", &[("oauth_nonce", "n"), ("realm", "r"), ("oauth_signature", "s")]);
        assert_eq!(good.unwrap(), "GET&https%3A%2F%2Fh%2Fp&limit%3D1%26oauth_nonce%3Dn");
        let moved = base("/p", &[("limit", "1"), ("oauth_nonce", "n")]);
        assert_eq!(moved, Err(Reason::MalformedCredential));
        for query in ["/p?oauth_nonce=n", "/p?oauth%5Fnonce=n"] {
            assert_eq!(base(query, &[]), Err(Reason::MalformedCredential), "{query}");
        }
    }
}
