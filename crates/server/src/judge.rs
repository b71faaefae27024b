//! Asks the guard and turns its verdict into a pass or an answer, with the outcome for the log.
use crate::app::App;
use crate::call::{Outcome, Who};
use crate::limiter::Spent;
use crate::limiter::allowance::{Source, Turn};
use crate::limiter::waiting::Full;
use crate::problem;
use crate::refusals::capture;
use crate::routes::Place;
use crate::surface::path;
use crate::traces::active::Active;
use axum::body::Body;
use countersign::incoming::Incoming;
use countersign::reason::{Reason, Stage};
use countersign::verified::Verified;
use countersign_guard::answer::ACCEPT_SIGNATURE;
use countersign_guard::guard::Verdict;
use countersign_guard::policy::{Policy, Reply};
use countersign_store::fault::Fault;
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, Response};
use std::sync::Arc;

/// Carries a nonce for the next DPoP proof (RFC 9449 section 9).
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Judges a request from `source`: who it is, or the answer that refuses it.
///
/// # Errors
/// The answer to send instead, with its [`Outcome`] among the extensions.
pub(crate) async fn judge(
    app: &App,
    source: &Source,
    route: Option<&Arc<str>>,
    policy: &Policy,
    incoming: &Incoming<'_>,
) -> Result<Box<Verified>, Box<Response<Body>>> {
    if app.is_stale() {
        return Err(faulted(app, route, &Fault::new("the registry has not answered for some time")));
    }
    counted(app, source, route, None)?;
    let (limiter, limits) = (&app.limiter, &app.config.limits);
    let turn = Turn::new(limiter, limits, source);
    let watch = source.trace.as_deref().and_then(Active::watch);
    let judging = app.guard.judge_within(policy, incoming, &turn, watch);
    let judged = match limiter.waiting.run(source.network, limits.waiting, judging).await {
        Ok(judged) => judged,
        Err(Full) => return Err(overloaded(app, route)),
    };
    let spent = judged.as_ref().ok().and_then(|verdict| turn.settle(incoming, verdict));
    match judged {
        Ok(Verdict::Verified(verified)) => {
            if let Some(client) = incoming.client {
                app.used_key(&verified.key().id, app.clock.now(), client);
            }
            Ok(verified)
        }
        Ok(Verdict::Absent(reply)) => Err(refused(app, route, None, Reason::MissingCredentials, &reply)),
        Ok(Verdict::Refused(denial)) => {
            if let Some(spent) = spent {
                turn.even().await;
                let reason = match denial.refusal.reason {
                    Reason::TooManyRequests => Reason::TooManyRequests,
                    _ => Reason::TooManyFailures,
                };
                return Err(limited(app, source, route, denial.dialect.as_ref(), reason, spent));
            }
            let mut response =
                refused(app, route, denial.dialect.as_ref(), denial.refusal.reason, &denial.reply);
            if let Some(outcome) = response.extensions_mut().get_mut::<Outcome>() {
                outcome.signed = matches!(denial.refusal.stage, Stage::Rules | Stage::Once | Stage::Policy);
                if let (Some(route), Some(reject)) = (route, &outcome.reject) {
                    capture::take(app, route, incoming, &denial, reject);
                }
            }
            let nonce = denial.nonce.as_deref().and_then(|nonce| HeaderValue::from_str(nonce).ok());
            if let Some(nonce) = nonce {
                response.headers_mut().insert(NONCE, nonce);
            }
            Err(response)
        }
        Err(fault) => Err(faulted(app, route, &fault)),
    }
}

/// Counts a request against what its address may send, proof or not.
///
/// # Errors
/// The answer to send where that is used up.
pub(crate) fn counted(
    app: &App,
    source: &Source,
    route: Option<&Arc<str>>,
    dialect: Option<&Arc<str>>,
) -> Result<(), Box<Response<Body>>> {
    if let (Some(network), Some(rate)) = (source.network, app.config.limits.requests_per_address())
        && let Err(spent) = app.limiter.request_from(network, rate)
    {
        return Err(limited(app, source, route, dialect, Reason::TooManyRequests, spent));
    }
    Ok(())
}

/// The answer to a request beyond a limit. Nothing more is read from the caller's connection for a while.
pub(crate) fn limited(
    app: &App,
    source: &Source,
    route: Option<&Arc<str>>,
    dialect: Option<&Arc<str>>,
    reason: Reason,
    Spent(wait): Spent,
) -> Box<Response<Body>> {
    if let Some(conduct) = &source.conduct {
        conduct.pause();
    }
    app.metrics.limited(reason.code());
    let mut response = refused(app, route, dialect, reason, &Reply::limit(reason));
    // Whole seconds, rounded up, and at least one: as long as the pause.
    let seconds = wait.as_secs().saturating_add(1);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The answer when too many judgements wait already: 503, like a fault of ours, but not one.
pub(crate) fn overloaded(app: &App, route: Option<&Arc<str>>) -> Box<Response<Body>> {
    app.metrics.limited("waiting");
    let mut response = problem::fault(app.clock.now());
    let outcome = Outcome { route: route.cloned(), verdict: Some("fault"), ..Outcome::default() };
    response.extensions_mut().insert(outcome);
    Box::new(response)
}

/// Refuses a proof whose key or account is confined to some paths when the path is not plain, as routes with `raw_paths` let it
/// be: `/public/../admin` begins with `/public/` and leads elsewhere.
///
/// # Errors
/// The answer to send instead.
pub(crate) fn confined(
    app: &App,
    route: &Arc<str>,
    verified: &Verified,
    path: &str,
) -> Result<(), Box<Response<Body>>> {
    let free = verified.caller().paths.is_empty() && verified.key().limits.paths.is_empty();
    if free || path::check(path).is_ok() {
        return Ok(());
    }
    let reason = Reason::NotPermitted;
    let reply = Reply::plain(reason);
    let mut response = refused(app, Some(route), Some(verified.dialect()), reason, &reply);
    if let Some(outcome) = response.extensions_mut().get_mut::<Outcome>() {
        outcome.signed = true;
    }
    Err(response)
}

/// Refuses a method that the route does not take, where the question came from a proxy: proxies carry 403, not 405.
///
/// # Errors
/// The answer to send instead.
pub(crate) fn takes(
    app: &App,
    place: &Place,
    dialect: Option<&Arc<str>>,
    method: &str,
) -> Result<(), Box<Response<Body>>> {
    if place.route.methods.as_ref().is_none_or(|taken| taken.iter().any(|taken| taken == method)) {
        return Ok(());
    }
    let reason = Reason::NotPermitted;
    let reply = Reply::plain(reason);
    Err(refused(app, Some(&place.name), dialect, reason, &reply))
}

/// The answer to a refusal.
#[must_use]
pub fn refused(
    app: &App,
    route: Option<&Arc<str>>,
    dialect: Option<&Arc<str>>,
    reason: Reason,
    reply: &Reply,
) -> Box<Response<Body>> {
    let reject = app.ids.next(*b"rej");
    let mut response =
        problem::refusal(reason, reply.status, reply.challenge.as_deref(), &reject, app.clock.now());
    let accepted = reply.accept_signature.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
    if let Some(accepted) = accepted {
        response.headers_mut().insert(ACCEPT_SIGNATURE, accepted);
    }
    let verdict = if reason == Reason::MissingCredentials { "absent" } else { "refused" };
    response.extensions_mut().insert(Outcome {
        route: route.cloned(),
        dialect: dialect.cloned(),
        verdict: Some(verdict),
        reason: Some(reason.code()),
        reject: Some(reject),
        ..Outcome::default()
    });
    Box::new(response)
}

/// The answer to a fault of ours; its text goes to the log only.
#[must_use]
pub fn faulted(app: &App, route: Option<&Arc<str>>, fault: &Fault) -> Box<Response<Body>> {
    tracing::error!(%fault, "a request could not be decided");
    let mut response = problem::fault(app.clock.now());
    let outcome = Outcome { route: route.cloned(), verdict: Some("fault"), ..Outcome::default() };
    response.extensions_mut().insert(outcome);
    Box::new(response)
}

/// The outcome of a request that holds.
#[must_use]
pub fn held(route: Option<&Arc<str>>, verified: &Verified) -> Outcome {
    Outcome {
        route: route.cloned(),
        dialect: Some(Arc::clone(verified.dialect())),
        verdict: Some("verified"),
        reason: None,
        reject: None,
        who: Who::Proved(Arc::clone(verified.caller()), Arc::clone(verified.key())),
        acting_as: verified.acting_as().map(str::to_owned),
        algorithm: Some(verified.algorithm().name()),
        ..Outcome::default()
    }
}
