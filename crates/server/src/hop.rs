//! Headers that belong to one hop and never travel on, in either direction.
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, EXPECT,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName};

/// Headers between two hops only (RFC 9110, section 7.6.1), and what else must not travel on.
pub const HOP: [HeaderName; 12] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("http2-settings"),
    // Answered here.
    EXPECT,
    // The upstream client writes it from the body it sends.
    CONTENT_LENGTH,
];

/// An answer's headers as the caller may see them: without those of the hop and those that its `Connection` names.
pub fn returned(headers: &mut HeaderMap) {
    let listed = listed(headers);
    for name in HOP.iter().filter(|name| **name != CONTENT_LENGTH).chain(&listed) {
        headers.remove(name);
    }
}

/// What a message's `Connection` names, but for what the message is read by.
#[must_use]
pub fn listed(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        // At most as many names as fit into the header lines.
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .filter(|name| !READ_BY.contains(name))
        .collect()
}

/// What a message is read by, which its `Connection` cannot take away.
const READ_BY: [HeaderName; 6] =
    [CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING, CONTENT_RANGE, CACHE_CONTROL, SET_COOKIE];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answers_connection_names_stays_on_its_hop() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Hop, Content-Type, content-length"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-type", "text/plain"),
            ("content-length", "3"),
            ("x-mine", "1"),
        ] {
            headers.insert(name, http::HeaderValue::from_static(value));
        }
        returned(&mut headers);
        let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
        names.sort();
        assert_eq!(names, ["content-length", "content-type", "x-mine"]);
    }
}
