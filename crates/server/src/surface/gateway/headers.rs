//! Which of the caller's headers go on to the upstream, and what is said about where the request came from.
use crate::call::Call;
use crate::hop::HOP;
use crate::identity::{Identity, twins};
use crate::routes::Place;
use crate::surface::origin::Origin;
use http::header::{CONNECTION, COOKIE, FORWARDED, HOST, TE};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::IpAddr;

/// What a caller's `Connection` cannot take away: the upstream's reading of the message would change.
const KEPT: [HeaderName; 10] = [
    HOST,
    http::header::AUTHORIZATION,
    COOKIE,
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
    join_cookies(&mut headers);
    without_console(&mut headers);
    identity.strip(&mut headers);
    for twin in twins(&headers) {
        headers.remove(twin);
    }
    headers
}

/// HTTP/2 may send each cookie in a line of its own; HTTP/1.1 has one line, and upstreams read one (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

/// Takes the console's cookie away: cookies do not tell ports apart, so browsers send it to every listener of a host.
fn without_console(headers: &mut HeaderMap) {
    let Some(line) = headers.get(COOKIE).filter(|line| has_console(line.as_bytes())) else { return };
    let pairs = line.as_bytes().split(|byte| *byte == b';');
    let kept: Vec<&[u8]> = pairs.filter(|pair| !has_console(pair)).map(<[u8]>::trim_ascii).collect();
    match HeaderValue::from_bytes(&kept.join(&b"; "[..])) {
        Ok(line) if !line.is_empty() => headers.insert(COOKIE, line),
        _ => headers.remove(COOKIE),
    };
}

/// Whether a session of the console may be in there: its value begins so, whatever the cookie is called.
fn has_console(bytes: &[u8]) -> bool {
    const BEGINS: &[u8] = b"=console-";
    bytes.windows(BEGINS.len()).any(|window| window == BEGINS)
}

/// Takes the credentials away: the upstream learns who it was from us, and what it does not have it cannot lose.
pub(super) fn without_credentials(headers: &mut HeaderMap, place: &Place) {
    let doomed: Vec<HeaderName> = headers.keys().filter(|name| place.carries(name)).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
}

/// Says that trailers are understood, as gRPC wants it said: only this word of `TE` has a meaning beyond the hop.
pub(super) fn allow_trailers(headers: &mut HeaderMap, sent: &HeaderMap) {
    if sent.get(TE).is_some_and(|value| value == "trailers") {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Says where the request came from, in our own words; `host` is what the upstream wants to be called, when not by the caller's
/// name for it.
pub(super) fn set_origin(
    headers: &mut HeaderMap,
    sent: &HeaderMap,
    call: &Call,
    origin: &Origin,
    host: Option<&str>,
) {
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
    // The standard's own form of the same (RFC 7239). A chain of other proxies is in X-Forwarded-For, as they told it.
    let forwarded = format!(
        "for={};host={};proto={}",
        node(origin.client.known()),
        quoted(&origin.authority),
        origin.scheme
    );
    if let Ok(value) = HeaderValue::try_from(forwarded) {
        headers.insert(FORWARDED, value);
    }
    // The host that the route was found by, wherever it stood (HTTP/2 has no Host, a proxy may tell another): the upstream must
    // not serve one host by what was judged for another.
    if let Ok(host) = HeaderValue::try_from(host.unwrap_or(&origin.own)) {
        headers.insert(HOST, host);
    }
}

/// An address as `Forwarded` wants it: IPv6 in brackets and quotes, and a word for none (RFC 7239, section 6).
fn node(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => format!("\"[{address}]\""),
        None => "unknown".to_owned(),
    }
}

/// A host with its port, which is no token, in quotes. Hosts were checked: they have neither quotes nor backslashes.
fn quoted(host: &str) -> String {
    if host.contains([':', '[']) { format!("\"{host}\"") } else { host.to_owned() }
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

    #[test]
    fn cookies_are_in_one_line() {
        let identity = Identity::new(&Config::default().identity, None).unwrap();
        let mut sent = HeaderMap::new();
        for value in ["a=1", "b=2; c=3"] {
            sent.append(COOKIE, HeaderValue::from_static(value));
        }
        let headers = forwarded(&identity, &sent);
        assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
    }
}
