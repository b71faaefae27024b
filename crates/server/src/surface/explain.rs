//! Why would this request be refused? Told in full to operators, to whoever made the proof and to the account that proves a key when it
//! asks, in one word to others.
mod possession;

use crate::app::App;
use crate::call::{Call, Outcome};
use crate::config::listener::Surface;
use crate::inflow::read_small;
use crate::judge::{faulted, judge, limited, overloaded};
use crate::limiter::Spent;
use crate::limiter::allowance::{Source, Turn};
use crate::limiter::waiting::Full;
use crate::problem::{bad_request, problem, stamp};
use crate::routes::Place;
use crate::surface::manage::is_ours;
use crate::surface::origin::{self, Client, host_of};
use axum::body::Body;
use bytes::Bytes;
use countersign::base64::{Alphabet, decode};
use countersign::incoming::{Body as Seen, Incoming, Target};
use countersign::reason::Reason;
use countersign_guard::explain::{Asking, Explanation, Sight};
use countersign_store::fault::Fault;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use possession::Shown;
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;

/// Where it is asked.
pub(crate) const PATH: &str = "/explain";
/// A description of a request with a body of a megabyte in base64, and its headers.
const MOST: usize = 2 * 1024 * 1024;
/// Bytes of an address: no request with a longer one is taken.
const LONGEST_URL: usize = 64 * 1024;

/// A request as somebody describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body_b64: Option<String>,
    /// What the caller signed, to be laid beside what the server expects.
    #[serde(default)]
    signed_b64: Option<String>,
    /// The route to judge by; found by the address when left out.
    #[serde(default)]
    route: Option<String>,
}

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
    let described: Described = serde_json::from_slice(&bytes).map_err(|error| {
        Box::new(bad_request(&format!(
            "wanted JSON {{\"method\", \"url\", \"headers\": [[name, value]…], \"body_b64\"}}: {error}"
        )))
    })?;
    let operator = own && is_operator(app, call, &parts, &bytes).await?;
    let wrong = |text: &str| Box::new(bad_request(text));
    if described.url.len() > LONGEST_URL {
        return Err(wrong(&format!("url: wanted at most {LONGEST_URL} bytes")));
    }
    let target =
        Target::from_url(&described.url).ok_or_else(|| wrong("url: wanted an http or https address"))?;
    let place =
        place(app, &described, &target).ok_or_else(|| wrong("no route is configured for this address"))?;
    let headers = headers(&described.headers, app.config.limits.header_fields)?;
    let bytes_of = |text: &Option<String>, wanted: &str| {
        let mut bytes = Vec::new();
        let text = text.as_deref().unwrap_or("");
        decode(Alphabet::Standard, text.as_bytes(), &mut bytes).map_err(|_| wrong(wanted)).map(|()| bytes)
    };
    let body = bytes_of(&described.body_b64, "body_b64: wanted standard base64 with padding")?;
    let signed = bytes_of(&described.signed_b64, "signed_b64: wanted standard base64 with padding")?;
    // Strangers ask here for checks as they do with requests; operators ask about strangers.
    let source = if operator {
        Source::default()
    } else {
        call.source(&app.config.server, call.client.map_err(wrong)?)
    };
    if let (Some(network), Some(rate)) = (source.network, app.config.limits.requests_per_address())
        && let Err(spent) = app.limiter.request_from(network, rate)
    {
        return Err(limited(app, &source, Some(&place.name), None, Reason::TooManyRequests, spent));
    }
    let name = &place.name;
    let turn = Turn::new(&app.limiter, &app.config.limits, &source);
    let shown = match operator {
        true => Shown::Nothing,
        false => {
            let found = origin::of(
                &app.config.server,
                call.peer.ip(),
                call.tls,
                &parts.headers,
                parts.uri.authority(),
            );
            let asked = found.map_err(wrong)?.authority;
            let shown = possession::check(app, &asked, &parts.headers, &bytes, &turn).await;
            shown.map_err(|fault| faulted(app, Some(name), &fault))?
        }
    };
    // What an account asks about is tried in many ways, each of which costs as much as a request does.
    if let Shown::By(account) = &shown
        && let Err(spent) = app.limiter.question_of(account)
    {
        return Err(limited(app, &source, Some(name), None, Reason::TooManyRequests, spent));
    }
    if shown == Shown::Wrong
        && let Some(spent) = turn.failed(Reason::BadSignature, 0)
    {
        turn.even().await;
        return Err(limited(app, &source, Some(name), None, Reason::TooManyFailures, spent));
    }
    let tried = operator || matches!(shown, Shown::By(_));
    let question = Question {
        method: described.method,
        url: described.url,
        headers,
        body,
        signed: described.signed_b64.map(|_| signed),
        client: call.client.ok().and_then(Client::known),
        operator,
        shown: shown.clone(),
        source: source.clone(),
    };
    let telling = telling(app, place, question);
    let telling = async {
        if !tried {
            return telling.await;
        }
        // Trying takes milliseconds: not on a thread that answers requests, and few at a time.
        let _permit = app.limiter.explaining.acquire().await;
        let runtime = tokio::runtime::Handle::current();
        let told = tokio::task::spawn_blocking(move || runtime.block_on(telling)).await;
        told.unwrap_or_else(|error| Err(Fault::caused("an explanation ended early", error)))
    };
    let told = app.limiter.waiting.run(source.network, app.config.limits.waiting, telling).await;
    let told = told.map_err(|Full| overloaded(app, Some(name)))?;
    let (explanation, spent) = told.map_err(|fault| faulted(app, Some(name), &fault))?;
    if let Some(spent) = spent {
        return Err(limited(app, &source, Some(name), None, Reason::TooManyFailures, spent));
    }
    let document = if explanation.may_tell { full(&explanation) } else { outward(&explanation, &shown) };
    let mut response = Response::new(Body::from(document));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    stamp(response.headers_mut(), app.clock.now());
    let outcome = Outcome { route: Some(Arc::clone(name)), ..Outcome::default() };
    response.extensions_mut().insert(outcome);
    Ok(response)
}

/// A request in question, on its own.
struct Question {
    method: String,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    signed: Option<Vec<u8>>,
    client: Option<IpAddr>,
    operator: bool,
    shown: Shown,
    source: Source,
}

/// The explanation; or, where the limit of its address stopped the check, how long to wait.
fn telling(
    app: &App,
    place: &Arc<Place>,
    question: Question,
) -> impl Future<Output = Result<(Explanation, Option<Spent>), Fault>> + Send + 'static {
    let (guard, shared, limits) = (Arc::clone(&app.guard), Arc::clone(app.shared()), app.config.limits);
    let place = Arc::clone(place);
    async move {
        let target =
            Target::from_url(&question.url).ok_or_else(|| Fault::new("the address was read before"))?;
        let incoming = Incoming {
            method: &question.method,
            target,
            headers: &question.headers,
            body: if question.body.is_empty() { Seen::Empty } else { Seen::Seen(&question.body) },
            client: question.client,
            challenge: None,
        };
        let turn = Turn::new(&shared.limiter, &limits, &question.source);
        let sight = match &question.shown {
            _ if question.operator => Sight::All,
            Shown::By(account) => Sight::Account(account),
            Shown::Nothing | Shown::Wrong => Sight::Stranger,
        };
        let asking = Asking { sight, at: None, signed: question.signed.as_deref(), allowance: &turn };
        let explanation = guard.explain_to(&place.policy, &incoming, &asking).await?;
        let spent = explanation.judged.and_then(|reason| turn.failed(reason, 0));
        if spent.is_some() {
            turn.even().await;
        }
        Ok((explanation, spent))
    }
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

fn place<'a>(app: &'a App, described: &Described, target: &Target<'_>) -> Option<&'a Arc<Place>> {
    match &described.route {
        Some(name) => app.routes.named(name),
        None => app.routes.find(&host_of(target.authority), target.path),
    }
}

fn headers(described: &[(String, String)], most: usize) -> Result<HeaderMap, Box<Response<Body>>> {
    if described.len() > most {
        // No request with more would be judged; and a map of tens of thousands panics.
        let text = format!("headers: wanted at most {most}, found {}", described.len());
        return Err(Box::new(bad_request(&text)));
    }
    let mut headers = HeaderMap::new();
    for (index, (name, value)) in described.iter().enumerate() {
        let read = HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::try_from(value.as_str()).ok());
        let Some((name, value)) = read else {
            return Err(Box::new(bad_request(&format!("headers[{index}]: this cannot be a header"))));
        };
        headers.append(name, value);
    }
    Ok(headers)
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
            "details are told to whoever holds the private key: ask with a proof of possession (the book: \"Why was my request \
              refused?\"), or describe a request whose signature holds"
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
