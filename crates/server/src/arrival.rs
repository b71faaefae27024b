//! Looks at a request of the doctor's as it arrived, before anybody judges it.
use crate::app::App;
use crate::call::Call;
use crate::config::listener::Surface;
use crate::doctor::{Original, Seen};
use crate::inflow::read_all;
use crate::surface::forward_auth::{self, Wrong};
use crate::surface::origin;
use axum::body::Body;
use bytes::Bytes;
use countersign::base64::{Alphabet, encode, encode_hex};
use futures_util::future::ready;
use futures_util::stream::once;
use http::Request;
use http::request::Parts;

/// Bytes of a probe's body; the command's are shorter.
const MOST_BODY: usize = 64 * 1024;

/// Looks at a request as it arrived, and gives it on unchanged.
pub(crate) async fn look(
    app: &App,
    call: &Call,
    probe: String,
    request: Request<Body>,
) -> (Seen, Request<Body>) {
    let (parts, body) = request.into_parts();
    // A body that is longer or breaks off is not a probe's. It goes on as one that broke off: nothing may take it for an empty one.
    let bytes = read_all(body, MOST_BODY, app.config.limits.body_time).await.ok();
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
    let trusted = app.config.server.trusted_proxies.iter().any(|network| network.contains(call.peer.ip()));
    let mut seen = Seen {
        probe,
        surface: call.surface.name().to_owned(),
        peer: call.peer.ip().to_string(),
        trusted,
        tls: call.tls,
        headers: headers.collect(),
        body_b64: bytes.as_ref().map(|bytes| encode(Alphabet::Standard, bytes)),
        ..Seen::default()
    };
    match original(app, call, &parts) {
        Ok(mut original) => {
            let shown = call.surface != Surface::ForwardAuth || app.config.forward_auth.bodies;
            let digest = bytes.as_ref().map(|bytes| encode_hex(&countersign_keys::sha256(&[bytes])));
            original.body_sha256 = digest.filter(|_| shown);
            seen.original = Some(original);
        }
        Err(wrong) => seen.wrong = Some(wrong.to_owned()),
    }
    let body = match bytes {
        Some(bytes) => Body::from(bytes),
        None => Body::from_stream(once(ready(Err::<Bytes, _>(std::io::Error::other("not a probe's body"))))),
    };
    (seen, Request::from_parts(parts, body))
}

fn original(app: &App, call: &Call, parts: &Parts) -> Result<Original, &'static str> {
    let server = &app.config.server;
    let origin = origin::of(server, call.peer.ip(), call.tls, &parts.headers, parts.uri.authority())?;
    let mut original = Original {
        method: parts.method.to_string(),
        told_authority: origin.own,
        scheme: origin.scheme,
        authority: origin.authority,
        target: parts.uri.path_and_query().map_or("", |target| target.as_str()).to_owned(),
        client: origin.client.known().map_or_else(|| "unknown".to_owned(), |client| client.to_string()),
        body_sha256: None,
    };
    if call.surface == Surface::ForwardAuth {
        let told = forward_auth::original(&parts.headers);
        let told = told.map_err(|(Wrong::Proxy(text) | Wrong::Caller(text))| text)?;
        told.method.clone_into(&mut original.method);
        told.target.clone_into(&mut original.target);
        if server.public_url.is_none() {
            told.scheme.clone_into(&mut original.scheme);
            told.authority.clone_into(&mut original.authority);
        }
    }
    Ok(original)
}
