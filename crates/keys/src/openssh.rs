//! Writing a public key the way OpenSSH writes it.

use crate::algorithm::KeyKind;
use crate::numbers::Numbers;
use base64ct::{Base64, Encoding};

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
