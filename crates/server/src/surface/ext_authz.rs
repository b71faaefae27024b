//! Envoy's question, `ext_authz`: over gRPC, or over HTTP with the original request behind a prefix of ours. Fails closed.
mod over_http;
mod verdict;

use crate::app::App;
use crate::call::{Asked, Call, Outcome};
use crate::inflow::{ReadFault, read_all};
use crate::judge::{faulted, refused};
use crate::problem::{bad_request, problem};
use axum::body::Body;
use bytes::Bytes;
use countersign::reason::Reason;
use countersign_envoy::answer::{deny, pass};
use countersign_envoy::body::{PROMISE, Promise};
use countersign_envoy::original::{Bounds, Original, Unreadable};
use countersign_envoy::service;
use countersign_envoy::wire::CheckResponse;
use countersign_guard::policy::Reply;
use countersign_store::fault::Fault;
use http::{Request, Response, StatusCode};
use tokio::sync::Semaphore;

/// Checks that are read and judged at once, at most: each may hold a body as large as `[limits] body_bytes`. Further ones wait,
/// and are answered 503 when they wait too long.
const AT_ONCE: usize = 512;

/// The places of all listeners of this process.
static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);

/// Bytes of a check beside headers and body: addresses, ids, times, and what of a certificate Envoy adds.
const REST: usize = 64 * 1024;

/// Whether a path is where Envoy asks.
pub(crate) fn asked(path: &str) -> bool {
    path == service::PATH || over_http::promise(path).is_some()
}

/// Answers one question.
pub(crate) async fn answer(app: &App, call: &Call, request: Request<Body>) -> Response<Body> {
    let time = app.config.limits.body_time;
    let grpc = request.uri().path() == service::PATH;
    let answering = async {
        let _place = PLACES.acquire().await;
        if grpc { over_grpc(app, call, request).await } else { over_http::answer(app, call, request).await }
    };
    match tokio::time::timeout(time, answering).await {
        Ok(response) => response,
        Err(_) => {
            let fault = faulted(app, None, &Fault::new("a check by Envoy was not decided in time"));
            if grpc { framed(*fault).await } else { *fault }
        }
    }
}

/// Bytes of one question at most.
fn most(app: &App) -> usize {
    let bodies = app.config.routes.iter().filter_map(|route| route.body_limit);
    let body = bodies.chain([app.config.limits.body_bytes]).max().unwrap_or_default();
    body.saturating_add(app.config.limits.header_bytes.saturating_mul(2)).saturating_add(REST)
}

/// Only trusted proxies are answered: whoever asks tells who the caller is.
fn stranger(app: &App, call: &Call) -> Option<Response<Body>> {
    let trusted = &app.config.server.trusted_proxies;
    if trusted.iter().any(|network| network.contains(call.peer.ip())) {
        return None;
    }
    tracing::warn!(peer = %call.peer, "ext-authz was asked by no trusted proxy ([server] trusted_proxies)");
    let title = "Only trusted proxies may ask this";
    Some(problem(StatusCode::FORBIDDEN, "not-a-trusted-proxy", title))
}

/// A question that is too large to be read; the caller chose its size.
fn too_large(app: &App) -> Box<Response<Body>> {
    let reply = Reply::plain(Reason::BodyTooLarge);
    refused(app, None, None, Reason::BodyTooLarge, &reply)
}

async fn over_grpc(app: &App, call: &Call, request: Request<Body>) -> Response<Body> {
    if let Err(wrong) = service::is_call(&request) {
        return problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-grpc", wrong);
    }
    if let Some(response) = stranger(app, call) {
        return framed(response).await;
    }
    let (parts, body) = request.into_parts();
    let mut promises = parts.headers.get_all(PROMISE).iter();
    let promise = match (promises.next(), promises.next()) {
        (Some(word), None) if word == "whole" => Promise::Whole,
        _ => Promise::Nothing,
    };
    let message = match read_all(body, most(app), app.config.limits.body_time).await {
        Ok(message) => message,
        Err(ReadFault::TooLarge) => return framed(*too_large(app)).await,
        Err(ReadFault::TooSlow | ReadFault::Broken) => {
            let fault = Fault::new("a check by Envoy did not arrive whole");
            return framed(*faulted(app, None, &fault)).await;
        }
    };
    let limits = &app.config.limits;
    let bounds = Bounds { fields: limits.header_fields, bytes: limits.header_bytes };
    let check = match service::read(Request::from_parts(parts, message)).await {
        Ok(check) => check,
        Err(response) => return response.map(Body::new),
    };
    let original = match Original::read(check, promise, bounds) {
        Ok(original) => original,
        Err(Unreadable::Message(why)) => {
            tracing::warn!(peer = %call.peer, why, "a check that Envoy would not send");
            return service::malformed(why).map(Body::new);
        }
        Err(Unreadable::Request(why)) => return framed(bad_request(why)).await,
        Err(Unreadable::TooLarge) => return framed(head_too_large()).await,
    };
    let (answer, status, outcome) = match verdict::decide(app, call, &original).await {
        Ok(passed) => {
            (pass(&passed.set, &passed.remove, &passed.tell), StatusCode::OK.as_u16(), Some(passed.outcome))
        }
        Err(response) => denied(*response).await,
    };
    let mut response = service::reply(answer).await.map(Body::new);
    // What is logged and counted is the request, not Envoy's question about it.
    response.extensions_mut().extend(extensions(outcome, Some(about(&original, status))));
    response
}

fn extensions(outcome: Option<Outcome>, asked: Option<Asked>) -> http::Extensions {
    let mut extensions = http::Extensions::new();
    if let Some(outcome) = outcome {
        extensions.insert(outcome);
    }
    if let Some(asked) = asked {
        extensions.insert(asked);
    }
    extensions
}

/// What the log tells of a request that Envoy asked about.
fn about(original: &Original, status: u16) -> Asked {
    let path = original.target.split('?').next().unwrap_or_default();
    Asked {
        method: original.method.as_str().into(),
        path: path.into(),
        client: original.client,
        status: Some(status),
    }
}

fn head_too_large() -> Response<Body> {
    let title = "The request's headers are too many or too large";
    problem(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too-many-headers", title)
}

/// An answer of ours as a whole response that Envoy gives to the caller.
async fn denied(response: Response<Body>) -> (CheckResponse, u16, Option<Outcome>) {
    let (parts, body) = response.into_parts();
    // Documents of our own, of a few hundred bytes, that are in memory already.
    let body = axum::body::to_bytes(body, REST).await.unwrap_or_else(|_| Bytes::new());
    let outcome = parts.extensions.get::<Outcome>().cloned();
    (deny(parts.status, &parts.headers, body), parts.status.as_u16(), outcome)
}

/// The same where the question was not read.
async fn framed(response: Response<Body>) -> Response<Body> {
    let (answer, _, outcome) = denied(response).await;
    let mut response = service::reply(answer).await.map(Body::new);
    response.extensions_mut().extend(extensions(outcome, None));
    response
}
