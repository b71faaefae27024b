//! Signed texts that are not what arrives: addresses, bodies and the spelling of JSON.
use crate::dialect::Dialect;
use crate::draft::{lines, standard, text};
use crate::fault::{COVERING, Fault};
use crate::recorded::Pairs;
use countersign::base64::{decode_hex, encode_hex};
use countersign_keys::sha256;

const CLASS: &str = "text";
const BODY: &str = "body";
const ADDRESS: &str = "address";
/// The one that signs the whole address and the body as text.
const HIVE: &[Dialect] = &[Dialect::Skillhive];
const OPERATOR: &[Dialect] = &[Dialect::Operator];

/// Changes the address as it is signed.
fn signs(draft: &mut crate::draft::Draft<'_>, from: &str, to: &str) {
    for name in ["url", "path", "authority"] {
        let field = draft.field(name);
        if !field.is_empty() {
            draft.set(name, field.replacen(from, to, 1));
        }
    }
}

/// Changes the body as it is signed.
fn signs_body(draft: &mut crate::draft::Draft<'_>, body: &[u8]) {
    if draft.dialect == Dialect::Operator {
        draft.set("digest", encode_hex(&sha256(&[body])));
    } else {
        draft.set("content", String::from_utf8_lossy(body).into_owned());
    }
}

fn json(fields: &Pairs, names: fn(&str) -> String, quote: fn(&str) -> String, marks: (&str, &str)) -> String {
    let members: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}{}{}", quote(&names(name)), marks.1, quote(value)))
        .collect();
    format!("{{{}}}", members.join(marks.0))
}

/// The faults.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("scheme-rewritten", ADDRESS, "address-scheme", HIVE)
        .draft(|draft| signs(draft, "https://", "http://")),
    Fault::new("port-added", ADDRESS, "address-host", COVERING)
        .draft(|draft| signs(draft, "api.example.com", "api.example.com:443")),
    Fault::new("host-rewritten", ADDRESS, "address-host", COVERING).sent(|sent, _| {
        sent.url = sent.url.replacen("api.example.com", "backend.internal:8080", 1);
        sent.headers.push(("X-Forwarded-Host".to_owned(), "api.example.com".to_owned()));
    }),
    Fault::new("host-rewritten-untold", ADDRESS, "signed-other-text", HIVE)
        .sent(|sent, _| sent.url = sent.url.replacen("api.example.com", "backend.internal:8080", 1)),
    Fault::new("host-upper-case", ADDRESS, "address-host", COVERING)
        .draft(|draft| signs(draft, "api.example.com", "API.Example.com")),
    Fault::new("host-www", ADDRESS, "address-host", COVERING)
        .draft(|draft| signs(draft, "api.example.com", "www.api.example.com")),
    Fault::new("path-slash-added", ADDRESS, "address-path", COVERING)
        .draft(|draft| signs(draft, "/42?", "/42/?")),
    Fault::new("path-prefix-cut", ADDRESS, "address-path", COVERING)
        .sent(|sent, _| sent.url = sent.url.replacen("/v2/", "/", 1)),
    Fault::new("path-dots", ADDRESS, "address-path", COVERING)
        .draft(|draft| signs(draft, "/things/", "/x/../things/")),
    Fault::new("path-decoded", ADDRESS, "address-path", COVERING)
        .draft(|draft| signs(draft, "/things/42", "/things/a b"))
        .sent(|sent, _| sent.url = sent.url.replacen("/things/42", "/things/a%20b", 1)),
    Fault::new("path-hex-case", ADDRESS, "address-path", COVERING)
        .draft(|draft| signs(draft, "/things/42", "/things/a%2fb"))
        .sent(|sent, _| sent.url = sent.url.replacen("/things/42", "/things/a%2Fb", 1)),
    Fault::new("path-only", ADDRESS, "address-form", HIVE)
        .draft(|draft| draft.set("url", "/v2/things/42?b=2&a=1")),
    Fault::new("query-dropped", ADDRESS, "address-query", COVERING)
        .draft(|draft| signs(draft, "?b=2&a=1", "")),
    Fault::new("query-sorted", ADDRESS, "address-query", COVERING)
        .draft(|draft| signs(draft, "?b=2&a=1", "?a=1&b=2")),
    Fault::new("query-lost-on-the-way", ADDRESS, "signed-other-text", HIVE)
        .sent(|sent, _| sent.url = sent.url.replacen("?b=2&a=1", "", 1)),
    Fault::new("query-plus", ADDRESS, "address-query", COVERING)
        .draft(|draft| signs(draft, "?b=2", "?b=x+y"))
        .sent(|sent, _| sent.url = sent.url.replacen("?b=2", "?b=x%20y", 1)),
    Fault::new("method-wrong", ADDRESS, "method-other", OPERATOR).draft(|draft| draft.set("method", "GET")),
    Fault::new("method-lower-case", ADDRESS, "method-other", OPERATOR)
        .draft(|draft| draft.set("method", "post")),
    Fault::new("body-newline", BODY, "body-line-end", COVERING)
        .draft(|draft| signs_body(draft, &[draft.body.as_slice(), b"\n"].concat())),
    Fault::new("body-newline-arrives", BODY, "body-line-end", COVERING).sent(|sent, _| sent.body.push(b'\n')),
    Fault::new("body-spaced", BODY, "body-written-again", COVERING).sent(|sent, _| {
        // A proxy or a client's own middleware wrote the JSON anew.
        sent.body = String::from_utf8_lossy(&sent.body)
            .replace("\":", "\": ")
            .replace(",\"", ", \"")
            .replace("[1,2]", "[1, 2]")
            .into_bytes();
    }),
    Fault::new("body-unescaped", BODY, "body-written-again", COVERING)
        .sent(|sent, _| sent.body = String::from_utf8_lossy(&sent.body).replace("\\u00e9", "é").into_bytes()),
    Fault::new("body-compacted", BODY, "body-written-again", COVERING).draft(|draft| {
        signs_body(draft, br#"{"name": "caf\u00e9", "path": "/a/b", "list": [1, 2]}"#);
    }),
    Fault::new("body-sorted", BODY, "body-written-again", COVERING)
        .draft(|draft| {
            signs_body(draft, br#"{"list":[1,2],"name":"caf\u00e9","path":"/a/b"}"#);
        })
        .sent(|sent, _| sent.body = br#"{"name":"caf\u00e9","path":"/a/b","list":[1,2]}"#.to_vec()),
    Fault::new("body-not-signed", BODY, "body-not-signed", COVERING).draft(|draft| signs_body(draft, b"")),
    Fault::new("body-lost", BODY, "signed-other-text", HIVE).sent(|sent, _| sent.body.clear()),
    Fault::new("body-in-base64", BODY, "body-encoded", COVERING)
        .draft(|draft| signs_body(draft, standard(&draft.body).as_bytes())),
    Fault::new("body-digest-base64", BODY, "digest-spelling", OPERATOR).draft(|draft| {
        let mut digest = Vec::new();
        let _ = decode_hex(draft.field("digest").as_bytes(), &mut digest);
        draft.set("digest", standard(&digest));
    }),
    Fault::new("body-digest-upper-case", BODY, "digest-spelling", OPERATOR)
        .draft(|draft| draft.set("digest", draft.field("digest").to_uppercase())),
    Fault::new("members-sorted", CLASS, "field-order", HIVE).draft(|draft| draft.fields.sort()),
    Fault::new("members-as-in-the-docs", CLASS, "field-order", HIVE)
        .draft(|draft| draft.fields.rotate_left(2)),
    Fault::new("lines-in-another-order", CLASS, "field-order", OPERATOR)
        .draft(|draft| draft.fields.swap(6, 7)),
    Fault::new("json-pretty", CLASS, "json-spelling", HIVE).draft(|draft| {
        draft.spell = |fields| {
            format!(
                "{{\n    {}\n}}",
                json(fields, str::to_owned, text, (",\n    ", ": ")).trim_matches(['{', '}'])
            )
        };
    }),
    Fault::new("json-go", CLASS, "json-spelling", HIVE).draft(|draft| {
        draft.spell = |fields| json(fields, str::to_owned, text, (",", ":")).replace('&', "\\u0026");
    }),
    Fault::new("json-space-after-colon", CLASS, "json-spelling", HIVE)
        .draft(|draft| draft.spell = |fields| json(fields, str::to_owned, text, (",", ": "))),
    Fault::new("json-camel-case", CLASS, "field-names", HIVE).draft(|draft| {
        draft.spell = |fields| json(fields, |name| name.replace("api_id", "apiId"), text, (",", ":"));
    }),
    Fault::new("json-single-quotes", CLASS, "json-spelling", HIVE).draft(|draft| {
        draft.spell = |fields| json(fields, str::to_owned, |value| format!("'{value}'"), (",", ":"))
    }),
    Fault::new("plain-instead-of-json", CLASS, "text-form", HIVE)
        .draft(|draft| draft.spell = |fields| lines(fields).replace('\n', "")),
    Fault::new("form-instead-of-json", CLASS, "text-form", HIVE).draft(|draft| {
        draft.spell = |fields| {
            fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
    }),
    Fault::new("lines-with-crlf", CLASS, "text-form", OPERATOR)
        .draft(|draft| draft.spell = |fields| lines(fields).replace('\n', "\r\n")),
    Fault::new("lines-without-first", CLASS, "field-missing", OPERATOR).draft(|draft| {
        draft.spell = |fields| lines(fields).split_once('\n').map_or("", |(_, rest)| rest).to_owned();
    }),
    Fault::new("field-left-out", CLASS, "field-missing", HIVE).draft(|draft| draft.remove("content")),
    Fault::new("user-left-empty", CLASS, "field-missing", HIVE).draft(|draft| draft.set("user", "")),
    Fault::new("field-capitals", CLASS, "field-spelling", HIVE)
        .draft(|draft| draft.set("user", "Carol@example.com")),
    Fault::new("field-space", CLASS, "field-spelling", HIVE).draft(|draft| draft.set("api_id", "c7alice ")),
    Fault::new("other-text-told", CLASS, "signed-other-text", COVERING)
        .draft(|draft| signs(draft, "/v2/things/42", "/v3/quite/different"))
        .says(),
];
