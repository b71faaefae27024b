//! The reverse proxy: judges, then forwards the same bytes that were judged, with the identity that was proved.
mod headers;

use crate::app::App;
use crate::call::Call;
use crate::inflow::{Inflow, ReadFault, read_all};
use crate::judge::{confined, held, judge, refused};
use crate::problem::{bad_request, not_found, problem, too_slow};
use crate::routes::Place;
use crate::surface::origin;
use crate::surface::path;
use axum::body::Body;
use bytes::Bytes;
use countersign::incoming::{Incoming, Target};
use countersign::reason::Reason;
use countersign_guard::policy::Reply;
use http::header::EXPECT;
use http::{Method, Request, Response, StatusCode};

/// Answers one request.
pub(crate) async fn answer(app: &App, call: &Call, request: Request<Body>) -> Response<Body> {
    match pass(app, call, request).await {
        Ok(response) => response,
        Err(response) => *response,
    }
}

async fn pass(app: &App, call: &Call, request: Request<Body>) -> Result<Response<Body>, Box<Response<Body>>> {
    let (parts, body) = request.into_parts();
    let own = parts.uri.authority();
    let found = origin::of(&app.config.server, call.peer.ip(), call.tls, &parts.headers, own);
    let origin = found.map_err(|wrong| Box::new(bad_request(wrong)))?;
    check_method(&parts.method)?;
    check_expectation(&parts.headers)?;
    let Some(target) = parts.uri.path_and_query() else {
        return Err(Box::new(bad_request("the target has no path")));
    };
    let place = app.routes.find(&origin.host, target.path());
    let plain = path::check(target.path());
    let Some(place) = place else {
        return Err(Box::new(if plain.is_ok() { not_found() } else { unplain(app, None) }));
    };
    let route = place.route.name.as_str();
    if plain.is_err() && !place.route.raw_paths {
        return Err(Box::new(unplain(app, Some(place))));
    }
    let mut body = Inflow::Stream(body);
    if place.policy.needs_body() {
        body = Inflow::Whole(read(app, place, body).await?);
    }
    let incoming = Incoming {
        method: parts.method.as_str(),
        target: Target::new(&origin.scheme, &origin.authority, target.as_str()),
        headers: &parts.headers,
        body: body.seen(),
        client: Some(origin.client),
        challenge: None,
    };
    let judged = judge(app, Some(route), &place.policy, &incoming).await;
    let judged = judged.and_then(|verified| {
        confined(app, route, &verified, target.path())?;
        Ok(verified)
    });
    let verified = match judged {
        Ok(verified) => verified,
        Err(refusal) => {
            body.pass_over(&parts.headers).await;
            return Err(refusal);
        }
    };
    let outcome = held(Some(route), &verified);
    let tell = |mut response: Box<Response<Body>>| {
        response.extensions_mut().insert(outcome.clone());
        response
    };
    let Some(upstream) = &place.route.upstream else { return Err(tell(Box::new(not_found()))) };
    let mut headers = headers::forwarded(&app.identity, &parts.headers);
    headers::set_origin(&mut headers, &parts.headers, call, &origin);
    if let Err(fault) = app.identity.add(&mut headers, &verified, route, &call.id) {
        return Err(tell(crate::judge::faulted(app, Some(route), &fault)));
    }
    let sent =
        app.upstreams.send(place, upstream, parts.method, target, headers, body, app.config.limits).await;
    match sent {
        Ok(response) => Ok(*tell(Box::new(response))),
        Err(response) => Err(tell(response)),
    }
}

async fn read(app: &App, place: &Place, body: Inflow) -> Result<Bytes, Box<Response<Body>>> {
    let body = match body {
        Inflow::Whole(bytes) => return Ok(bytes),
        Inflow::Stream(body) => body,
    };
    let route = Some(place.route.name.as_str());
    read_all(body, place.policy.limits.body, app.config.limits.body_time).await.map_err(|fault| match fault {
        ReadFault::TooLarge => {
            // Nothing was judged yet: this is an answer of HTTP's, not of a dialect's.
            let reply = Reply { status: Reason::BodyTooLarge.status(), challenge: None };
            refused(app, route, None, Reason::BodyTooLarge, &reply)
        }
        ReadFault::TooSlow => Box::new(too_slow()),
        ReadFault::Broken => Box::new(bad_request("the body cannot be read")),
    })
}

fn unplain(app: &App, place: Option<&std::sync::Arc<Place>>) -> Response<Body> {
    let reason = Reason::PathNotPlain;
    let route = place.map(|place| place.route.name.as_str());
    let reply = Reply { status: reason.status(), challenge: None };
    *refused(app, route, None, reason, &reply)
}

/// Only methods with a known meaning pass: CONNECT and TRACE mean something to proxies, unknown ones nothing to anybody.
fn check_method(method: &Method) -> Result<(), Box<Response<Body>>> {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if known.contains(method) {
        return Ok(());
    }
    let mut response =
        problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This method is not taken here");
    let allow = http::HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    response.headers_mut().insert(http::header::ALLOW, allow);
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
