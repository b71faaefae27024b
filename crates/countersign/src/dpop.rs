//! DPoP (RFC 9449): a proof, made anew for each request, that whoever sends a token has the key that the token is bound to.
//!
//! It is no dialect: it names nobody, brings its own key along, and says nothing without the token beside it.
mod address;
pub mod make;

use crate::ask::Claim;
use crate::base64::{Alphabet, decode, encode};
use crate::incoming::{Incoming, Limits, Target};
use crate::json::{Bounds, Value, read_object};
use crate::reason::Reason;
use crate::time::{Span, Time};
use countersign_keys::{Algorithm, Job, Outcome, Policy, PublicKey, read_one_public_key, sha256};
use http::{HeaderMap, HeaderName};
use subtle::ConstantTimeEq;

/// The header that carries a proof.
pub static HEADER: HeaderName = HeaderName::from_static("dpop");
/// The scheme before a token that is bound to a key.
pub const SCHEME: &str = "DPoP";
/// The `typ` of a proof.
const TYPE: &str = "dpop+jwt";
/// The algorithms it may be signed with. No RSA: a key that comes with the request would have to be looked at as closely as one
/// that is registered, which takes milliseconds for RSA and is nothing for a curve.
pub const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::EcdsaP256Sha256, Algorithm::EcdsaP384Sha384, Algorithm::EcdsaP521Sha512, Algorithm::Ed25519];
/// Bytes of a proof: with a P-521 key and a long address it has about 2,000.
const LONGEST: usize = 8 * 1024;
/// Bytes of a `jti`: a UUID has 36.
const LONGEST_JTI: usize = 256;

/// A proof that was read; nothing in it is believed.
#[derive(Debug)]
pub struct Proof<'h> {
    input: &'h [u8],
    signature: Vec<u8>,
    algorithm: Algorithm,
    key: PublicKey,
    claims: Claims,
}

#[derive(Debug)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: Time,
    ath: Option<String>,
    nonce: Option<String>,
}

/// What a proof must be for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// The method of the request.
    pub method: &'w str,
    /// Where it went, as its sender sees it.
    pub target: Target<'w>,
    /// The access token beside it; `None` where there is none yet, at a token endpoint.
    pub token: Option<&'w str>,
    /// How far from now it may be dated, on either side.
    pub window: Span,
}

/// A proof whose signature and claims hold: the sender has this key. Whether it was sent before is still to be asked.
#[derive(Debug)]
pub struct Held {
    jkt: String,
    claim: Claim,
}

/// The one proof among a request's headers; `None` when there is none.
///
/// # Errors
/// [`Reason::AmbiguousCredentials`] when there are several (RFC 9449 section 4.3, check 1).
pub fn find(headers: &HeaderMap) -> Result<Option<&[u8]>, Reason> {
    let mut values = headers.get_all(&HEADER).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => Ok(Some(only.as_bytes())),
        _ => Err(Reason::AmbiguousCredentials),
    }
}

/// The token behind `DPoP` or `Bearer` in the one `Authorization` header, and whether the scheme was `DPoP`.
#[must_use]
pub fn credential<'r>(incoming: &Incoming<'r>) -> Option<(&'r str, Scheme)> {
    let value = crate::source::header(incoming, &http::header::AUTHORIZATION)?;
    let (scheme, token) = value.split_once(' ')?;
    let scheme = if scheme.eq_ignore_ascii_case(SCHEME) { Scheme::Dpop } else { Scheme::Other };
    Some((token.trim_start_matches(' '), scheme))
}

/// What stands before a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// `DPoP`: a token that is bound to a key.
    Dpop,
    /// Another one.
    Other,
}

impl<'h> Proof<'h> {
    /// Reads a proof strictly (RFC 9449 section 4.3, checks 2 to 6).
    ///
    /// # Errors
    /// [`Reason::MalformedDpop`] for whatever cannot be a proof: another type, an algorithm that is not taken, no public key or a
    /// private one, a claim that is missing or of the wrong type.
    pub fn read(value: &'h [u8], limits: &Limits) -> Result<Self, Reason> {
        Self::try_read(value, limits).ok_or(Reason::MalformedDpop)
    }

    fn try_read(value: &'h [u8], limits: &Limits) -> Option<Self> {
        if value.len() > LONGEST {
            return None;
        }
        let bounds = Bounds { depth: limits.json_depth, members: limits.json_members };
        let mut dots = value.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
        let (first, second) = (dots.next()?, dots.next()?);
        if dots.next().is_some() {
            return None;
        }
        let input = value.get(..second)?;
        let (mut head, mut payload, mut signature) = (Vec::new(), Vec::new(), Vec::new());
        decode(Alphabet::Url, value.get(..first)?, &mut head).ok()?;
        decode(Alphabet::Url, value.get(first + 1..second)?, &mut payload).ok()?;
        decode(Alphabet::Url, value.get(second + 1..)?, &mut signature).ok()?;
        let (algorithm, key) = read_head(&head, bounds)?;
        let claims = read_claims(&payload, bounds)?;
        Some(Self { input, signature, algorithm, key, claims })
    }

    /// The nonce it was made with.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.claims.nonce.as_deref()
    }

    /// The check to run: the key is the one that came along.
    #[must_use]
    pub fn job(&self) -> Job<'_> {
        Job::new(&self.key, self.algorithm, self.input, &self.signature)
    }

    /// Takes the outcome of [`Proof::job`] and judges the claims (RFC 9449 section 4.3, checks 7 to 12; the nonce is the shell's).
    ///
    /// # Errors
    /// [`Reason::BadDpop`], [`Reason::WrongDpop`] or [`Reason::OutOfWindow`].
    pub fn finish(self, outcome: &Outcome, wanted: &Wanted<'_>, now: Time) -> Result<Held, Reason> {
        outcome.accepted(&self.signature).map_err(|_| Reason::BadDpop)?;
        let claims = self.claims;
        let ours = claims.htm == wanted.method && address::same(&claims.htu, &wanted.target);
        let beside = match (wanted.token, &claims.ath) {
            (None, _) => true,
            (Some(token), Some(ath)) => *ath == digest(token),
            (Some(_), None) => false,
        };
        if !ours || !beside {
            return Err(Reason::WrongDpop);
        }
        // A positive test: only a time inside both ends passes.
        let (from, to) = (now - wanted.window, now + wanted.window);
        if !(from <= claims.iat && claims.iat <= to) {
            return Err(Reason::OutOfWindow);
        }
        let jkt = self.key.fingerprints().jwk_thumbprint;
        let length = |text: &str| text.len().to_be_bytes();
        let mark = sha256(&[
            b"countersign dpop used\0",
            &length(&jkt),
            jkt.as_bytes(),
            &length(&claims.jti),
            claims.jti.as_bytes(),
        ]);
        // Once per key, whatever it is sent to and however it is dated.
        let claim = Claim { mark, since: claims.iat - wanted.window, until: claims.iat + wanted.window };
        Ok(Held { jkt, claim })
    }
}

impl Held {
    /// RFC 7638 thumbprint of the key.
    #[must_use]
    pub fn jkt(&self) -> &str {
        &self.jkt
    }

    /// What must not have been used before.
    #[must_use]
    pub fn claim(&self) -> Claim {
        self.claim
    }

    /// Whether this is the key that a token is bound to.
    #[must_use]
    pub(crate) fn is_of(&self, jkt: &str) -> subtle::Choice {
        self.jkt.as_bytes().ct_eq(jkt.as_bytes())
    }
}

/// The `ath` of an access token.
#[must_use]
pub fn digest(token: &str) -> String {
    encode(Alphabet::Url, &sha256(&[token.as_bytes()]))
}

fn read_head(bytes: &[u8], bounds: Bounds) -> Option<(Algorithm, PublicKey)> {
    let (mut typ, mut alg, mut jwk) = (Value::Absent, Value::Absent, Value::Absent);
    let mut odd = false;
    read_object(bytes, bounds, |name, value| match name {
        "typ" => typ = value,
        "alg" => alg = value,
        "jwk" => jwk = value,
        // Extensions that must be understood, and other kinds of token. Addresses of keys are not even looked at.
        "crit" | "b64" | "zip" | "cty" | "enc" => odd = true,
        _ => {}
    })
    .ok()?;
    if odd || typ.text() != Some(TYPE) {
        return None;
    }
    let algorithm = alg.text().and_then(Algorithm::from_jose).filter(|found| ALGORITHMS.contains(found))?;
    let Value::Object(jwk) = jwk else { return None };
    // A curve that is not taken is told before the key is looked at; so is one with a private half, by the reader.
    let mut kty = Value::Absent;
    read_object(jwk.as_bytes(), bounds, |name, value| {
        if name == "kty" {
            kty = value;
        }
    })
    .ok()?;
    if !matches!(kty.text(), Some("EC" | "OKP")) {
        return None;
    }
    let key = read_one_public_key(jwk.as_bytes(), &Policy::default()).ok()?.key;
    key.allows(algorithm).then_some((algorithm, key))
}

fn read_claims(bytes: &[u8], bounds: Bounds) -> Option<Claims> {
    let absent = || Value::Absent;
    let (mut jti, mut htm, mut htu) = (absent(), absent(), absent());
    let (mut iat, mut ath, mut nonce) = (absent(), absent(), absent());
    read_object(bytes, bounds, |name, value| match name {
        "jti" => jti = value,
        "htm" => htm = value,
        "htu" => htu = value,
        "iat" => iat = value,
        "ath" => ath = value,
        "nonce" => nonce = value,
        _ => {}
    })
    .ok()?;
    let text = |value: &Value<'_>| value.text().filter(|text| !text.is_empty()).map(str::to_owned);
    // Absent, or text: another type is no reading of the claim.
    let optional = |value: &Value<'_>| match value {
        Value::Absent => Some(None),
        Value::Text(text) => Some(Some(text.clone().into_owned())),
        _ => None,
    };
    let Value::Number(iat) = iat else { return None };
    Some(Claims {
        jti: text(&jti).filter(|jti| jti.len() <= LONGEST_JTI)?,
        htm: text(&htm)?,
        htu: text(&htu)?,
        iat: Time::from_decimal(iat)?,
        ath: optional(&ath)?,
        nonce: optional(&nonce)?,
    })
}

#[cfg(test)]
mod tests;
