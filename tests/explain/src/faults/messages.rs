//! HTTP message signatures: components and their values, the signature base, digests, and how the fields are written.
use crate::dialect::Dialect;
use crate::draft::{Draft, set, standard, text};
use crate::fault::Fault;
use crate::message::base;
use crate::recorded::Pairs;
use countersign::base64::encode_hex;
use countersign_keys::sha256;

const COVERED: &str = "components";
const BASE: &str = "base";
const DIGEST: &str = "digest";
const FIELDS: &str = "fields";
const PARAMETERS: &str = "parameters";
const MESSAGE: &[Dialect] = &[Dialect::Message];

/// The name of the field that the body's digest stands in.
const FIELD: &str = "content-digest";

/// Signs another digest and sends it.
fn digest(draft: &mut Draft<'_>, value: &str) {
    draft.set(FIELD, value);
    draft.digest = Some(value.to_owned());
}

/// The base with every line changed.
fn each_line(fields: &Pairs, change: fn(&str) -> String) -> String {
    base(fields).split('\n').map(change).collect::<Vec<_>>().join("\n")
}

/// The faults.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("method-not-covered", COVERED, "components-lacking", MESSAGE)
        .draft(|draft| draft.remove("@method")),
    Fault::new("query-not-covered", COVERED, "components-lacking", MESSAGE)
        .draft(|draft| draft.remove("@query")),
    Fault::new("digest-not-covered", COVERED, "components-lacking", MESSAGE)
        .draft(|draft| draft.remove(FIELD)),
    Fault::new("header-that-does-not-arrive", COVERED, "component-absent", MESSAGE)
        .draft(|draft| draft.set("x-request-id", "7")),
    Fault::new("component-of-another-draft", COVERED, "component-absent", MESSAGE)
        .draft(|draft| draft.set("@request-target-uri", "/v2/things/42")),
    Fault::new("component-in-capitals", COVERED, "component-absent", MESSAGE)
        .draft(|draft| draft.set("Content-Type", "application/json")),
    Fault::new("component-twice", COVERED, "component-absent", MESSAGE)
        .draft(|draft| draft.fields.push(("@method".to_owned(), "POST".to_owned()))),
    Fault::new("names-without-quotes", BASE, "field-names", MESSAGE)
        .draft(|draft| draft.spell = |fields| each_line(fields, |line| line.replacen('"', "", 2))),
    Fault::new("parameters-left-out", BASE, "field-missing", MESSAGE).draft(|draft| {
        draft.spell =
            |fields| base(fields).rsplit_once('\n').map_or_else(String::new, |(rest, _)| rest.to_owned());
    }),
    Fault::new("label-in-the-base", BASE, "field-names", MESSAGE).draft(|draft| {
        draft.spell =
            |fields| base(fields).replacen("\"@signature-params\": ", "\"@signature-params\": pyhms=", 1);
    }),
    Fault::new("lines-end-as-http-does", BASE, "text-form", MESSAGE)
        .draft(|draft| draft.spell = |fields| base(fields).replace('\n', "\r\n")),
    Fault::new("no-space-behind-the-colon", BASE, "field-spelling", MESSAGE)
        .draft(|draft| draft.spell = |fields| each_line(fields, |line| line.replacen(": ", ":", 1))),
    Fault::new("lines-in-alphabetical-order", BASE, "field-order", MESSAGE).draft(|draft| {
        draft.spell = |fields| {
            let mut fields = fields.clone();
            let last = fields.pop();
            fields.sort();
            fields.extend(last);
            base(&fields)
        };
    }),
    Fault::new("query-without-its-mark", BASE, "address-query", MESSAGE)
        .draft(|draft| draft.set("@query", "b=2&a=1")),
    Fault::new("query-in-order", BASE, "address-query", MESSAGE)
        .draft(|draft| draft.set("@query", "?a=1&b=2")),
    Fault::new("method-in-small-letters", BASE, "method-other", MESSAGE)
        .draft(|draft| draft.set("@method", "post")),
    Fault::new("authority-with-a-port", BASE, "address-host", MESSAGE)
        .draft(|draft| draft.set("@authority", "api.example.com:443")),
    Fault::new("path-with-a-slash", BASE, "address-path", MESSAGE)
        .draft(|draft| draft.set("@path", "/v2/things/42/")),
    Fault::new("path-with-its-query", BASE, "address-path", MESSAGE)
        .draft(|draft| draft.set("@path", "/v2/things/42?b=2&a=1")),
    Fault::new("body-with-a-line-end", DIGEST, "digest-of-another-body", MESSAGE)
        .sent(|sent, _| sent.body.push(b'\n')),
    Fault::new("body-written-anew", DIGEST, "digest-of-another-body", MESSAGE)
        .sent(|sent, _| sent.body = String::from_utf8_lossy(&sent.body).replace("\":", "\": ").into_bytes()),
    Fault::new("digest-of-old", DIGEST, "digest-not-counted", MESSAGE)
        .draft(|draft| digest(draft, "md5=:lCMsW4/yJy9uJ4cdPMm43A==:")),
    Fault::new("digest-in-the-old-form", DIGEST, "digest-not-counted", MESSAGE)
        .draft(|draft| digest(draft, &format!("SHA-256={}", standard(&sha256(&[&draft.body]))))),
    Fault::new("digest-in-hexadecimal", DIGEST, "digest-not-counted", MESSAGE)
        .draft(|draft| digest(draft, &format!("sha-256={}", encode_hex(&sha256(&[&draft.body]))))),
    Fault::new("signature-left-out", FIELDS, "header-missing", MESSAGE)
        .sent(|sent, _| sent.drop_header("Signature")),
    Fault::new("input-left-out", FIELDS, "header-missing", MESSAGE)
        .sent(|sent, _| sent.drop_header("Signature-Input")),
    Fault::new("two-labels", FIELDS, "header-missing", MESSAGE)
        .sent(|sent, _| sent.change("Signature", |value| value.replacen("pyhms=", "sig1=", 1))),
    Fault::new("signed-twice", FIELDS, "two-credentials", MESSAGE).sent(|sent, _| {
        for name in ["Signature", "Signature-Input"] {
            sent.change(name, |value| format!("{value}, {}", value.replacen("pyhms=", "sig2=", 1)));
        }
    }),
    Fault::new("signature-without-colons", FIELDS, "encoding-wrong", MESSAGE)
        .sent(|sent, _| sent.change("Signature", |value| value.replace(':', ""))),
    Fault::new("signature-in-base64url", FIELDS, "base64url-for-base64", MESSAGE)
        .sent(|sent, dialect| sent.signature(dialect, |text| text.replace('+', "-").replace('/', "_"))),
    Fault::new("created-in-milliseconds", PARAMETERS, "milliseconds", MESSAGE).draft(|draft| {
        let now = draft.now;
        set(&mut draft.claims, "created", (now * 1000).to_string());
    }),
    Fault::new("created-as-a-text", PARAMETERS, "claim-type", MESSAGE).draft(|draft| {
        let now = draft.now.to_string();
        set(&mut draft.claims, "created", text(&now));
    }),
    Fault::new("created-left-out", PARAMETERS, "claim-missing", MESSAGE)
        .draft(|draft| draft.remove("created")),
    Fault::new("nonce-left-out", PARAMETERS, "claim-missing", MESSAGE).draft(|draft| draft.remove("nonce")),
    Fault::new("keyid-left-out", PARAMETERS, "identity-missing", MESSAGE)
        .draft(|draft| draft.remove("keyid")),
    Fault::new("keyid-of-their-own", PARAMETERS, "key-unknown", MESSAGE)
        .draft(|draft| set(&mut draft.claims, "keyid", text("my-key"))),
    Fault::new("algorithm-of-jose", PARAMETERS, "algorithm-not-taken", MESSAGE)
        .draft(|draft| set(&mut draft.claims, "alg", text("EdDSA"))),
    Fault::new("algorithm-with-a-secret", PARAMETERS, "algorithm-shared-secret", MESSAGE)
        .draft(|draft| set(&mut draft.claims, "alg", text("hmac-sha256"))),
    Fault::new("algorithm-of-another-key", PARAMETERS, "algorithm-of-another-kind", MESSAGE)
        .draft(|draft| set(&mut draft.claims, "alg", text("rsa-v1_5-sha256"))),
    Fault::new("message-too-late", PARAMETERS, "clock-behind", MESSAGE).clock(-301),
    Fault::new("message-too-early", PARAMETERS, "clock-ahead", MESSAGE).clock(97),
    Fault::new("message-of-another-zone", PARAMETERS, "time-zone", MESSAGE).clock(3600),
    Fault::new("message-again", PARAMETERS, "used-before", MESSAGE).twice(),
];
