//! Signing and verifying in every algorithm, and what must be refused.
use super::base::build;
use super::component::Component;
use super::message::{Answer, Message};
use crate::ask::{Caller, Keys, KnownKey, Use};
use crate::base64::{Alphabet, decode};
use crate::dialect::Dialect;
use crate::dialect::settings::Settings;
use crate::incoming::{Body, Incoming, Limits, Target};
use crate::life::key::KeyLife;
use crate::proof::{Checked, Finish};
use crate::read::Scratch;
use crate::reason::Reason;
use crate::structured::{Bare, Dictionary, InnerList, Member, dictionary};
use crate::time::Time;
use crate::verified::{Covered, Verified};
use crate::write::Signer;
use countersign_keys::{Algorithm, CompactKey, Job, KeyKind, Policy, PrivateKey, read_public_key, verify};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use std::sync::Arc;

const NOW: i64 = 1_618_884_473;

/// The messages of appendix B.2, and those of sections 2.1 and 2.2 that are no longer than a line.
fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn request_headers() -> HeaderMap {
    headers(&[
        ("host", "example.com"),
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        (
            "content-digest",
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
        ),
        ("content-length", "18"),
    ])
}

fn response_headers() -> HeaderMap {
    headers(&[
        ("date", "Tue, 20 Apr 2021 02:07:56 GMT"),
        ("content-type", "application/json"),
        (
            "content-digest",
            "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
        ),
        ("content-length", "23"),
    ])
}

fn incoming<'r>(method: &'r str, path: &'r str, headers: &'r HeaderMap, body: Body<'r>) -> Incoming<'r> {
    let target = Target::new("https", "example.com", path);
    Incoming { method, target, headers, body, client: None, challenge: None }
}

fn inner(text: &str) -> InnerList<'_> {
    let mut members: Dictionary<'_> = Vec::new();
    dictionary(text.as_bytes(), 8, &mut members).unwrap();
    match members.pop().unwrap().1 {
        Member::Inner(inner) => inner,
        Member::Item(_) => panic!("no inner list: {text}"),
    }
}

fn value(component: &str, request: &Incoming<'_>, answer: Option<Answer<'_>>) -> Result<String, Reason> {
    let list = format!("x=({component})");
    let inner = inner(&list);
    let component = Component::read(&inner.items[0])?;
    let mut out = Vec::new();
    component.write(&Message { request, answer }, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn components_have_the_values_of_the_rfc() {
    // Sections 2.1.1 to 2.1.3 and 2.2.
    let map = headers(&[
        ("example-dict", "  a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
        ("example-header", "value, with, lots"),
        ("example-header", "of, commas"),
        ("priority", "u=1 ,  i"),
        ("x-ows-header", "  Leading and trailing whitespace.  "),
        ("x-empty-header", ""),
        ("x-latin", "caf\u{e9}"),
    ]);
    let asked = Incoming {
        target: Target::new("HTTPS", "WWW.Example.com:443", "/path?param=value&foo=bar&baz=bat%2Dman"),
        ..incoming("GET", "/", &map, Body::Empty)
    };
    for (component, wanted) in [
        ("\"example-dict\";key=\"a\"", "1"),
        ("\"example-dict\";key=\"b\"", "2;x=1;y=2"),
        ("\"example-dict\";key=\"c\"", "(a b c)"),
        ("\"example-dict\";key=\"d\"", "?1"),
        ("\"example-dict\"", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
        ("\"priority\";sf", "u=1, i"),
        ("\"example-header\"", "value, with, lots, of, commas"),
        ("\"example-header\";bs", ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"),
        ("\"x-ows-header\"", "Leading and trailing whitespace."),
        ("\"x-empty-header\"", ""),
        ("\"@method\"", "GET"),
        ("\"@scheme\"", "https"),
        ("\"@authority\"", "www.example.com"),
        ("\"@path\"", "/path"),
        ("\"@query\"", "?param=value&foo=bar&baz=bat%2Dman"),
        ("\"@target-uri\"", "https://www.example.com/path?param=value&foo=bar&baz=bat%2Dman"),
        ("\"@request-target\"", "/path?param=value&foo=bar&baz=bat%2Dman"),
        ("\"@query-param\";name=\"baz\"", "bat-man"),
    ] {
        assert_eq!(value(component, &asked, None).as_deref(), Ok(wanted), "{component}");
    }
    let plain = Incoming { target: Target::new("http", "h:443", ""), ..asked };
    assert_eq!(value("\"@authority\"", &plain, None).as_deref(), Ok("h:443"));
    assert_eq!(value("\"@path\"", &plain, None).as_deref(), Ok("/"));
    assert_eq!(value("\"@query\"", &plain, None).as_deref(), Ok("?"));
    for (component, reason) in [
        ("\"@status\"", Reason::ComponentUnknown),
        ("\"@signature-params\"", Reason::ComponentUnknown),
        ("\"@metod\"", Reason::ComponentUnknown),
        ("\"@method\";req", Reason::ComponentUnknown),
        ("\"@method\";sf", Reason::ComponentUnknown),
        ("\"@query-param\"", Reason::ComponentUnknown),
        ("\"@path\";name=\"a\"", Reason::ComponentUnknown),
        ("\"@query-param\";name=\"b\"", Reason::ComponentAbsent),
        ("\"X-Empty-Header\"", Reason::ComponentUnknown),
        ("\"x-other\"", Reason::ComponentAbsent),
        ("\"x-latin\"", Reason::ComponentAbsent),
        ("\"priority\";bs;sf", Reason::ComponentUnknown),
        ("\"priority\";bs;key=\"u\"", Reason::ComponentUnknown),
        ("\"priority\";tr", Reason::ComponentUnknown),
        ("\"priority\";sf=?0", Reason::ComponentUnknown),
        ("\"priority\";key=u", Reason::ComponentUnknown),
        ("\"priority\";key=\"z\"", Reason::ComponentAbsent),
        ("\"priority\";zz", Reason::ComponentUnknown),
        ("\"x-ows-header\";sf", Reason::ComponentUnknown),
        ("\"x-ows-header\";key=\"a\"", Reason::ComponentAbsent),
        ("priority", Reason::ComponentUnknown),
        ("\"a b\"", Reason::ComponentUnknown),
        ("\"\"", Reason::ComponentUnknown),
    ] {
        assert_eq!(value(component, &asked, None), Err(reason), "{component}");
    }
}

#[test]
fn an_answer_is_signed_with_parts_of_its_request() {
    let (request, response) = (request_headers(), response_headers());
    let asked = incoming("POST", "/foo?a=1", &request, Body::Empty);
    let answer = Some(Answer { status: 503, headers: &response });
    assert_eq!(value("\"@status\"", &asked, answer).as_deref(), Ok("503"));
    assert_eq!(value("\"content-length\"", &asked, answer).as_deref(), Ok("23"));
    assert_eq!(value("\"content-length\";req", &asked, answer).as_deref(), Ok("18"));
    assert_eq!(value("\"@authority\";req", &asked, answer).as_deref(), Ok("example.com"));
    assert_eq!(value("\"@query-param\";name=\"a\";req", &asked, answer).as_deref(), Ok("1"));
    for component in ["\"@method\"", "\"@status\";req", "\"@authority\""] {
        assert_eq!(value(component, &asked, answer), Err(Reason::ComponentUnknown), "{component}");
    }
    assert_eq!(value("\"host\"", &asked, answer), Err(Reason::ComponentAbsent));
}

const DIALECT: &str = r#"
    name = "sig"
    summary = "x"
    algorithms = ["Ed25519,ES256,ES384,PS512,RS256"]
    find = { form = "httpsig" }
    who = { from = "signature.keyid", namespace = "n" }
    rules = [
      { present = ["signature.created", "signature.keyid", "signature.nonce"] },
      { near = "signature.created", within = "60s" },
      { not_after = "signature.expires", optional = true },
      { once = ["signature.nonce"], dated = "signature.created", keep = "60s" },
    ]
    reply = { status = 401, challenge = "Signature", accept_signature = true }
    [signature]
    tags = ["{tag}"]
    covers = ["@method", "@authority", "@path", "@query"]
    with_body = ["content-digest"]
    if_present = ["x-also"]
    [settings]
    tag = "off"
    [make]
    params = [["created", "{now}"], ["expires", "{now+30s}"], ["nonce", "{nonce}"], ["keyid", "{key.name}"], ["alg", "{alg.http}"]]
"#;

fn dialect(tag: &str) -> Dialect {
    Dialect::parse(DIALECT, &[("tag".to_owned(), tag.to_owned())].into()).unwrap()
}

fn keys(keys: &[&PrivateKey]) -> Keys {
    let known = keys.iter().enumerate().map(|(at, key)| {
        let mut known =
            KnownKey::new(&format!("k{at}"), "", KeyLife::ACTIVE, CompactKey::from(&**key.public_key()));
        known.dialects = ["sig".into()].into();
        Arc::new(known)
    });
    let known: Vec<_> = known.collect();
    let caller = Caller {
        id: "acc".into(),
        name: "acc".into(),
        organisation: None,
        enabled: true,
        paths: Box::default(),
        keys: known.clone().into(),
    };
    Keys { caller: Some(Arc::new(caller)), keys: known.into(), ..Keys::default() }
}

fn judge(dialect: &Dialect, incoming: &Incoming<'_>, keys: &Keys) -> Result<Option<Box<Verified>>, Reason> {
    let mut scratch = Scratch::default();
    let now = Time::from_seconds(NOW);
    let read = dialect.read(incoming, &Limits::default(), &mut scratch, &mut ());
    let Some(proof) = read.map_err(|refusal| refusal.reason)? else { return Ok(None) };
    let mut prepared = proof.prepare(keys.clone(), now, &mut ());
    loop {
        let outcome = verify(&prepared.job());
        match prepared.finish(&outcome, now, &mut ()).map_err(|refusal| refusal.reason)? {
            Finish::Next(next) => prepared = next,
            Finish::Checked(Checked::Done(verified)) => return Ok(Some(verified)),
            Finish::Checked(Checked::Once(pending)) => {
                return pending.settle(Use::First, &mut ()).map(Some).map_err(|refusal| refusal.reason);
            }
            Finish::Checked(Checked::Bound(_)) => unreachable!("no session is read here"),
        }
    }
}

/// The request with what a signer adds to it.
fn sign(
    dialect: &Dialect,
    key: &PrivateKey,
    algorithm: Option<Algorithm>,
    incoming: &Incoming<'_>,
) -> HeaderMap {
    let signer =
        Signer { key, identifier: "me", acting_as: None, companion: None, algorithm, challenge: None };
    let made = dialect.write(incoming, &signer, Time::from_seconds(NOW), [7; 16]).unwrap();
    let mut map = incoming.headers.clone();
    for (name, value) in made.headers {
        map.insert(name, value);
    }
    map
}

const PATH: &str = "/foo?param=Value&Pet=dog";
const BODY: Body<'static> = Body::Seen(b"{\"hello\": \"world\"}");

#[test]
fn what_is_signed_verifies_in_every_algorithm() {
    let sig = dialect("off");
    let plain = headers(&[("x-also", "1")]);
    for (kind, bits, algorithm) in [
        (KeyKind::Ed25519, 256, Algorithm::Ed25519),
        (KeyKind::P256, 256, Algorithm::EcdsaP256Sha256),
        (KeyKind::P384, 384, Algorithm::EcdsaP384Sha384),
        (KeyKind::Rsa, 2048, Algorithm::PssSha512),
        (KeyKind::Rsa, 2048, Algorithm::RsaSha256),
    ] {
        let key = PrivateKey::generate(kind, bits).unwrap();
        let signed = sign(&sig, &key, Some(algorithm), &incoming("POST", PATH, &plain, BODY));
        let verified = judge(&sig, &incoming("POST", PATH, &signed, BODY), &keys(&[&key])).unwrap().unwrap();
        assert_eq!((verified.algorithm(), verified.identifier()), (algorithm, "me"));
        let all = Covered {
            window: verified.covered().window,
            method: true,
            authority: true,
            path: true,
            query: true,
            body: true,
            once: true,
        };
        assert_eq!(verified.covered(), all);
        // Without `alg` the key says what it is.
        let text = signed["signature-input"].to_str().unwrap();
        assert!(text.contains(algorithm.http_name().unwrap()), "{text}");
    }
}

#[test]
fn what_was_changed_is_refused() {
    let sig = dialect("off");
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let other = PrivateKey::generate(KeyKind::P256, 256).unwrap();
    let known = keys(&[&key, &other]);
    let plain = headers(&[("x-also", "1"), ("x-not", "1")]);
    let signed = sign(&sig, &key, None, &incoming("POST", PATH, &plain, BODY));
    let judged = |method, path, map: &HeaderMap, body| {
        judge(&sig, &incoming(method, path, map, body), &known).map(|found| found.is_some())
    };
    assert_eq!(judged("POST", PATH, &signed, BODY), Ok(true));
    assert_eq!(judged("post", PATH, &signed, BODY), Err(Reason::BadSignature));
    assert_eq!(judged("POST", "/foo?param=Value&Pet=cat", &signed, BODY), Err(Reason::BadSignature));
    assert_eq!(judged("POST", "/foo", &signed, BODY), Err(Reason::BadSignature));
    assert_eq!(judged("POST", PATH, &signed, Body::Seen(b"{}")), Err(Reason::DigestMismatch));
    assert_eq!(judged("POST", PATH, &signed, Body::Empty), Err(Reason::DigestMismatch));
    assert_eq!(judged("POST", PATH, &signed, Body::Unseen), Err(Reason::BodyUnseen));
    let with = |name: &str, value: &str| {
        let mut map = signed.clone();
        map.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        map
    };
    assert_eq!(judged("POST", PATH, &with("x-not", "2"), BODY), Ok(true), "what is not covered may change");
    assert_eq!(judged("POST", PATH, &with("x-also", "2"), BODY), Err(Reason::BadSignature));
    let mut without = signed.clone();
    without.remove("content-digest");
    assert_eq!(judged("POST", PATH, &without, BODY), Err(Reason::ComponentAbsent));
    let mut twice = signed.clone();
    twice.append("content-digest", HeaderValue::from_static("sha-512=:AA==:"));
    assert_eq!(judged("POST", PATH, &twice, BODY), Err(Reason::BadSignature));
    // A field that must be covered when it is there, added to a request that had none.
    let bare = sign(&sig, &key, None, &incoming("GET", "/foo", &HeaderMap::new(), Body::Empty));
    assert_eq!(judged("GET", "/foo", &bare, Body::Empty), Ok(true));
    let mut added = bare.clone();
    added.insert("x-also", HeaderValue::from_static("1"));
    assert_eq!(judged("GET", "/foo", &added, Body::Empty), Err(Reason::ComponentMissing));
    assert_eq!(judged("GET", "/foo", &bare, Body::Seen(b"x")), Err(Reason::ComponentMissing));
    // The same signature beside its twin, or under a second label.
    let text = bare["signature-input"].to_str().unwrap().to_owned();
    let twin = format!("{text}, {}", text.replacen("sig1", "sig2", 1));
    let mut twins = bare.clone();
    twins.insert("signature-input", HeaderValue::try_from(twin).unwrap());
    assert_eq!(judged("GET", "/foo", &twins, Body::Empty), Err(Reason::AmbiguousCredentials));
}

/// A signature over any list and parameters, made by hand.
fn by_hand(key: &PrivateKey, algorithm: Algorithm, input: &str, incoming: &Incoming<'_>) -> HeaderMap {
    let mut base = Vec::new();
    build(&inner(input), &Message { request: incoming, answer: None }, &[], &mut base).unwrap();
    let signature = key.sign(algorithm, &base).unwrap();
    let mut map = incoming.headers.clone();
    map.insert("signature-input", HeaderValue::try_from(input).unwrap());
    let (label, _) = input.split_once('=').unwrap();
    let text = format!("{label}=:{}:", crate::base64::encode(Alphabet::Standard, &signature));
    map.insert("signature", HeaderValue::try_from(text).unwrap());
    map
}

#[test]
fn a_good_signature_over_too_little_or_out_of_time_is_refused() {
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let known = keys(&[&key]);
    let all = "(\"@method\" \"@authority\" \"@path\" \"@query\")";
    let good = format!("created={NOW};keyid=\"me\";nonce=\"n\"");
    let empty = HeaderMap::new();
    let of = |tag: &str, path: &str, input: &str| {
        let asked = incoming("GET", path, &empty, Body::Empty);
        let map = by_hand(&key, Algorithm::Ed25519, input, &asked);
        judge(&dialect(tag), &incoming("GET", path, &map, Body::Empty), &known).map(|found| found.is_some())
    };
    let case = |list: &str, parameters: &str| of("off", PATH, &format!("a={list};{parameters}"));
    assert_eq!(case(all, &good), Ok(true));
    assert_eq!(case("(\"@method\" \"@target-uri\")", &good), Ok(true));
    assert_eq!(case("(\"@method\" \"@authority\" \"@request-target\")", &good), Ok(true));
    assert_eq!(of("off", "/foo", &format!("a=(\"@method\" \"@authority\" \"@path\");{good}")), Ok(true));
    for list in [
        "()",
        "(\"@method\")",
        "(\"@authority\" \"@path\" \"@query\")",
        "(\"@method\" \"@path\" \"@query\")",
        "(\"@method\" \"@authority\" \"@query\")",
        "(\"@method\" \"@authority\" \"@path\")",
        "(\"@method\" \"@authority\" \"@path\" \"@query-param\";name=\"Pet\")",
    ] {
        assert_eq!(case(list, &good), Err(Reason::ComponentMissing), "{list}");
    }
    for (parameters, reason) in [
        (format!("created={NOW};keyid=\"me\""), Reason::MissingClaim),
        ("keyid=\"me\";nonce=\"n\"".to_owned(), Reason::MissingClaim),
        (format!("created={NOW};nonce=\"n\""), Reason::MissingIdentity),
        (format!("created={NOW};keyid=\"me\";nonce=\"\""), Reason::MissingClaim),
        (format!("created={};keyid=\"me\";nonce=\"n\"", NOW - 61), Reason::OutOfWindow),
        (format!("created={};keyid=\"me\";nonce=\"n\"", NOW + 61), Reason::OutOfWindow),
        (format!("{good};expires={NOW}"), Reason::Expired),
        (format!("created={NOW}.0;keyid=\"me\";nonce=\"n\""), Reason::MalformedCredential),
        (format!("{good};expires=\"{NOW}\""), Reason::MalformedCredential),
        (format!("created={NOW};keyid=me;nonce=\"n\""), Reason::MalformedCredential),
        (format!("{good};alg=ed25519"), Reason::MalformedCredential),
        (format!("{good};alg=\"hmac-sha256\""), Reason::UnsupportedAlgorithm),
        (format!("{good};alg=\"Ed25519\""), Reason::UnsupportedAlgorithm),
        (format!("{good};alg=\"EdDSA\""), Reason::UnsupportedAlgorithm),
        (format!("{good};alg=\"rsa-pss-sha512\""), Reason::KeyNotForDialect),
        (format!("{good};alg=\"ecdsa-p256-sha256\""), Reason::KeyNotForDialect),
    ] {
        assert_eq!(case(all, &parameters), Err(reason), "{parameters}");
    }
    // A tag belongs to another protocol unless the dialect has it.
    assert_eq!(case(all, &format!("{good};tag=\"bots\"")), Ok(false));
    assert_eq!(of("bots", PATH, &format!("a={all};{good};tag=\"bots\"")), Ok(true));
    assert_eq!(of("bots", PATH, &format!("a={all};{good}")), Ok(false));
    assert_eq!(of("bots,more", PATH, &format!("a={all};{good};tag=\"more\"")), Ok(true));
}

#[test]
fn nothing_is_covered_twice_and_little_is_covered_at_all() {
    let map = request_headers();
    let asked = incoming("POST", PATH, &map, BODY);
    let message = Message { request: &asked, answer: None };
    let built = |input: &str| build(&inner(input), &message, &[], &mut Vec::new()).map(|_| ());
    assert_eq!(built("a=(\"date\" \"date\")"), Err(Reason::ComponentUnknown));
    assert_eq!(built("a=(\"content-digest\";key=\"sha-512\";req \"date\")"), Err(Reason::ComponentUnknown));
    assert_eq!(built("a=(\"content-digest\" \"content-digest\";sf)"), Ok(()));
    let many: String = (0..65).map(|n| format!("\"@query-param\";name=\"{n}\" ")).collect();
    assert_eq!(built(&format!("a=({many})")), Err(Reason::TooLarge));
    // Few readings of whole fields are paid for.
    let query: String = (0..20).map(|n| format!("{n}=x&")).collect();
    let path = format!("/?{query}");
    let asked = incoming("GET", &path, &map, BODY);
    let message = Message { request: &asked, answer: None };
    let parts: String = (0..17).map(|n| format!("\"@query-param\";name=\"{n}\" ")).collect();
    let built = build(&inner(&format!("a=({parts})")), &message, &[], &mut Vec::new());
    assert_eq!(built, Err(Reason::TooLarge));
}

#[test]
fn digests_must_all_fit_and_one_must_count() {
    use super::digest::{DigestKind, check};
    let body = b"{\"hello\": \"world\"}";
    let (small, large) = (DigestKind::Sha256.field(body), DigestKind::Sha512.field(body));
    let wrong = DigestKind::Sha512.field(b"other");
    let of =
        |value: &str, counting: &[DigestKind]| check(&headers(&[("content-digest", value)]), body, counting);
    assert_eq!(large, request_headers()["content-digest"].to_str().unwrap());
    for good in [small.clone(), large.clone(), format!("{small}, {large}"), format!("md5=:AAAA:, {small}")] {
        assert_eq!(of(&good, &DigestKind::ALL), Ok(()), "{good}");
    }
    assert_eq!(of(&format!("{small}, {wrong}"), &DigestKind::ALL), Err(Reason::DigestMismatch));
    assert_eq!(of(&small, &[DigestKind::Sha512]), Err(Reason::DigestUnusable));
    for bad in
        ["", "md5=:AAAA:", "sha-256=x", "sha-256=:AA", "sha-256=(1)", "SHA-256=:AAAA:", "sha-999=:AAAA:"]
    {
        assert_eq!(of(bad, &DigestKind::ALL), Err(Reason::DigestUnusable), "{bad}");
    }
    assert_eq!(check(&HeaderMap::new(), body, &DigestKind::ALL), Err(Reason::DigestUnusable));
}

#[test]
fn a_signer_puts_its_signature_beside_others() {
    let sig = dialect("off");
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let others =
        headers(&[("signature-input", "sig1=(\"@method\");tag=\"proxy\""), ("signature", "sig1=:AAAA:")]);
    let signed = sign(&sig, &key, None, &incoming("GET", PATH, &others, Body::Empty));
    assert!(signed["signature-input"].to_str().unwrap().contains(", sig1-2=("));
    assert!(judge(&sig, &incoming("GET", PATH, &signed, Body::Empty), &keys(&[&key])).unwrap().is_some());
}

#[test]
fn what_is_accepted_is_told() {
    let told = dialect("bots").accept_signature().unwrap().to_string();
    assert_eq!(
        told,
        "sig1=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\");created;tag=\"bots\""
    );
    let mut members = Vec::new();
    dictionary(told.as_bytes(), 8, &mut members).unwrap();
}

proptest! {
    /// Any request that a signer can sign is let in, and with any one byte of its signature fields changed it is not.
    #[test]
    fn signed_requests_verify_and_changed_ones_do_not(
        method in "[A-Z]{1,7}",
        path in "/[a-zA-Z0-9/%._~-]{0,20}(\\?[a-zA-Z0-9=&%+.]{0,20})?",
        body: Vec<u8>,
        field in "[ -~]{0,20}",
        place: prop::sample::Index,
        flip in 1_u8..128,
        second: bool,
    ) {
        let sig = dialect("off");
        let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
        let known = keys(&[&key]);
        let plain = headers(&[("x-also", &field)]);
        let body = if body.is_empty() { Body::Empty } else { Body::Seen(&body) };
        let signed = sign(&sig, &key, None, &incoming(&method, &path, &plain, body));
        prop_assert!(matches!(judge(&sig, &incoming(&method, &path, &signed, body), &known), Ok(Some(_))));
        let name = if second { "signature" } else { "signature-input" };
        let mut bytes = signed[name].as_bytes().to_vec();
        let at = place.index(bytes.len());
        bytes[at] ^= flip;
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        let mut changed = signed.clone();
        changed.insert(HeaderName::from_static(name), value);
        let judged = judge(&sig, &incoming(&method, &path, &changed, body), &known);
        prop_assert!(!matches!(judged, Ok(Some(_))), "{:?}", changed[name]);
    }
}

#[test]
fn what_must_be_covered_is_told_and_bound() {
    let sig = dialect("off");
    let words = "a signature that covers @method, @authority, @path, @query; with a body content-digest; where it is there x-also";
    assert_eq!(sig.rules_in_words().first().map(String::as_str), Some(words));
    // What names the account names no key.
    assert_eq!(sig.binding().covers(), ["method", "host", "path", "query", "body", "time"]);
    // A digest that may be left out binds no body, and yet the body is looked at where it is there.
    let loose =
        DIALECT.replace("with_body = [\"content-digest\"]", "").replace("\"x-also\"", "\"content-digest\"");
    let loose = Dialect::parse(&loose, &Settings::new()).unwrap();
    assert!(!loose.covered().body && loose.needs_body());
    assert_eq!(loose.binding().covers(), ["method", "host", "path", "query", "time"]);
    let named = DIALECT.replace("namespace = \"n\"", "by_key = true");
    assert!(Dialect::parse(&named, &Settings::new()).unwrap().binding().key);
}

mod hostile;
mod rfc;
