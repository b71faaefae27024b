//! Reads a JWS in compact serialisation (RFC 7515 section 7.1), strictly and without belief.
use crate::base64::{Alphabet, decode};
use crate::incoming::Limits;
use crate::json::{Bounds, Value, read_object};
use crate::reason::Reason;
use countersign_keys::Algorithm;
use smallvec::SmallVec;
use std::borrow::Cow;

/// The parts of a token, decoded into buffers of the caller.
#[derive(Debug)]
pub(crate) struct Jws<'s> {
    /// What was signed: header and payload as they stand in the token.
    pub(crate) input: &'s [u8],
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Cow<'s, str>>,
    pub(crate) typ: Value<'s>,
    pub(crate) kind: Value<'s>,
    pub(crate) members: SmallVec<[Value<'s>; 12]>,
}

/// Buffers the parts are decoded into.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub(crate) head: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

/// What a dialect wants of a token's outside.
pub(crate) struct Wanted<'d> {
    pub(crate) algorithms: &'d [Algorithm],
    pub(crate) types: &'d [Box<str>],
    pub(crate) members: &'d [Box<str>],
}

struct Head<'s> {
    alg: Value<'s>,
    kid: Value<'s>,
    typ: Value<'s>,
    kind: Value<'s>,
    crit: bool,
    odd: bool,
}

/// Reads a token; the signature goes into `signature`.
pub(crate) fn read<'s>(
    token: &'s [u8],
    wanted: &Wanted<'_>,
    limits: &Limits,
    buffers: &'s mut Buffers,
    signature: &mut Vec<u8>,
) -> Result<Jws<'s>, Reason> {
    let mut dots = token.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
    let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
        return Err(Reason::MalformedCredential);
    };
    let shape = Reason::MalformedCredential;
    let head = token.get(..first).ok_or(shape)?;
    let payload = token.get(first + 1..second).ok_or(shape)?;
    let tail = token.get(second + 1..).ok_or(shape)?;
    let input = token.get(..second).ok_or(shape)?;
    let encoding = |_| Reason::MalformedEncoding;
    decode(Alphabet::Url, head, &mut buffers.head).map_err(encoding)?;
    let bounds = Bounds { depth: limits.json_depth, members: limits.json_members };
    let buffers: &'s Buffers = {
        let header = read_head(&buffers.head, bounds)?;
        check_head(&header, limits)?;
        algorithm(&header.alg, wanted.algorithms)?;
        decode(Alphabet::Url, payload, &mut buffers.payload).map_err(encoding)?;
        decode(Alphabet::Url, tail, signature).map_err(encoding)?;
        buffers
    };
    let header = read_head(&buffers.head, bounds)?;
    check_type(&header.typ, wanted.types)?;
    let mut members = SmallVec::new();
    members.resize(wanted.members.len(), Value::Absent);
    read_object(&buffers.payload, bounds, |name, value| {
        let slot = wanted.members.iter().position(|member| **member == *name);
        if let Some(place) = slot.and_then(|slot| members.get_mut(slot)) {
            *place = value;
        }
    })
    .map_err(|_| Reason::MalformedJson)?;
    Ok(Jws {
        input,
        algorithm: algorithm(&header.alg, wanted.algorithms)?,
        kid: match header.kid {
            Value::Text(kid) => Some(kid),
            _ => None,
        },
        typ: header.typ,
        kind: header.kind,
        members,
    })
}

fn read_head(bytes: &[u8], bounds: Bounds) -> Result<Head<'_>, Reason> {
    let absent = || Value::Absent;
    let mut head =
        Head { alg: absent(), kid: absent(), typ: absent(), kind: absent(), crit: false, odd: false };
    read_object(bytes, bounds, |name, value| match name {
        "alg" => head.alg = value,
        "kid" => head.kid = value,
        "typ" => head.typ = value,
        "type" => head.kind = value,
        // RFC 7515 section 4.1.11: an extension that must be understood, and none is.
        "crit" => head.crit = true,
        // Encrypted, compressed, nested or unencoded: another kind of token. Keys and addresses that a token
        // brings along (`jwk`, `jku`, `x5u`, `x5c`) are not even looked at.
        "zip" | "b64" | "cty" | "enc" => head.odd = true,
        _ => {}
    })
    .map_err(|_| Reason::MalformedJson)?;
    Ok(head)
}

fn check_head(head: &Head<'_>, limits: &Limits) -> Result<(), Reason> {
    if head.crit {
        return Err(Reason::UnsupportedCritical);
    }
    if head.odd {
        return Err(Reason::UnsupportedHeader);
    }
    match &head.kid {
        Value::Absent => Ok(()),
        Value::Text(kid) if kid.len() <= limits.kid => Ok(()),
        _ => Err(Reason::MalformedCredential),
    }
}

/// The token only picks among the algorithms that the dialect takes; names are compared by case (RFC 7515 section 4.1.1).
fn algorithm(named: &Value<'_>, taken: &[Algorithm]) -> Result<Algorithm, Reason> {
    let named = named.text().and_then(Algorithm::from_jose);
    named.filter(|algorithm| taken.contains(algorithm)).ok_or(Reason::UnsupportedAlgorithm)
}

fn check_type(typ: &Value<'_>, types: &[Box<str>]) -> Result<(), Reason> {
    match typ {
        Value::Absent => Ok(()),
        // RFC 7515 section 4.1.9: a media type, so its case does not count.
        Value::Text(typ) if types.iter().any(|known| known.eq_ignore_ascii_case(typ)) => Ok(()),
        _ => Err(Reason::UnsupportedHeader),
    }
}
