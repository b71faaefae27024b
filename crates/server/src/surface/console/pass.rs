//! The door before the console's calls: from a page of ours, within the limits, and, but for signing in, by who is signed in.
use super::holder::Holder;
use super::session::{Out, find};
use super::site::{Site, same_site};
use super::state::Console;
use crate::app::App;
use crate::call::{CONSOLE, Call, Outcome, Who};
use crate::inflow::read_small;
use crate::judge::{self, counted, faulted, limited};
use crate::limiter::allowance::Source;
use crate::problem::bad_request;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use countersign::ask::{Claim, Use};
use countersign::reason::Reason;
use countersign::time::Time;
use countersign_guard::policy::Reply;
use countersign_store::fault::Fault;
use std::sync::Arc;

/// Bytes of a body: a key with its label is under 16 KiB.
const BODY: usize = 64 * 1024;

/// For calls that anybody may make from a page of the console: signing in.
pub(super) async fn anybody(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    match entered(&console, request).await {
        Ok((parts, body)) => next.run(Request::from_parts(parts, body)).await,
        Err(answer) => *answer,
    }
}

/// For calls by who is signed in.
pub(super) async fn signed_in(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let app = &console.app;
    let (mut parts, body) = match entered(&console, request).await {
        Ok(entered) => entered,
        Err(answer) => return *answer,
    };
    let Some(site) = parts.extensions.get::<Site>().cloned() else {
        return *refused(app, Reason::MissingCredentials);
    };
    let holder = match find(app, &site, &parts.headers).await {
        Ok(holder) => holder,
        Err(out) => return *told(app, out),
    };
    if let Err(answer) = within(app, parts.extensions.get::<Call>(), &holder) {
        return *answer;
    }
    let outcome = outcome(&holder.account.name, None);
    parts.extensions.insert(holder);
    let mut answer = next.run(Request::from_parts(parts, body)).await;
    answer.extensions_mut().insert(outcome);
    answer
}

/// For the document, which anybody may read: counted, and nothing else.
pub(super) async fn open(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let app = &console.app;
    let source = request.extensions().get::<Call>().map(|call| source(app, call)).unwrap_or_default();
    match counted(app, &source, None, None) {
        Ok(()) => next.run(request).await,
        Err(answer) => *answer,
    }
}

/// Counts a call by who is signed in, and stops it where the account makes too many.
pub(crate) fn within(app: &App, call: Option<&Call>, holder: &Holder) -> Result<(), Box<Response>> {
    let Some(rate) = app.config.limits.requests_per_account() else { return Ok(()) };
    if let Some(spent) = app.limiter.may_request(&holder.account.id, rate) {
        let source = call.map_or_else(Source::default, |call| source(app, call));
        return Err(limited(app, &source, None, None, Reason::TooManyRequests, spent));
    }
    app.limiter.request_of(&holder.account.id, rate);
    Ok(())
}

async fn entered(console: &Console, request: Request) -> Result<(Parts, Body), Box<Response>> {
    let app = &console.app;
    if app.is_stale() {
        return Err(faulted(app, None, &Fault::new("the registry has not answered for some time")));
    }
    let (mut parts, body) = request.into_parts();
    let site = Site::of(app, &parts).map_err(|problem| Box::new(problem.into_response()))?;
    same_site(&site, &parts.headers).map_err(|problem| Box::new(problem.into_response()))?;
    if let Some(call) = parts.extensions.get::<Call>() {
        call.client.map_err(|wrong| Box::new(bad_request(wrong)))?;
        counted(app, &source(app, call), None, None)?;
    }
    let body = read_small(body, BODY, app.config.limits.body_time).await?;
    parts.extensions.insert(site);
    Ok((parts, Body::from(body)))
}

/// Where a call came from, for the limits.
pub(super) fn source(app: &App, call: &Call) -> Source {
    call.client.map_or_else(|_| Source::default(), |client| call.source(&app.config.server, client))
}

/// Claims the one use of a challenge or a link, last of all.
pub(super) async fn once(app: &App, claim: Claim, now: Time) -> Result<(), Box<Response>> {
    match app.once.claim(claim, now).await {
        Ok(Use::First) => Ok(()),
        Ok(Use::Again) => Err(refused(app, Reason::Replayed)),
        Ok(Use::Barred) => Err(refused(app, Reason::BeforeRestart)),
        Err(fault) => Err(faulted(app, None, &fault)),
    }
}

/// The answer to a refusal: what strangers may know, with an id for the log.
pub(crate) fn refused(app: &App, reason: Reason) -> Box<Response> {
    let reply = Reply::plain(reason);
    judge::refused(app, None, Some(&CONSOLE.into()), reason, &reply)
}

/// The answer to who is not signed in.
pub(crate) fn told(app: &App, out: Out) -> Box<Response> {
    match out {
        Out::Absent => refused(app, Reason::MissingCredentials),
        Out::Refused(reason) => refused(app, reason),
        Out::Fault(fault) => faulted(app, None, &fault),
    }
}

/// What the log has of a call by who is signed in.
pub(crate) fn outcome(account: &str, key: Option<&str>) -> Outcome {
    Outcome {
        dialect: Some(CONSOLE.into()),
        verdict: Some("verified"),
        who: Who::Told { account: Some(account.to_owned()), key: key.map(str::to_owned) },
        ..Outcome::default()
    }
}
