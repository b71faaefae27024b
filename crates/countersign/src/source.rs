//! Where a fact comes from: a claim, a header, a member of the body, a part of the request; resolved once, when a dialect loads.
use crate::form::fields::Field;
use crate::form::parameters;
use crate::incoming::Incoming;
use crate::json::Value;
use crate::reason::Reason;
use crate::time::format::TimeFormat;
use http::HeaderName;
use smallvec::SmallVec;
use std::borrow::Cow;

/// A name in a dialect file, resolved to the place its value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A claim (`claim.iss`) or a member of the JSON body (`body.userId`), by slot.
    Member(usize),
    /// A parameter of an HTTP message signature (`signature.created`), by slot.
    Signed(usize),
    /// A member of the token's header (`head.typ`).
    Head(Head),
    /// Another member of the token's header (`head.nonce`), by slot.
    HeadMember(usize),
    /// A field of a form in the body (`form.grant_type`), or of a form or JSON object (`field.grant_type`).
    Form(Field),
    /// A parameter behind the scheme word (`auth.keyId`).
    Auth(Box<str>),
    /// A parameter in the query or in a form in the body (`param.timestamp`).
    Parameter(Box<str>),
    /// A time in a format other than seconds (`header.date as http-date`).
    Dated(Box<Self>, TimeFormat),
    /// A fact of the key that signed (`key.spki_sha256`).
    Key(KeyFact),
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

/// What a proof may say of the key that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFact {
    /// SHA-256 of the key as SPKI, base64 with padding.
    SpkiSha256,
}

/// The names that a dialect reads from a token or a body; their places are the slots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Claims, members of the JSON body, or parameters of a message signature.
    pub(crate) members: Vec<Box<str>>,
    /// Members of the token's header, beside those that every token may have.
    pub(crate) heads: Vec<Box<str>>,
}

impl Names {
    /// How a source is spelt to people: the claim's, header's or parameter's own name.
    pub(crate) fn spell(&self, source: &Source) -> String {
        let slot =
            |names: &[Box<str>], slot: usize| names.get(slot).map_or_else(String::new, ToString::to_string);
        match source {
            Source::Member(at) | Source::Signed(at) => slot(&self.members, *at),
            Source::HeadMember(at) => slot(&self.heads, *at),
            Source::Head(Head::Typ) => "typ".to_owned(),
            Source::Head(Head::Type) => "type".to_owned(),
            Source::Head(Head::Kid) => "kid".to_owned(),
            Source::Form(field) => field.name.to_string(),
            Source::Auth(name) | Source::Parameter(name) => name.to_string(),
            Source::Dated(source, _) => self.spell(source),
            Source::Key(KeyFact::SpkiSha256) => "the key's fingerprint".to_owned(),
            Source::Header(name) => format!("header {name}"),
            Source::Request(part) => {
                let known = Part::ALL.iter().find(|(known, _)| known == part);
                format!("the request's {}", known.map_or("part", |(_, name)| name).replace('_', " "))
            }
            Source::ChallengePrefix => "the challenge's prefix".to_owned(),
            Source::Constant(text) => format!("\"{text}\""),
        }
    }
}

fn slot(names: &mut Vec<Box<str>>, name: &str) -> usize {
    names.iter().position(|known| **known == *name).unwrap_or_else(|| {
        names.push(name.into());
        names.len() - 1
    })
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
    /// The query, undecoded and without its `?`; empty without one.
    Query,
    /// The parameters of the query, undecoded, in the order of their bytes.
    SortedQuery,
    /// The whole address.
    Url,
    /// The body.
    Body,
    /// SHA-256 of the body in lower-case hexadecimal.
    BodySha256,
    /// SHA-256 of the body in base64.
    BodySha256Base64,
    /// How many bytes the body has.
    BodyLength,
    /// The same, and empty for a request without a body.
    BodySha256IfAny,
}

impl Part {
    /// Whether it stands for the whole body.
    pub(crate) fn is_body(self) -> bool {
        matches!(self, Self::Body | Self::BodySha256 | Self::BodySha256Base64 | Self::BodySha256IfAny)
    }

    /// Every part with its name behind `request.`.
    pub(crate) const ALL: [(Self, &'static str); 12] = [
        (Self::Method, "method"),
        (Self::Authority, "authority"),
        (Self::Path, "path"),
        (Self::PathAndQuery, "path_and_query"),
        (Self::Query, "query"),
        (Self::SortedQuery, "sorted_query"),
        (Self::Url, "url"),
        (Self::Body, "body"),
        (Self::BodySha256, "body_sha256"),
        (Self::BodySha256Base64, "body_sha256_base64"),
        (Self::BodyLength, "body_length"),
        (Self::BodySha256IfAny, "body_sha256_if_any"),
    ];
}

impl Source {
    /// Resolves a name. `names` collects what is to be read from tokens and bodies.
    ///
    /// # Errors
    /// The name, when it is none that dialects know.
    pub(crate) fn parse(name: &str, names: &mut Names) -> Result<Self, String> {
        if let Some((name, format)) = name.split_once(" as ") {
            let format = TimeFormat::named(format)?;
            return Ok(Self::Dated(Box::new(Self::parse(name, names)?), format));
        }
        let (kind, rest) = name.split_once('.').unwrap_or((name, ""));
        Ok(match (kind, rest) {
            ("claim" | "body", member) if !member.is_empty() => {
                Self::Member(slot(&mut names.members, member))
            }
            ("signature", parameter) if !parameter.is_empty() => {
                Self::Signed(slot(&mut names.members, parameter))
            }
            ("head", "typ") => Self::Head(Head::Typ),
            ("head", "type") => Self::Head(Head::Type),
            ("head", "kid") => Self::Head(Head::Kid),
            ("head", member) if !member.is_empty() => Self::HeadMember(slot(&mut names.heads, member)),
            ("form" | "field", field) if !field.is_empty() => {
                Self::Form(Field { name: field.into(), json: kind == "field" })
            }
            ("auth", parameter) if parameters::is_name(parameter) => Self::Auth(parameter.into()),
            ("param", parameter) if !parameter.is_empty() => Self::Parameter(parameter.into()),
            ("key", "spki_sha256") => Self::Key(KeyFact::SpkiSha256),
            ("header", header) => {
                Self::Header(HeaderName::try_from(header).map_err(|_| format!("{name}: no header name"))?)
            }
            ("request", part) => {
                let known = Part::ALL.iter().find(|(_, name)| *name == part);
                Self::Request(known.ok_or_else(|| format!("{name}: no such part of a request"))?.0)
            }
            ("challenge", "prefix") => Self::ChallengePrefix,
            ("text", text) => Self::Constant(text.into()),
            _ => {
                return Err(format!(
                    "{name}: wanted claim.…, body.…, form.…, field.…, auth.…, param.…, signature.…, head.…, header.…, request.…, key.…, challenge.prefix or text.…"
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
    /// Further members of the token's header, by slot; few dialects read any.
    pub(crate) heads: SmallVec<[Value<'s>; 2]>,
    /// Parameters behind the scheme word.
    pub(crate) auth: parameters::Pairs<'s>,
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
        Self {
            incoming,
            members,
            heads: SmallVec::new(),
            auth: SmallVec::new(),
            typ: Value::Absent,
            kind: Value::Absent,
            kid: None,
        }
    }

    /// A parameter behind the scheme word.
    #[must_use]
    pub(crate) fn auth(&self, name: &str) -> Option<&str> {
        self.auth.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    /// The value of a source, as far as rules read it.
    #[must_use]
    pub(crate) fn value<'a>(&'a self, source: &'a Source) -> Value<'a> {
        let text = |text| Value::Text(Cow::Borrowed(text));
        match source {
            Source::Member(slot) | Source::Signed(slot) => match self.members.get(*slot) {
                Some(Value::Text(member)) => text(member.as_ref()),
                Some(other) => other.clone(),
                None => Value::Absent,
            },
            Source::HeadMember(slot) => self.heads.get(*slot).cloned().unwrap_or(Value::Absent),
            Source::Form(field) => match field.read(self.incoming.body) {
                Ok(Some(value)) => Value::Text(value),
                // As a body that does not come here.
                Ok(None) | Err(Reason::BodyUnseen) => Value::Absent,
                // Twice the same field, or one that is no text, is nobody's: it equals nothing.
                Err(_) => Value::Null,
            },
            Source::Auth(name) => self.auth(name).map_or(Value::Absent, text),
            Source::Parameter(name) => match parameters::only(self.incoming, name) {
                Ok(Some(value)) => Value::Text(value),
                Ok(None) => Value::Absent,
                // Twice the same parameter, or one that is no text: there, and of no use.
                Err(_) => Value::Null,
            },
            Source::Dated(source, _) => self.value(source),
            Source::Head(Head::Typ) => self.typ.clone(),
            Source::Head(Head::Type) => self.kind.clone(),
            Source::Head(Head::Kid) => self.kid.as_deref().map_or(Value::Absent, text),
            Source::Header(name) => match header(self.incoming, name) {
                Some(value) => text(value),
                // Twice the same header, or one that is no text: there, and of no use.
                None if self.incoming.headers.contains_key(name) => Value::Null,
                None => Value::Absent,
            },
            Source::Request(Part::Method) => text(self.incoming.method),
            Source::Request(Part::Authority) => text(self.incoming.target.authority),
            Source::Request(Part::Path) => text(self.incoming.target.path),
            Source::Request(_) | Source::Key(_) => Value::Absent,
            Source::ChallengePrefix => {
                self.incoming.challenge.and_then(|challenge| challenge.prefix).map_or(Value::Absent, text)
            }
            Source::Constant(constant) => text(constant),
        }
    }
}

impl Source {
    /// Whether the signature of a token covers it: what merely stands beside a token is anybody's.
    #[must_use]
    pub(crate) fn is_in_token(&self) -> bool {
        matches!(self, Self::Member(_) | Self::Head(_) | Self::HeadMember(_))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::{Body, Target};
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn what_stands_twice_is_not_absent() {
        let mut headers = HeaderMap::new();
        headers.append("x-two", HeaderValue::from_static("a"));
        headers.append("x-two", HeaderValue::from_static("a"));
        let target = Target::new("https", "h", "/?p=1&p=1");
        let body = Body::Seen(b"f=1&f=1");
        let incoming =
            Incoming { method: "POST", target, headers: &headers, body, client: None, challenge: None };
        let facts = Facts::new(&incoming, 0);
        for name in ["header.x-two", "param.p", "form.f"] {
            let source = Source::parse(name, &mut Names::default()).unwrap();
            assert_eq!(facts.value(&source), Value::Null, "{name}");
        }
        let none = Source::parse("header.x-none", &mut Names::default()).unwrap();
        assert_eq!(facts.value(&none), Value::Absent);
    }
}
