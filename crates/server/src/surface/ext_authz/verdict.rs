//! Judges a request that Envoy asks about, and says which of the caller's headers must not go on.
use crate::app::App;
use crate::call::{Call, Outcome};
use crate::identity::twins;
use crate::judge::{faulted, refused, takes};
use crate::limiter::allowance::Source;
use crate::problem::{bad_request, problem};
use crate::surface::lenient::{Passing, warn, weigh};
use crate::surface::origin::{Client, host_of};
use crate::surface::path;
use axum::body::Body;
use countersign::reason::Reason;
use countersign_envoy::original::Original;
use countersign_guard::policy::Reply;
use http::header::{CONNECTION, DATE};
use http::{HeaderMap, HeaderName, Response, StatusCode};

/// What Envoy changes in a request that passes.
pub(super) struct Pass {
    /// Headers that take the place of the caller's.
    pub(super) set: HeaderMap,
    /// Headers of the caller's that go.
    pub(super) remove: Vec<HeaderName>,
    /// Headers that are added to the upstream's answer.
    pub(super) tell: HeaderMap,
    /// For the log.
    pub(super) outcome: Outcome,
}

/// What Envoy itself says in headers of these families, at the edge (`use_remote_address`).
const ENVOYS: [&str; 3] = ["x-forwarded-for", "x-forwarded-proto", "x-envoy-external-address"];

/// Judges a request.
///
/// # Errors
/// The answer for the caller.
pub(super) async fn decide(app: &App, call: &Call, original: &Original) -> Result<Pass, Box<Response<Body>>> {
    let wrong = |text: &str| Box::new(bad_request(text));
    original.check().map_err(wrong)?;
    if !crate::accept::head::is_host(original.authority.as_bytes()) {
        return Err(wrong("Host is no host with an optional port"));
    }
    let public = app.config.server.public();
    if public.is_some_and(|(scheme, _)| scheme != original.scheme) {
        return Err(wrong("the original request came over another scheme than public_url has"));
    }
    // An upstream that obeys `Connection` would drop what we tell it.
    for value in original.headers.get_all(CONNECTION) {
        let names = value.to_str().map_err(|_| wrong("Connection has bytes that are not ASCII"))?;
        // At most as many names as fit into the head.
        for name in names.split(',') {
            if HeaderName::try_from(name.trim()).is_ok_and(|name| app.identity.strips(&name)) {
                return Err(wrong("Connection names a header that is not the caller's"));
            }
        }
    }
    let incoming = original.incoming(public);
    let path = incoming.target.path;
    let Some(place) = app.routes.find(&host_of(&original.authority), path) else {
        let title = "No route is configured for the original request";
        return Err(Box::new(problem(StatusCode::FORBIDDEN, "no-route", title)));
    };
    let route = &place.name;
    if path::check(path).is_err() && !place.route.raw_paths {
        let reason = Reason::PathNotPlain;
        let reply = Reply::plain(reason);
        return Err(refused(app, Some(route), None, reason, &reply));
    }
    // Envoy tells the caller's address; where it does not, nobody's is limited.
    let source = original
        .client
        .map_or_else(Source::default, |client| call.source(&app.config.server, Client::Known(client)));
    let Passing { verified, outcome } = weigh(app, &source, place, &incoming).await?;
    // In every mode, as at the gateway.
    takes(app, place, outcome.dialect.as_ref(), incoming.method)?;
    let mut set = HeaderMap::new();
    if let Err(fault) = app.identity.tell(&mut set, verified.as_deref(), outcome.mode, route, &call.id) {
        return Err(faulted(app, Some(route), &fault));
    }
    let mut tell = HeaderMap::new();
    warn(app, &outcome, &mut tell);
    // The upstream's answer has a date of its own.
    tell.remove(DATE);
    let remove = removed(app, &original.headers, &set);
    Ok(Pass { set, remove, tell, outcome })
}

/// Every header by which the caller could claim to be somebody, in the spelling it used; and those of ours that this answer does
/// not set, should Envoy not have shown them.
fn removed(app: &App, sent: &HeaderMap, set: &HeaderMap) -> Vec<HeaderName> {
    let stripped = sent.keys().filter(|name| app.identity.strips(name) && !ENVOYS.contains(&name.as_str()));
    let mut names: Vec<HeaderName> = stripped.cloned().chain(twins(sent)).collect();
    for name in app.identity.names() {
        names.push(name.clone());
        names.extend(HeaderName::try_from(name.as_str().replace('-', "_")).ok());
    }
    names.retain(|name| !set.contains_key(name));
    names.sort_by(|left, right| left.as_str().cmp(right.as_str()));
    names.dedup();
    names
}
