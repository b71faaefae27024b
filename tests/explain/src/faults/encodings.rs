//! Bytes written in another alphabet, or twice, or half.
use crate::dialect::Dialect;
use crate::draft::{standard, text, url_safe};
use crate::fault::{Fault, TEXTS, TOKENS};
use countersign::base64::encode_hex;

const CLASS: &str = "encoding";
const ALL: &[Dialect] = Dialect::ALL;
/// What wants standard base64.
const STANDARD: &[Dialect] = &[Dialect::Skillhive];
/// What wants base64url.
const URL: &[Dialect] = &[Dialect::Skykit, Dialect::Jwt, Dialect::JwtEd, Dialect::Partner, Dialect::Operator];
/// What wants hexadecimal.
const HEX: &[Dialect] = &[Dialect::Spacetime];
/// What wants base64 of any kind.
const BASE64: &[Dialect] =
    &[Dialect::Skykit, Dialect::Jwt, Dialect::JwtEd, Dialect::Partner, Dialect::Operator, Dialect::Skillhive];

/// Standard base64 with no `=` at its end, and never without a `+` or `/`: what this writes is for signatures of many bytes.
fn unpadded(bytes: &[u8]) -> String {
    standard(bytes).trim_end_matches('=').to_owned()
}

/// Lines of 76 characters, as mail and many tools wrap base64.
fn wrapped(bytes: &[u8]) -> String {
    let text = standard(bytes);
    let mut out = String::new();
    for (at, letter) in text.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            out.push(' ');
        }
        out.push(letter);
    }
    out
}

fn padded(bytes: &[u8]) -> String {
    let mut text = url_safe(bytes);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// The faults.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("standard-alphabet", CLASS, "base64-for-base64url", URL)
        .draft(|draft| draft.write = unpadded)
        .sent(|sent, dialect| {
            // The rare signature without a letter of the one alphabet is the same in both.
            sent.signature(dialect, |value| {
                if value.contains(['+', '/']) { value.to_owned() } else { format!("{value}=") }
            });
        }),
    Fault::new("standard-alphabet-padded", CLASS, "base64-for-base64url", URL).draft(|draft| {
        draft.write = standard;
        // An Ed25519 or RSA signature of 64 or 256 bytes ends in padding.
    }),
    Fault::new("padding-kept", CLASS, "padding-kept", URL).draft(|draft| draft.write = padded),
    Fault::new("parts-in-standard", CLASS, "base64-for-base64url", &[Dialect::Skykit, Dialect::Partner])
        .draft(|draft| {
            draft.set("note", text("~~~???>>>"));
            draft.part = unpadded;
            draft.write = unpadded;
        }),
    Fault::new("parts-padded", CLASS, "padding-kept", TOKENS).draft(|draft| {
        draft.set("n", text("x"));
        draft.part = padded;
        draft.write = padded;
        // One of these payloads is of a length that needs padding.
        if (draft.claims.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>() + 1)
            .is_multiple_of(3)
        {
            draft.set("n", text("xy"));
        }
    }),
    Fault::new("url-alphabet", CLASS, "base64url-for-base64", STANDARD).draft(|draft| draft.write = url_safe),
    Fault::new("padding-cut", CLASS, "padding-cut", STANDARD).draft(|draft| draft.write = unpadded),
    Fault::new("wrapped", CLASS, "white-space-inside", STANDARD).draft(|draft| draft.write = wrapped),
    Fault::new("base64-for-hex", CLASS, "base64-for-hex", HEX).draft(|draft| draft.write = standard),
    Fault::new("base64url-for-hex", CLASS, "base64-for-hex", HEX).draft(|draft| draft.write = url_safe),
    Fault::new("hex-for-base64", CLASS, "hex-for-base64", BASE64).draft(|draft| draft.write = encode_hex),
    Fault::new("hex-of-hex", CLASS, "encoded-twice", HEX)
        .draft(|draft| draft.write = |bytes| encode_hex(encode_hex(bytes).as_bytes())),
    Fault::new("base64-of-hex", CLASS, "encoded-twice", STANDARD)
        .draft(|draft| draft.write = |bytes| standard(encode_hex(bytes).as_bytes())),
    Fault::new("base64-of-base64", CLASS, "encoded-twice", STANDARD)
        .draft(|draft| draft.write = |bytes| standard(standard(bytes).as_bytes())),
    Fault::new("base64url-of-base64url", CLASS, "encoded-twice", URL)
        .draft(|draft| draft.write = |bytes| url_safe(url_safe(bytes).as_bytes())),
    Fault::new("hex-with-colons", CLASS, "hex-with-marks", HEX).draft(|draft| {
        draft.write = |bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
    }),
    Fault::new("percent-encoded", CLASS, "percent-encoded", STANDARD).sent(|sent, dialect| {
        sent.signature(dialect, |value| value.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"));
    }),
    Fault::new("plus-became-space", CLASS, "plus-became-space", STANDARD).sent(|sent, dialect| {
        // Form decoding makes spaces of plus signs.
        sent.signature(dialect, |value| format!(" {}", value.replace('+', " ")).trim().to_owned());
    }),
    Fault::new("signature-cut", CLASS, "signature-cut", ALL)
        .draft(|draft| draft.signature = |made| made.get(..made.len() / 2).unwrap_or_default().to_vec()),
    Fault::new("signature-last-byte-lost", CLASS, "signature-cut", ALL)
        .draft(|draft| draft.signature = |made| made.get(..made.len() - 1).unwrap_or_default().to_vec()),
    Fault::new("signature-zero-byte", CLASS, "signature-too-long", TEXTS).draft(|draft| {
        draft.signature = |mut made| {
            made.push(0);
            made
        };
    }),
    Fault::new("signature-as-literal", CLASS, "encoding-wrong", TEXTS)
        .sent(|sent, dialect| sent.signature(dialect, |_| "[object Object]".to_owned())),
    Fault::new("der-for-raw", CLASS, "der-for-raw", &[Dialect::Operator])
        .draft(|draft| draft.signature = der),
    Fault::new("payload-not-json", CLASS, "json-wrong", TOKENS).draft(|draft| {
        draft.part = |part| {
            // Python's repr of a dict.
            if part.starts_with(b"{\"alg\"") || part.starts_with(b"{\"typ\"") {
                url_safe(part)
            } else {
                url_safe(String::from_utf8_lossy(part).replace('"', "'").as_bytes())
            }
        };
    }),
    Fault::new("member-twice", CLASS, "json-member-twice", TOKENS).draft(|draft| {
        let again = draft.claims.first().cloned();
        draft.claims.extend(again);
    }),
    Fault::new("payload-encoded-twice", CLASS, "json-in-text", TOKENS).draft(|draft| {
        draft.part = |part| {
            if part.starts_with(b"{\"alg\"") || part.starts_with(b"{\"typ\"") {
                url_safe(part)
            } else {
                url_safe(text(&String::from_utf8_lossy(part)).as_bytes())
            }
        };
    }),
    Fault::new("body-not-json", CLASS, "json-wrong", HEX)
        .sent(|sent, _| sent.body = b"userId=alice&authCode=469867d9660b67f8aa12b2".to_vec()),
];

/// The ASN.1 form of an ECDSA signature on P-256, as OpenSSL writes it.
fn der(raw: Vec<u8>) -> Vec<u8> {
    let (r, s) = raw.split_at(raw.len() / 2);
    let integer = |half: &[u8]| {
        let bare: Vec<u8> = half.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = bare.first().is_none_or(|first| *first >= 0x80);
        let body = [if sign { vec![0] } else { Vec::new() }, bare].concat();
        [vec![2, u8::try_from(body.len()).unwrap_or(0)], body].concat()
    };
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap_or(0)], body].concat()
}
