//! Credentials in the wrong place or in the wrong shape.
use crate::dialect::Dialect;
use crate::draft::standard;
use crate::fault::{COVERING, Fault, TOKENS};

const CLASS: &str = "credential";
/// Tokens that want a scheme word.
const SCHEMED: &[Dialect] = &[Dialect::Skykit, Dialect::Jwt, Dialect::JwtEd];
/// What a truncated paste leaves.
const HALF: usize = 90;

/// The faults.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("nothing-sent", CLASS, "nothing-sent", TOKENS)
        .sent(|sent, _| sent.drop_header("Authorization")),
    Fault::new("scheme-missing", CLASS, "scheme-missing", SCHEMED).sent(|sent, dialect| {
        sent.credential(dialect, |value| value.rsplit(' ').next().unwrap_or("").to_owned())
    }),
    Fault::new("scheme-of-another", CLASS, "scheme-wrong", SCHEMED).draft(|draft| {
        draft.carrier.1 = if draft.carrier.1 == "JWT " { "Bearer ".to_owned() } else { "JWT ".to_owned() };
    }),
    Fault::new("scheme-unknown", CLASS, "scheme-wrong", TOKENS)
        .draft(|draft| "Token ".clone_into(&mut draft.carrier.1)),
    Fault::new("scheme-with-colon", CLASS, "scheme-wrong", SCHEMED)
        .sent(|sent, dialect| sent.credential(dialect, |value| value.replacen(' ', ": ", 1))),
    Fault::new("scheme-twice", CLASS, "scheme-twice", SCHEMED).sent(|sent, dialect| {
        sent.credential(dialect, |value| {
            let scheme = value.split(' ').next().unwrap_or("");
            format!("{scheme} {value}")
        });
    }),
    Fault::new("header-x-authorization", CLASS, "header-wrong", TOKENS)
        .draft(|draft| "X-Authorization".clone_into(&mut draft.carrier.0)),
    Fault::new("header-x-api-token", CLASS, "header-wrong", TOKENS).draft(|draft| {
        "X-Api-Token".clone_into(&mut draft.carrier.0);
        draft.carrier.1.clear();
    }),
    Fault::new("token-in-query", CLASS, "credential-in-address", TOKENS).sent(|sent, _| {
        let token =
            sent.headers.iter().find(|(name, _)| name == "Authorization").map(|(_, value)| value.clone());
        let token = token.unwrap_or_default();
        sent.url = format!("{}&access_token={}", sent.url, token.rsplit(' ').next().unwrap_or(""));
        sent.drop_header("Authorization");
    }),
    Fault::new("header-of-three-missing", CLASS, "header-missing", COVERING).sent(|sent, _| {
        sent.drop_header("Api-User");
        sent.drop_header("Countersign-Nonce");
    }),
    Fault::new("header-underscores", CLASS, "header-wrong", COVERING).sent(|sent, _| {
        for (name, _) in &mut sent.headers {
            let lower = name.to_ascii_lowercase();
            if lower.starts_with("api-") || lower.starts_with("countersign-") {
                *name = name.replace('-', "_");
            }
        }
    }),
    Fault::new("two-credentials", CLASS, "two-credentials", TOKENS).sent(|sent, _| {
        let again: Vec<_> =
            sent.headers.iter().filter(|(name, _)| name == "Authorization").cloned().collect();
        sent.headers.extend(again);
    }),
    Fault::new("two-headers", CLASS, "two-credentials", COVERING).sent(|sent, _| {
        let ours = |name: &str| name == "Api-Id" || name == "countersign-key";
        let again: Vec<_> = sent.headers.iter().filter(|(name, _)| ours(name)).cloned().collect();
        sent.headers.extend(again);
    }),
    Fault::new("token-in-quotes", CLASS, "token-quoted", TOKENS).sent(|sent, dialect| {
        sent.credential(dialect, |value| match value.rsplit_once(' ') {
            Some((scheme, token)) => format!("{scheme} \"{token}\""),
            None => format!("\"{value}\""),
        });
    }),
    Fault::new("token-bytes-literal", CLASS, "token-quoted", TOKENS).sent(|sent, dialect| {
        // Python: str(bytes).
        sent.credential(dialect, |value| match value.rsplit_once(' ') {
            Some((scheme, token)) => format!("{scheme} b'{token}'"),
            None => format!("b'{value}'"),
        });
    }),
    Fault::new("token-folded", CLASS, "white-space-inside", SCHEMED).sent(|sent, dialect| {
        sent.credential(dialect, |value| {
            let (start, end) = value.split_at(value.len() / 2);
            format!("{start} {end}")
        });
    }),
    Fault::new("token-cut", CLASS, "token-cut", TOKENS)
        .sent(|sent, dialect| sent.credential(dialect, |value| value.chars().take(HALF).collect())),
    Fault::new("token-without-signature", CLASS, "token-unsigned", TOKENS).sent(|sent, dialect| {
        sent.credential(dialect, |value| value.rsplit_once('.').map_or("", |(before, _)| before).to_owned());
    }),
    Fault::new("token-empty-signature", CLASS, "token-unsigned", TOKENS)
        .sent(|sent, dialect| sent.signature(dialect, |_| String::new())),
    Fault::new("token-in-base64", CLASS, "token-encoded-again", TOKENS).sent(|sent, dialect| {
        sent.credential(dialect, |value| match value.rsplit_once(' ') {
            Some((scheme, token)) => format!("{scheme} {}", standard(token.as_bytes())),
            None => standard(value.as_bytes()),
        });
    }),
    Fault::new("template-not-filled", CLASS, "template-not-filled", SCHEMED).sent(|sent, dialect| {
        sent.credential(dialect, |value| format!("{} {{{{token}}}}", value.split(' ').next().unwrap_or("")));
    }),
    Fault::new("variable-empty", CLASS, "template-not-filled", SCHEMED).sent(|sent, dialect| {
        sent.credential(dialect, |value| format!("{} undefined", value.split(' ').next().unwrap_or("")));
    }),
    Fault::new("scheme-alone", CLASS, "template-not-filled", SCHEMED).sent(|sent, dialect| {
        sent.credential(dialect, |value| {
            format!("{} ", value.split(' ').next().unwrap_or("")).trim().to_owned()
        });
    }),
    Fault::new("key-as-credential", CLASS, "key-as-credential", SCHEMED).sent(|sent, dialect| {
        sent.credential(dialect, |value| {
            format!("{} -----BEGIN PRIVATE KEY-----", value.split(' ').next().unwrap_or(""))
        });
    }),
    Fault::new("basic-credentials", CLASS, "scheme-wrong", SCHEMED)
        .sent(|sent, dialect| sent.credential(dialect, |_| "Basic YWxpY2U6c2VjcmV0".to_owned())),
    Fault::new("token-too-large", CLASS, "credential-too-large", TOKENS).draft(|draft| {
        draft.set("note", crate::draft::text(&"x".repeat(20_000)));
    }),
];
