//! Reads a JWS in compact serialisation (RFC 7515 section 7.1), strictly and without belief.
use crate::base64::{decode_url, decoded_len};
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
    pub(crate) members: SmallVec<[Value<'s>; 8]>,
    pub(crate) signature: &'s [u8],
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

/// Reads a token; its parts are decoded into `buffer`.
pub(crate) fn read<'s>(
    token: &'s [u8],
    wanted: &Wanted<'_>,
    limits: &Limits,
    buffer: &'s mut Vec<u8>,
) -> Result<Jws<'s>, Reason> {
    let shape = Reason::MalformedCredential;
    let (head, rest) = until_dot(token).ok_or(shape)?;
    let (payload, tail) = until_dot(rest).ok_or(shape)?;
    if until_dot(tail).is_some() {
        return Err(shape);
    }
    let input = token.get(..head.len() + 1 + payload.len()).ok_or(shape)?;
    let encoding = |_| Reason::MalformedEncoding;
    // One piece of memory for all three parts, each with its place.
    let (in_head, in_payload) = (decoded_len(head), decoded_len(payload));
    buffer.clear();
    buffer.resize(in_head + in_payload + decoded_len(tail), 0);
    let (head_bytes, buffer) = buffer.split_at_mut_checked(in_head).ok_or(shape)?;
    let (payload_bytes, signature) = buffer.split_at_mut_checked(in_payload).ok_or(shape)?;
    decode_url(head, head_bytes).map_err(encoding)?;
    let bounds = Bounds { depth: limits.json_depth, members: limits.json_members };
    let header = read_head(head_bytes, bounds)?;
    check_head(&header, limits)?;
    let algorithm = algorithm(&header.alg, wanted.algorithms)?;
    decode_url(payload, payload_bytes).map_err(encoding)?;
    decode_url(tail, signature).map_err(encoding)?;
    check_type(&header.typ, wanted.types)?;
    let mut members = SmallVec::new();
    members.resize(wanted.members.len(), Value::Absent);
    read_object(payload_bytes, bounds, |name, value| {
        let slot = wanted.members.iter().position(|member| **member == *name);
        if let Some(place) = slot.and_then(|slot| members.get_mut(slot)) {
            *place = value;
        }
    })
    .map_err(|_| Reason::MalformedJson)?;
    Ok(Jws {
        input,
        algorithm,
        kid: match header.kid {
            Value::Text(kid) => Some(kid),
            _ => None,
        },
        typ: header.typ,
        kind: header.kind,
        members,
        signature,
    })
}

/// What stands before the first dot, and what behind it.
fn until_dot(text: &[u8]) -> Option<(&[u8], &[u8])> {
    // Eight bytes a step; a token has hundreds before and between its dots.
    const DOTS: u64 = u64::from_ne_bytes([b'.'; 8]);
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let (words, _) = text.as_chunks::<8>();
    let without = |word: &&[u8; 8]| {
        // A byte that was a dot is zero now; only a zero byte borrows into its own highest bit.
        let word = u64::from_ne_bytes(**word) ^ DOTS;
        word.wrapping_sub(ONES) & !word & (ONES << 7) == 0
    };
    let near = words.iter().take_while(without).count() * 8;
    let at = near + text.get(near..)?.iter().position(|byte| *byte == b'.')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
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

#[cfg(test)]
mod tests;
