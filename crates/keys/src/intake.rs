//! Public keys from people: forgiving about how a key is written, strict about what it is.

use crate::algorithm::Algorithm;
use crate::armour::{self, Block};
use crate::error::KeyError;
use crate::form;
use crate::keyset;
use crate::numbers::Numbers;
use crate::openssh;
use crate::policy::Policy;
use crate::public::PublicKey;
use crate::spelling;

/// Longest text taken. The largest single key, RSA-8192 as PEM, has 1.5 KiB; sets are bounded by this too.
pub const MAX_TEXT: usize = 64 * 1024;

/// A public key that was taken, with what came along.
#[derive(Debug)]
pub struct Intake {
    /// The key.
    pub key: PublicKey,
    /// The comment of an OpenSSH key.
    pub comment: Option<String>,
    /// The key id of a JWK.
    pub kid: Option<String>,
    /// The one algorithm that a JWK says it is meant for ([RFC 7517 section 4.4](https://www.rfc-editor.org/rfc/rfc7517#section-4.4)).
    pub algorithm: Option<Algorithm>,
    /// What was put right in the text, to be told to whoever sent it.
    pub repaired: Vec<&'static str>,
}

/// A set of keys, of which some may have been refused.
#[derive(Debug, Default)]
pub struct KeySet {
    /// The keys that were taken.
    pub keys: Vec<Intake>,
    /// The others, and why.
    pub refused: Vec<RefusedKey>,
}

/// One key of a set that was not taken.
#[derive(Debug)]
pub struct RefusedKey {
    /// Its place in the set, counted from 0.
    pub position: usize,
    /// Its key id.
    pub kid: Option<String>,
    /// Why it was not taken.
    pub error: KeyError,
}

/// Reads a public key, or all keys of a JWK set, from whatever form somebody sent.
///
/// Taken are PEM and DER (SPKI and PKCS#1), OpenSSH lines, JWK and JWK sets, and the bare 32 bytes of an
/// Ed25519 key in base64, base64url or hex; texts may be indented, on one line, or have `\n` for line breaks.
///
/// # Errors
/// When the text holds no key that `policy` takes. A set is refused whole if one of its keys is; see
/// [`read_key_set`] for the other way.
pub fn read_public_key(text: &[u8], policy: &Policy) -> Result<Vec<Intake>, KeyError> {
    let found = found(text)?;
    found.into_iter().map(|found| judge(found, policy).map_err(|refused| refused.error)).collect()
}

/// Reads one public key, as [`read_public_key`] does. Several are refused before any is looked at closely: that takes tens of
/// milliseconds for a large RSA key, and a text has room for many.
///
/// # Errors
/// When the text holds no key that `policy` takes, or more than one.
pub fn read_one_public_key(text: &[u8], policy: &Policy) -> Result<Intake, KeyError> {
    let mut found = found(text)?;
    match (found.pop(), found.len()) {
        (Some(one), 0) => judge(one, policy).map_err(|refused| refused.error),
        (Some(_), more) => Err(KeyError::SeveralKeys { found: more.saturating_add(1) }),
        (None, _) => Err(KeyError::Empty),
    }
}

/// The keys of a text, none of them judged; a leaked private one is worth saying first, whatever else is wrong.
fn found(text: &[u8]) -> Result<Vec<Found>, KeyError> {
    let found = find(text)?;
    let leaked = |f: &Found| matches!(f.numbers, Err(KeyError::Private { .. } | KeyError::Symmetric));
    match found.iter().find(|f| leaked(f)) {
        Some(Found { numbers: Err(error), .. }) => Err(error.clone()),
        _ => Ok(found),
    }
}

/// Reads a JWK set, and leaves out the keys that cannot be taken.
///
/// # Errors
/// When the text is not a JWK set.
pub fn read_key_set(text: &[u8], policy: &Policy) -> Result<KeySet, KeyError> {
    let text = bounded(text)?;
    let text = str::from_utf8(text).map_err(|_| not_json())?;
    let mut set = KeySet::default();
    for found in keyset::read(text.trim())?.into_iter().map(Found::from) {
        match judge(found, policy) {
            Ok(key) => set.keys.push(key),
            Err(refused) => set.refused.push(refused),
        }
    }
    Ok(set)
}

/// What was found in a text before it was judged.
struct Found {
    position: usize,
    numbers: Result<Numbers, KeyError>,
    comment: Option<String>,
    kid: Option<String>,
    algorithm: Option<Algorithm>,
    repaired: Vec<&'static str>,
}

impl Found {
    fn one(numbers: Numbers, comment: Option<String>, repaired: Vec<&'static str>) -> Vec<Self> {
        vec![Self { position: 0, numbers: Ok(numbers), comment, kid: None, algorithm: None, repaired }]
    }
}

impl From<keyset::Member> for Found {
    fn from(member: keyset::Member) -> Self {
        let keyset::Member { position, numbers, kid, algorithm, repaired } = member;
        Self { position, numbers, comment: None, kid, algorithm, repaired }
    }
}

fn judge(found: Found, policy: &Policy) -> Result<Intake, RefusedKey> {
    let Found { position, numbers, comment, kid, algorithm, repaired } = found;
    let judged = numbers.and_then(|numbers| {
        policy.check(&numbers)?;
        let key = PublicKey::from_numbers(&numbers)?;
        policy.check_listed(&numbers, key.spki_der())?;
        if key.is_usable() { Ok(key) } else { Err(unusable(&numbers)) }
    });
    match judged {
        Ok(key) => Ok(Intake { key, comment, kid, algorithm, repaired }),
        Err(error) => Err(RefusedKey { position, kid, error }),
    }
}

/// The library does not take a key whose form is right: for a curve, the point is not on it.
fn unusable(numbers: &Numbers) -> KeyError {
    match numbers {
        Numbers::Ec { kind, .. } => KeyError::EcPoint { curve: kind.name(), problem: "is not on the curve" },
        Numbers::Rsa { .. } => KeyError::RsaWeak { weakness: "its numbers do not make a key".into() },
        Numbers::Ed25519(_) => KeyError::Ed25519Point { problem: "its point is not on the curve" },
    }
}

fn bounded(text: &[u8]) -> Result<&[u8], KeyError> {
    if text.len() > MAX_TEXT {
        return Err(KeyError::TooLong { found: text.len(), limit: MAX_TEXT });
    }
    if text.trim_ascii().is_empty() { Err(KeyError::Empty) } else { Ok(text) }
}

fn find(text: &[u8]) -> Result<Vec<Found>, KeyError> {
    let bytes = bounded(text)?;
    if form::looks_like_der(bytes) {
        return Ok(Found::one(form::public_key(bytes)?, None, Vec::new()));
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return match bytes.len() {
            32 => Ok(Found::one(Numbers::ed25519(bytes)?, None, Vec::new())),
            64 => Err(KeyError::Private { form: "64 bytes, the seed and public half of an Ed25519 key" }),
            _ => Err(KeyError::Unrecognised),
        };
    };
    let mut repaired = Vec::new();
    let text = unquoted(text, &mut repaired);
    find_in_text(text, repaired, true)
}

fn find_in_text(
    text: &str,
    mut repaired: Vec<&'static str>,
    may_unwrap: bool,
) -> Result<Vec<Found>, KeyError> {
    if text.starts_with("PuTTY-User-Key-File") {
        return Err(KeyError::Private { form: "PuTTY" });
    }
    if armour::is_armoured(text) {
        // Before reading: a damaged private key has leaked like any other.
        if let Some(form) = armour::labels(text).into_iter().find_map(private_label) {
            return Err(KeyError::Private { form });
        }
        return find_in_blocks(armour::blocks(text)?, repaired);
    }
    if text.starts_with(['{', '[']) {
        return Ok(keyset::read(text)?.into_iter().map(Found::from).collect());
    }
    if openssh::is_line(text) {
        let (numbers, comment) = openssh::read(text)?;
        return Ok(Found::one(numbers, comment, repaired));
    }
    if let Some(bytes) = spelling::hex(text)
        && (bytes.len() == 32 || bytes.len() == 64 || form::looks_like_der(&bytes))
    {
        return bare(&bytes, repaired);
    }
    let Some(bytes) = spelling::base64(text, &mut repaired) else {
        return Err(KeyError::Unrecognised);
    };
    // Configuration systems like to wrap a PEM text into base64 once more. One layer, not more.
    if may_unwrap
        && let Ok(inner) = str::from_utf8(&bytes)
        && armour::is_armoured(inner)
    {
        repaired.push("base64 around the PEM text was removed");
        return find_in_text(inner, repaired, false);
    }
    bare(&bytes, repaired)
}

/// A key without armour around it.
fn bare(bytes: &[u8], repaired: Vec<&'static str>) -> Result<Vec<Found>, KeyError> {
    match bytes.len() {
        32 => return Ok(Found::one(Numbers::ed25519(bytes)?, None, repaired)),
        64 => return Err(KeyError::Private { form: "64 bytes, the seed and public half of an Ed25519 key" }),
        // Near misses: most likely an Ed25519 key with something lost or added.
        found @ (30 | 31 | 33 | 34) => return Err(KeyError::Ed25519Length { found }),
        _ => {}
    }
    if form::looks_like_der(bytes) {
        return Ok(Found::one(form::public_key(bytes)?, None, repaired));
    }
    if let Some(numbers) = openssh::read_blob(bytes) {
        return Ok(Found::one(numbers?, None, repaired));
    }
    Err(KeyError::Unrecognised)
}

fn find_in_blocks(blocks: Vec<Block>, repaired: Vec<&'static str>) -> Result<Vec<Found>, KeyError> {
    let mut keys: Vec<Block> =
        blocks.into_iter().filter(|block| !block.label.ends_with("PARAMETERS")).collect();
    let block = match (keys.pop(), keys.len()) {
        (Some(block), 0) => block,
        (Some(_), others) => return Err(KeyError::SeveralKeys { found: others.saturating_add(1) }),
        (None, _) => return Err(KeyError::Pem { problem: "it holds parameters and no key" }),
    };
    let mut repaired = repaired;
    repaired.extend(&block.repaired);
    let (numbers, comment) = match block.label.as_str() {
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "EC PUBLIC KEY" => (form::public_key(&block.body)?, None),
        "SSH2 PUBLIC KEY" => {
            let read = openssh::read_blob(&block.body);
            (read.unwrap_or(Err(KeyError::OpenSsh { problem: "it does not name its type" }))?, None)
        }
        "DSA PUBLIC KEY" => return Err(KeyError::Kind { found: "DSA".into() }),
        "PGP PUBLIC KEY BLOCK" => return Err(KeyError::Kind { found: "OpenPGP".into() }),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            return Err(KeyError::Certificate { form: "request for a certificate" });
        }
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
            return Err(KeyError::Certificate { form: "certificate" });
        }
        "PKCS7" | "CMS" => return Err(KeyError::Certificate { form: "bundle of certificates (PKCS#7)" }),
        _ => return Err(KeyError::Pem { problem: "it is labelled as something other than a public key" }),
    };
    Ok(Found::one(numbers, comment, repaired))
}

fn private_label(label: &str) -> Option<&'static str> {
    match label {
        "PRIVATE KEY" => Some("PKCS#8"),
        "ENCRYPTED PRIVATE KEY" => Some("encrypted PKCS#8"),
        "RSA PRIVATE KEY" => Some("PKCS#1"),
        "EC PRIVATE KEY" => Some("SEC1"),
        "DSA PRIVATE KEY" => Some("DSA"),
        "OPENSSH PRIVATE KEY" => Some("OpenSSH"),
        "PGP PRIVATE KEY BLOCK" => Some("OpenPGP"),
        // Whatever else calls itself private is treated as such.
        other if other.contains("PRIVATE") => Some("PEM"),
        _ => None,
    }
}

/// The text without the blanks, marks and quotation marks around it.
fn unquoted<'t>(text: &'t str, repaired: &mut Vec<&'static str>) -> &'t str {
    let text = text.trim_matches(spelling::is_blank);
    for quote in ['"', '\'', '`'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            repaired.push("quotation marks were removed");
            return inner.trim_matches(spelling::is_blank);
        }
    }
    text
}

fn not_json() -> KeyError {
    KeyError::Jwk { member: "the text".into(), problem: "is not JSON" }
}

#[cfg(test)]
mod tests;
