//! Headers that belong to one hop and never travel on, in either direction.
use http::header::{
    CONNECTION, EXPECT, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName};

/// Headers between two hops only (RFC 9110, section 7.6.1), and what else must not travel on.
pub(crate) const HOP: [HeaderName; 12] = [
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
    http::header::CONTENT_LENGTH,
];

/// An answer's headers as the caller may see them.
pub(crate) fn returned(headers: &mut HeaderMap) {
    for name in HOP.iter().filter(|name| **name != http::header::CONTENT_LENGTH) {
        headers.remove(name);
    }
}
