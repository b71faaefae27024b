//! Where a fact comes from: a claim, a header, a member of the body, a part of the request; resolved once, when a dialect loads.
use crate::incoming::Incoming;
use crate::json::Value;
use http::HeaderName;
use smallvec::SmallVec;
use std::borrow::Cow;

/// A name in a dialect file, resolved to the place its value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A claim (`claim.iss`) or a member of the JSON body (`body.userId`), by slot.
    Member(usize),
    /// A parameter of an HTTP message signature (`param.created`), by slot.
    Param(usize),
    /// A member of the token's header (`head.typ`).
    Head(Head),
    /// A request header (`header.api-id`).
    Header(HeaderName),
    /// A part of the request (`request.url`).
    Request(Part),
    /// The prefix of the challenge that is answered (`challenge.prefix`).
    ChallengePrefix,
    /// Text of the dialect file itself.
    Constant(Box<str>),
}

/// Members of a token's header that rules may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// `typ`
    Typ,
    /// `type`
    Type,
    /// `kid`
    Kid,
}

/// Parts of a request that dialects sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The method, as sent.
    Method,
    /// Host and port.
    Authority,
    /// The path, undecoded.
    Path,
    /// Path and query, undecoded.
    PathAndQuery,
    /// The whole address.
    Url,
    /// The body.
    Body,
    /// SHA-256 of the body in lower-case hexadecimal.
    BodySha256,
}

impl Source {
    /// Resolves a name. `members` collects the names of claims or body members; their places are the slots.
    ///
    /// # Errors
    /// The name, when it is none that dialects know.
    pub(crate) fn parse(name: &str, members: &mut Vec<Box<str>>) -> Result<Self, String> {
        let (kind, rest) = name.split_once('.').unwrap_or((name, ""));
        Ok(match (kind, rest) {
            ("claim" | "body" | "param", member) if !member.is_empty() => {
                let at = members.iter().position(|known| **known == *member).unwrap_or_else(|| {
                    members.push(member.into());
                    members.len() - 1
                });
                if kind == "param" { Self::Param(at) } else { Self::Member(at) }
            }
            ("head", "typ") => Self::Head(Head::Typ),
            ("head", "type") => Self::Head(Head::Type),
            ("head", "kid") => Self::Head(Head::Kid),
            ("header", header) => {
                Self::Header(HeaderName::try_from(header).map_err(|_| format!("{name}: no header name"))?)
            }
            ("request", part) => Self::Request(match part {
                "method" => Part::Method,
                "authority" => Part::Authority,
                "path" => Part::Path,
                "path_and_query" => Part::PathAndQuery,
                "url" => Part::Url,
                "body" => Part::Body,
                "body_sha256" => Part::BodySha256,
                _ => return Err(format!("{name}: no such part of a request")),
            }),
            ("challenge", "prefix") => Self::ChallengePrefix,
            ("text", text) => Self::Constant(text.into()),
            _ => {
                return Err(format!(
                    "{name}: wanted claim.…, body.…, param.…, head.…, header.…, request.…, challenge.prefix or text.…"
                ));
            }
        })
    }
}

/// What was read from one request, by slot; nothing in it is believed until the signature holds.
#[derive(Clone, Debug)]
pub(crate) struct Facts<'s> {
    /// The request.
    pub(crate) incoming: &'s Incoming<'s>,
    /// Claims or body members, by slot.
    pub(crate) members: SmallVec<[Value<'s>; 8]>,
    /// `typ` of the token.
    pub(crate) typ: Value<'s>,
    /// `type` of the token.
    pub(crate) kind: Value<'s>,
    /// `kid` of the token.
    pub(crate) kid: Option<Cow<'s, str>>,
}

impl<'s> Facts<'s> {
    /// No facts but the request itself.
    #[must_use]
    pub(crate) fn new(incoming: &'s Incoming<'s>, slots: usize) -> Self {
        let mut members = SmallVec::new();
        members.resize(slots, Value::Absent);
        Self { incoming, members, typ: Value::Absent, kind: Value::Absent, kid: None }
    }

    /// The value of a source, as far as rules read it.
    #[must_use]
    pub(crate) fn value<'a>(&'a self, source: &'a Source) -> Value<'a> {
        let text = |text| Value::Text(Cow::Borrowed(text));
        match source {
            Source::Member(slot) | Source::Param(slot) => match self.members.get(*slot) {
                Some(Value::Text(member)) => text(member.as_ref()),
                Some(other) => other.clone(),
                None => Value::Absent,
            },
            Source::Head(Head::Typ) => self.typ.clone(),
            Source::Head(Head::Type) => self.kind.clone(),
            Source::Head(Head::Kid) => self.kid.as_deref().map_or(Value::Absent, text),
            Source::Header(name) => header(self.incoming, name).map_or(Value::Absent, text),
            Source::Request(Part::Method) => text(self.incoming.method),
            Source::Request(Part::Authority) => text(self.incoming.target.authority),
            Source::Request(Part::Path) => text(self.incoming.target.path),
            Source::Request(_) => Value::Absent,
            Source::ChallengePrefix => {
                self.incoming.challenge.and_then(|challenge| challenge.prefix).map_or(Value::Absent, text)
            }
            Source::Constant(constant) => text(constant),
        }
    }
}

/// The one value of a header as UTF-8 text; `None` when it is missing, repeated or no text.
#[must_use]
pub(crate) fn header<'r>(incoming: &Incoming<'r>, name: &HeaderName) -> Option<&'r str> {
    let headers: &'r http::HeaderMap = incoming.headers;
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return None;
    }
    std::str::from_utf8(first.as_bytes()).ok()
}
