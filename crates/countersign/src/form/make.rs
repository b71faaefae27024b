//! How a dialect's proof is made: the same file run backwards, with names in braces for what the signer knows.
use crate::form::built::Built;
use crate::json::{Bounds, read_object};
use crate::source::Source;
use crate::time::format::TimeFormat;
use crate::time::{Span, Time};
use http::HeaderName;
use serde::Deserialize;

/// `[make]` of a dialect file: ordered pairs, since the order is part of what is signed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeFile {
    #[serde(default)]
    head: Vec<Vec<String>>,
    #[serde(default)]
    claims: Vec<Vec<String>>,
    #[serde(default)]
    headers: Vec<[String; 2]>,
    #[serde(default)]
    params: Vec<[String; 2]>,
    #[serde(default)]
    body: Vec<[String; 2]>,
    #[serde(default)]
    form: Vec<[String; 2]>,
    #[serde(default)]
    query: Vec<[String; 2]>,
    /// Headers that are set only beside a body.
    #[serde(default)]
    headers_with_body: Vec<[String; 2]>,
    /// What `{list}` is, and what it is beside a body.
    #[serde(default)]
    list: String,
    list_with_body: Option<String>,
}

/// The pairs, read.
#[derive(Clone, Debug)]
pub(crate) struct Make {
    pub(crate) head: Vec<Pair>,
    pub(crate) claims: Vec<Pair>,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    /// Parameters of an HTTP message signature.
    pub(crate) params: Vec<Pair>,
    pub(crate) body: Vec<Pair>,
    /// Parameters added to the query.
    pub(crate) query: Vec<Pair>,
    pub(crate) headers_with_body: Vec<(HeaderName, Template)>,
    /// What `{list}` is without a body and with one.
    pub(crate) list: [Box<str>; 2],
    /// Fields of the form in the body that carries the proof.
    pub(crate) form: Vec<Pair>,
}

/// A member with what is written there.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) name: Box<str>,
    pub(crate) template: Template,
    pub(crate) kind: Kind,
}

/// How a member is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// As text, or as a number where it is a time.
    Plain,
    /// As a list with the text in it.
    List,
    /// As the JSON that stands in the file.
    Json,
    /// As text, and left out when the signer does not know what it wants.
    Optional,
}

/// Text with names in it.
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(Box<str>),
    Name(Name),
    /// Of the request that is signed.
    Built(Box<Built>),
}

/// What a signer knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Name {
    Identifier,
    ActingAs,
    Companion,
    Now(Span),
    Nonce,
    Algorithm,
    KidPem,
    KidJwk,
    KeyBase64,
    KeyId,
    /// What the dialect finds the account by: the key's id, or the identifier.
    Registered,
    /// The algorithm in the registry of RFC 9421; empty for one that it does not have.
    HttpAlgorithm,
    KeySpki,
    NonceHex,
    NonceUuid,
    Challenge,
    Token,
    Signature,
    /// The signature, percent-encoded.
    SignaturePercent,
    /// The time in another spelling than seconds.
    NowAs(TimeFormat),
    /// The headers that are signed.
    List,
}

impl Make {
    pub(crate) fn read(
        file: &MakeFile,
        source: &mut dyn FnMut(&str) -> Result<Source, String>,
    ) -> Result<Self, String> {
        let mut pairs = |list: &[Vec<String>]| -> Result<Vec<Pair>, String> {
            list.iter().map(|pair| Pair::read(pair, source)).collect()
        };
        let (head, claims) = (pairs(&file.head)?, pairs(&file.claims)?);
        let mut two = |list: &[[String; 2]]| -> Result<Vec<Pair>, String> {
            list.iter().map(|pair| Pair::read(pair, source)).collect()
        };
        let (body, form, query) = (two(&file.body)?, two(&file.form)?, two(&file.query)?);
        let params = two(&file.params)?;
        let mut header = |[name, text]: &[String; 2]| {
            let name =
                HeaderName::try_from(name).map_err(|_| format!("[make] headers: {name:?} is no header name"));
            Ok((name?, Template::read(text, source)?))
        };
        let headers = file.headers.iter().map(&mut header).collect::<Result<_, String>>()?;
        let headers_with_body =
            file.headers_with_body.iter().map(&mut header).collect::<Result<_, String>>()?;
        let with_body = file.list_with_body.as_ref().unwrap_or(&file.list);
        let list = [file.list.as_str().into(), with_body.as_str().into()];
        Ok(Self { head, claims, headers, params, body, form, query, headers_with_body, list })
    }
}

impl Pair {
    fn read(pair: &[String], source: &mut dyn FnMut(&str) -> Result<Source, String>) -> Result<Self, String> {
        let (name, text, kind) = match pair {
            [name, text] => (name, text, Kind::Plain),
            [name, text, kind] => {
                let kind = match kind.as_str() {
                    "list" => Kind::List,
                    "json" => Kind::Json,
                    "optional" => Kind::Optional,
                    other => return Err(format!("{name}: wanted list, json or optional, found {other}")),
                };
                (name, text, kind)
            }
            other => return Err(format!("wanted [name, text] or [name, text, kind], found {other:?}")),
        };
        // What is written as it stands must be JSON by itself, without anybody's text in it.
        let template = if kind == Kind::Json {
            let shown = format!("{{\"x\":{text}}}");
            if read_object(shown.as_bytes(), Bounds { depth: 8, members: 64 }, |_, _| {}).is_err() {
                return Err(format!("{name}: wanted JSON, found {text}"));
            }
            Template(vec![Piece::Text(text.as_str().into())])
        } else {
            Template::read(text, source)?
        };
        Ok(Self { name: name.as_str().into(), template, kind })
    }
}

impl Template {
    fn read(text: &str, source: &mut dyn FnMut(&str) -> Result<Source, String>) -> Result<Self, String> {
        // A digest is of one text and of nothing that only the signer knows.
        if text.starts_with("sha256:") {
            return Ok(Self(vec![Piece::Built(Box::new(Built::read(text, source)?))]));
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        // Bounded by the file's length; every round takes at least one character.
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.into()));
            }
            let (name, tail) =
                after.split_once('}').ok_or_else(|| format!("{text}: a brace is not closed"))?;
            pieces.push(match (read_name(name), name.split_once(['.', ' '])) {
                (Ok(name), _) => Piece::Name(name),
                (Err(_), Some(("request" | "header" | "headers", _))) => {
                    Piece::Built(Box::new(Built::read(&format!("{{{name}}}"), source)?))
                }
                (Err(error), _) => return Err(error),
            });
            rest = tail;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.into()));
        }
        Ok(Self(pieces))
    }

    /// The time this template is, when it is nothing else: written as a number.
    pub(crate) fn number(&self, now: Time) -> Option<i64> {
        match self.0.as_slice() {
            [Piece::Name(Name::Now(span))] => Some((now + *span).seconds()),
            _ => None,
        }
    }

    /// Fills the template at the end of `out`: `add` writes what stands for a name. `None` when the signer does not know something
    /// that it wants.
    pub(crate) fn fill(
        &self,
        out: &mut String,
        add: impl Fn(Name, &mut String) -> Option<()>,
        build: impl Fn(&Built) -> Option<String>,
    ) -> Option<()> {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => {
                out.push_str(text);
                Some(())
            }
            Piece::Name(name) => add(*name, out),
            Piece::Built(built) => {
                out.push_str(&build(built)?);
                Some(())
            }
        })
    }

    /// Whether a name stands in it.
    pub(crate) fn has(&self, wanted: Name) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Name(name) if *name == wanted))
    }
}

/// Whether a signer fills this name itself: a setting of the same name would stand in its place.
pub(crate) fn is_name(name: &str) -> bool {
    read_name(name).is_ok()
}

fn read_name(name: &str) -> Result<Name, String> {
    Ok(match name {
        "identifier" => Name::Identifier,
        "acting_as" => Name::ActingAs,
        "companion" => Name::Companion,
        "now" => Name::Now(Span::ZERO),
        "nonce" => Name::Nonce,
        "nonce.hex" => Name::NonceHex,
        "nonce.uuid" => Name::NonceUuid,
        "alg" => Name::Algorithm,
        "kid.pem" => Name::KidPem,
        "kid.jwk" => Name::KidJwk,
        "key.base64" => Name::KeyBase64,
        "key.id" => Name::KeyId,
        "key.name" => Name::Registered,
        "alg.http" => Name::HttpAlgorithm,
        "key.spki_sha256" => Name::KeySpki,
        "challenge" => Name::Challenge,
        "token" => Name::Token,
        "signature" => Name::Signature,
        "signature.percent" => Name::SignaturePercent,
        "now.ms" => Name::NowAs(TimeFormat::Millis),
        "now.rfc3339" => Name::NowAs(TimeFormat::Rfc3339),
        "now.rfc3339-seconds" => Name::NowAs(TimeFormat::Rfc3339Seconds),
        "now.http-date" => Name::NowAs(TimeFormat::HttpDate),
        "now.basic" => Name::NowAs(TimeFormat::Basic),
        "list" => Name::List,
        other => match (other.strip_prefix("now+"), other.strip_prefix("now-")) {
            (Some(ahead), _) if Span::parse(ahead).is_some() => {
                Name::Now(Span::parse(ahead).unwrap_or(Span::ZERO))
            }
            (_, Some(back)) if Span::parse(back).is_some() => {
                let span = Span::parse(back).unwrap_or(Span::ZERO);
                Name::Now(Span::from_millis(span.millis().saturating_neg()))
            }
            _ => return Err(format!("{{{other}}}: no such name; see the dialect guide")),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{Make, MakeFile};

    #[test]
    fn a_header_name_that_is_none_is_told() {
        let file = |name: &str| MakeFile {
            head: Vec::new(),
            claims: Vec::new(),
            params: Vec::new(),
            headers: vec![[name.to_owned(), "{token}".to_owned()]],
            body: Vec::new(),
            form: Vec::new(),
            query: Vec::new(),
            headers_with_body: Vec::new(),
            list: String::new(),
            list_with_body: None,
        };
        let read = |name| {
            let mut names = crate::source::Names::default();
            Make::read(&file(name), &mut |name| crate::source::Source::parse(name, &mut names))
        };
        assert!(read("X-Api-Key").is_ok());
        let told = read("x api key").err();
        assert!(told.is_some_and(|told| told.contains("\"x api key\" is no header name")));
    }
}
