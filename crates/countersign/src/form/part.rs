//! What one part of a text says: a part of the request in the spelling that texts have it, or a fact.
use crate::base64::{Alphabet, encode, encode_hex};
use crate::incoming::Body;
use crate::json::Value;
use crate::source::{Facts, Part, Source};
use countersign_keys::sha256;
use std::borrow::Cow;

/// Parameters of a query that are put in order; a page with more is no API call.
const MOST_PARAMETERS: usize = 1024;

/// The text of a source; `None` where there is none, or the body does not come here.
pub(crate) fn part<'a>(facts: &'a Facts<'_>, source: &Source) -> Option<Cow<'a, str>> {
    let target = &facts.incoming.target;
    match source {
        Source::Request(Part::Url) => Some(Cow::Owned(target.url())),
        Source::Request(Part::PathAndQuery) => Some(match target.query {
            Some(query) => Cow::Owned(format!("{}?{query}", target.path)),
            None => Cow::Borrowed(target.path),
        }),
        Source::Request(Part::Query) => Some(Cow::Borrowed(target.query.unwrap_or(""))),
        Source::Request(Part::SortedQuery) => sorted(target.query.unwrap_or("")),
        Source::Request(Part::Body) => match facts.incoming.body {
            Body::Seen(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Body::Empty => Some(Cow::Borrowed("")),
            Body::Unseen => None,
        },
        Source::Request(Part::BodySha256IfAny) if facts.incoming.body == Body::Empty => {
            Some(Cow::Borrowed(""))
        }
        Source::Request(Part::BodySha256 | Part::BodySha256IfAny) => match facts.incoming.body {
            Body::Seen(bytes) => Some(Cow::Owned(encode_hex(&sha256(&[bytes])))),
            Body::Empty => Some(Cow::Owned(encode_hex(&sha256(&[])))),
            Body::Unseen => None,
        },
        Source::Request(Part::BodySha256Base64) => match facts.incoming.body {
            Body::Seen(bytes) => Some(Cow::Owned(encode(Alphabet::Standard, &sha256(&[bytes])))),
            Body::Empty => Some(Cow::Owned(encode(Alphabet::Standard, &sha256(&[])))),
            Body::Unseen => None,
        },
        Source::Request(Part::BodyLength) => match facts.incoming.body {
            Body::Seen(bytes) => Some(Cow::Owned(bytes.len().to_string())),
            Body::Empty => Some(Cow::Borrowed("0")),
            Body::Unseen => None,
        },
        other => match facts.value(other) {
            Value::Text(text) => Some(Cow::Owned(text.into_owned())),
            _ => None,
        },
    }
}

/// The parameters of a query as they stand there, in the order of their bytes.
fn sorted(query: &str) -> Option<Cow<'_, str>> {
    let mut parameters: Vec<&str> = query.split('&').collect();
    if parameters.len() > MOST_PARAMETERS {
        return None;
    }
    parameters.sort_unstable();
    Some(Cow::Owned(parameters.join("&")))
}
