//! Envoy's HTTP check: the original request itself, its path behind a prefix that says what the operator promised about bodies.
use super::verdict::decide;
use super::{about, most, stranger, too_large};
use crate::app::App;
use crate::call::Call;
use crate::config::server::ServerSection;
use crate::inflow::{ReadFault, read_all};
use crate::judge::faulted;
use crate::problem::bad_request;
use crate::surface::origin::single;
use crate::surface::path::under;
use axum::body::Body;
use bytes::Bytes;
use countersign_envoy::body::{PARTIAL, Promise, shown};
use countersign_envoy::original::{Original, apart};
use countersign_store::fault::Fault;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response};

/// The prefixes, each with what it promises.
const PREFIXES: [(&str, Promise); 2] =
    [("/ext-authz/whole", Promise::Whole), ("/ext-authz/headers", Promise::Nothing)];

/// By this header of our answer Envoy is told which of the caller's headers go.
const REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// What a path promises, when it is one where Envoy asks.
pub(super) fn promise(path: &str) -> Option<(&'static str, Promise)> {
    PREFIXES.into_iter().find(|(prefix, _)| under(path, prefix))
}

/// Answers one question.
pub(super) async fn answer(app: &App, call: &Call, request: Request<Body>) -> Response<Body> {
    if let Some(response) = stranger(app, call) {
        return response;
    }
    let (parts, body) = request.into_parts();
    let body = match read_all(body, most(app), app.config.limits.body_time).await {
        Ok(body) => body,
        Err(ReadFault::TooLarge) => return *too_large(app),
        Err(ReadFault::TooSlow | ReadFault::Broken) => {
            return *faulted(app, None, &Fault::new("a check by Envoy did not arrive whole"));
        }
    };
    let original = match original(&app.config.server, call, &parts, body) {
        Ok(original) => original,
        Err(wrong) => return bad_request(wrong),
    };
    let mut response = match decide(app, call, &original).await {
        Err(response) => *response,
        Ok(passed) => {
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = passed.set;
            response.headers_mut().extend(passed.tell);
            let names: Vec<&str> = passed.remove.iter().map(HeaderName::as_str).collect();
            if let Ok(names) = HeaderValue::try_from(names.join(",")) {
                response.headers_mut().insert(REMOVE, names);
            }
            response.extensions_mut().insert(passed.outcome);
            response
        }
    };
    let asked = about(&original, response.status().as_u16());
    response.extensions_mut().insert(asked);
    response
}

fn original(
    server: &ServerSection,
    call: &Call,
    parts: &Parts,
    body: Bytes,
) -> Result<Original, &'static str> {
    let sent = &parts.headers;
    let whole = parts.uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default();
    let (prefix, promise) = promise(parts.uri.path()).ok_or("this is no check by Envoy")?;
    let target = whole.strip_prefix(prefix).unwrap_or_default();
    let authority = match (single(sent, HOST.as_str())?, parts.uri.authority()) {
        (Some(host), Some(own)) if !host.eq_ignore_ascii_case(own.as_str()) => {
            return Err("the target names another host than Host");
        }
        (Some(host), _) => host.to_owned(),
        (None, Some(own)) => own.to_string(),
        (None, None) => return Err("there is no Host"),
    };
    let scheme = single(sent, "x-forwarded-proto")?
        .ok_or("Envoy does not tell the scheme (let allowed_headers pass X-Forwarded-Proto)")?;
    // The chain ends in Envoy's own address; a caller that only Envoy knows is none that we know.
    let client = call.client?.known();
    let client =
        client.filter(|client| !server.trusted_proxies.iter().any(|network| network.contains(*client)));
    let mut headers = apart(sent);
    if !headers.contains_key(PARTIAL) {
        // Without a body these are the check's own: Envoy writes `Content-Length: 0` whatever the original request has.
        headers.remove(CONTENT_LENGTH);
        headers.remove(TRANSFER_ENCODING);
    }
    let body = shown(&headers, body, promise);
    Ok(Original {
        method: parts.method.as_str().to_owned(),
        scheme: scheme.to_owned(),
        authority,
        target: target.to_owned(),
        headers,
        body,
        client,
    })
}
