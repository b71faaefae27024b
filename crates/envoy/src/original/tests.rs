//! What Envoy tells, and what somebody in its place might.
use super::*;
use crate::wire::{Address, Attributes, Entry, Header, HeaderList, Peer, Request, SocketAddress};
use countersign::incoming::Body;

const BOUNDS: Bounds = Bounds { fields: 20, bytes: 1000 };

fn entry(name: &'static str, value: &'static [u8]) -> Entry {
    Entry { key: Bytes::from_static(name.as_bytes()), value: Bytes::from_static(value) }
}

fn raw(name: &'static str, value: &'static [u8]) -> Header {
    Header {
        key: Bytes::from_static(name.as_bytes()),
        raw_value: Bytes::from_static(value),
        value: Bytes::new(),
    }
}

fn http() -> Http {
    Http {
        method: "GET".into(),
        path: "/a%2fb?c=%20d".into(),
        host: "api.example.test".into(),
        scheme: "https".into(),
        protocol: "HTTP/1.1".into(),
        ..Http::default()
    }
}

fn check(http: Http) -> CheckRequest {
    let socket = SocketAddress { address: "::ffff:192.0.2.7".into(), port_value: 1 };
    CheckRequest {
        attributes: Some(Attributes {
            source: Some(Peer { address: Some(Address { socket_address: Some(socket) }) }),
            request: Some(Request { http: Some(http) }),
            context_extensions: Vec::new(),
        }),
    }
}

fn read(http: Http) -> Result<Original, Unreadable> {
    Original::read(check(http), Promise::Whole, BOUNDS)
}

#[test]
fn a_request_comes_out_as_it_went_in() {
    let mut told = http();
    told.header_map = Some(HeaderList {
        headers: vec![
            raw(":path", b"/a%2fb?c=%20d"),
            raw(":authority", b"api.example.test"),
            raw("x-a", b"\xff"),
            raw("x-a", b"2"),
        ],
    });
    let original = read(told).unwrap();
    let incoming = original.incoming(None);
    assert_eq!(incoming.target.url(), "https://api.example.test/a%2fb?c=%20d");
    assert_eq!((incoming.method, incoming.body), ("GET", Body::Empty));
    assert_eq!(incoming.client, Some("192.0.2.7".parse().unwrap()));
    let values: Vec<&[u8]> = incoming.headers.get_all("x-a").iter().map(HeaderValue::as_bytes).collect();
    assert_eq!(values, [&b"\xff"[..], b"2"]);
    let public = original.incoming(Some(("https", "public.example")));
    assert_eq!(public.target.url(), "https://public.example/a%2fb?c=%20d");
}

#[test]
fn joined_headers_are_doubled_ones() {
    let mut told = http();
    told.headers =
        vec![entry("authorization", b"Bearer a,Bearer b"), entry("api-id", b"x, "), entry("x", b"one")];
    let headers = read(told).unwrap().headers;
    assert_eq!(headers.get_all("authorization").iter().count(), 2);
    assert_eq!(headers.get_all("api-id").iter().count(), 2);
    assert_eq!(headers.get_all("x").iter().count(), 1);
}

#[test]
fn commas_without_end_make_no_headers_without_end() {
    // A map of headers panics when it should hold more than 32,768.
    let bounds = Bounds { fields: 1000, bytes: 1024 * 1024 };
    let many = Entry { key: "accept".into(), value: vec![b','; 100_000].into() };
    let told = Http { headers: vec![many; 10], ..http() };
    let original = Original::read(check(told), Promise::Whole, bounds).unwrap();
    assert_eq!(original.headers.len(), 20);
}

#[test]
fn callers_are_refused_and_never_fail_the_question() {
    let refused = |change: &dyn Fn(&mut Http)| {
        let mut told = http();
        change(&mut told);
        match read(told) {
            Err(Unreadable::Request(_) | Unreadable::TooLarge) => {}
            other => panic!("{other:?}"),
        }
    };
    for path in [&b""[..], b"*", b"a", b"http://x/", b"/a#b", b"/a b", b"/\xff", b"/\xc3\xa4", b"/a\0"] {
        refused(&|told| told.path = Bytes::from_static(path));
    }
    for method in [&b""[..], b"get", b"G T", b"CONNECT", b"TRACE", b"\xff"] {
        refused(&|told| told.method = Bytes::from_static(method));
    }
    for scheme in [&b""[..], b"HTTPS", b"gopher", b"\xff"] {
        refused(&|told| told.scheme = Bytes::from_static(scheme));
    }
    for (name, value) in [
        (":path", &b"/other"[..]),
        (":method", b"POST"),
        (":authority", b"other"),
        (":scheme", b"http"),
        ("host", b"other"),
        ("host", b"api.example.test, other"),
        ("x-forwarded-proto", b"http"),
        ("x y", b"1"),
        (":other", b"1"),
        ("", b"1"),
        ("x", b"a\nb"),
        ("x", &[b'v'; 1001]),
    ] {
        refused(&|told| told.headers = vec![entry(name, value)]);
        refused(&|told| told.header_map = Some(HeaderList { headers: vec![raw(name, value)] }));
    }
    refused(&|told| told.headers = vec![entry("x", b"1"); 21]);
    refused(&|told| {
        let header = raw("x-forwarded-proto", b"https");
        told.header_map = Some(HeaderList { headers: vec![header.clone(), header] });
    });
}

#[test]
fn what_envoy_never_sends_is_malformed() {
    let malformed = |check: CheckRequest| match Original::read(check, Promise::Whole, BOUNDS) {
        Err(Unreadable::Message(_)) => {}
        other => panic!("{other:?}"),
    };
    malformed(CheckRequest::default());
    malformed(CheckRequest { attributes: Some(Attributes::default()) });
    let changed = |change: &dyn Fn(&mut Http)| {
        let mut told = http();
        change(&mut told);
        malformed(check(told));
    };
    changed(&|told| told.query = "a=b".into());
    changed(&|told| told.fragment = "x".into());
    changed(&|told| {
        told.headers = vec![entry("x", b"1")];
        told.header_map = Some(HeaderList { headers: vec![raw("x", b"1")] });
    });
    changed(&|told| {
        let two = Header { value: "1".into(), ..raw("x", b"2") };
        told.header_map = Some(HeaderList { headers: vec![two] });
    });
    changed(&|told| {
        told.body = "a".into();
        told.raw_body = "a".into();
    });
}

#[test]
fn a_body_that_was_sent_as_text_is_seen_only_when_nothing_was_replaced() {
    let whole = || Some(HeaderList { headers: vec![raw("x-envoy-auth-partial-body", b"false")] });
    for (text, seen) in [("hello", true), ("he!lo", false), ("he\u{fffd}lo", false)] {
        let original = read(Http { body: text.into(), header_map: whole(), ..http() }).unwrap();
        assert_eq!(original.body == Shown::Whole(text.into()), seen, "{text}");
        assert_eq!(original.body == Shown::Unseen, !seen, "{text}");
    }
    let original = read(Http { raw_body: "he!lo".into(), header_map: whole(), ..http() }).unwrap();
    assert_eq!(original.body, Shown::Whole("he!lo".into()));
}

#[test]
fn an_address_that_is_none_is_unknown() {
    let mut check = check(http());
    let attributes = check.attributes.as_mut().unwrap();
    attributes.source = Some(Peer {
        address: Some(Address {
            socket_address: Some(SocketAddress { address: "@internal".into(), port_value: 0 }),
        }),
    });
    assert_eq!(Original::read(check, Promise::Whole, BOUNDS).unwrap().client, None);
}

#[test]
fn a_route_takes_the_promise_back() {
    for (value, body) in [("whole", Shown::Empty), ("headers", Shown::Unseen), ("", Shown::Unseen)] {
        let mut check = check(http());
        let entry = Entry { key: "countersign-body".into(), value: value.into() };
        check.attributes.as_mut().unwrap().context_extensions.push(entry);
        assert_eq!(Original::read(check, Promise::Whole, BOUNDS).unwrap().body, body, "{value}");
    }
}
