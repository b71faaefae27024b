//! What a caller writes to make a verifier work for nothing, or a signer and an upstream read something else than was signed.
use super::*;
use crate::write::CannotSign;

fn built(input: &str, asked: &Incoming<'_>) -> Result<(), Reason> {
    build(&inner(input), &Message { request: asked, answer: None }, &[], &mut Vec::new()).map(|_| ())
}

/// `count` keys of a field, and more.
fn keys_of(field: &str, count: usize) -> String {
    let parts: Vec<String> = (0..count).map(|at| format!("\"{field}\";key=\"k{at}\"")).collect();
    format!("a=({})", parts.join(" "))
}

#[test]
fn a_long_field_is_not_read_again_for_every_key() {
    let long: Vec<String> = (0..16).map(|at| format!("k{at}=\"{}\"", "x".repeat(1200))).collect();
    let map = headers(&[("x-long", &long.join(", ")), ("x-short", "k0, k1, k2, k3, k4, k5, k6, k7")]);
    let query: String = (0..8).map(|at| format!("{at}={}&", "x".repeat(2500))).collect();
    let path = format!("/?{query}");
    let asked = incoming("GET", &path, &map, Body::Empty);
    assert_eq!(built(&keys_of("x-short", 8), &asked), Ok(()));
    assert_eq!(built(&keys_of("x-long", 3), &asked), Ok(()));
    assert_eq!(built(&keys_of("x-long", 4), &asked), Err(Reason::TooLarge));
    let parameters = |count: usize| {
        let parts: Vec<String> = (0..count).map(|at| format!("\"@query-param\";name=\"{at}\"")).collect();
        format!("a=({})", parts.join(" "))
    };
    assert_eq!(built(&parameters(3), &asked), Ok(()));
    assert_eq!(built(&parameters(4), &asked), Err(Reason::TooLarge));
}

#[test]
fn nothing_in_an_address_or_method_adds_a_line() {
    let sig = dialect("off");
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let signer = Signer {
        key: &key,
        identifier: "me",
        acting_as: None,
        companion: None,
        algorithm: None,
        challenge: None,
    };
    let map = HeaderMap::new();
    let plain = incoming("GET", "/", &map, Body::Empty);
    let target = plain.target;
    let line = "/a\n\"@query\": ?admin=1";
    for asked in [
        Incoming { target: Target { path: line, ..target }, ..plain },
        Incoming { target: Target { query: Some(line), ..target }, ..plain },
        Incoming { target: Target { authority: "h\n\"@path\": /b", ..target }, ..plain },
        Incoming { target: Target { scheme: "https\r", ..target }, ..plain },
        Incoming { target: Target { path: "/\u{7f}", ..target }, ..plain },
        Incoming { method: "GET\n\"@authority\": h", ..plain },
    ] {
        let made = sig.write(&asked, &signer, Time::from_seconds(NOW), [7; 16]);
        assert!(matches!(made, Err(CannotSign::CannotBuild)), "{asked:?}");
        let all = "a=(\"@method\" \"@scheme\" \"@authority\" \"@path\" \"@query\" \"@target-uri\")";
        assert_eq!(built(all, &asked), Err(Reason::ComponentAbsent), "{asked:?}");
    }
}

#[test]
fn what_connection_takes_away_is_not_covered() {
    let sig = dialect("off");
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let known = keys(&[&key]);
    let plain = headers(&[("x-also", "1")]);
    let signed = sign(&sig, &key, None, &incoming("POST", PATH, &plain, BODY));
    let judged = |connection: &str| {
        let mut map = signed.clone();
        map.append("connection", HeaderValue::from_static("keep-alive"));
        map.append("connection", HeaderValue::try_from(connection).unwrap());
        judge(&sig, &incoming("POST", PATH, &map, BODY), &known).map(|found| found.is_some())
    };
    assert_eq!(judged("close, x-other"), Ok(true));
    assert_eq!(judged("close, X-Also"), Err(Reason::ComponentAbsent));
    assert_eq!(judged("content-digest ,close"), Err(Reason::ComponentAbsent));
    assert_eq!(judged(&"x,".repeat(2000)), Err(Reason::TooLarge));
}

#[test]
fn a_tag_that_no_signature_can_have_is_no_setting() {
    for tag in ["caf\u{e9}", "a\nb", "a\tb"] {
        let settings = [("tag".to_owned(), tag.to_owned())].into();
        let error = Dialect::parse(DIALECT, &settings).unwrap_err();
        assert!(error.to_string().contains("tags"), "{error}");
    }
}
