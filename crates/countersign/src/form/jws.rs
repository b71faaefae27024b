//! Reads a JWS in compact serialisation (RFC 7515 section 7.1), strictly and without belief.
use crate::base64::{decode_url, decoded_len};
use crate::incoming::Limits;
use crate::json::{Bounds, Value, read_list, read_object};
use crate::reason::Reason;
use crate::source::Names;
use countersign_keys::Algorithm;
use smallvec::SmallVec;
use std::borrow::Cow;

/// The parts of a token, decoded into buffers of the caller.
#[derive(Debug)]
pub(crate) struct Jws<'s> {
    /// What was signed: header and payload as they stand in the token; the header alone of one without a payload.
    pub(crate) input: &'s [u8],
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Cow<'s, str>>,
    pub(crate) typ: Value<'s>,
    pub(crate) kind: Value<'s>,
    pub(crate) heads: SmallVec<[Value<'s>; 2]>,
    pub(crate) members: SmallVec<[Value<'s>; 8]>,
    pub(crate) signature: &'s [u8],
}

/// What a dialect takes in a token's header beyond what every token may have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside {
    /// Extensions that are understood: whatever `crit` names must be among them.
    pub(crate) critical: Vec<Box<str>>,
    /// The one content type that is taken.
    pub(crate) content: Option<Box<str>>,
}

/// What a dialect wants of a token's outside.
pub(crate) struct Wanted<'d> {
    pub(crate) algorithms: &'d [Algorithm],
    pub(crate) types: &'d [Box<str>],
    pub(crate) names: &'d Names,
    pub(crate) outside: &'d Outside,
    /// No payload comes along; `Some(true)` where it is signed as it stands.
    pub(crate) detached: Option<bool>,
}

struct Head<'s> {
    alg: Value<'s>,
    kid: Value<'s>,
    typ: Value<'s>,
    kind: Value<'s>,
    crit: Value<'s>,
    b64: Value<'s>,
    cty: Value<'s>,
    odd: bool,
    heads: SmallVec<[Value<'s>; 2]>,
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
    if wanted.detached.is_some() && !payload.is_empty() {
        return Err(shape);
    }
    let encoding = |_| Reason::MalformedEncoding;
    // One piece of memory for all three parts, each with its place.
    let (in_head, in_payload) = (decoded_len(head), decoded_len(payload));
    buffer.clear();
    buffer.resize(in_head + in_payload + decoded_len(tail), 0);
    let (head_bytes, buffer) = buffer.split_at_mut_checked(in_head).ok_or(shape)?;
    let (payload_bytes, signature) = buffer.split_at_mut_checked(in_payload).ok_or(shape)?;
    decode_url(head, head_bytes).map_err(encoding)?;
    let bounds = Bounds { depth: limits.json_depth, members: limits.json_members };
    let header = read_head(head_bytes, bounds, wanted.names)?;
    check_head(&header, limits, wanted)?;
    let algorithm = algorithm(&header.alg, wanted.algorithms)?;
    decode_url(payload, payload_bytes).map_err(encoding)?;
    decode_url(tail, signature).map_err(encoding)?;
    check_type(&header.typ, wanted.types)?;
    let mut members = SmallVec::new();
    members.resize(wanted.names.members.len(), Value::Absent);
    if wanted.detached.is_none() {
        read_object(payload_bytes, bounds, |name, value| {
            put(&wanted.names.members, &mut members, name, value)
        })
        .map_err(|_| Reason::MalformedJson)?;
    }
    Ok(Jws {
        input,
        algorithm,
        kid: match header.kid {
            Value::Text(kid) => Some(kid),
            _ => None,
        },
        typ: header.typ,
        kind: header.kind,
        heads: header.heads,
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

fn put<'s>(names: &[Box<str>], places: &mut [Value<'s>], name: &str, value: Value<'s>) {
    let slot = names.iter().position(|known| **known == *name);
    if let Some(place) = slot.and_then(|slot| places.get_mut(slot)) {
        *place = value;
    }
}

fn read_head<'s>(bytes: &'s [u8], bounds: Bounds, names: &Names) -> Result<Head<'s>, Reason> {
    let absent = || Value::Absent;
    let mut heads = SmallVec::new();
    heads.resize(names.heads.len(), Value::Absent);
    let mut head = Head {
        alg: absent(),
        kid: absent(),
        typ: absent(),
        kind: absent(),
        crit: absent(),
        b64: absent(),
        cty: absent(),
        odd: false,
        heads,
    };
    read_object(bytes, bounds, |name, value| match name {
        "alg" => head.alg = value,
        "kid" => head.kid = value,
        "typ" => head.typ = value,
        "type" => head.kind = value,
        "crit" => head.crit = value,
        "b64" => head.b64 = value,
        "cty" => head.cty = value,
        // Encrypted or compressed: another kind of token. Keys and addresses that a token
        // brings along (`jwk`, `jku`, `x5u`, `x5c`) are not even looked at.
        "zip" | "enc" => head.odd = true,
        other => put(&names.heads, &mut head.heads, other, value),
    })
    .map_err(|_| Reason::MalformedJson)?;
    Ok(head)
}

fn check_head(head: &Head<'_>, limits: &Limits, wanted: &Wanted<'_>) -> Result<(), Reason> {
    let critical = critical(&head.crit, wanted.outside)?;
    if critical.iter().any(|name| !head.has(name, wanted.names)) {
        return Err(Reason::UnsupportedCritical);
    }
    let unencoded = match &head.b64 {
        Value::Absent => false,
        // RFC 7797 section 6: whoever does not know the extension must refuse, so `crit` names it.
        Value::Bool(false) if critical.iter().any(|name| name == "b64") => true,
        _ => return Err(Reason::UnsupportedHeader),
    };
    if unencoded != wanted.detached.unwrap_or(false) {
        return Err(Reason::UnsupportedHeader);
    }
    let content = match (&head.cty, &wanted.outside.content) {
        (Value::Absent, None) => true,
        (Value::Text(found), Some(wanted)) => **found == **wanted,
        _ => false,
    };
    if head.odd || !content {
        return Err(Reason::UnsupportedHeader);
    }
    match &head.kid {
        Value::Absent => Ok(()),
        Value::Text(kid) if kid.len() <= limits.kid => Ok(()),
        _ => Err(Reason::MalformedCredential),
    }
}

/// The extensions that a token says must be understood: a list that is not empty, of names that are known, each once
/// (RFC 7515 section 4.1.11).
fn critical(crit: &Value<'_>, outside: &Outside) -> Result<SmallVec<[String; 4]>, Reason> {
    let mut names: SmallVec<[String; 4]> = SmallVec::new();
    let list = match crit {
        Value::Absent => return Ok(names),
        Value::List(list) => list,
        _ => return Err(Reason::UnsupportedCritical),
    };
    let mut good = true;
    let bounds = Bounds { depth: 1, members: 16 };
    read_list(list, bounds, |item| match item.text() {
        Some(name)
            if outside.critical.iter().any(|known| **known == *name)
                && !names.iter().any(|seen| seen == name) =>
        {
            names.push(name.to_owned());
        }
        _ => good = false,
    })
    .map_err(|_| Reason::UnsupportedCritical)?;
    if good && !names.is_empty() { Ok(names) } else { Err(Reason::UnsupportedCritical) }
}

impl Head<'_> {
    /// Whether the header has this member, which `crit` names.
    fn has(&self, name: &str, names: &Names) -> bool {
        if name == "b64" {
            return self.b64 != Value::Absent;
        }
        let slot = names.heads.iter().position(|known| **known == *name);
        slot.and_then(|slot| self.heads.get(slot)).is_some_and(|value| *value != Value::Absent)
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
