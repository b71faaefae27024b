//! Envoy's question: any bytes as a message never panic, and what is read of them is a request that could have come by itself.
use crate::outcome;
use countersign_envoy::answer::{deny, pass};
use countersign_envoy::body::{Promise, Shown};
use countersign_envoy::original::{Bounds, Original, Unreadable};
use countersign_envoy::wire::{
    Address, Attributes, CheckRequest, Header, HeaderList, Http, Peer, Request, SocketAddress,
};
use http::StatusCode;
use prost::Message;

const BOUNDS: Bounds = Bounds { fields: 100, bytes: 4096 };

/// Reads a message with and without the promise of whole bodies.
pub fn ext_authz(data: &[u8]) -> u64 {
    let Ok(check) = CheckRequest::decode(data) else { return 0 };
    let promised = Original::read(check.clone(), Promise::Whole, BOUNDS);
    let unpromised = Original::read(check.clone(), Promise::Nothing, BOUNDS);
    assert_eq!(promised.as_ref().err(), unpromised.as_ref().err(), "the promise is about bodies alone");
    let (original, careful) = match (promised, unpromised) {
        (Ok(original), Ok(careful)) => (original, careful),
        (Err(Unreadable::Message(why) | Unreadable::Request(why)), _) => return outcome(why),
        _ => return 1,
    };
    assert!(
        original.body == careful.body || careful.body == Shown::Unseen,
        "less is known, and more is seen"
    );
    assert!(original.target.starts_with('/') && !original.target.contains(['#', ' ']));
    assert!(original.headers.keys().all(|name| !name.as_str().starts_with(':')));
    let told = check.attributes.and_then(|attributes| attributes.request?.http);
    let Some(told) = told else { panic!("a request was read of none") };
    assert_eq!(told.path, original.target.as_bytes(), "another path is judged than is forwarded");
    if let Shown::Whole(body) = &original.body {
        assert!(*body == told.raw_body || *body == told.body, "another body is judged than is forwarded");
    }
    let incoming = original.incoming(None);
    assert_eq!(
        incoming.target.url().len(),
        original.scheme.len() + 3 + original.authority.len() + told.path.len()
    );
    let names: Vec<_> = original.headers.keys().cloned().collect();
    let answer = pass(&original.headers, &names, &original.headers);
    assert!(
        answer.ok_response.is_some_and(|ok| ok.headers_to_remove.is_empty()),
        "what is set is removed again"
    );
    let denied = deny(StatusCode::UNAUTHORIZED, &original.headers, told.body);
    assert!(denied.status.is_some_and(|status| status.code != 0), "a denial lets somebody in");
    2 + u64::try_from(names.len()).unwrap_or(0)
}

/// A question as Envoy asks it.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let header = |name: &'static str, value: &'static str| Header {
        key: name.into(),
        raw_value: value.into(),
        ..Header::default()
    };
    let headers = vec![
        header(":path", "/skillhive/a?b=c"),
        header("authorization", "Bearer a.b.c"),
        header("content-length", "5"),
        header("x-envoy-auth-partial-body", "false"),
    ];
    let http = Http {
        method: "POST".into(),
        path: "/skillhive/a?b=c".into(),
        host: "api.example.test".into(),
        scheme: "https".into(),
        protocol: "HTTP/2".into(),
        raw_body: "hello".into(),
        header_map: Some(HeaderList { headers }),
        ..Http::default()
    };
    let socket = SocketAddress { address: "192.0.2.1".into(), port_value: 4711 };
    let attributes = Attributes {
        source: Some(Peer { address: Some(Address { socket_address: Some(socket) }) }),
        request: Some(Request { http: Some(http) }),
        ..Attributes::default()
    };
    vec![CheckRequest { attributes: Some(attributes) }.encode_to_vec()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_is_read() {
        assert!(seeds().iter().all(|seed| ext_authz(seed) > 2));
    }
}
