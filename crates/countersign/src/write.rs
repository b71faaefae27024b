//! Makes a proof: the same dialect run backwards says what to add to a request.
use crate::base64::{Alphabet, encode, encode_hex, encode_into, encoded_len};
use crate::dialect::{Dialect, Form};
use crate::form::make::{Make, Name, Template};
use crate::form::text::{SignatureEncoding, TextForm};
use crate::incoming::Incoming;
use crate::source::Facts;
use crate::time::Time;
use countersign_keys::{Algorithm, KeyError, KeyPair};
use http::{HeaderMap, HeaderName, HeaderValue};
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
    /// The key failed.
    Key(KeyError),
}

struct Knowledge<'a> {
    signer: &'a Signer<'a>,
    algorithm: Algorithm,
    now: Time,
    random: [u8; 16],
    token: Option<String>,
    signature: Option<String>,
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
        if let Some(challenge) = signer.challenge {
            check_challenge(challenge)?;
        }
        let algorithm = self.algorithm_for(signer)?;
        let mut know = Knowledge { signer, algorithm, now, random, token: None, signature: None };
        match &self.form {
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
                let headers = headers(make, &know, |_| true)?;
                Ok(Made { headers, body: None, token: know.token, signed: input.into_bytes() })
            }
            Form::Text(form) => self.write_text(form, make, incoming, know),
        }
    }

    fn write_text(
        &self,
        form: &TextForm,
        make: &Make,
        incoming: &Incoming<'_>,
        mut know: Knowledge<'_>,
    ) -> Result<Made, CannotSign> {
        // First what does not depend on the signature: it may be part of what is signed.
        let before = headers(make, &know, |template| !template.has(Name::Signature))?;
        let mut map: HeaderMap = incoming.headers.clone();
        for (name, value) in before {
            map.insert(name, value);
        }
        let facing = Incoming { headers: &map, ..*incoming };
        let body_members = object_members(make, &know, &self.members)?;
        let mut facts = Facts::new(&facing, self.members.len());
        for (slot, value) in body_members {
            if let Some(place) = facts.members.get_mut(slot) {
                *place = crate::json::Value::Text(value.into());
            }
        }
        let mut texts = Vec::new();
        form.check_body(incoming.body).map_err(|_| CannotSign::CannotBuild)?;
        form.build(&facts, &mut texts);
        let signed = texts.into_iter().next().ok_or(CannotSign::CannotBuild)?;
        let signature = know.signer.key.sign(know.algorithm, &signed).map_err(CannotSign::Key)?;
        know.signature = Some(match form.encoding {
            SignatureEncoding::Base64 => encode(Alphabet::Standard, &signature),
            SignatureEncoding::Base64url => encode(Alphabet::Url, &signature),
            SignatureEncoding::Hex => encode_hex(&signature),
        });
        let mut body = String::new();
        if !make.body.is_empty() {
            object(&make.body, &know, &mut body)?;
        }
        let body = (!body.is_empty()).then_some(body);
        Ok(Made { headers: headers(make, &know, |_| true)?, body, token: None, signed })
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

impl Knowledge<'_> {
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
            Name::KidJwk | Name::KeyId => out.push_str(&key.fingerprints().jwk_thumbprint),
            Name::KeyBase64 => encode_into(Alphabet::Standard, &key.public_key().ed25519_bytes()?, out),
            Name::Challenge => out.push_str(self.signer.challenge?),
            Name::Token => out.push_str(self.token.as_ref()?),
            Name::Signature => out.push_str(self.signature.as_ref()?),
        }
        Some(())
    }

    fn fill(&self, template: &Template, out: &mut String) -> Result<(), CannotSign> {
        template.fill(out, |name, out| self.add(name, out)).ok_or_else(|| {
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
fn object(pairs: &[(Box<str>, Template)], know: &Knowledge<'_>, out: &mut String) -> Result<(), CannotSign> {
    let mut before = '{';
    for (name, template) in pairs {
        out.push(before);
        before = ',';
        quoted(out, |out| {
            out.push_str(name);
            Ok(())
        })?;
        out.push(':');
        match template.number(know.now) {
            Some(value) => number(value, out),
            None => quoted(out, |out| know.fill(template, out))?,
        }
    }
    out.push_str(if pairs.is_empty() { "{}" } else { "}" });
    Ok(())
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
    know: &Knowledge<'_>,
    members: &[Box<str>],
) -> Result<Vec<(usize, String)>, CannotSign> {
    let mut out = Vec::new();
    for (name, template) in &make.body {
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
    make: &Make,
    know: &Knowledge<'_>,
    take: impl Fn(&Template) -> bool,
) -> Result<Vec<(HeaderName, HeaderValue)>, CannotSign> {
    let mut out = Vec::with_capacity(make.headers.len());
    for (name, template) in make.headers.iter().filter(|(_, template)| take(template)) {
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
