//! A request judged as far as its route goes: one that does not hold where the route does not enforce yet passes as nobody's, is
//! counted, and is told of.
use crate::app::App;
use crate::call::Outcome;
use crate::config::mode::Mode;
use crate::judge::{confined, held, judge};
use crate::limiter::allowance::Source;
use crate::problem::{REJECT, stamp};
use crate::readiness::Tried;
use crate::routes::Place;
use axum::body::Body;
use countersign::incoming::Incoming;
use countersign::reason::Reason;
use countersign::verified::Verified;
use http::{HeaderMap, HeaderName, HeaderValue, Response};

/// Tells a caller what would have happened to its request.
const WARNING: HeaderName = HeaderName::from_static("countersign-warning");

/// A request that goes on: with its identity, or as nobody's.
pub(crate) struct Passing {
    /// Who it is; `None` where nobody proved anything and the route lets it pass all the same.
    pub(crate) verified: Option<Box<Verified>>,
    /// For the log.
    pub(crate) outcome: Outcome,
}

/// Judges a request on a route, and weighs what came of it by the mode for the account that it names.
///
/// # Errors
/// The answer to send instead, with its [`Outcome`] among the extensions.
pub(crate) async fn weigh(
    app: &App,
    source: &Source,
    place: &Place,
    incoming: &Incoming<'_>,
) -> Result<Passing, Box<Response<Body>>> {
    let route = &place.name;
    let tried = passes_anyway(app, place, incoming).then(|| source.tried());
    let source = tried.as_ref().unwrap_or(source);
    let judged = judge(app, source, Some(route), &place.policy, incoming).await.and_then(|verified| {
        confined(app, route, &verified, incoming.target.path)?;
        Ok(verified)
    });
    match judged {
        Ok(verified) => {
            let mut outcome = held(Some(route), &verified);
            let moving_to = &place.route.moving_to;
            if place.route.modes.is_lenient() || !moving_to.is_empty() {
                let name = &verified.caller().name;
                let mode = place.route.modes.of(Some(name));
                let dialect = verified.dialect();
                let stays = moving_to.is_empty() || moving_to.iter().any(|to| **to == **dialect);
                let left = (!stays).then_some(dialect);
                app.readiness.passed(route, name, left, mode, app.clock.now());
                outcome.mode = Some(mode).filter(|mode| *mode != Mode::Enforce);
            }
            Ok(Passing { verified: Some(verified), outcome })
        }
        Err(refusal) => match lenient(app, place, incoming, &refusal) {
            Some(outcome) => Ok(Passing { verified: None, outcome }),
            None => Err(refusal),
        },
    }
}

/// Whether a request passes whatever its proof is worth.
fn passes_anyway(app: &App, place: &Place, incoming: &Incoming<'_>) -> bool {
    let modes = &place.route.modes;
    if modes.own.is_empty() {
        return modes.usual != Mode::Enforce;
    }
    modes.of(app.guard.claimed(&place.policy, incoming).as_deref()) != Mode::Enforce
}

/// How the request that this answer refuses passes all the same; `None` when it does not.
fn lenient(app: &App, place: &Place, incoming: &Incoming<'_>, refusal: &Response<Body>) -> Option<Outcome> {
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
        None => Tried::Nobody(incoming.client),
    };
    app.readiness.failed(&place.route.name, who, reason, mode, now);
    let claimed = claimed.map(String::from);
    (mode != Mode::Enforce).then_some(Outcome { mode: Some(mode), claimed, ..outcome })
}

/// Adds to the answer what the caller should know: nothing in the shadow, and no more than a refusal would tell.
pub(crate) fn warn(app: &App, outcome: &Outcome, headers: &mut HeaderMap) {
    if outcome.mode != Some(Mode::Warn) {
        return;
    }
    let Some(reason) = reason(outcome) else { return };
    let text = format!("{}; such requests will be refused", reason.outward());
    if let Ok(text) = HeaderValue::try_from(text) {
        headers.insert(WARNING, text);
    }
    if let Some(reject) = outcome.reject.as_deref().and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.insert(REJECT, reject);
    }
    stamp(headers, app.clock.now());
}

fn reason(outcome: &Outcome) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| Some(reason.code()) == outcome.reason)
}
