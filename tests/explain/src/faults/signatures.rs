//! Digests, paddings and algorithms that are not the right ones.
use crate::dialect::Dialect;
use crate::draft::{text, url_safe};
use crate::fault::{Fault, RSA, RSA_TOKENS, TOKENS};
use countersign::base64::encode_hex;
use countersign_keys::{Algorithm, sha256};

const CLASS: &str = "signature";
const ALL: &[Dialect] = Dialect::ALL;

fn alg(draft: &mut crate::draft::Draft<'_>, name: &str) {
    crate::draft::set(&mut draft.head, "alg", text(name));
}

/// The faults.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("digest-sha1", CLASS, "wrong-digest", RSA_TOKENS)
        .draft(|draft| draft.algorithm = Algorithm::RsaSha1),
    Fault::new("digest-sha1-not-registered", CLASS, "wrong-digest", &[Dialect::Skillhive])
        .draft(|draft| draft.algorithm = Algorithm::RsaSha1),
    Fault::new("digest-sha384", CLASS, "wrong-digest", RSA)
        .draft(|draft| draft.algorithm = Algorithm::RsaSha384),
    Fault::new(
        "digest-sha512",
        CLASS,
        "wrong-digest",
        &[Dialect::Skykit, Dialect::Partner, Dialect::Skillhive],
    )
    .draft(|draft| draft.algorithm = Algorithm::RsaSha512),
    Fault::new("digest-sha256-for-512", CLASS, "wrong-digest", &[Dialect::Jwt])
        .draft(|draft| draft.algorithm = Algorithm::RsaSha256),
    Fault::new("pss", CLASS, "pss-for-pkcs1", RSA).draft(|draft| draft.algorithm = Algorithm::PssSha256),
    Fault::new("pss-512", CLASS, "pss-for-pkcs1", &[Dialect::Jwt])
        .draft(|draft| draft.algorithm = Algorithm::PssSha512),
    Fault::new("alg-pss", CLASS, "algorithm-not-taken", RSA_TOKENS).draft(|draft| {
        draft.algorithm = Algorithm::PssSha256;
        alg(draft, "PS256");
    }),
    Fault::new("alg-rs512-for-rs256", CLASS, "algorithm-not-taken", &[Dialect::Skykit, Dialect::Partner])
        .draft(|draft| {
            draft.algorithm = Algorithm::RsaSha512;
            alg(draft, "RS512");
        }),
    Fault::new("alg-none", CLASS, "algorithm-none", TOKENS).draft(|draft| {
        alg(draft, "none");
        draft.write = |_| String::new();
    }),
    Fault::new("alg-hs256", CLASS, "algorithm-shared-secret", TOKENS).draft(|draft| {
        alg(draft, "HS256");
        draft.signature = |made| sha256(&[&made]).to_vec();
    }),
    Fault::new("alg-lower-case", CLASS, "algorithm-spelling", TOKENS).draft(|draft| {
        let lower = draft.head.iter().find(|(name, _)| name == "alg").map(|(_, value)| value.to_lowercase());
        crate::draft::set(&mut draft.head, "alg", lower.unwrap_or_default());
    }),
    Fault::new("alg-missing", CLASS, "algorithm-missing", TOKENS)
        .draft(|draft| draft.head.retain(|(name, _)| name != "alg")),
    Fault::new("alg-of-another-kind", CLASS, "algorithm-of-another-kind", &[Dialect::Jwt])
        .draft(|draft| alg(draft, "EdDSA")),
    Fault::new("alg-rsa-for-ed25519", CLASS, "algorithm-of-another-kind", &[Dialect::JwtEd])
        .draft(|draft| alg(draft, "RS256")),
    Fault::new("alg-says-another-digest", CLASS, "wrong-digest", &[Dialect::Jwt])
        .draft(|draft| alg(draft, "RS256")),
    Fault::new("typ-at-jwt", CLASS, "token-kind", TOKENS)
        .draft(|draft| crate::draft::set(&mut draft.head, "typ", text("at+jwt"))),
    Fault::new("crit", CLASS, "token-extension", TOKENS)
        .draft(|draft| draft.head.push(("crit".to_owned(), "[\"exp\"]".to_owned()))),
    Fault::new("zip", CLASS, "token-kind", TOKENS)
        .draft(|draft| draft.head.push(("zip".to_owned(), text("DEF")))),
    Fault::new("digest-signed", CLASS, "digest-signed", ALL)
        .draft(|draft| draft.text = |text| sha256(&[text]).to_vec()),
    Fault::new("digest-hex-signed", CLASS, "digest-signed", ALL)
        .draft(|draft| draft.text = |text| encode_hex(&sha256(&[text])).into_bytes()),
    Fault::new("payload-signed", CLASS, "signed-part", TOKENS).draft(|draft| {
        draft.text = |text| text.split(|byte| *byte == b'.').nth(1).unwrap_or_default().to_vec();
    }),
    Fault::new("json-signed", CLASS, "signed-part", RSA_TOKENS).draft(|draft| {
        draft.text = |text| {
            let payload = text.split(|byte| *byte == b'.').nth(1).unwrap_or_default();
            let mut out = Vec::new();
            let _ = countersign::base64::decode(countersign::base64::Alphabet::Url, payload, &mut out);
            out
        };
    }),
    Fault::new("newline-signed", CLASS, "signed-line-end", ALL)
        .draft(|draft| draft.text = |text| [text, b"\n"].concat()),
    Fault::new("crlf-signed", CLASS, "signed-line-end", ALL)
        .draft(|draft| draft.text = |text| [text, b"\r\n"].concat()),
    Fault::new("base64-signed", CLASS, "signed-encoded", ALL)
        .draft(|draft| draft.text = |text| crate::draft::standard(text).into_bytes()),
    Fault::new("hex-signed", CLASS, "signed-encoded", ALL)
        .draft(|draft| draft.text = |text| encode_hex(text).into_bytes()),
    Fault::new("base64url-signed", CLASS, "signed-encoded", ALL)
        .draft(|draft| draft.text = |text| url_safe(text).into_bytes()),
    Fault::new("utf16-signed", CLASS, "signed-encoded", ALL).draft(|draft| {
        draft.text = |text| String::from_utf8_lossy(text).encode_utf16().flat_map(u16::to_le_bytes).collect();
    }),
    Fault::new("quotes-signed", CLASS, "signed-encoded", ALL)
        .draft(|draft| draft.text = |text| crate::draft::text(&String::from_utf8_lossy(text)).into_bytes()),
    Fault::new("claim-changed-after", CLASS, "signed-other-text", RSA_TOKENS).sent(|sent, dialect| {
        sent.credential(dialect, |value| {
            let parts: Vec<&str> = value.split('.').collect();
            let [head, payload, signature] = parts.as_slice() else { return String::new() };
            let mut claims = Vec::new();
            let _ = countersign::base64::decode(
                countersign::base64::Alphabet::Url,
                payload.as_bytes(),
                &mut claims,
            );
            let changed = String::from_utf8_lossy(&claims).replacen('{', "{\"admin\":true,", 1);
            format!("{head}.{}.{signature}", url_safe(changed.as_bytes()))
        });
    }),
    Fault::new("nothing-signed", CLASS, "signed-nothing", ALL).draft(|draft| draft.text = |_| Vec::new()),
    Fault::new("challenge-decoded", CLASS, "signed-decoded", &[Dialect::Spacetime]).draft(|draft| {
        draft.text = |text| {
            let mut out = Vec::new();
            let _ = countersign::base64::decode_hex(text, &mut out);
            out
        };
    }),
    Fault::new("challenge-upper-case", CLASS, "signed-other-case", &[Dialect::Spacetime])
        .draft(|draft| draft.text = <[u8]>::to_ascii_uppercase),
    Fault::new("whole-json-signed", CLASS, "signed-whole-json", &[Dialect::Spacetime]).draft(|draft| {
        draft.text = |text| {
            serde_json::json!({"userId": "alice", "authCode": String::from_utf8_lossy(text)})
                .to_string()
                .into_bytes()
        };
    }),
];
