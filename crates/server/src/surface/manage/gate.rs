//! The gate before the management API: every call is judged like any other signed request, then by the operator's role.
use super::authority::is_ours;
use super::operator::Operator;
use super::problem::Problem;
use crate::app::App;
use crate::call::{Call, Outcome};
use crate::inflow::read_small;
use crate::judge::{counted, held, judge, refused};
use crate::surface::console::pass::{outcome, told, within};
use crate::surface::console::session::{find, present};
use crate::surface::console::site::{Site, same_site};
use crate::surface::origin::{Client, single};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use countersign::incoming::{Body as Seen, Incoming, Target};
use countersign::reason::Reason;
use countersign::verified::Verified;
use countersign_guard::policy::{Policy, Reply};
use std::sync::Arc;

/// Bytes of a body: a key with its conditions is under 16 KiB.
const BODY: usize = 64 * 1024;
/// Bytes of a document to apply: about a thousand accounts with a key each; larger installations are applied in parts.
const DOCUMENT: usize = 1024 * 1024;
/// The call whose body is a document.
const APPLY: &str = "/api/v1/apply";

/// What judges management calls.
pub(crate) struct Gate {
    /// The running server.
    pub(crate) app: Arc<App>,
    /// The dialect `operator` and nothing else.
    pub(crate) policy: Policy,
}

/// Lets a call through when its proof holds and its operator's role allows it.
pub(crate) async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let most = if parts.uri.path() == APPLY { DOCUMENT } else { BODY };
    let body = match read_small(body, most, gate.app.config.limits.body_time).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let (operator, outcome) = match gate.who(&parts, &body).await {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let mut answer = match operator {
        Ok(operator) => {
            parts.extensions.insert(operator);
            next.run(Request::from_parts(parts, Body::from(body))).await
        }
        Err(problem) => problem.into_response(),
    };
    answer.extensions_mut().insert(outcome);
    // Some answers show a secret once; none is worth keeping.
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// For what anybody may read: counted like every other call, and judged by nobody.
pub(crate) async fn open(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let app = &gate.app;
    let call = request.extensions().get::<Call>();
    let source = call.map(|call| call.source(&app.config.server, Client::Known(call.peer.ip())));
    match counted(app, &source.unwrap_or_default(), None, None) {
        Ok(()) => next.run(request).await,
        Err(answer) => *answer,
    }
}

impl Gate {
    /// Who calls, and what the log has of it: by a signature, or from a page of the console by the session's cookie.
    async fn who(
        &self,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<(Result<Operator, Problem>, Outcome), Box<Response>> {
        let signed = self.policy.dialects.iter().flat_map(|dialect| dialect.carriers());
        let signed = signed.into_iter().any(|name| parts.headers.contains_key(name));
        if !signed
            && let Ok(site) = Site::of(&self.app, parts)
            && present(&site, &parts.headers)
        {
            return self.signed_in(parts, body, &site).await;
        }
        let verified = self.judge(parts, body).await?;
        Ok((self.operator(parts, &verified), held(None, &verified)))
    }

    /// Who is signed in, where one of the console's own pages makes the call.
    async fn signed_in(
        &self,
        parts: &Parts,
        body: &Bytes,
        site: &Site,
    ) -> Result<(Result<Operator, Problem>, Outcome), Box<Response>> {
        let app = &self.app;
        let call = parts.extensions.get::<Call>();
        let source = call.map(|call| call.source(&app.config.server, Client::Known(call.peer.ip())));
        counted(app, &source.unwrap_or_default(), None, None)?;
        same_site(site, &parts.headers).map_err(|problem| Box::new(problem.into_response()))?;
        let holder = find(app, site, &parts.headers).await.map_err(|out| told(app, out))?;
        within(app, call, &holder)?;
        let outcome = outcome(&holder.account.name, None);
        let Some(role) = holder.role() else {
            let title = "This session may not manage.";
            let problem = Problem::new(StatusCode::FORBIDDEN, "not-an-operator", title)
                .detail("Sign in as an operator, with a key for management calls or by an owner's link.");
            return Ok((Err(problem), outcome));
        };
        let path = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let incoming = Incoming {
            method: parts.method.as_str(),
            target: Target::new("https", "", path),
            headers: &parts.headers,
            body: if body.is_empty() { Seen::Empty } else { Seen::Seen(body) },
            client: site.client,
            challenge: None,
        };
        if !holder.may(&incoming) {
            return Err(refused(
                app,
                None,
                outcome.dialect.as_ref(),
                Reason::NotPermitted,
                &Reply::plain(Reason::NotPermitted),
            ));
        }
        let key = holder.key_name();
        let operator =
            Operator { id: holder.account.id, name: holder.account.name, role, key, now: holder.now };
        Ok((operator.admitted(&parts.method).map(|()| operator), outcome))
    }

    async fn judge(&self, parts: &Parts, body: &Bytes) -> Result<Box<Verified>, Box<Response>> {
        let authority = authority(parts).map_err(|problem| Box::new(problem.into_response()))?;
        let call = parts.extensions.get::<Call>();
        if !is_ours(&self.app.config, call, authority) {
            return Err(Box::new(elsewhere().into_response()));
        }
        let incoming = Incoming {
            method: parts.method.as_str(),
            target: Target::new(
                if call.is_some_and(|call| call.tls) { "https" } else { "http" },
                authority,
                parts.uri.path_and_query().map_or("/", |target| target.as_str()),
            ),
            headers: &parts.headers,
            body: if body.is_empty() { Seen::Empty } else { Seen::Seen(body) },
            // Management has its own listener: no proxy's word is taken for the client.
            client: call.map(|call| call.peer.ip()),
            challenge: None,
        };
        let source = call
            .map(|call| call.source(&self.app.config.server, Client::Known(call.peer.ip())))
            .unwrap_or_default();
        judge(&self.app, &source, None, &self.policy, &incoming).await
    }

    /// Who it is, by the newest state of the registry: a role taken away counts at once.
    fn operator(&self, parts: &Parts, verified: &Verified) -> Result<Operator, Problem> {
        let account = self.app.directory.account(&verified.caller().id).filter(|account| account.enabled);
        let Some((account, role)) = account.and_then(|account| account.role.map(|role| (account, role)))
        else {
            let title = "The account is not an operator's.";
            return Err(Problem::new(StatusCode::FORBIDDEN, "not-an-operator", title)
                .detail("The proof holds, but this account has no role here; ask an owner."));
        };
        let key = verified.key().id.to_string();
        let operator = Operator { id: account.id, name: account.name, role, key, now: verified.at() };
        operator.admitted(&parts.method)?;
        Ok(operator)
    }
}

/// The hosts that count are not told: a stranger may be asking.
fn elsewhere() -> Problem {
    let title = "This management API is not called by that host.";
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong-authority", title).detail(
        "Wanted a host among [manage] authorities, or without those the listener's own address; found another. Call it \
         so, or add the host to the configuration.",
    )
}

/// The address the caller wrote: exactly one, since the proof names it.
fn authority(parts: &Parts) -> Result<&str, Problem> {
    let refused = |found: &str| {
        Problem::new(StatusCode::BAD_REQUEST, "bad-address", "The request does not say once where it goes.")
            .detail(format!("Wanted one Host; {found}."))
    };
    let host = single(&parts.headers, header::HOST.as_str()).map_err(refused)?;
    match (host, parts.uri.authority()) {
        (Some(host), Some(own)) if !host.eq_ignore_ascii_case(own.as_str()) => {
            Err(refused("the target names another"))
        }
        (Some(host), _) => Ok(host),
        (None, Some(own)) => Ok(own.as_str()),
        (None, None) => Err(refused("there is none")),
    }
}
