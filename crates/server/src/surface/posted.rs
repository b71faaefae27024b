//! Calls with small bodies, as the session API and the token endpoint have them: read with a bound, handed to whoever decides.
use crate::app::App;
use crate::call::{Call, Outcome, Who};
use crate::judge::{counted, limited};
use crate::limiter::allowance::Turn;
use crate::problem::{self, REJECT, bad_request, not_found};
use crate::refusals::capture;
use axum::body::Body;
use countersign::reason::Reason;
use countersign_guard::session::{Client, Told};
use countersign_guard::{session, token};
use countersign_store::fault::Fault;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Limited};
use std::sync::Arc;

/// Who decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Api {
    /// The session API.
    Session,
    /// The token endpoint.
    Token,
}

impl Api {
    /// The dialect of its proofs.
    fn dialect(self) -> &'static str {
        match self {
            Self::Session => "spacetime",
            Self::Token => "client-assertion",
        }
    }

    fn most_body(self) -> usize {
        match self {
            Self::Session => session::MOST_BODY,
            Self::Token => token::MOST_BODY,
        }
    }
}

/// Answers one call.
pub(crate) async fn answer(app: &Arc<App>, api: Api, request: Request<Body>) -> Response<Body> {
    let now = app.clock.now();
    if app.is_stale() {
        return failed(app, &Fault::new("the registry has not answered for too long"));
    }
    let (parts, body) = request.into_parts();
    let call = parts.extensions.get::<Call>();
    let client = match call.map(|call| call.client).transpose() {
        Ok(client) => client,
        Err(wrong) => return bad_request(wrong),
    };
    let source = call.zip(client).map(|(call, client)| call.source(&app.config.server, client));
    let source = source.unwrap_or_default();
    let client = client.map_or(Client::default(), |client| Client {
        address: client.known(),
        nearest: Some(client.nearest()),
    });
    let dialect = api.dialect().into();
    if let Err(answer) = counted(app, &source, None, Some(&dialect)) {
        return *answer;
    }
    let (limiter, limits) = (&app.limiter, &app.config.limits);
    let reading = Limited::new(body, api.most_body()).collect();
    let body = match tokio::time::timeout(app.config.limits.body_time, reading).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return bad_request("The body is longer than any call needs, or broke off"),
        Err(_) => return bad_request("The body did not arrive in time"),
    };
    let request = Request::from_parts(parts, body);
    let turn = Turn::new(limiter, limits, &source);
    let answered = match (api, &app.token) {
        (Api::Session, _) => app.session.call_within(&request, client, &turn).await,
        (Api::Token, Some(token)) => token.call_within(&request, client, &turn).await,
        (Api::Token, None) => return not_found(),
    };
    let response = match answered {
        Ok(response) => response,
        Err(fault) => return failed(app, &fault),
    };
    let mut response = response.map(Body::from);
    let told = response.extensions_mut().remove::<Told>().unwrap_or_default();
    if let Some(reason) = told.reason
        && let Some(spent) = turn.failed(reason, 0)
    {
        turn.even().await;
        let limit = if reason == Reason::TooManyRequests { reason } else { Reason::TooManyFailures };
        return *limited(app, &source, None, Some(&dialect), limit, spent);
    }
    let mut outcome = Outcome { dialect: Some(dialect), ..Outcome::default() };
    if let Some(reason) = told.reason {
        let reject = app.ids.next(*b"rej");
        if let Ok(value) = HeaderValue::try_from(reject.as_str()) {
            response.headers_mut().insert(REJECT, value);
        }
        outcome.verdict = Some(if reason == Reason::MissingCredentials { "absent" } else { "refused" });
        outcome.reason = Some(reason.code());
        if api == Api::Session {
            capture::take_call(app, request, client, reason, &reject);
        }
        outcome.reject = Some(reject);
    } else if told.account.is_some() {
        outcome.verdict = Some("verified");
        outcome.who = Who::Told { account: told.account, key: told.key };
    }
    problem::stamp(response.headers_mut(), now);
    response.extensions_mut().insert(outcome);
    response
}

/// Counts a request for what anybody may read.
///
/// # Errors
/// The answer to send where its address has sent too many.
pub(crate) fn open(app: &App, request: &Request<Body>) -> Result<(), Box<Response<Body>>> {
    let Some(call) = request.extensions().get::<Call>() else { return Ok(()) };
    let client = call.client.map_err(|wrong| Box::new(bad_request(wrong)))?;
    counted(app, &call.source(&app.config.server, client), None, None)
}

fn failed(app: &App, fault: &Fault) -> Response<Body> {
    tracing::error!(%fault, "a call could not be decided");
    let mut response = problem::fault(app.clock.now());
    let verdict = Some("fault");
    response.extensions_mut().insert(Outcome { verdict, ..Outcome::default() });
    response
}
