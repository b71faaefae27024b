//! A text built from a request, a token and the key that signed, as a dialect file writes it down: `{request.method} {request.path}`.
use crate::ask::KnownKey;
use crate::base64::encode_hex;
use crate::form::listed::Listed as ListedLines;
use crate::form::{oauth, parameters};
use crate::incoming::Body;
use crate::json::Value;
use crate::reason::Reason;
use crate::source::{Facts, KeyFact, Part, Source, header};
use countersign_keys::sha256;
use http::HeaderName;

/// Headers that one proof may list as signed: the longest list of a real client has under ten.
const MOST_HEADERS: usize = 32;

/// A text with sources in it.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    pieces: Vec<Piece>,
    /// Not the text itself, but its SHA-256 in lower-case hexadecimal.
    digest: bool,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Box<str>),
    From(Source),
    /// A source that may be missing: then nothing stands there.
    Maybe(Source),
    /// The headers that this source lists.
    Headers(Source, Listed),
    /// The headers that the proof lists, of which some must be listed.
    Lines(Box<ListedLines>),
    /// The parameters as they were sent, without the last, which is this one; or sorted, without this one.
    Parameters {
        except: Box<str>,
        is_sorted: bool,
    },
    /// The base string of OAuth 1.0a.
    OAuth,
    /// SHA-256 in lower-case hexadecimal of another text.
    Digest(Box<Built>),
}

/// How a list of headers is written into a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Listed {
    /// Names with commas; a line `Name: value` for each, the name as listed; all must be there.
    Lines,
    /// Names in lower case with semicolons; a line `name:value` for each that is there.
    Canonical,
}

impl Built {
    /// Reads a text such as `{request.method} {request.authority}{request.path}`; `sha256:` before it means its digest.
    ///
    /// # Errors
    /// A brace that is not closed, or a name that no fact has.
    pub(crate) fn read(
        text: &str,
        source: &mut dyn FnMut(&str) -> Result<Source, String>,
    ) -> Result<Self, String> {
        let (digest, mut rest) = match text.strip_prefix("sha256:") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut pieces = Vec::new();
        // Bounded by the file's length; every round takes at least one character.
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.into()));
            }
            let (name, tail) =
                after.split_once('}').ok_or_else(|| format!("{text}: a brace is not closed"))?;
            pieces.push(match name.split_once(' ') {
                Some(("maybe", name)) => Piece::Maybe(source(name)?),
                Some(("cavage", list)) => Piece::Lines(Box::new(ListedLines::read(list, true, source)?)),
                Some(("signed_headers", list)) => {
                    Piece::Lines(Box::new(ListedLines::read(list, false, source)?))
                }
                Some(("sent_without", last)) => Piece::Parameters { except: last.into(), is_sorted: false },
                Some(("sorted_without", name)) => Piece::Parameters { except: name.into(), is_sorted: true },
                None if name == "oauth1" => Piece::OAuth,
                Some(("headers", list)) => Piece::Headers(source(list)?, Listed::Lines),
                Some(("canonical_headers", list)) => Piece::Headers(source(list)?, Listed::Canonical),
                _ => Piece::From(source(name)?),
            });
            rest = tail;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.into()));
        }
        Ok(Self { pieces, digest })
    }

    /// The text of these facts. `key` is the key that signed, where it is known.
    ///
    /// # Errors
    /// `missing-claim` when something it is built from is not there, `malformed-claim` when it cannot stand in a text,
    /// `body-unseen` when the body does not come here.
    pub(crate) fn bytes(&self, facts: &Facts<'_>, key: Option<&KnownKey>) -> Result<Vec<u8>, Reason> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::From(from) => add(facts, key, from, &mut out)?,
                // Only what is not there at all: twice the same header is there, and two readers may see two requests.
                Piece::Maybe(from) if is_missing(facts, from) => {}
                Piece::Maybe(from) => add(facts, key, from, &mut out)?,
                Piece::Headers(list, listed) => add_headers(facts, list, *listed, &mut out)?,
                Piece::Lines(lines) => lines.add(facts, &mut out)?,
                Piece::Parameters { except, is_sorted: true } => {
                    out.extend(parameters::sorted_without(facts.incoming, except)?);
                }
                Piece::Parameters { except, is_sorted: false } => {
                    out.extend(parameters::sent_without(facts.incoming, except)?);
                }
                Piece::OAuth => oauth::add(facts, &mut out)?,
                Piece::Digest(built) => out.extend(built.bytes(facts, key)?),
            }
        }
        Ok(if self.digest { encode_hex(&sha256(&[&out])).into_bytes() } else { out })
    }

    /// The sources that it is built from.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.pieces.iter().flat_map(|piece| -> Box<dyn Iterator<Item = &Source>> {
            match piece {
                Piece::From(source) | Piece::Maybe(source) | Piece::Headers(source, _) => {
                    Box::new(std::iter::once(source))
                }
                Piece::Lines(lines) => Box::new(lines.covers().iter()),
                Piece::Parameters { .. } => {
                    Box::new(const { &[Source::Request(Part::Query), Source::Request(Part::Body)] }.iter())
                }
                Piece::OAuth => {
                    Box::new(const { &[Source::Request(Part::Method), Source::Request(Part::Url)] }.iter())
                }
                Piece::Digest(built) => Box::new(built.sources()),
                Piece::Text(_) => Box::new(std::iter::empty()),
            }
        })
    }

    /// Whether a source is in it, whatever the request.
    pub(crate) fn covers(&self, wanted: &Source) -> bool {
        let bare = |source: &Source| match source {
            Source::Dated(source, _) => (**source).clone(),
            other => other.clone(),
        };
        let wanted = bare(wanted);
        let whole = self.pieces.iter().any(|piece| match (piece, &wanted) {
            (Piece::OAuth, Source::Auth(_)) => true,
            (Piece::Parameters { except, .. }, Source::Parameter(name)) => name != except,
            (Piece::Digest(built), _) => built.covers(&wanted),
            _ => false,
        });
        whole || self.sources().any(|source| bare(source) == wanted)
    }

    /// The text piece by piece, for whoever explains it: where each comes from, and what stands there.
    pub(crate) fn parts(
        &self,
        facts: &Facts<'_>,
        name: impl Fn(&Source) -> String,
    ) -> Vec<(String, Option<String>)> {
        let shown = |piece: &Piece| {
            let from = match piece {
                Piece::Text(text) => format!("text.{text}"),
                Piece::From(source) | Piece::Maybe(source) => name(source),
                Piece::Headers(..) | Piece::Lines(_) => "the headers that the proof lists".to_owned(),
                Piece::Parameters { .. } => "the parameters but the signature".to_owned(),
                Piece::OAuth => "the OAuth 1.0a base string".to_owned(),
                Piece::Digest(_) => "a digest of the canonical request".to_owned(),
            };
            let alone = Self { pieces: vec![piece.clone()], digest: false };
            (from, alone.bytes(facts, None).ok().and_then(|bytes| String::from_utf8(bytes).ok()))
        };
        self.pieces.iter().map(shown).collect()
    }

    /// The same text with its SHA-256 of another where `{digest}` stands.
    pub(crate) fn with_digest(mut self, inner: Option<Self>) -> Result<Self, String> {
        for piece in &mut self.pieces {
            if let Piece::From(Source::Constant(text)) = piece
                && **text == *"digest"
            {
                let inner = inner.clone().ok_or("wanted canonical = \"…\" for {text.digest}")?;
                *piece = Piece::Digest(Box::new(Self { digest: true, ..inner }));
            }
        }
        Ok(self)
    }

    /// Whether the query stands right behind the path, with nothing between.
    pub(crate) fn joins_query(&self) -> bool {
        self.pieces.windows(2).any(|two| {
            matches!(
                two,
                [Piece::From(Source::Request(Part::Path)), Piece::From(Source::Request(Part::Query))]
            )
        })
    }

    /// Whether the body is in it.
    pub(crate) fn has_body(&self) -> bool {
        self.sources().any(|source| matches!(source, Source::Request(part) if part.is_body()))
    }
}

fn is_missing(facts: &Facts<'_>, from: &Source) -> bool {
    match from {
        Source::Request(_) | Source::Key(_) => false,
        other => matches!(facts.value(other), Value::Absent),
    }
}

fn add(facts: &Facts<'_>, key: Option<&KnownKey>, from: &Source, out: &mut Vec<u8>) -> Result<(), Reason> {
    match from {
        Source::Key(KeyFact::SpkiSha256) => {
            let key = key.ok_or(Reason::BadSignature)?;
            out.extend_from_slice(key.fingerprints().spki_sha256_base64.as_bytes());
        }
        // A body is bytes: here it may be other than text.
        Source::Request(Part::Body) => match facts.incoming.body {
            Body::Seen(bytes) => out.extend_from_slice(bytes),
            Body::Empty => {}
            Body::Unseen => return Err(Reason::BodyUnseen),
        },
        Source::Request(_) => {
            let text = crate::form::part::part(facts, from).ok_or(Reason::BodyUnseen)?;
            out.extend_from_slice(text.as_bytes());
        }
        other => match facts.value(other) {
            Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Number(number) => out.extend_from_slice(number.as_bytes()),
            Value::Absent | Value::Null => return Err(Reason::MissingClaim),
            _ => return Err(Reason::MalformedClaim),
        },
    }
    Ok(())
}

fn add_headers(facts: &Facts<'_>, list: &Source, listed: Listed, out: &mut Vec<u8>) -> Result<(), Reason> {
    let value = facts.value(list);
    let names = match &value {
        Value::Text(names) => names,
        Value::Absent | Value::Null => return Err(Reason::MissingClaim),
        _ => return Err(Reason::MalformedClaim),
    };
    let separator = if listed == Listed::Lines { ',' } else { ';' };
    let names: Vec<&str> = names.split(separator).filter(|name| !name.is_empty()).collect();
    if names.len() > MOST_HEADERS {
        return Err(Reason::MalformedClaim);
    }
    for name in names {
        let parsed = HeaderName::try_from(name).map_err(|_| Reason::MalformedClaim)?;
        if listed == Listed::Canonical && parsed.as_str() != name {
            return Err(Reason::MalformedClaim);
        }
        let value = match (header(facts.incoming, &parsed), listed) {
            (Some(value), _) => value,
            // Twice the same header: two readers may see two requests.
            (None, _) if facts.incoming.headers.contains_key(&parsed) => return Err(Reason::MalformedClaim),
            (None, Listed::Lines) => return Err(Reason::MissingClaim),
            (None, Listed::Canonical) => continue,
        };
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(if listed == Listed::Lines { b": " } else { b":" });
        out.extend_from_slice(value.as_bytes());
        out.push(b'\n');
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::{Incoming, Target};
    use crate::source::Names;
    use http::{HeaderMap, HeaderValue};

    fn built(text: &str, list: &str, body: Body<'_>) -> Result<String, Reason> {
        let mut headers = HeaderMap::new();
        headers.insert("x-one", HeaderValue::from_static("1"));
        headers.append("x-two", HeaderValue::from_static("2"));
        headers.append("x-two", HeaderValue::from_static("3"));
        let target = Target::new("https", "h", "/p?b=2&a=1&a=0");
        let incoming =
            Incoming { method: "PUT", target, headers: &headers, body, client: None, challenge: None };
        let mut names = Names::default();
        let built = Built::read(text, &mut |name| Source::parse(name, &mut names)).unwrap();
        let mut facts = Facts::new(&incoming, names.members.len());
        if let Some(place) = facts.members.first_mut() {
            *place = Value::Text(list.into());
        }
        built.bytes(&facts, None).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn what_may_be_missing_is_not_missing_when_it_stands_twice() {
        let made = |name: &str| built(&format!("<{{maybe header.{name}}}>"), "", Body::Empty);
        assert_eq!(made("x-none").unwrap(), "<>");
        assert_eq!(made("x-one").unwrap(), "<1>");
        assert_eq!(made("x-two"), Err(Reason::MissingClaim));
    }

    #[test]
    fn a_text_is_built_of_its_parts() {
        let body = Body::Seen(b"{}");
        assert_eq!(built("{request.method} {request.authority}{request.path}", "", body).unwrap(), "PUT h/p");
        assert_eq!(
            built("{request.sorted_query}|{request.query}|{request.body}", "", body).unwrap(),
            "a=0&a=1&b=2|b=2&a=1&a=0|{}"
        );
        let digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(built("sha256:{request.body}", "", body).unwrap(), digest);
        assert_eq!(built("{request.body_sha256}", "", body).unwrap(), digest);
        assert_eq!(built("{request.body}", "", Body::Unseen), Err(Reason::BodyUnseen));
        assert_eq!(built("{claim.x}{claim.y}", "", body), Err(Reason::MissingClaim));
    }

    #[test]
    fn listed_headers_are_taken_once_and_as_listed() {
        let body = Body::Empty;
        assert_eq!(built("{headers claim.list}|", "X-One", body).unwrap(), "X-One: 1\n|");
        assert_eq!(built("{headers claim.list}|", "", body).unwrap(), "|");
        assert_eq!(built("{headers claim.list}", "X-One,X-Three", body), Err(Reason::MissingClaim));
        assert_eq!(built("{headers claim.list}", "X-Two", body), Err(Reason::MalformedClaim));
        assert_eq!(built("{headers claim.list}", "X One", body), Err(Reason::MalformedClaim));
        assert_eq!(built("{canonical_headers claim.list}|", "x-one;x-three", body).unwrap(), "x-one:1\n|");
        assert_eq!(built("{canonical_headers claim.list}|", "X-One", body), Err(Reason::MalformedClaim));
        let many = vec!["x-one"; MOST_HEADERS + 1].join(";");
        assert_eq!(built("{canonical_headers claim.list}", &many, body), Err(Reason::MalformedClaim));
    }
}
