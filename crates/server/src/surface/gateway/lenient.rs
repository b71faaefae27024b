//! A request that does not hold on a route that does not enforce yet: it passes as nobody's, is counted, and is told of.
use crate::app::App;
use crate::call::Outcome;
use crate::config::mode::Mode;
use crate::problem::{REJECT, stamp};
use crate::readiness::Tried;
use crate::routes::Place;
use axum::body::Body;
use countersign::incoming::Incoming;
use countersign::reason::Reason;
use http::{HeaderName, HeaderValue, Response};
use std::net::IpAddr;

/// Tells a caller what would have happened to its request.
const WARNING: HeaderName = HeaderName::from_static("countersign-warning");

/// How the request that this answer refuses passes all the same; `None` when it does not.
pub(super) fn weigh(
    app: &App,
    place: &Place,
    incoming: &Incoming<'_>,
    refusal: &Response<Body>,
    client: IpAddr,
) -> Option<Outcome> {
    let modes = &place.route.modes;
    if !modes.is_lenient() {
        return None;
    }
    let outcome = refusal.extensions().get::<Outcome>()?.clone();
    let Some(reason) = reason(&outcome) else {
        // A fault of ours. The old scheme still guards what does not enforce.
        let passes = modes.on_fault_forward && modes.usual != Mode::Enforce;
        return passes.then_some(Outcome { mode: Some(modes.usual), ..outcome });
    };
    let claimed = app.guard.claimed(&place.policy, incoming);
    let mode = modes.of(claimed.as_deref());
    let now = app.clock.now();
    let who = match claimed.as_deref() {
        Some(name) if outcome.signed => Tried::Signed(name),
        Some(name) => Tried::Named(name),
        None => Tried::Nobody(client),
    };
    app.readiness.failed(&place.route.name, who, reason, mode, now);
    let claimed = claimed.map(String::from);
    (mode != Mode::Enforce).then_some(Outcome { mode: Some(mode), claimed, ..outcome })
}

/// Adds to the answer what the caller should know: nothing in the shadow, and no more than a refusal would tell.
pub(super) fn warn(app: &App, outcome: &Outcome, response: &mut Response<Body>) {
    if outcome.mode != Some(Mode::Warn) {
        return;
    }
    let Some(reason) = reason(outcome) else { return };
    let text = format!("{}; such requests will be refused", reason.outward());
    if let Ok(text) = HeaderValue::try_from(text) {
        response.headers_mut().insert(WARNING, text);
    }
    if let Some(reject) = outcome.reject.as_deref().and_then(|id| HeaderValue::try_from(id).ok()) {
        response.headers_mut().insert(REJECT, reject);
    }
    stamp(response, app.clock.now());
}

fn reason(outcome: &Outcome) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| Some(reason.code()) == outcome.reason)
}
