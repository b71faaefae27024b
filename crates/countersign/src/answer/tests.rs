//! Answers signed and judged: to their question alone, with every part of them that matters.
use super::judge::{Bound, Came, Extent, ServerKey, Unproved, Wanted, directory, judge};
use super::make::{Signing, sign, sign_directory};
use super::*;
use crate::incoming::{Body, Incoming, Target};
use crate::time::{Span, Time};
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

const NOW: i64 = 1_700_000_000;
const BODY: &[u8] = b"{\"a\":1}";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
    }
    map
}

fn question<'r>(method: &'r str, path: &'r str, headers: &'r HeaderMap) -> Incoming<'r> {
    let target = Target::new("https", "api.example", path);
    Incoming { method, target, headers, body: Body::Empty, client: None, challenge: None }
}

/// A question with a message signature, as a client sent it.
fn asked(nonce: &str) -> HeaderMap {
    let input = format!(
        "old=();tag=\"proxy\", mine=(\"@method\" \"@path\" \"accept\" \"x-dict\";key=\"a\");created=1;nonce=\"{nonce}\""
    );
    headers(&[
        ("accept", "*/*"),
        ("x-dict", "a=1, b=2"),
        ("signature-input", &input),
        ("signature", "old=:AAAA:, mine=:AAAB:"),
    ])
}

fn plain() -> HeaderMap {
    headers(&[("content-type", "application/json"), ("date", "Tue, 14 Nov 2023 22:13:20 GMT")])
}

struct Server {
    key: PrivateKey,
    keys: Vec<ServerKey>,
}

impl Server {
    fn new() -> Self {
        let [key, other] = [(); 2].map(|()| PrivateKey::generate(KeyKind::P256, 256).unwrap());
        let keys = [&other, &key].map(|key| ServerKey::new(key.public_key().clone())).to_vec();
        Self { key, keys }
    }

    fn signing(&self) -> Signing<'_> {
        let now = Time::from_seconds(NOW);
        Signing { key: &self.key, algorithm: Algorithm::EcdsaP256Sha256, now }
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            keys: &self.keys,
            now: Time::from_seconds(NOW),
            tolerance: Span::from_seconds(60),
            least: Extent::Head,
        }
    }
}

#[test]
fn an_answer_is_to_its_question_and_to_no_other() {
    let server = Server::new();
    let (sent, other) = (asked("one"), asked("two"));
    let asked_for = question("GET", "/v1/things?a=1", &sent);
    let mut answer = plain();
    sign(&asked_for, Some("mine"), 200, &mut answer, Content::Whole(BODY), &server.signing()).unwrap();
    let came = Came { status: 200, headers: &answer, body: BODY };
    let signed = judge(&asked_for, Some("mine"), &came, &server.wanted()).unwrap();
    assert_eq!((signed.extent(), signed.bound()), (Extent::Whole, Bound::Proof));
    assert_eq!(signed.key(), server.keys[1].thumbprint());
    assert_eq!(signed.created(), Time::from_seconds(NOW));
    let list = answer["signature-input"].to_str().unwrap();
    assert!(
        list.contains("\"signature\";req;key=\"mine\" \"accept\";req \"x-dict\";key=\"a\";req)"),
        "{list}"
    );
    // Asked again with another nonce, by another method, elsewhere.
    let broken =
        |incoming: &Incoming<'_>| judge(incoming, Some("mine"), &came, &server.wanted()).unwrap_err();
    assert_eq!(broken(&question("GET", "/v1/things?a=1", &other)), Unproved::Broken);
    assert_eq!(broken(&question("POST", "/v1/things?a=1", &sent)), Unproved::Broken);
    assert_eq!(broken(&question("GET", "/v1/things?a=2", &sent)), Unproved::Broken);
    assert_eq!(broken(&question("GET", "/v1/thing?a=1", &sent)), Unproved::Broken);
    let elsewhere = Target::new("https", "other.example", "/v1/things?a=1");
    assert_eq!(broken(&Incoming { target: elsewhere, ..asked_for }), Unproved::Broken);
    // A proof that the answer does not know of.
    assert!(matches!(judge(&asked_for, Some("old"), &came, &server.wanted()), Err(Unproved::NotCovered(_))));
}

#[test]
fn what_a_question_covers_and_a_proxy_took_away_keeps_no_answer_from_being_signed() {
    let server = Server::new();
    let sent = asked("one");
    let mut arrived = sent.clone();
    arrived.remove("accept");
    let mut answer = plain();
    let seen = question("GET", "/", &arrived);
    sign(&seen, Some("mine"), 401, &mut answer, Content::Whole(BODY), &server.signing()).unwrap();
    let came = Came { status: 401, headers: &answer, body: BODY };
    let signed = judge(&question("GET", "/", &sent), Some("mine"), &came, &server.wanted()).unwrap();
    assert_eq!(signed.bound(), Bound::Proof);
    // As many components, and as dear, as a caller likes.
    let keys: String = (0..60).map(|at| format!(" \"x-dict\";key=\"k{at}\"")).collect();
    let members: String = (0..60).map(|at| format!("k{at}, ")).collect();
    let input = format!("mine=(\"@method\"{keys});created=1");
    let sent = headers(&[
        ("x-dict", &format!("{members}z")),
        ("signature-input", &input),
        ("signature", "mine=:AAAB:"),
    ]);
    let asked = question("GET", "/", &sent);
    let mut answer = plain();
    sign(&asked, Some("mine"), 401, &mut answer, Content::Whole(BODY), &server.signing()).unwrap();
    let came = Came { status: 401, headers: &answer, body: BODY };
    assert_eq!(judge(&asked, Some("mine"), &came, &server.wanted()).unwrap().bound(), Bound::Proof);
}

#[test]
fn whatever_of_an_answer_matters_cannot_change() {
    let server = Server::new();
    let sent = headers(&[("authorization", "JWT abc")]);
    let incoming = question("GET", "/", &sent);
    let mut answer = plain();
    sign(&incoming, None, 201, &mut answer, Content::Whole(BODY), &server.signing()).unwrap();
    let judged = |status, headers: &HeaderMap, body: &[u8]| {
        judge(&incoming, None, &Came { status, headers, body }, &server.wanted()).map(|signed| signed.bound())
    };
    assert_eq!(judged(201, &answer, BODY), Ok(Bound::Proof));
    assert_eq!(judged(200, &answer, BODY), Err(Unproved::Broken));
    assert_eq!(judged(201, &answer, b"{\"a\":2}"), Err(Unproved::Body));
    assert_eq!(judged(201, &answer, b""), Err(Unproved::Body));
    let with = |name: &str, value: &str| {
        let mut map = answer.clone();
        map.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        map
    };
    assert_eq!(judged(201, &with("date", "x"), BODY), Ok(Bound::Proof), "what is not covered may change");
    assert_eq!(judged(201, &with("content-type", "text/html"), BODY), Err(Unproved::Broken));
    assert_eq!(judged(201, &with("location", "/x"), BODY), Err(Unproved::NotCovered("location".to_owned())));
    let mut without = answer.clone();
    without.remove("content-type");
    assert_eq!(judged(201, &without, BODY), Err(Unproved::Absent));
    for name in ["signature", "signature-input"] {
        let mut without = answer.clone();
        without.remove(name);
        assert!(judged(201, &without, BODY).is_err(), "{name}");
    }
    assert_eq!(judged(201, &plain(), BODY), Err(Unproved::Unsigned));
    // An answer to somebody else's token.
    let other = headers(&[("authorization", "JWT abd")]);
    let came = Came { status: 201, headers: &answer, body: BODY };
    assert_eq!(
        judge(&question("GET", "/", &other), None, &came, &server.wanted()).unwrap_err(),
        Unproved::Broken
    );
    // Without any proof only the address binds it.
    let none = HeaderMap::new();
    let incoming = question("GET", "/", &none);
    let mut answer = plain();
    sign(&incoming, None, 401, &mut answer, Content::Whole(b""), &server.signing()).unwrap();
    let came = Came { status: 401, headers: &answer, body: b"" };
    assert_eq!(judge(&incoming, None, &came, &server.wanted()).unwrap().bound(), Bound::Address);
}

#[test]
fn times_keys_and_algorithms_are_held_to() {
    let server = Server::new();
    let sent = HeaderMap::new();
    let incoming = question("GET", "/", &sent);
    let mut answer = plain();
    sign(&incoming, None, 200, &mut answer, Content::Whole(BODY), &server.signing()).unwrap();
    let judged = |wanted: &Wanted<'_>, headers: &HeaderMap| {
        judge(&incoming, None, &Came { status: 200, headers, body: BODY }, wanted).map(|_| ())
    };
    for (away, held) in
        [(60, Ok(())), (61, Err(Unproved::Dated(-61))), (-60, Ok(())), (-61, Err(Unproved::Dated(61)))]
    {
        let wanted = Wanted { now: Time::from_seconds(NOW + away), ..server.wanted() };
        assert_eq!(judged(&wanted, &answer), held, "{away}");
    }
    let name = server.keys[1].thumbprint().to_owned();
    let strangers = Wanted { keys: &server.keys[..1], ..server.wanted() };
    assert_eq!(judged(&strangers, &answer), Err(Unproved::UnknownKey(name.clone())));
    let changed = |from: &str, to: &str| {
        let mut map = answer.clone();
        let text = map["signature-input"].to_str().unwrap().replace(from, to);
        map.insert("signature-input", HeaderValue::try_from(text).unwrap());
        map
    };
    let wanted = server.wanted();
    for (from, to, why) in [
        ("ecdsa-p256-sha256", "ed25519", Unproved::Algorithm),
        ("ecdsa-p256-sha256", "hmac-sha256", Unproved::Algorithm),
        (";alg=\"ecdsa-p256-sha256\"", "", Unproved::Broken),
        (&name[..], server.keys[0].thumbprint(), Unproved::Broken),
        ("\"@status\" ", "", Unproved::NotCovered("@status".to_owned())),
        ("\"content-digest\" ", "", Unproved::NotCovered("content-digest".to_owned())),
        (" \"@query\";req", "", Unproved::NotCovered("@query;req".to_owned())),
        ("\"@query\";req", "\"@query\"", Unproved::NotCovered("@query;req".to_owned())),
        (TAG, TAG_HEAD, Unproved::Broken),
        (TAG, "other", Unproved::Unsigned),
        (&format!("created={NOW};")[..], "", Unproved::Malformed("it has no date")),
    ] {
        assert_eq!(judged(&wanted, &changed(from, to)), Err(why), "{from} {to}");
    }
    let twice = answer["signature-input"].to_str().unwrap().to_owned();
    let mut two = answer.clone();
    two.insert(
        "signature-input",
        HeaderValue::try_from(format!("{twice}, b{}", twice.strip_prefix("answer").unwrap())).unwrap(),
    );
    assert_eq!(judged(&wanted, &two), Err(Unproved::Several));
}

#[test]
fn a_body_that_is_not_held_is_said_to_be_outside() {
    let server = Server::new();
    let sent = HeaderMap::new();
    let incoming = question("GET", "/", &sent);
    let mut answer = plain();
    sign(&incoming, None, 200, &mut answer, Content::Unheld, &server.signing()).unwrap();
    assert!(!answer.contains_key("content-digest"));
    let came = Came { status: 200, headers: &answer, body: BODY };
    assert_eq!(judge(&incoming, None, &came, &server.wanted()).unwrap().extent(), Extent::Head);
    let whole = Wanted { least: Extent::Whole, ..server.wanted() };
    assert_eq!(judge(&incoming, None, &came, &whole).unwrap_err(), Unproved::BodyOutside);
    // What can have no body needs no digest, and is whole.
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
        assert!(!has_content(method, status));
        let incoming = question(method, "/", &sent);
        let mut answer = plain();
        sign(&incoming, None, status, &mut answer, Content::None, &server.signing()).unwrap();
        let came = Came { status, headers: &answer, body: b"" };
        assert_eq!(
            judge(&incoming, None, &came, &server.wanted()).unwrap().extent(),
            Extent::Whole,
            "{method} {status}"
        );
        // The same head is not taken for one that can.
        let other = question("GET", "/", &sent);
        let came = Came { status: 200, ..came };
        assert!(judge(&other, None, &came, &server.wanted()).is_err());
    }
}

#[test]
fn signatures_that_are_there_stay_where_they_can_be_read() {
    let server = Server::new();
    let sent = HeaderMap::new();
    let incoming = question("GET", "/", &sent);
    let mut answer = headers(&[("signature-input", "answer=();tag=\"x\""), ("signature", "answer=:AAAA:")]);
    sign(&incoming, None, 200, &mut answer, Content::Whole(BODY), &server.signing()).unwrap();
    assert!(answer["signature-input"].to_str().unwrap().starts_with("answer=();tag=\"x\", answer-2=("));
    judge(&incoming, None, &Came { status: 200, headers: &answer, body: BODY }, &server.wanted()).unwrap();
    let mut answer = headers(&[("signature-input", "answer=(;"), ("signature", "?")]);
    sign(&incoming, None, 200, &mut answer, Content::Whole(BODY), &server.signing()).unwrap();
    judge(&incoming, None, &Came { status: 200, headers: &answer, body: BODY }, &server.wanted()).unwrap();
    // What cannot be signed is left as it was.
    let mut odd = headers(&[("content-type", "caf\u{e9}")]);
    let before = odd.clone();
    assert!(sign(&incoming, None, 200, &mut odd, Content::Whole(BODY), &server.signing()).is_err());
    assert_eq!(odd, before);
    assert!(sign(&incoming, Some("none"), 200, &mut odd, Content::Whole(BODY), &server.signing()).is_err());
}

#[test]
fn a_directory_is_signed_by_every_key_that_counts() {
    let server = Server::new();
    let sent = HeaderMap::new();
    let incoming = question("GET", DIRECTORY, &sent);
    let mut answer = headers(&[("content-type", DIRECTORY_TYPE)]);
    let life = Span::from_seconds(300);
    sign_directory(&incoming, &mut answer, BODY, life, &server.signing()).unwrap();
    let stranger = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let second = Signing { key: &stranger, algorithm: Algorithm::Ed25519, ..server.signing() };
    sign_directory(&incoming, &mut answer, BODY, life, &second).unwrap();
    let keys: Vec<_> =
        server.keys.iter().cloned().chain([ServerKey::new(stranger.public_key().clone())]).collect();
    let count = |incoming: &Incoming<'_>, headers: &HeaderMap, body: &[u8], at: i64| {
        let came = Came { status: 200, headers, body };
        let proved = directory(incoming, &came, &keys, Time::from_seconds(at));
        assert!(proved.iter().all(|holder| holder.until() == Time::from_seconds(NOW + 300)));
        proved.iter().map(|holder| holder.key().thumbprint().to_owned()).collect::<Vec<_>>()
    };
    let both = [&keys[1], &keys[2]].map(|key| key.thumbprint().to_owned());
    assert_eq!(count(&incoming, &answer, BODY, NOW), both);
    assert_eq!(count(&incoming, &answer, BODY, NOW + 299), both);
    assert!(count(&incoming, &answer, BODY, NOW + 300).is_empty(), "over");
    assert!(count(&incoming, &answer, BODY, NOW - 1).is_empty(), "from the future");
    assert!(count(&incoming, &answer, b"{}", NOW).is_empty());
    let elsewhere = Target::new("https", "other.example", DIRECTORY);
    assert!(count(&Incoming { target: elsewhere, ..incoming }, &answer, BODY, NOW).is_empty(), "copied");
    assert!(count(&incoming, &plain(), BODY, NOW).is_empty());
}

proptest! {
    /// Any one byte of the signature's fields changed, and the answer is no longer the server's.
    #[test]
    fn changed_fields_never_hold(place: prop::sample::Index, flip in 1_u8..128, second: bool) {
        let server = Server::new();
        let sent = asked("n");
        let incoming = question("GET", "/a?b", &sent);
        let mut answer = plain();
        sign(&incoming, Some("mine"), 200, &mut answer, Content::Whole(BODY), &server.signing()).unwrap();
        let name = if second { "signature" } else { "signature-input" };
        let mut bytes = answer[name].as_bytes().to_vec();
        let at = place.index(bytes.len());
        bytes[at] ^= flip;
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        answer.insert(HeaderName::from_static(name), value);
        let came = Came { status: 200, headers: &answer, body: BODY };
        prop_assert!(judge(&incoming, Some("mine"), &came, &server.wanted()).is_err(), "{:?}", answer[name]);
    }

    /// Fields of any text are judged without a fault.
    #[test]
    fn any_fields_are_read(input in "[ -~]{0,120}", signature in "[ -~]{0,60}", status: u16) {
        let server = Server::new();
        let sent = asked("n");
        let incoming = question("GET", "/", &sent);
        let input = format!("answer=({input});created={NOW};keyid=\"{}\";tag=\"{TAG}\"", server.keys[1].thumbprint());
        let answer = headers(&[("signature-input", &input), ("signature", &format!("answer=:{signature}:"))]);
        let came = Came { status, headers: &answer, body: BODY };
        prop_assert!(judge(&incoming, None, &came, &server.wanted()).is_err());
    }
}
