//! Finds a proof in a request and lays out its facts, believing nothing.
mod message;
mod scheme;

use self::scheme::{single, token};
use crate::base64::{Alphabet, encode};
use crate::dialect::{By, Detached, Dialect, Find, Form};
use crate::form::httpsig::{self, Listed};
use crate::form::{jws, parameters};
use crate::incoming::{Body, Incoming, Limits};
use crate::json::{Bounds, Value, read_object};
use crate::proof::found::Proof;
use crate::reason::{Reason, Refusal, Stage};
use crate::source::Facts;
use crate::trace::{Step, Trace};
use http::HeaderName;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::ops::Range;

/// Buffers for one judgement; reused from request to request they allocate nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The parts of a token, or the signature over a text.
    bytes: Vec<u8>,
    texts: Vec<Vec<u8>>,
}

/// Whether a request is addressed to a dialect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Addressed {
    /// No.
    No,
    /// Its carrier is there.
    Yes,
}

impl Detached {
    /// What was signed: the token's header, a dot, and the payload that is built from the request.
    pub(crate) fn input(&self, head: &[u8], facts: &Facts<'_>) -> Result<Vec<u8>, Reason> {
        let payload = self.payload.bytes(facts, None)?;
        let mut input = head.to_vec();
        if self.unencoded {
            input.extend_from_slice(&payload);
        } else {
            input.extend_from_slice(encode(Alphabet::Url, &payload).as_bytes());
        }
        Ok(input)
    }
}

impl Dialect {
    /// Whether the request carries something in this dialect's place. `discriminate` also asks the dialect's `when`, for
    /// routes that take several dialects in one place.
    #[must_use]
    pub fn addressed(&self, incoming: &Incoming<'_>, limits: &Limits, discriminate: bool) -> Addressed {
        match &self.find {
            Find::Header { name, schemes, when } => {
                let mut values = incoming.headers.get_all(name).iter();
                let ours = values.any(|value| token(value.as_bytes(), schemes).is_some());
                if !ours {
                    return Addressed::No;
                }
                if discriminate && !when.is_empty() {
                    let mut scratch = Scratch::default();
                    let read = self.read(incoming, limits, &mut scratch, &mut ());
                    let fits = |proof: &Proof<'_>| {
                        when.iter().all(|(at, text)| proof.facts.value(at).text() == Some(text))
                    };
                    // What cannot be read fits nobody's discriminator.
                    return match read {
                        Ok(Some(proof)) if fits(&proof) => Addressed::Yes,
                        _ => Addressed::No,
                    };
                }
                Addressed::Yes
            }
            Find::Headers(names) => {
                let meant = || match &self.form {
                    Form::HttpSig(form) if discriminate => httpsig::read::is_meant(form, incoming, limits),
                    _ => true,
                };
                if names.iter().any(|name| incoming.headers.contains_key(name)) && meant() {
                    Addressed::Yes
                } else {
                    Addressed::No
                }
            }
            Find::Body => match incoming.body {
                Body::Seen(_) => Addressed::Yes,
                Body::Empty | Body::Unseen => Addressed::No,
            },
            Find::Parameters { name, schemes, .. } => {
                let mut values = incoming.headers.get_all(name).iter();
                let ours = values.any(|value| token(value.as_bytes(), schemes).is_some());
                if ours { Addressed::Yes } else { Addressed::No }
            }
            Find::Parameter(name) => match parameters::only(incoming, name) {
                Ok(None) => Addressed::No,
                Ok(Some(_)) | Err(_) => Addressed::Yes,
            },
            Find::Form(field) => match field.read(incoming.body) {
                Ok(None) => Addressed::No,
                Ok(Some(_)) | Err(_) => Addressed::Yes,
            },
        }
    }

    /// Reads the proof. `None`: the request carries none of this dialect.
    ///
    /// # Errors
    /// [`Refusal`] of class malformed, or `missing-credentials` when only a part of the credential is there.
    pub fn read<'s>(
        &'s self,
        incoming: &'s Incoming<'s>,
        limits: &Limits,
        scratch: &'s mut Scratch,
        trace: &mut impl Trace,
    ) -> Result<Option<Proof<'s>>, Refusal> {
        let read = self.read_quietly(incoming, limits, scratch);
        trace.step(|| {
            let found = match &read {
                Ok(Some(proof)) => format!("a proof by {}", proof.named.escape_debug()),
                Ok(None) => "nothing".to_owned(),
                Err(reason) => reason.text().to_owned(),
            };
            let failed = read.as_ref().err().copied();
            Step::new(
                Stage::Read,
                "the credential",
                format!("one of the dialect {}", self.name),
                found,
                failed,
            )
        });
        read.map_err(|reason| Refusal::new(reason, Stage::Read))
    }

    fn read_quietly<'s>(
        &'s self,
        incoming: &'s Incoming<'s>,
        limits: &Limits,
        scratch: &'s mut Scratch,
    ) -> Result<Option<Proof<'s>>, Reason> {
        match &self.find {
            Find::Header { name, schemes, .. } => {
                let Some(token) = single(incoming, name, schemes)? else { return Ok(None) };
                if token.len() > limits.credential {
                    return Err(Reason::TooLarge);
                }
                self.read_token(token, incoming, limits, scratch).map(Some)
            }
            Find::Headers(names) => {
                if !names.iter().any(|name| incoming.headers.contains_key(name)) {
                    return Ok(None);
                }
                if let Form::HttpSig(form) = &self.form {
                    return self.read_message(form, incoming, limits, scratch);
                }
                for name in names {
                    match incoming.headers.get_all(name).iter().count() {
                        0 => return Err(Reason::MissingCredentials),
                        1 => {}
                        _ => return Err(Reason::AmbiguousCredentials),
                    }
                }
                let long = |name: &HeaderName| {
                    incoming.headers.get(name).is_some_and(|value| value.len() > limits.credential)
                };
                if names.iter().any(long) {
                    return Err(Reason::TooLarge);
                }
                self.read_text(incoming, limits, scratch).map(Some)
            }
            Find::Body => match incoming.body {
                Body::Seen(body) if body.len() > limits.body => Err(Reason::BodyTooLarge),
                Body::Seen(_) => self.read_text(incoming, limits, scratch).map(Some),
                Body::Empty => Ok(None),
                Body::Unseen => Err(Reason::BodyUnseen),
            },
            Find::Parameters { name, schemes, .. } => {
                let Some(credential) = single(incoming, name, schemes)? else { return Ok(None) };
                if credential.len() > limits.credential {
                    return Err(Reason::TooLarge);
                }
                self.read_text(incoming, limits, scratch).map(Some)
            }
            Find::Parameter(name) => {
                self.check_body(incoming, limits)?;
                match parameters::only(incoming, name)? {
                    None => Ok(None),
                    Some(value) if value.len() > limits.credential => Err(Reason::TooLarge),
                    Some(_) => self.read_text(incoming, limits, scratch).map(Some),
                }
            }
            Find::Form(field) => {
                self.check_body(incoming, limits)?;
                match field.read(incoming.body)? {
                    None => Ok(None),
                    Some(token) if token.len() > limits.credential => Err(Reason::TooLarge),
                    // A token has no character that a form escapes.
                    Some(Cow::Borrowed(token)) => {
                        self.read_token(token.as_bytes(), incoming, limits, scratch).map(Some)
                    }
                    Some(Cow::Owned(_)) => Err(Reason::MalformedEncoding),
                }
            }
        }
    }

    /// A body that is looked at must come here, and not be too long.
    fn check_body(&self, incoming: &Incoming<'_>, limits: &Limits) -> Result<(), Reason> {
        match incoming.body {
            Body::Unseen => Err(Reason::BodyUnseen),
            Body::Seen(body) if body.len() > limits.body => Err(Reason::BodyTooLarge),
            Body::Seen(_) | Body::Empty => Ok(()),
        }
    }

    fn read_token<'s>(
        &'s self,
        token: &'s [u8],
        incoming: &'s Incoming<'s>,
        limits: &Limits,
        scratch: &'s mut Scratch,
    ) -> Result<Proof<'s>, Reason> {
        let detached = match &self.form {
            Form::Jws => None,
            Form::Detached(detached) => Some(detached),
            Form::Text(_) | Form::HttpSig(_) => return Err(Reason::MalformedCredential),
        };
        if self.needs_body() {
            self.check_body(incoming, limits)?;
        }
        let wanted = jws::Wanted {
            algorithms: &self.algorithms,
            types: &self.types,
            names: &self.names,
            outside: &self.outside,
            detached: detached.map(|detached| detached.unencoded),
        };
        let Scratch { bytes, texts } = scratch;
        let read = jws::read(token, &wanted, limits, bytes)?;
        let facts = Facts {
            incoming,
            members: read.members,
            heads: read.heads,
            auth: SmallVec::new(),
            typ: read.typ,
            kind: read.kind,
            kid: read.kid,
        };
        let mut signed = SmallVec::new();
        match detached {
            None => signed.push(read.input),
            Some(detached) => {
                texts.clear();
                texts.push(detached.input(read.input, &facts)?);
                let texts: &'s [Vec<u8>] = texts;
                signed.extend(texts.iter().map(Vec::as_slice));
            }
        }
        self.proof(facts, limits, Some(read.algorithm), signed, read.signature, None)
    }

    fn read_text<'s>(
        &'s self,
        incoming: &'s Incoming<'s>,
        limits: &Limits,
        scratch: &'s mut Scratch,
    ) -> Result<Proof<'s>, Reason> {
        let Form::Text(form) = &self.form else { return Err(Reason::MalformedCredential) };
        let mut facts = self.facts(incoming)?;
        if form.members {
            self.read_body(&mut facts, limits)?;
        }
        form.check_body(incoming.body)?;
        if let Body::Seen(body) = incoming.body
            && body.len() > limits.body
        {
            return Err(Reason::BodyTooLarge);
        }
        let Scratch { bytes: signature, texts } = scratch;
        crate::form::signature::read(form, &facts, signature)?;
        form.build(&facts, texts)?;
        let texts: &'s [Vec<u8>] = texts;
        self.proof(facts, limits, None, texts.iter().map(Vec::as_slice).collect(), signature, None)
    }

    /// The facts of a text: the request, and the parameters behind the scheme word where there are such.
    pub(crate) fn facts<'s>(&self, incoming: &'s Incoming<'s>) -> Result<Facts<'s>, Reason> {
        let mut facts = Facts::new(incoming, self.names.members.len());
        if let Find::Parameters { name, schemes, percent } = &self.find {
            let credential = single(incoming, name, schemes)?.ok_or(Reason::MissingCredentials)?;
            facts.auth = parameters::read(credential, *percent)?;
        }
        Ok(facts)
    }

    fn read_body<'s>(&self, facts: &mut Facts<'s>, limits: &Limits) -> Result<(), Reason> {
        let Body::Seen(body) = facts.incoming.body else { return Err(Reason::MalformedJson) };
        let bounds = Bounds { depth: limits.json_depth, members: limits.json_members };
        read_object(body, bounds, |name, value| {
            let slot = self.names.members.iter().position(|member| **member == *name);
            if let Some(place) = slot.and_then(|slot| facts.members.get_mut(slot)) {
                *place = value;
            }
        })
        .map_err(|_| Reason::MalformedJson)
    }

    fn proof<'s>(
        &'s self,
        facts: Facts<'s>,
        limits: &Limits,
        algorithm: Option<countersign_keys::Algorithm>,
        texts: SmallVec<[&'s [u8]; 2]>,
        signature: &'s [u8],
        listed: Option<Listed>,
    ) -> Result<Proof<'s>, Reason> {
        let named: Cow<'s, str> = match facts.value(&self.who.from) {
            Value::Absent | Value::Null => return Err(Reason::MissingIdentity),
            Value::Text(text) => Cow::Owned(text.into_owned()),
            Value::Number(number) if self.who.number && number.bytes().all(|byte| byte.is_ascii_digit()) => {
                Cow::Owned(number.to_owned())
            }
            _ => return Err(Reason::MalformedIdentity),
        };
        let identifier = self.identifier(&named).ok_or(Reason::MalformedIdentity)?;
        let acting_as = match &self.who.acting_as {
            None => None,
            Some(source) => match facts.value(source) {
                Value::Text(text) => Some(Cow::Owned(text.into_owned())),
                _ => return Err(Reason::MalformedCredential),
            },
        };
        if let By::Session { identifier } = &self.who.by
            && facts.value(identifier).text().is_none()
        {
            return Err(Reason::MissingIdentity);
        }
        Ok(Proof {
            dialect: self,
            facts,
            limits: *limits,
            named,
            identifier,
            acting_as,
            algorithm,
            texts,
            signature,
            listed,
        })
    }

    /// The part of the name that is looked up.
    fn identifier(&self, named: &str) -> Option<Range<usize>> {
        let Some(pattern) = &self.who.pattern else { return Some(0..named.len()) };
        let end = named.len().checked_sub(pattern.after.len())?;
        let inner = named.strip_prefix(&*pattern.before)?.strip_suffix(&*pattern.after)?;
        // Twenty digits are more than any number of sites.
        let digits = || inner.len() <= 20 && inner.bytes().all(|byte| byte.is_ascii_digit());
        let good = !inner.is_empty() && (!pattern.digits || digits());
        good.then_some(pattern.before.len()..end)
    }
}
