//! Makes a proof: the same dialect run backwards says what to add to a request.
mod detached;
pub(crate) mod message;
mod query;
mod text;

use crate::base64::{Alphabet, encode_hex, encode_into, encoded_len};
use crate::dialect::{Dialect, Form};
use crate::form::built::Built;
use crate::form::make::{Kind, Make, Name, Pair, Template};
use crate::form::{fields, oauth};
use crate::incoming::{Incoming, Target};
use crate::source::Facts;
use crate::time::Time;
use countersign_keys::{Algorithm, KeyError, KeyPair};
use http::{HeaderName, HeaderValue};
use std::fmt::{self, Write};

/// Room for the JSON of a head or of claims; a longer one makes more.
const USUAL_JSON: usize = 256;

/// Who signs, and what only the caller knows.
#[derive(Debug)]
pub struct Signer<'a> {
    /// Who signs.
    pub key: &'a dyn KeyPair,
    /// The identifier as registered (the site's number, not `Partner:…`).
    pub identifier: &'a str,
    /// The user to act for.
    pub acting_as: Option<&'a str>,
    /// The companion API key.
    pub companion: Option<&'a str>,
    /// The algorithm; the dialect's first that the key has and that is not weak, when `None`.
    pub algorithm: Option<Algorithm>,
    /// The challenge to answer.
    pub challenge: Option<&'a str>,
}

/// What to add to the request.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// Headers to set.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body to send, for dialects whose proof is a body.
    pub body: Option<String>,
    /// The whole query to send in place of the request's own, for dialects that put the proof there.
    pub query: Option<String>,
    /// The token alone, for dialects that carry one.
    pub token: Option<String>,
    /// The bytes that were signed.
    pub signed: Vec<u8>,
}

/// Why no proof can be made.
#[derive(Debug)]
pub enum CannotSign {
    /// The dialect's file does not say how.
    NoMake,
    /// The dialect wants something of the signer that was not given.
    Missing(&'static str),
    /// The key has none of the dialect's algorithms.
    WrongKey {
        /// What the dialect takes.
        wanted: String,
        /// What the key is.
        found: &'static str,
    },
    /// A challenge that is no short hexadecimal text: signing it could sign something else.
    StrangeChallenge,
    /// The body or a header cannot be signed in this dialect.
    CannotBuild,
    /// The query has a parameter already that the proof brings along: a server could read either.
    Doubled(String),
    /// The key failed.
    Key(KeyError),
}

struct Knowledge<'a, 'f> {
    signer: &'a Signer<'a>,
    algorithm: Algorithm,
    now: Time,
    random: [u8; 16],
    token: Option<String>,
    signature: Option<String>,
    /// Whether the dialect finds accounts by their keys.
    names_keys: bool,
    list: &'a str,
    facts: &'a Facts<'f>,
}

impl Dialect {
    /// Makes a proof for a request. `random` becomes the nonce, where the dialect has one.
    ///
    /// # Errors
    /// [`CannotSign`].
    pub fn write(
        &self,
        incoming: &Incoming<'_>,
        signer: &Signer<'_>,
        now: Time,
        random: [u8; 16],
    ) -> Result<Made, CannotSign> {
        let make = self.make.as_ref().ok_or(CannotSign::NoMake)?;
        check_request(incoming)?;
        if let Some(challenge) = signer.challenge {
            check_challenge(challenge)?;
        }
        let algorithm = self.algorithm_for(signer)?;
        let no_facts = Facts::new(incoming, 0);
        let mut know = Knowledge {
            signer,
            algorithm,
            now,
            random,
            token: None,
            signature: None,
            facts: &no_facts,
            list: "",
            names_keys: false,
        };
        match &self.form {
            Form::Detached(detached) => self.write_detached(detached, make, incoming, know),
            Form::Jws => {
                let mut json = String::with_capacity(USUAL_JSON);
                object(&make.head, &know, &mut json)?;
                let head = json.len();
                object(&make.claims, &know, &mut json)?;
                let (head, claims) = json.as_bytes().split_at(head);
                let mut input = String::with_capacity(encoded_len(head) + 1 + encoded_len(claims));
                encode_into(Alphabet::Url, head, &mut input);
                input.push('.');
                encode_into(Alphabet::Url, claims, &mut input);
                let signature = signer.key.sign(algorithm, input.as_bytes()).map_err(CannotSign::Key)?;
                let mut token = String::with_capacity(input.len() + 1 + encoded_len(&signature));
                token.push_str(&input);
                token.push('.');
                encode_into(Alphabet::Url, &signature, &mut token);
                know.token = Some(token);
                let headers = headers(&make.headers, &know, |_| true)?;
                let body = form_body(make, &know)?;
                Ok(Made { headers, body, query: None, token: know.token, signed: input.into_bytes() })
            }
            Form::Text(form) => self.write_text(form, make, incoming, know),
            Form::HttpSig(form) => self.write_message(form, make, incoming, know),
        }
    }

    fn algorithm_for(&self, signer: &Signer<'_>) -> Result<Algorithm, CannotSign> {
        let fits =
            |algorithm: &Algorithm| self.algorithms.contains(algorithm) && signer.key.signs(*algorithm);
        let chosen = match signer.algorithm {
            Some(algorithm) => Some(algorithm).filter(fits),
            None => self.algorithms.iter().copied().find(|found| fits(found) && !found.is_weak()),
        };
        chosen.ok_or_else(|| CannotSign::WrongKey {
            wanted: self.algorithms.iter().map(|found| found.name()).collect::<Vec<_>>().join(", "),
            found: signer.key.kind().name(),
        })
    }
}

/// A server that picks what we sign could have us sign a token: only short hexadecimal texts are challenges.
fn check_challenge(challenge: &str) -> Result<(), CannotSign> {
    let hex = challenge.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex && (8..=256).contains(&challenge.len()) { Ok(()) } else { Err(CannotSign::StrangeChallenge) }
}

/// What somebody put into an address behind a line end would be signed as a line of its own, and sent as nothing at all.
fn check_request(incoming: &Incoming<'_>) -> Result<(), CannotSign> {
    let Target { scheme, authority, path, query } = incoming.target;
    let mut parts = [incoming.method, scheme, authority, path, query.unwrap_or_default()].into_iter();
    let strange = |part: &str| part.bytes().any(|byte| byte.is_ascii_control());
    if parts.any(strange) { Err(CannotSign::CannotBuild) } else { Ok(()) }
}

impl Knowledge<'_, '_> {
    /// Writes what stands for a name; `None` when the signer does not know it.
    fn add(&self, name: Name, out: &mut String) -> Option<()> {
        let key = self.signer.key;
        match name {
            Name::Identifier => out.push_str(self.signer.identifier),
            Name::ActingAs => out.push_str(self.signer.acting_as?),
            Name::Companion => out.push_str(self.signer.companion?),
            Name::Now(span) => number((self.now + span).seconds(), out),
            Name::Nonce => encode_into(Alphabet::Url, &self.random, out),
            Name::Algorithm => out.push_str(self.algorithm.jose_names().first()?),
            Name::KidPem => out.push_str(&key.fingerprints().pem_sha256_hex),
            Name::Registered if !self.names_keys => out.push_str(self.signer.identifier),
            Name::HttpAlgorithm => out.push_str(self.algorithm.http_name().unwrap_or_default()),
            Name::NonceHex => out.push_str(&encode_hex(&self.random)),
            Name::NonceUuid => uuid(self.random, out),
            Name::KeySpki => out.push_str(&key.fingerprints().spki_sha256_base64),
            Name::KidJwk | Name::KeyId | Name::Registered => out.push_str(&key.fingerprints().jwk_thumbprint),
            Name::KeyBase64 => encode_into(Alphabet::Standard, &key.public_key().ed25519_bytes()?, out),
            Name::Challenge => out.push_str(self.signer.challenge?),
            Name::Token => out.push_str(self.token.as_ref()?),
            Name::SignaturePercent => out.push_str(&oauth::escaped(self.signature.as_ref()?)),
            Name::NowAs(format) => out.push_str(&format.write(self.now)),
            Name::List => out.push_str(self.list),
            Name::Signature => out.push_str(self.signature.as_ref()?),
        }
        Some(())
    }

    fn fill(&self, template: &Template, out: &mut String) -> Result<(), CannotSign> {
        let build = |built: &Built| String::from_utf8(built.bytes(self.facts, None).ok()?).ok();
        template.fill(out, |name, out| self.add(name, out), build).ok_or_else(|| {
            let wants = [
                (Name::ActingAs, "the user to act for"),
                (Name::Companion, "the companion API key"),
                (Name::Challenge, "the challenge to answer"),
                (Name::KeyBase64, "an Ed25519 key"),
            ];
            let what = wants.iter().find(|(name, _)| template.has(*name));
            CannotSign::Missing(what.map_or("something that was not given", |(_, what)| what))
        })
    }
}

/// Writes a JSON object in the order of the file; what the signer does not know and the template wants is an error.
fn object(pairs: &[Pair], know: &Knowledge<'_, '_>, out: &mut String) -> Result<(), CannotSign> {
    out.push('{');
    let start = out.len();
    for Pair { name, template, kind } in pairs {
        let before = out.len();
        if before > start {
            out.push(',');
        }
        quoted(out, |out| {
            out.push_str(name);
            Ok(())
        })?;
        out.push(':');
        match (kind, template.number(know.now)) {
            (Kind::Plain, Some(value)) => number(value, out),
            (Kind::Json, _) => know.fill(template, out)?,
            (Kind::List, _) => {
                out.push('[');
                quoted(out, |out| know.fill(template, out))?;
                out.push(']');
            }
            (Kind::Optional, _) => {
                if quoted(out, |out| know.fill(template, out)).is_err() {
                    out.truncate(before);
                }
            }
            (Kind::Plain, None) => quoted(out, |out| know.fill(template, out))?,
        }
    }
    out.push('}');
    Ok(())
}

/// The form that carries the token, where the dialect has one.
fn form_body(make: &Make, know: &Knowledge<'_, '_>) -> Result<Option<String>, CannotSign> {
    let mut form = String::new();
    for Pair { name, template, .. } in &make.form {
        let mut value = String::new();
        know.fill(template, &mut value)?;
        fields::add(&mut form, name, &value);
    }
    Ok((!form.is_empty()).then_some(form))
}

/// Random bits as a UUID of version 4 (RFC 9562 section 5.4).
fn uuid(mut random: [u8; 16], out: &mut String) {
    let [.., _, _, _, _, _, _, version, _, variant, _, _, _, _, _, _, _] = &mut random;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    for (place, digit) in encode_hex(&random).chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
}

fn number(value: i64, out: &mut String) {
    // Writing into a text never fails.
    let _ = write!(out, "{value}");
}

/// Writes a JSON string. What `add` writes is gone through once more only when something in it is to be escaped.
fn quoted(
    out: &mut String,
    add: impl FnOnce(&mut String) -> Result<(), CannotSign>,
) -> Result<(), CannotSign> {
    out.push('"');
    let start = out.len();
    add(out)?;
    let plain = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
    if !out.as_bytes().iter().skip(start).all(plain) {
        let text = out.split_off(start);
        for letter in text.chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
                _ => out.push(letter),
            }
        }
    }
    out.push('"');
    Ok(())
}

fn object_members(
    make: &Make,
    know: &Knowledge<'_, '_>,
    members: &[Box<str>],
) -> Result<Vec<(usize, String)>, CannotSign> {
    let mut out = Vec::new();
    for Pair { name, template, .. } in &make.body {
        if let Some(slot) = members.iter().position(|member| member == name)
            && !template.has(Name::Signature)
        {
            let mut text = String::new();
            know.fill(template, &mut text)?;
            out.push((slot, text));
        }
    }
    Ok(out)
}

fn headers(
    list: &[(HeaderName, Template)],
    know: &Knowledge<'_, '_>,
    take: impl Fn(&Template) -> bool,
) -> Result<Vec<(HeaderName, HeaderValue)>, CannotSign> {
    let mut out = Vec::with_capacity(list.len());
    for (name, template) in list.iter().filter(|(_, template)| take(template)) {
        // A token and a scheme word before it; a longer text makes more room.
        let room = know.token.as_ref().map_or(0, String::len) + 16;
        let mut text = String::with_capacity(room);
        know.fill(template, &mut text)?;
        out.push((name.clone(), HeaderValue::try_from(text).map_err(|_| CannotSign::CannotBuild)?));
    }
    Ok(out)
}

impl fmt::Display for CannotSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMake => f.write_str("this dialect's file has no [make] table, so it can only be verified"),
            Self::Missing(what) => write!(f, "this dialect wants {what}"),
            Self::WrongKey { wanted, found } => {
                write!(f, "this dialect signs with {wanted}; the key is {found}; use another key or algorithm")
            }
            Self::StrangeChallenge => f.write_str(
                "the challenge is not 8 to 256 hexadecimal digits; it is not signed, since it could be something else",
            ),
            Self::CannotBuild => f.write_str("the text to sign cannot be built from this request"),
            Self::Doubled(name) => write!(
                f,
                "the query has the parameter {name:?} already, which this dialect's proof brings; leave it out"
            ),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CannotSign {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn string(before: &str, text: &str) -> String {
        let mut out = before.to_owned();
        quoted(&mut out, |out| {
            out.push_str(text);
            Ok(())
        })
        .unwrap();
        out
    }

    #[test]
    fn what_json_escapes_is_escaped_and_nothing_before_it() {
        assert_eq!(string("\"\\", "a\"b\\c\n\u{1f}é"), "\"\\\"a\\\"b\\\\c\\u000a\\u001fé\"");
        assert_eq!(string("", ""), "\"\"");
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text: String) {
            prop_assert_eq!(serde_json::from_str::<String>(&string("", &text)).unwrap(), text);
        }
    }
}
