//! WebSocket through the gateway: the handshake is judged like any request, and only its proper answer opens a tunnel.
use crate::accept::Wire;
use crate::config::route::Route;
use crate::hop::returned;
use crate::problem::{bad_request, problem};
use crate::surface::origin::single;
use crate::trip::Trip;
use crate::upstream::{InFlight, Tunnel, Waiting};
use axum::body::Body;
use countersign::base64::{Alphabet, encode};
use futures_util::future::BoxFuture;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version};
use http_body::Body as HttpBody;
use hyper::upgrade::OnUpgrade;
use sha1::{Digest, Sha1};
use std::sync::Arc;
use std::time::Duration;

/// What a server adds to the key, so that no other program answers a handshake by accident (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A handshake that a caller sent.
pub(super) struct Socket {
    accept: String,
    caller: OnUpgrade,
    wire: Wire,
}

/// Whether the request is a handshake that its route lets pass. On other routes `Upgrade` is dropped, and the request is an
/// ordinary one.
///
/// # Errors
/// The answer to a handshake that is none (RFC 6455, section 4.2.1).
pub(super) fn asked(
    route: &Route,
    parts: &mut Parts,
    body: &Body,
) -> Result<Option<Socket>, Box<Response<Body>>> {
    let headers = &parts.headers;
    if !route.websocket || !headers.contains_key(UPGRADE) || parts.version != Version::HTTP_11 {
        return Ok(None);
    }
    let one = |name| single(headers, name).ok().flatten();
    let listed = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    // At most as many words as fit into the header lines.
    let listed =
        listed.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case("upgrade"));
    // Sixteen bytes in Base64.
    let is_key = |key: &&str| {
        let mut bytes = Vec::new();
        key.len() == 24
            && countersign::base64::decode(Alphabet::Standard, key.as_bytes(), &mut bytes).is_ok()
            && bytes.len() == 16
    };
    let fits = parts.method == Method::GET
        && listed
        && one(UPGRADE.as_str()).is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
        && one(SEC_WEBSOCKET_VERSION.as_str()) == Some("13")
        && body.is_end_stream();
    let key = one(SEC_WEBSOCKET_KEY.as_str()).filter(is_key);
    let (true, Some(key)) = (fits, key) else {
        return Err(Box::new(bad_request("the upgrade is no WebSocket handshake of version 13")));
    };
    let accept = encode(Alphabet::Standard, &Sha1::new().chain_update(key).chain_update(GUID).finalize());
    let (caller, wire) = (parts.extensions.remove::<OnUpgrade>(), parts.extensions.remove::<Wire>());
    let (Some(caller), Some(wire)) = (caller, wire) else {
        return Err(Box::new(bad_request("this connection cannot go on in another protocol")));
    };
    Ok(Some(Socket { accept, caller, wire }))
}

impl Socket {
    /// Asks the upstream to switch.
    pub(super) fn ask(&self, headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }

    /// The answer to the handshake, with its tunnel, when the upstream's answer is the one to this very handshake: an upstream
    /// that can be brought to answer 101 by other means has not switched, and would read what follows as requests that nobody
    /// judged.
    ///
    /// # Errors
    /// The answer when the upstream's was no proper one.
    pub(super) fn switched(
        self,
        response: Response<OnUpgrade>,
        idle: Duration,
        trip: Arc<Trip>,
        flight: InFlight,
        gone: BoxFuture<'static, ()>,
    ) -> Result<Box<Response<Body>>, Box<Response<Body>>> {
        let one = |name| single(response.headers(), name).ok().flatten();
        let proper = one(UPGRADE.as_str()).is_some_and(|name| name.eq_ignore_ascii_case("websocket"))
            && one(SEC_WEBSOCKET_ACCEPT.as_str()) == Some(self.accept.as_str());
        if !proper {
            let title = "The service behind this address gave no answer";
            return Err(Box::new(problem(StatusCode::BAD_GATEWAY, "bad-gateway", title)));
        }
        let (mut parts, upstream) = response.into_parts();
        parts.version = Version::HTTP_11;
        returned(&mut parts.headers);
        parts.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        let tunnel = Tunnel { caller: self.caller, upstream, wire: self.wire, idle, trip, flight, gone };
        parts.extensions.insert(Waiting::new(tunnel));
        Ok(Box::new(Response::from_parts(parts, Body::empty())))
    }
}
