//! Why would this request be refused? Told in full to operators, to whoever made the proof and to the account that proves a key when it
//! asks, in one word to others.
pub(crate) mod described;
mod possession;

use crate::app::App;
use crate::call::{Call, Outcome};
use crate::config::listener::Surface;
use crate::inflow::read_small;
use crate::judge::{counted, faulted, judge, limited};
use crate::limiter::allowance::{Source, Turn};
use crate::problem::{bad_request, problem, stamp};
use crate::surface::manage::authority::is_ours;
use crate::surface::origin;
use axum::body::Body;
use bytes::Bytes;
use countersign::incoming::{Body as Seen, Incoming, Target};
use countersign::reason::Reason;
use countersign_guard::explain::Explanation;
use countersign_store::fault::Fault;
use described::{Asker, Described};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use possession::Shown;
use std::sync::Arc;

/// Where it is asked.
pub(crate) const PATH: &str = "/explain";
/// A description of a request with a body of a megabyte in base64, and its headers.
const MOST: usize = 2 * 1024 * 1024;

/// Answers one question.
pub(crate) async fn answer(app: &App, call: &Call, own: bool, request: Request<Body>) -> Response<Body> {
    match tell(app, call, own, request).await {
        Ok(response) => response,
        Err(response) => *response,
    }
}

async fn tell(
    app: &App,
    call: &Call,
    own: bool,
    request: Request<Body>,
) -> Result<Response<Body>, Box<Response<Body>>> {
    if request.method() != http::Method::POST {
        let title = "Describe the request in a POST";
        return Err(Box::new(problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title)));
    }
    if app.is_stale() {
        return Err(faulted(app, None, &Fault::new("the registry has not answered for some time")));
    }
    let (parts, body) = request.into_parts();
    let bytes = read_small(body, MOST, app.config.limits.body_time).await?;
    let described = Described::read(&bytes)?;
    let operator = own && is_operator(app, call, &parts, &bytes).await?;
    let wrong = |text: &str| Box::new(bad_request(text));
    // Strangers ask here for checks as they do with requests; operators ask about strangers.
    let source = if operator {
        Source::default()
    } else {
        call.source(&app.config.server, call.client.map_err(wrong)?)
    };
    counted(app, &source, None, None)?;
    let shown = if operator { Shown::Nothing } else { shown(app, call, &source, &parts, &bytes).await? };
    let asker = match &shown {
        _ if operator => Asker::Operator,
        Shown::By(account) => Asker::Account(account.clone()),
        Shown::Nothing | Shown::Wrong => Asker::Stranger,
    };
    let (place, explanation) = described.explained(app, call, asker, &source).await?;
    let document = if explanation.may_tell { full(&explanation) } else { outward(&explanation, &shown) };
    let mut response = Response::new(Body::from(document));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    stamp(response.headers_mut(), app.clock.now());
    let outcome = Outcome { route: Some(Arc::clone(&place.name)), ..Outcome::default() };
    response.extensions_mut().insert(outcome);
    Ok(response)
}

/// What whoever asks shows of a key.
async fn shown(
    app: &App,
    call: &Call,
    source: &Source,
    parts: &http::request::Parts,
    body: &Bytes,
) -> Result<Shown, Box<Response<Body>>> {
    let asked =
        origin::of(&app.config.server, call.peer.ip(), call.tls, &parts.headers, parts.uri.authority());
    let asked = asked.map_err(|text| Box::new(bad_request(text)))?.authority;
    let turn = Turn::new(&app.limiter, &app.config.limits, source);
    let shown = possession::check(app, &asked, &parts.headers, body, &turn).await;
    let shown = shown.map_err(|fault| faulted(app, None, &fault))?;
    if shown == Shown::Wrong
        && let Some(spent) = turn.failed(Reason::BadSignature, 0)
    {
        turn.even().await;
        return Err(limited(app, source, None, None, Reason::TooManyFailures, spent));
    }
    Ok(shown)
}

/// Whether an operator asks, on a listener of the operators' own. No operator's credential at all is no refusal here.
async fn is_operator(
    app: &App,
    call: &Call,
    parts: &http::request::Parts,
    body: &Bytes,
) -> Result<bool, Box<Response<Body>>> {
    let Some(policy) = &app.operators else { return Ok(false) };
    let carried = policy
        .dialects
        .iter()
        .flat_map(|dialect| dialect.carriers())
        .any(|name| parts.headers.contains_key(name));
    if !carried {
        return Ok(false);
    }
    let found =
        origin::of(&app.config.server, call.peer.ip(), call.tls, &parts.headers, parts.uri.authority());
    let origin = found.map_err(|text| Box::new(bad_request(text)))?;
    if !is_ours(&app.config, Some(call), &origin.own) {
        let title = "Operators do not call this server by that host";
        return Err(Box::new(problem(StatusCode::MISDIRECTED_REQUEST, "wrong-authority", title)));
    }
    let incoming = Incoming {
        method: parts.method.as_str(),
        target: Target::new(
            &origin.scheme,
            // Operators sign for the listener of their own, which public_url does not speak of.
            &origin.own,
            parts.uri.path_and_query().map_or("/", |path| path.as_str()),
        ),
        headers: &parts.headers,
        body: if body.is_empty() { Seen::Empty } else { Seen::Seen(body) },
        client: origin.client.known(),
        challenge: None,
    };
    let route = Surface::Explain.name().into();
    let source = call.source(&app.config.server, origin.client);
    let verified = judge(app, &source, Some(&route), policy, &incoming).await?;
    Ok(app.directory.account(&verified.caller().id).is_some_and(|account| account.role.is_some()))
}

fn full(explanation: &Explanation) -> String {
    serde_json::to_string(explanation).unwrap_or_default()
}

/// What a stranger may know: no more than sending the request would have told.
fn outward(explanation: &Explanation, shown: &Shown) -> String {
    let note = match shown {
        Shown::Wrong => {
            "the proof of possession does not hold: wanted a signature by a live key of yours over the text that the book shows \
             (\"Why was my request refused?\"), with this server's name, made in the last minute and not used yet"
        }
        _ => {
            "details are told to whoever holds the private key: ask with a proof of possession (`countersign explain --ask URL --prove \
              KEYFILE`), or describe a request whose signature holds"
        }
    };
    serde_json::json!({
        "at": explanation.at,
        "verdict": explanation.verdict,
        "code": explanation.judged.map(Reason::outward),
        "note": note,
    })
    .to_string()
}
