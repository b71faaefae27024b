//! The reverse proxy: judges, then forwards the same bytes that were judged, with the identity that was proved.
mod headers;
mod holder;
mod socket;

use crate::answers::Question;
use crate::app::App;
use crate::call::{Call, Outcome};
use crate::config::mode::Mode;
use crate::config::route::METHODS;
use crate::hop::returned;
use crate::inflow::{Inflow, ReadFault, read_all};
use crate::judge::refused;
use crate::problem::{bad_request, not_found, problem, too_slow};
use crate::routes::Place;
use crate::surface::lenient::{Passing, warn, weigh};
use crate::surface::origin;
use crate::surface::path;
use crate::trip::Trip;
use crate::upstream::{Came, Failure, Forward};
use axum::body::Body;
use bytes::Bytes;
use countersign::incoming::{Incoming, Target};
use countersign::reason::Reason;
use countersign_guard::policy::Reply;
use futures_util::future::BoxFuture;
use holder::Holder;
use http::header::{EXPECT, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use std::sync::Arc;

/// Answers one request.
pub(crate) async fn answer(app: &App, call: &Call, request: Request<Body>) -> Response<Body> {
    let mut question = None;
    let response = match pass(app, call, request, &mut question).await {
        Ok(response) => response,
        Err(response) => *response,
    };
    match question {
        Some(question) => Box::pin(question.sign(app, response)).await,
        None => response,
    }
}

async fn pass(
    app: &App,
    call: &Call,
    request: Request<Body>,
    question: &mut Option<Box<Question>>,
) -> Result<Response<Body>, Box<Response<Body>>> {
    let (mut parts, body) = request.into_parts();
    let own = parts.uri.authority();
    let found = origin::of(&app.config.server, call.peer.ip(), call.tls, &parts.headers, own);
    let origin = found.map_err(|wrong| Box::new(bad_request(wrong)))?;
    check_method(&parts.method, &METHODS)?;
    check_expectation(&parts.headers)?;
    let uri = std::mem::take(&mut parts.uri);
    let Some(target) = uri.path_and_query() else {
        return Err(Box::new(bad_request("the target has no path")));
    };
    let place = app.routes.find(&origin.host, target.path());
    let plain = path::check(target.path());
    let Some(place) = place else {
        return Err(Box::new(if plain.is_ok() { not_found() } else { unplain(app, None) }));
    };
    let route = &place.name;
    let shown = Target::new(&origin.scheme, &origin.authority, target.as_str());
    *question = Question::of(place, parts.method.as_str(), &shown, &parts.headers);
    if plain.is_err() && !place.route.raw_paths {
        return Err(Box::new(unplain(app, Some(place))));
    }
    if let Some(methods) = &place.route.methods {
        check_method(&parts.method, methods)?;
    }
    let socket = socket::asked(&place.route, &mut parts, &body)?;
    let mut body = Inflow::Stream(body);
    // Where nobody has to hold, a body that is too large to be judged still passes, unseen.
    let too_large = usize::try_from(body.least()).map_or(true, |least| least > place.policy.limits.body);
    if place.policy.needs_body() && !(too_large && place.route.modes.usual != Mode::Enforce) {
        body = Inflow::Whole(read(app, place, body).await?);
    }
    let incoming = Incoming {
        method: parts.method.as_str(),
        target: shown,
        headers: &parts.headers,
        body: body.seen(),
        client: origin.client.known(),
        challenge: None,
    };
    let Passing { verified, mut outcome } =
        match weigh(app, &call.source(&app.config.server, origin.client), place, &incoming).await {
            Ok(passing) => passing,
            Err(refusal) => {
                body.pass_over(&parts.headers).await;
                return Err(refusal);
            }
        };
    let holder = verified.as_deref().filter(|_| socket.is_some());
    let holder = holder.map(|verified| Holder::of(verified, &incoming, place));
    let tell = |mut response: Box<Response<Body>>, outcome: &Outcome| {
        warn(app, outcome, response.headers_mut());
        response.extensions_mut().insert(outcome.clone());
        response
    };
    let pool = place.route.upstream.as_ref().and_then(|to| app.upstreams.pool(to));
    let Some(pool) = pool else { return Err(tell(Box::new(not_found()), &outcome)) };
    let mut headers = headers::forwarded(&app.identity, &parts.headers);
    // An old scheme that still guards needs what it judges by.
    if !place.route.forward_credentials.unwrap_or(outcome.mode.is_some()) {
        headers::without_credentials(&mut headers, place);
    }
    if let Some(socket) = &socket {
        socket.ask(&mut headers);
    } else {
        headers::allow_trailers(&mut headers, &parts.headers);
    }
    headers::set_origin(&mut headers, &parts.headers, call, &origin, pool.host());
    if let Err(fault) = app.identity.tell(&mut headers, verified.as_deref(), outcome.mode, route, &call.id) {
        return Err(tell(crate::judge::faulted(app, Some(route), &fault), &outcome));
    }
    if let Some(trace) = &call.trace {
        trace.go_out(&mut headers, pool.scheme());
    }
    let trip = Arc::new(Trip::default());
    outcome.upstream = Some(pool.name().into());
    outcome.trip = Some(Arc::clone(&trip));
    let forward = Forward {
        method: parts.method,
        target,
        headers,
        timeout: place.route.timeout,
        body_time: app.config.limits.body_time,
        upgrade: socket.is_some(),
        trip: Arc::clone(&trip),
    };
    match pool.send(forward, body).await {
        Ok(Came::Answer(mut response)) => {
            *response.version_mut() = Version::HTTP_11;
            returned(response.headers_mut());
            Ok(*tell(Box::new(response), &outcome))
        }
        Ok(Came::Switched(response, flight)) => {
            let Some(socket) = socket else {
                return Err(tell(Box::new(failed(&Failure::NoneWell)), &outcome));
            };
            let gone: BoxFuture<'static, ()> = match holder {
                Some(holder) => Box::pin(holder.gone(Arc::clone(app.shared()))),
                // Nobody's, where the route does not enforce yet.
                None => Box::pin(std::future::pending()),
            };
            let response = socket.switched(response, pool.idle_timeout(), trip, flight, gone);
            response.map(|response| *tell(response, &outcome)).map_err(|response| tell(response, &outcome))
        }
        Err(failure) => {
            tracing::warn!(route = &**route, upstream = pool.name(), %failure, "the upstream gave no answer");
            Err(tell(Box::new(failed(&failure)), &outcome))
        }
    }
}

/// The answer when the upstream gave none: never one about the caller's credentials.
fn failed(failure: &Failure) -> Response<Body> {
    let (status, code, title) = match failure {
        Failure::Caller(ReadFault::TooSlow) => return too_slow(),
        Failure::Caller(_) => return bad_request("the body cannot be read"),
        Failure::NoneWell => (
            StatusCode::SERVICE_UNAVAILABLE,
            "no-upstream",
            "The service behind this address is not well; nothing was sent to it",
        ),
        Failure::NoAnswer(_) => {
            (StatusCode::BAD_GATEWAY, "bad-gateway", "The service behind this address gave no answer")
        }
        Failure::Ours(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The server cannot reach the service behind this address now; nothing was sent to it",
        ),
        Failure::TooSlow => {
            (StatusCode::GATEWAY_TIMEOUT, "gateway-timeout", "The service behind this address took too long")
        }
    };
    let mut response = problem(status, code, title);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

async fn read(app: &App, place: &Place, body: Inflow) -> Result<Bytes, Box<Response<Body>>> {
    let body = match body {
        Inflow::Whole(bytes) => return Ok(bytes),
        Inflow::Stream(body) => body,
    };
    let route = Some(&place.name);
    read_all(body, place.policy.limits.body, app.config.limits.body_time).await.map_err(|fault| match fault {
        ReadFault::TooLarge => {
            // Nothing was judged yet: this is an answer of HTTP's, not of a dialect's.
            let reply = Reply::plain(Reason::BodyTooLarge);
            refused(app, route, None, Reason::BodyTooLarge, &reply)
        }
        ReadFault::TooSlow => Box::new(too_slow()),
        ReadFault::Broken => Box::new(bad_request("the body cannot be read")),
    })
}

fn unplain(app: &App, place: Option<&Arc<Place>>) -> Response<Body> {
    let reason = Reason::PathNotPlain;
    let route = place.map(|place| &place.name);
    let reply = Reply::plain(reason);
    *refused(app, route, None, reason, &reply)
}

/// Only methods with a known meaning pass, and of those the ones a route names: CONNECT and TRACE mean something to proxies,
/// unknown ones nothing to anybody.
fn check_method(method: &Method, taken: &[Method]) -> Result<(), Box<Response<Body>>> {
    if taken.contains(method) {
        return Ok(());
    }
    let mut response =
        problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This method is not taken here");
    let names: Vec<&str> = taken.iter().map(Method::as_str).collect();
    if let Ok(allow) = HeaderValue::try_from(names.join(", ")) {
        response.headers_mut().insert(http::header::ALLOW, allow);
    }
    Err(Box::new(response))
}

fn check_expectation(headers: &http::HeaderMap) -> Result<(), Box<Response<Body>>> {
    match headers.get(EXPECT) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => Err(Box::new(problem(
            StatusCode::EXPECTATION_FAILED,
            "expectation-failed",
            "Only 100-continue can be expected",
        ))),
        _ => Ok(()),
    }
}
