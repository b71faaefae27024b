//! Finds the one signature that a dialect means among those of a request, and lays out its parameters.
use crate::base64::{Alphabet, decode};
use crate::form::httpsig::agent;
use crate::form::httpsig::base::build;
use crate::form::httpsig::message::Message;
use crate::form::httpsig::{HttpSig, Listed, MOST_SIGNATURES};
use crate::incoming::{Body, Incoming, Limits};
use crate::json::Value;
use crate::reason::Reason;
use crate::structured::{Bare, Dictionary, InnerList, Member, Parameter, dictionary};
use countersign_keys::Algorithm;
use http::HeaderName;
use smallvec::SmallVec;

/// `Signature-Input`: what is covered, and the parameters.
pub(crate) const INPUT: HeaderName = HeaderName::from_static("signature-input");
/// `Signature`: the signatures themselves.
pub(crate) const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// One signature of a request, read.
#[derive(Debug)]
pub(crate) struct Read<'s> {
    /// The algorithm that it names; `None` when it leaves that to the key.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) members: SmallVec<[Value<'s>; 8]>,
    pub(crate) kid: Option<std::borrow::Cow<'s, str>>,
    pub(crate) listed: Listed,
}

/// What a dialect wants of a signature's outside.
pub(crate) struct Wanted<'d> {
    pub(crate) form: &'d HttpSig,
    pub(crate) algorithms: &'d [Algorithm],
    pub(crate) members: &'d [Box<str>],
}

/// Reads the signature that a dialect means: its base into `base`, its bytes into `signature`. `None`: no signature of this request is of
/// the dialect.
///
/// # Errors
/// A [`Reason`] of class malformed.
pub(crate) fn read<'s>(
    wanted: &Wanted<'_>,
    incoming: &'s Incoming<'s>,
    limits: &Limits,
    base: &mut Vec<u8>,
    signature: &mut Vec<u8>,
) -> Result<Option<Read<'s>>, Reason> {
    let mut inputs = members(incoming, &INPUT, limits)?;
    let Some(at) = choose(wanted.form, &inputs)? else {
        // One that can belong to nobody, since what it covers is not told.
        let lonely = inputs.is_empty();
        return if lonely { Err(Reason::MissingCredentials) } else { Ok(None) };
    };
    let (label, Member::Inner(inner)) = inputs.swap_remove(at) else {
        return Err(Reason::MalformedCredential);
    };
    let signatures = members(incoming, &SIGNATURE, limits)?;
    let (_, found) = signatures.iter().find(|(own, _)| *own == label).ok_or(Reason::MissingCredentials)?;
    let Member::Item(found) = found else { return Err(Reason::MalformedCredential) };
    let (Bare::Bytes(text), true) = (&found.value, found.parameters.0.is_empty()) else {
        return Err(Reason::MalformedCredential);
    };
    decode(Alphabet::Standard, text.as_bytes(), signature).map_err(|_| Reason::MalformedEncoding)?;
    check_types(&inner)?;
    let algorithm = match inner.parameters.get("alg").map(|parameter| &parameter.value) {
        None => None,
        Some(Bare::String(name)) => {
            let jose = || Algorithm::from_jose(name).filter(|_| wanted.form.jose_names);
            let named =
                Algorithm::from_http(name).or_else(jose).filter(|named| wanted.algorithms.contains(named));
            Some(named.ok_or(Reason::UnsupportedAlgorithm)?)
        }
        Some(_) => return Err(Reason::MalformedCredential),
    };
    let message = Message { request: incoming, answer: None };
    let listed = build(&inner, &message, &wanted.form.needs, base)?;
    if matches!(incoming.body, Body::Seen(body) if listed.digest && body.len() > limits.body) {
        return Err(Reason::BodyTooLarge);
    }
    let mut values = SmallVec::new();
    values.resize(wanted.members.len(), Value::Absent);
    let mut kid = None;
    for parameter in inner.parameters.0 {
        if parameter.key == "keyid"
            && let Bare::String(text) = &parameter.value
        {
            if text.len() > limits.kid {
                return Err(Reason::MalformedCredential);
            }
            kid = Some(text.clone());
        }
        let slot = wanted.members.iter().position(|member| **member == *parameter.key);
        if let Some(place) = slot.and_then(|slot| values.get_mut(slot)) {
            *place = value(parameter);
        }
    }
    let slot = wanted.members.iter().position(|member| **member == *agent::NAME);
    if let Some(place) = slot.and_then(|slot| values.get_mut(slot)) {
        let covered = agent::covered(label, &inner.items, incoming.headers);
        *place = covered.map_or(Value::Absent, Value::Text);
    }
    Ok(Some(Read { algorithm, members: values, kid, listed }))
}

/// Whether a request has a signature of this dialect, told by label and tag alone.
pub(crate) fn is_meant(form: &HttpSig, incoming: &Incoming<'_>, limits: &Limits) -> bool {
    members(incoming, &INPUT, limits).is_ok_and(|inputs| !matches!(choose(form, &inputs), Ok(None)))
}

/// The label of the signature that is meant; `None` where there is none or several.
pub(crate) fn label<'s>(form: &HttpSig, incoming: &'s Incoming<'s>, limits: &Limits) -> Option<&'s str> {
    let inputs = members(incoming, &INPUT, limits).ok()?;
    let at = choose(form, &inputs).ok()??;
    inputs.get(at).map(|(label, _)| *label)
}

/// The members of one of the two fields, over all its lines.
fn members<'s>(
    incoming: &'s Incoming<'s>,
    field: &HeaderName,
    limits: &Limits,
) -> Result<Dictionary<'s>, Reason> {
    let headers: &'s http::HeaderMap = incoming.headers;
    let lines = headers.get_all(field);
    if lines.iter().map(|line| line.len()).sum::<usize>() > limits.credential {
        return Err(Reason::TooLarge);
    }
    let mut members = Vec::new();
    for line in lines {
        dictionary(line.as_bytes(), MOST_SIGNATURES, &mut members)
            .map_err(|_| Reason::MalformedCredential)?;
    }
    Ok(members)
}

/// The place of the one signature with the dialect's label and tag; two would leave it to chance which is judged.
fn choose(form: &HttpSig, inputs: &Dictionary<'_>) -> Result<Option<usize>, Reason> {
    let mut chosen = None;
    for (at, (label, member)) in inputs.iter().enumerate() {
        let Member::Inner(inner) = member else { return Err(Reason::MalformedCredential) };
        let tag = match inner.parameters.get("tag").map(|parameter| &parameter.value) {
            None => None,
            Some(Bare::String(tag)) => Some(tag.as_ref()),
            Some(_) => return Err(Reason::MalformedCredential),
        };
        if form.means(label, tag) && chosen.replace(at).is_some() {
            return Err(Reason::AmbiguousCredentials);
        }
    }
    Ok(chosen)
}

/// The parameters of the RFC have each one type (RFC 9421 section 2.3).
fn check_types(inner: &InnerList<'_>) -> Result<(), Reason> {
    let wrong = |parameter: &Parameter<'_>| match parameter.key {
        "created" | "expires" => !matches!(parameter.value, Bare::Integer(_)),
        "nonce" | "alg" | "keyid" | "tag" => !matches!(parameter.value, Bare::String(_)),
        _ => false,
    };
    if inner.parameters.0.iter().any(wrong) { Err(Reason::MalformedCredential) } else { Ok(()) }
}

fn value(parameter: Parameter<'_>) -> Value<'_> {
    match parameter.value {
        Bare::String(text) => Value::Text(text),
        Bare::Integer(_) => Value::Number(parameter.text),
        Bare::Boolean(value) => Value::Bool(value),
        // No rule reads any other kind; that it is there can be told.
        _ => Value::Null,
    }
}
