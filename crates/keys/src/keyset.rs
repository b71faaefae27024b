//! Reading JWK and JWK sets: strict about members, forgiving about base64 and leading zeros.

use crate::algorithm::{Algorithm, KeyKind};
use crate::error::KeyError;
use crate::numbers::{self, Numbers};
use crate::spelling;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Most keys in one set: as many as an account may have.
const MAX_KEYS: usize = 64;
/// Longest key id taken.
const MAX_KID: usize = 256;

/// One key of a set, or the only one.
pub(crate) struct Member {
    pub(crate) position: usize,
    pub(crate) numbers: Result<Numbers, KeyError>,
    pub(crate) kid: Option<String>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) repaired: Vec<&'static str>,
}

/// Reads one JWK, a set (`{"keys": […]}`), or a bare list of JWKs.
pub(crate) fn read(text: &str) -> Result<Vec<Member>, KeyError> {
    let keys: Vec<Wire> = if text.starts_with('[') {
        parse(text)?
    } else {
        let document: Document = parse(text)?;
        match document.keys {
            Some(keys) => keys,
            None => vec![parse(text)?],
        }
    };
    if keys.len() > MAX_KEYS {
        return Err(bad("the set", "has more than 64 keys"));
    }
    if keys.is_empty() {
        return Err(bad("the set", "has no keys"));
    }
    Ok(keys.into_iter().enumerate().map(|(position, wire)| member(position, &wire)).collect())
}

#[derive(Deserialize)]
struct Document {
    keys: Option<Vec<Wire>>,
}

/// A JWK as it comes. A member that is there twice, or of the wrong type, fails the parse.
#[derive(Deserialize)]
struct Wire {
    kty: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    // Private members: their being there is all that is looked at.
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
    r#priv: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

fn parse<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, KeyError> {
    serde_json::from_str(text).map_err(|error| {
        let problem = match error.classify() {
            serde_json::error::Category::Data => "has a member twice, or one of the wrong type",
            _ => "is not JSON",
        };
        bad("the text", problem)
    })
}

fn member(position: usize, wire: &Wire) -> Member {
    let mut repaired = Vec::new();
    let numbers = take(wire, &mut repaired);
    // A key id is for display and look-up; one that is too long is dropped with the key's refusal.
    let kid = wire.kid.clone().filter(|kid| kid.len() <= MAX_KID);
    // What does not fit the kind of key was refused with the key.
    let algorithm = wire.alg.as_deref().and_then(Algorithm::from_jose);
    Member { position, numbers, kid, algorithm, repaired }
}

fn take(wire: &Wire, repaired: &mut Vec<&'static str>) -> Result<Numbers, KeyError> {
    let private = [&wire.d, &wire.p, &wire.q, &wire.dp, &wire.dq, &wire.qi, &wire.oth, &wire.r#priv];
    if private.iter().any(|member| member.is_some()) {
        return Err(KeyError::Private { form: "JWK with private members" });
    }
    if wire.k.is_some() || wire.kty.as_deref() == Some("oct") {
        return Err(KeyError::Symmetric);
    }
    if wire.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID) {
        return Err(bad("kid", "is longer than 256 bytes"));
    }
    let numbers = match wire.kty.as_deref() {
        Some("RSA") => {
            let (n, e) = (bytes("n", &wire.n, repaired)?, bytes("e", &wire.e, repaired)?);
            if n.first() == Some(&0) {
                repaired.push("a leading zero of the modulus was removed");
            }
            Numbers::rsa(&n, &e)
        }
        Some("OKP") => match wire.crv.as_deref() {
            Some("Ed25519") => Numbers::ed25519(&bytes("x", &wire.x, repaired)?)?,
            Some(crv @ ("Ed448" | "X25519" | "X448")) => return Err(KeyError::Curve { found: crv.into() }),
            _ => return Err(unknown_curve(wire)),
        },
        Some("EC") => {
            let kind = match wire.crv.as_deref() {
                Some("P-256") => KeyKind::P256,
                Some("P-384") => KeyKind::P384,
                Some("P-521") => KeyKind::P521,
                _ => return Err(unknown_curve(wire)),
            };
            let x = coordinate(kind, "x", &wire.x, repaired)?;
            let y = coordinate(kind, "y", &wire.y, repaired)?;
            Numbers::Ec { kind, x, y }
        }
        Some("AKP") => return Err(KeyError::Kind { found: "post-quantum (AKP)".into() }),
        Some(_) => return Err(bad("kty", "is none of RSA, EC and OKP")),
        None => return Err(bad("kty", "is missing")),
    };
    check_purpose(wire, numbers.kind())?;
    Ok(numbers)
}

/// A key that says what it is for must be for checking signatures of its kind.
fn check_purpose(wire: &Wire, kind: KeyKind) -> Result<(), KeyError> {
    if wire.usage.as_ref().is_some_and(|usage| usage != "sig") {
        return Err(bad("use", "is not \"sig\", so the key is not for signatures"));
    }
    if wire.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
        return Err(bad("key_ops", "does not name \"verify\", so the key is not for checking signatures"));
    }
    let fits = |alg: &String| Algorithm::from_jose(alg).is_some_and(|algorithm| algorithm.kind() == kind);
    if wire.alg.as_ref().is_some_and(|alg| !fits(alg)) {
        return Err(bad("alg", "is no signature algorithm that this kind of key can use"));
    }
    Ok(())
}

fn unknown_curve(wire: &Wire) -> KeyError {
    match wire.crv.as_deref() {
        None => bad("crv", "is missing"),
        // Bounded and printable, since it is shown to people.
        Some(crv) if crv.len() <= 32 && crv.bytes().all(|b| b.is_ascii_graphic()) => {
            KeyError::Curve { found: crv.into() }
        }
        Some(_) => KeyError::Curve { found: "one without a proper name".into() },
    }
}

fn bytes(name: &str, member: &Option<String>, repaired: &mut Vec<&'static str>) -> Result<Vec<u8>, KeyError> {
    let text = member.as_ref().ok_or_else(|| bad(name, "is missing"))?;
    let mut spelled = Vec::new();
    let decoded = spelling::base64(text, &mut spelled).ok_or_else(|| bad(name, "is not base64url"))?;
    // base64url without padding is right here, and reading it is no repair; anything else is.
    if text.contains(['+', '/', '=']) || text.chars().any(spelling::is_blank) {
        repaired.push("base64 was read as base64url");
    }
    if decoded.is_empty() { Err(bad(name, "is empty")) } else { Ok(decoded.to_vec()) }
}

/// A coordinate at full length; some writers drop leading zeros, or add one.
fn coordinate(
    kind: KeyKind,
    name: &str,
    member: &Option<String>,
    repaired: &mut Vec<&'static str>,
) -> Result<Vec<u8>, KeyError> {
    let size = numbers::coordinate_bytes(kind);
    let found = bytes(name, member, repaired)?;
    if found.len() == size {
        return Ok(found);
    }
    let short = numbers::without_leading_zeros(&found);
    let missing =
        size.checked_sub(short.len()).ok_or_else(|| bad(name, "is longer than the curve allows"))?;
    repaired.push("leading zeros of a coordinate were put right");
    Ok([vec![0; missing].as_slice(), short].concat())
}

fn bad(member: &str, problem: &'static str) -> KeyError {
    KeyError::Jwk { member: member.into(), problem }
}
