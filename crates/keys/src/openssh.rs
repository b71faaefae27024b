//! Public keys the way OpenSSH writes and reads them.

use crate::algorithm::KeyKind;
use crate::error::KeyError;
use crate::numbers::Numbers;
use base64ct::{Base64, Encoding};
use ssh_key::public::{EcdsaPublicKey, KeyData};

/// Most words before the type of a key: the options of an `authorized_keys` line.
const MAX_OPTIONS: usize = 16;

/// Whether a text is, or has, a line that names an OpenSSH type of key.
pub(crate) fn is_line(text: &str) -> bool {
    text.lines().filter_map(type_word).next().is_some()
}

/// Reads the one key of a `.pub` file or `authorized_keys` line, with its comment.
pub(crate) fn read(text: &str) -> Result<(Numbers, Option<String>), KeyError> {
    let keys: Vec<(&str, &str)> =
        text.lines().filter_map(|line| type_word(line).map(|word| (word, line))).collect();
    let (word, line) = match keys.as_slice() {
        [one] => *one,
        [] => return Err(KeyError::Unrecognised),
        several => return Err(KeyError::SeveralKeys { found: several.len() }),
    };
    refuse_by_type(word)?;
    let mut rest = line.split_once(word).map_or("", |(_, rest)| rest).trim().splitn(2, char::is_whitespace);
    let body = rest.next().filter(|body| !body.is_empty());
    let body = body.ok_or(KeyError::OpenSsh { problem: "nothing follows the type of the key" })?;
    let blob = Base64::decode_vec(body)
        .map_err(|_| KeyError::OpenSsh { problem: "what follows the type is not base64" })?;
    let numbers = read_blob(&blob)
        .unwrap_or(Err(KeyError::OpenSsh { problem: "the key inside does not name its type" }))?;
    if type_name(numbers.kind()) != word {
        return Err(KeyError::OpenSsh { problem: "the line names one type, and the key inside another" });
    }
    let comment = rest.next().map(str::trim).filter(|comment| !comment.is_empty()).map(str::to_owned);
    Ok((numbers, comment))
}

/// Reads the binary form; `None` when it does not look like one at all.
pub(crate) fn read_blob(blob: &[u8]) -> Option<Result<Numbers, KeyError>> {
    let (len, rest) = blob.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let word = rest.get(..len).and_then(|name| str::from_utf8(name).ok()).filter(|name| is_type(name))?;
    Some(refuse_by_type(word).and_then(|()| read_known(blob)))
}

fn read_known(blob: &[u8]) -> Result<Numbers, KeyError> {
    let damaged = KeyError::OpenSsh { problem: "the key inside is cut off or malformed" };
    let key = ssh_key::PublicKey::from_bytes(blob).map_err(|_| damaged.clone())?;
    let positive =
        |number: &ssh_key::Mpint| number.as_positive_bytes().map(<[u8]>::to_vec).ok_or(damaged.clone());
    match key.key_data() {
        KeyData::Ed25519(key) => Numbers::ed25519(&key.0),
        KeyData::Rsa(key) => Ok(Numbers::rsa(&positive(&key.n)?, &positive(&key.e)?)),
        KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) => {
            Numbers::from_point(KeyKind::P256, point.as_bytes())
        }
        KeyData::Ecdsa(EcdsaPublicKey::NistP384(point)) => {
            Numbers::from_point(KeyKind::P384, point.as_bytes())
        }
        KeyData::Ecdsa(EcdsaPublicKey::NistP521(point)) => {
            Numbers::from_point(KeyKind::P521, point.as_bytes())
        }
        _ => Err(damaged),
    }
}

/// The word of a line that names a type of key, past any options.
fn type_word(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    line.split_whitespace().take(MAX_OPTIONS).find(|word| is_type(word))
}

fn is_type(word: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| word.starts_with(start))
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'@' | b'.'))
}

fn refuse_by_type(word: &str) -> Result<(), KeyError> {
    if word.contains("-cert-") {
        return Err(KeyError::Certificate { form: "OpenSSH certificate" });
    }
    match word {
        "ssh-rsa" | "ssh-ed25519" | "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521" => {
            Ok(())
        }
        "ssh-dss" => Err(KeyError::Kind { found: "DSA".into() }),
        "ssh-ed448" => Err(KeyError::Curve { found: "Ed448".into() }),
        word if word.starts_with("sk-") => Err(KeyError::Kind {
            found: "OpenSSH key in a hardware token (its signatures cover more)".into(),
        }),
        _ => Err(KeyError::Kind { found: "unknown type of OpenSSH key".into() }),
    }
}

/// The line of an `authorized_keys` file.
pub(crate) fn line(numbers: &Numbers, comment: &str) -> String {
    let mut line = format!("{} {}", type_name(numbers.kind()), Base64::encode_string(&blob(numbers)));
    // A line break in the comment would start a new line, and with it a new key.
    let comment: String = comment.chars().filter(|c| !c.is_control()).collect();
    if !comment.trim().is_empty() {
        line.push(' ');
        line.push_str(comment.trim());
    }
    line
}

/// The binary form (RFC 4253, RFC 5656, RFC 8709), which is what OpenSSH fingerprints.
pub(crate) fn blob(numbers: &Numbers) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, type_name(numbers.kind()).as_bytes());
    match numbers {
        Numbers::Rsa { n, e } => {
            put_positive(&mut out, e);
            put_positive(&mut out, n);
        }
        Numbers::Ed25519(raw) => put(&mut out, raw),
        Numbers::Ec { kind, x, y } => {
            put(&mut out, curve_name(*kind).as_bytes());
            put(&mut out, &[&[0x04], x.as_slice(), y.as_slice()].concat());
        }
    }
    out
}

const fn type_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Rsa => "ssh-rsa",
        KeyKind::Ed25519 => "ssh-ed25519",
        KeyKind::P256 => "ecdsa-sha2-nistp256",
        KeyKind::P384 => "ecdsa-sha2-nistp384",
        KeyKind::P521 => "ecdsa-sha2-nistp521",
    }
}

const fn curve_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::P384 => "nistp384",
        KeyKind::P521 => "nistp521",
        KeyKind::P256 | KeyKind::Rsa | KeyKind::Ed25519 => "nistp256",
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(bytes);
}

/// A positive number: a leading zero byte where the first bit is set.
fn put_positive(out: &mut Vec<u8>, number: &[u8]) {
    let sign: &[u8] = if number.first().is_some_and(|byte| *byte >= 0x80) { &[0] } else { &[] };
    put(out, &[sign, number].concat());
}
