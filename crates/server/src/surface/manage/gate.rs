//! The gate before the management API: every call is judged like any other signed request, then by the operator's role.
use super::operator::Operator;
use super::problem::Problem;
use crate::call::{Call, Outcome};
use crate::problem::refusal;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use countersign::incoming::{Body as Seen, Incoming, Target};
use countersign::reason::Reason;
use countersign::verified::Verified;
use countersign_guard::clock::{Entropy, draw};
use countersign_guard::guard::{Guard, Verdict};
use countersign_guard::policy::{Policy, Reply};
use countersign_store::stamp::Stamp;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::sync::Arc;

/// Bytes of a body: a key with its conditions is under 16 KiB.
const BODY: usize = 64 * 1024;
/// Bytes of a document to apply: about a thousand accounts with a key each; larger installations are applied in parts.
const DOCUMENT: usize = 1024 * 1024;
/// The call whose body is a document.
const APPLY: &str = "/api/v1/apply";

/// What judges management calls.
pub(crate) struct Gate {
    /// The judge.
    pub(crate) guard: Arc<Guard>,
    /// The dialect `operator` and nothing else.
    pub(crate) policy: Policy,
    /// Chance, for the ids of refusals.
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// Lets a call through when its proof holds and its operator's role allows it.
pub(crate) async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = match read(&parts, body).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    match gate.judge(&parts, &body).await {
        Ok((operator, outcome)) => {
            parts.extensions.insert(operator);
            let mut answer = next.run(Request::from_parts(parts, Body::from(body))).await;
            answer.extensions_mut().insert(outcome);
            answer
        }
        Err(answer) => *answer,
    }
}

impl Gate {
    async fn judge(&self, parts: &Parts, body: &Bytes) -> Result<(Operator, Outcome), Box<Response>> {
        let authority = authority(parts).map_err(plain)?;
        let call = parts.extensions.get::<Call>();
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
        let verified = match self.guard.judge(&self.policy, &incoming).await {
            Ok(Verdict::Verified(verified)) => verified,
            Ok(Verdict::Refused(denial)) => {
                return Err(self.refused("refused", denial.refusal.reason, &denial.reply));
            }
            Ok(Verdict::Absent(reply)) => return Err(self.refused("absent", Reason::MissingCredentials, &reply)),
            Err(fault) => return Err(plain(Problem::from(fault))),
        };
        let outcome = Outcome {
            dialect: Some(verified.dialect().to_owned()),
            verdict: Some("verified"),
            account: Some(verified.caller().name.to_string()),
            key: Some(verified.key().id.to_string()),
            algorithm: Some(verified.algorithm().name()),
            ..Outcome::default()
        };
        let operator = self.operator(&verified).and_then(|operator| operator.admitted(&parts.method).map(|()| operator));
        match operator {
            Ok(operator) => Ok((operator, outcome)),
            Err(problem) => {
                let mut answer = plain(problem);
                answer.extensions_mut().insert(outcome);
                Err(answer)
            }
        }
    }

    /// The same answer as anywhere else: the outward code, and an id that finds the reason in the log.
    fn refused(&self, verdict: &'static str, reason: Reason, reply: &Reply) -> Box<Response> {
        let now = self.guard.clock().now();
        let reject = Stamp { now, actor: String::new(), random: draw(&*self.entropy) }.id("rej_", 0);
        let mut answer = refusal(reason, reply.status, reply.challenge.as_deref(), &reject, now);
        answer.extensions_mut().insert(Outcome {
            dialect: self.policy.dialects.first().map(|dialect| dialect.name().to_string()),
            verdict: Some(verdict),
            reason: Some(reason.code()),
            reject: Some(reject),
            ..Outcome::default()
        });
        Box::new(answer)
    }

    /// Who it is, by the newest state of the registry: a role taken away counts at once.
    fn operator(&self, verified: &Verified) -> Result<Operator, Problem> {
        let account = self.guard.directory().account(&verified.caller().id);
        let held = account.filter(|account| account.enabled).and_then(|account| account.role.map(|role| (account, role)));
        let Some((account, role)) = held else {
            return Err(Problem::new(StatusCode::FORBIDDEN, "not-an-operator", "The account is not an operator's.")
                .detail("The proof holds, but this account has no role here; ask an owner."));
        };
        Ok(Operator { id: account.id, name: account.name, role, key: verified.key().id.to_string(), now: verified.at() })
    }
}

fn plain(problem: Problem) -> Box<Response> {
    Box::new(problem.into_response())
}

/// The address the caller wrote: exactly one, since the proof names it.
fn authority(parts: &Parts) -> Result<&str, Problem> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host.to_str().map_err(|_| bad_address())?),
        (None, _) => None,
        (Some(_), Some(_)) => return Err(bad_address()),
    };
    match (host, parts.uri.authority()) {
        (Some(host), None) => Ok(host),
        (None, Some(authority)) => Ok(authority.as_str()),
        (Some(host), Some(authority)) if host == authority.as_str() => Ok(host),
        _ => Err(bad_address()),
    }
}

fn bad_address() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-address", "The request does not say once where it goes.")
        .detail("Send exactly one Host header.")
}

async fn read(parts: &Parts, body: Body) -> Result<Bytes, Problem> {
    let most = if parts.uri.path() == APPLY { DOCUMENT } else { BODY };
    let large = || {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is larger than any real request.")
            .detail(format!("Wanted at most {most} bytes; send less, or in parts."))
    };
    if body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
        return Err(large());
    }
    match Limited::new(body, most).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(large()),
        Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "body-broken", "The body did not arrive whole.")),
    }
}
