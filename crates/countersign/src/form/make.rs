//! How a dialect's proof is made: the same file run backwards, with names in braces for what the signer knows.
use crate::time::{Span, Time};
use http::HeaderName;
use serde::Deserialize;

/// `[make]` of a dialect file: ordered pairs, since the order is part of what is signed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeFile {
    #[serde(default)]
    head: Vec<[String; 2]>,
    #[serde(default)]
    claims: Vec<[String; 2]>,
    #[serde(default)]
    headers: Vec<[String; 2]>,
    #[serde(default)]
    params: Vec<[String; 2]>,
    #[serde(default)]
    body: Vec<[String; 2]>,
}

/// The pairs, read.
#[derive(Clone, Debug)]
pub(crate) struct Make {
    pub(crate) head: Vec<(Box<str>, Template)>,
    pub(crate) claims: Vec<(Box<str>, Template)>,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    /// Parameters of an HTTP message signature.
    pub(crate) params: Vec<(Box<str>, Template)>,
    pub(crate) body: Vec<(Box<str>, Template)>,
}

/// Text with names in it.
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(Box<str>),
    Name(Name),
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
    Challenge,
    Token,
    Signature,
}

impl Make {
    pub(crate) fn read(file: &MakeFile) -> Result<Self, String> {
        let pairs = |list: &[[String; 2]]| -> Result<Vec<(Box<str>, Template)>, String> {
            list.iter().map(|[name, text]| Ok((name.as_str().into(), Template::read(text)?))).collect()
        };
        let header = |[name, text]: &[String; 2]| {
            let name =
                HeaderName::try_from(name).map_err(|_| format!("[make] headers: {name:?} is no header name"));
            Ok((name?, Template::read(text)?))
        };
        Ok(Self {
            head: pairs(&file.head)?,
            claims: pairs(&file.claims)?,
            headers: file.headers.iter().map(header).collect::<Result<_, String>>()?,
            params: pairs(&file.params)?,
            body: pairs(&file.body)?,
        })
    }
}

impl Template {
    fn read(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        // Bounded by the file's length; every round takes at least one character.
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.into()));
            }
            let (name, tail) =
                after.split_once('}').ok_or_else(|| format!("{text}: a brace is not closed"))?;
            pieces.push(Piece::Name(read_name(name)?));
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
    pub(crate) fn fill(&self, out: &mut String, add: impl Fn(Name, &mut String) -> Option<()>) -> Option<()> {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => {
                out.push_str(text);
                Some(())
            }
            Piece::Name(name) => add(*name, out),
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
        "alg" => Name::Algorithm,
        "kid.pem" => Name::KidPem,
        "kid.jwk" => Name::KidJwk,
        "key.base64" => Name::KeyBase64,
        "key.id" => Name::KeyId,
        "key.name" => Name::Registered,
        "alg.http" => Name::HttpAlgorithm,
        "challenge" => Name::Challenge,
        "token" => Name::Token,
        "signature" => Name::Signature,
        other => match other.strip_prefix("now+").and_then(Span::parse) {
            Some(span) => Name::Now(span),
            None => return Err(format!("{{{other}}}: no such name; see the dialect guide")),
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
        };
        assert!(Make::read(&file("X-Api-Key")).is_ok());
        let told = Make::read(&file("x api key")).err();
        assert!(told.is_some_and(|told| told.contains("\"x api key\" is no header name")));
    }
}
