//! Which of the caller's headers go on to the upstream, and what is said about where the request came from.
use crate::call::Call;
use crate::hop::HOP;
use crate::identity::{Identity, twins};
use crate::surface::origin::Origin;
use http::header::{CONNECTION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What a caller's `Connection` cannot take away: the upstream's reading of the message would change.
const KEPT: [HeaderName; 10] = [
    HOST,
    http::header::AUTHORIZATION,
    http::header::COOKIE,
    http::header::CONTENT_TYPE,
    http::header::CONTENT_ENCODING,
    http::header::CONTENT_LANGUAGE,
    http::header::CONTENT_RANGE,
    http::header::RANGE,
    http::header::IF_MATCH,
    http::header::CACHE_CONTROL,
];

/// The caller's headers without those of the hop, of identity, and those that its `Connection` names.
pub(super) fn forwarded(identity: &Identity, sent: &HeaderMap) -> HeaderMap {
    let mut headers = sent.clone();
    for value in sent.get_all(CONNECTION) {
        // At most as many names as fit into one header line.
        for name in value.to_str().unwrap_or_default().split(',') {
            if let Ok(name) = HeaderName::try_from(name.trim())
                && !KEPT.contains(&name)
            {
                headers.remove(name);
            }
        }
    }
    for name in &HOP {
        headers.remove(name);
    }
    identity.strip(&mut headers);
    for twin in twins(&headers) {
        headers.remove(twin);
    }
    headers
}

/// Says where the request came from, in our own words.
pub(super) fn set_origin(headers: &mut HeaderMap, sent: &HeaderMap, call: &Call, origin: &Origin) {
    let peer = call.peer.ip().to_string();
    let chain: Vec<&str> = if origin.trusted {
        sent.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect()
    } else {
        Vec::new()
    };
    let chain = if chain.is_empty() { peer } else { format!("{}, {peer}", chain.join(", ")) };
    for (name, value) in [
        ("x-forwarded-for", chain.as_str()),
        ("x-forwarded-proto", origin.scheme.as_str()),
        ("x-forwarded-host", origin.authority.as_str()),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    // The host that the route was found by, wherever it stood (HTTP/2 has no Host, a proxy may tell another): the upstream must
    // not serve one host by what was judged for another.
    if let Ok(host) = HeaderValue::try_from(origin.own.as_str()) {
        headers.insert(HOST, host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn connection_takes_away_hop_headers_but_not_what_the_upstream_reads_by() {
        let identity = Identity::new(&Config::default().identity, None).unwrap();
        let mut sent = HeaderMap::new();
        for (name, value) in [
            ("host", "h"),
            ("connection", "close, X-Hop, Content-Type, cookie, x-countersign-account, bad name"),
            ("x-hop", "1"),
            ("content-type", "text/plain"),
            ("cookie", "a=b"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("transfer_encoding", "chunked"),
            ("content_length", "7"),
            ("coo_kie", "kept: no other spelling of it is there"),
            ("content.type", "text/html"),
            ("x_http.method-override", "DELETE"),
            ("x-countersign-account", "admin"),
            ("x-http-method-override", "DELETE"),
            ("accept", "*/*"),
        ] {
            sent.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let mut names: Vec<_> = forwarded(&identity, &sent).keys().map(ToString::to_string).collect();
        names.sort();
        assert_eq!(names, ["accept", "content-type", "coo_kie", "cookie", "host"]);
    }
}
