//! Sends one judged request to an address of a pool, and to another one where that is safe.
use super::connect::Unreached;
use super::member::{InFlight, Line, Member, One};
use super::members::Members;
use super::outflow::Outflow;
use super::replay::Begun;
use crate::inflow::{Failed, Inflow, Passed, ReadFault};
use crate::trip::Trip;
use axum::body::Body;
use http::header::{HOST, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A request as it goes to the upstream.
pub(crate) struct Forward<'r> {
    pub(crate) method: Method,
    /// The bytes that were judged.
    pub(crate) target: &'r PathAndQuery,
    pub(crate) headers: HeaderMap,
    /// Until the answer begins, all attempts together.
    pub(crate) timeout: Duration,
    /// The longest silence of the caller's body.
    pub(crate) body_time: Duration,
    /// Whether the caller wants to go on in another protocol.
    pub(crate) upgrade: bool,
    pub(crate) trip: Arc<Trip>,
}

/// What came of it.
pub(crate) enum Came {
    Answer(Response<Body>),
    /// The upstream switched protocols; its end of the tunnel comes with the upgrade.
    Switched(Response<OnUpgrade>, InFlight),
}

/// Why no answer came.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No address is well.
    NoneWell,
    /// The last one that was tried gave no answer.
    NoAnswer(String),
    /// It took too long.
    TooSlow,
    /// This machine had nothing left to reach it with.
    Ours(String),
    /// The caller's body failed, which is no fault of the upstream's.
    Caller(ReadFault),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoneWell => f.write_str("no address is well"),
            Self::NoAnswer(why) => f.write_str(why),
            Self::Ours(why) => write!(f, "this machine has nothing left to reach it with: {why}"),
            Self::TooSlow => f.write_str("it took too long"),
            Self::Caller(how) => write!(f, "the caller's body failed: {how:?}"),
        }
    }
}

/// How one attempt failed.
enum Attempt {
    /// No connection: nothing was sent, so any request may go elsewhere.
    Unreached(Unreached),
    /// A kept connection had closed before it took the request: nothing was sent, here is the body.
    Unsent(Body, String),
    /// It took the request, and had closed before a byte of it went out.
    Unwritten(String),
    /// The connection ended before the answer began.
    Lost(String),
    TooSlow,
}

/// The request's body, as long as it can still be sent.
struct Load {
    body: Option<Body>,
    /// The body that passes by, with what was given out of it on a kept connection.
    begun: Option<Begun>,
    /// The body again, for as often as wanted; `None` when it passes by only once.
    again: Option<bytes::Bytes>,
    failed: Option<Failed>,
}

impl Load {
    fn of(inflow: Inflow, patience: Duration, trip: &Arc<Trip>) -> Self {
        match inflow {
            Inflow::Whole(bytes) => {
                trip.passed_in(bytes.len());
                Self { body: None, begun: None, again: Some(bytes), failed: None }
            }
            // An empty body stays empty: no framing headers appear that the caller did not send.
            Inflow::Stream(body) if http_body::Body::is_end_stream(&body) => {
                Self { body: None, begun: None, again: Some(bytes::Bytes::new()), failed: None }
            }
            Inflow::Stream(body) => {
                let (passed, failed) = Passed::new(body, patience, Arc::clone(trip));
                Self { body: Some(Body::new(passed)), begun: None, again: None, failed: Some(failed) }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.again.as_ref().is_some_and(bytes::Bytes::is_empty)
    }

    /// The body; on a kept connection one that can be begun again.
    fn take(&mut self, reused: bool) -> Option<Body> {
        match &self.again {
            Some(bytes) if bytes.is_empty() => Some(Body::empty()),
            Some(bytes) => Some(Body::from(bytes.clone())),
            None if reused => {
                let begun = Begun::new(self.body.take()?);
                self.begun.insert(begun).read()
            }
            None => self.body.take(),
        }
    }

    /// The body from its beginning, when nothing of it went out; `None` when it is gone all the same.
    fn back(&self) -> Option<Body> {
        if self.again.is_some() { Some(Body::empty()) } else { self.begun.as_ref()?.read() }
    }
}

/// Sends a request. The proof was judged once, before; only the sending is repeated.
pub(super) async fn forward(pool: &Members, forward: Forward<'_>, body: Inflow) -> Result<Came, Failure> {
    let end = Instant::now() + forward.timeout;
    let mut load = Load::of(body, forward.body_time, &forward.trip);
    let idempotent = [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS];
    // Done twice is done once, and there is no body that was partly read: such a request may be sent again after it was lost.
    let repeatable = idempotent.contains(&forward.method) && load.is_empty() && !forward.upgrade;
    let mut tried: Vec<usize> = Vec::new();
    let mut fresh = false;
    // Each round tries an address anew or takes one of the retries; a closed kept connection is followed by a fresh one.
    loop {
        let Some((index, member)) = pool.choose(&tried) else { return Err(Failure::NoneWell) };
        forward.trip.went(&member.label);
        let (attempt, reused) = attempt(pool, member, &forward, &mut load, fresh, end).await;
        let failed = match attempt {
            Ok(came) => return Ok(came),
            Err(failed) => failed,
        };
        if let Some(how) = load.failed.as_ref().and_then(Failed::how) {
            return Err(Failure::Caller(how));
        }
        let (why, again) = match failed {
            Attempt::TooSlow => return Err(Failure::TooSlow),
            Attempt::Unsent(body, _) if reused => {
                load.body = Some(body);
                fresh = true;
                continue;
            }
            Attempt::Unsent(_, why) | Attempt::Unwritten(why) | Attempt::Lost(why) => (why, repeatable),
            Attempt::Unreached(unreached) => {
                let why = match unreached {
                    // Another address would need a connection as well.
                    Unreached::Ours(why) => return Err(Failure::Ours(why)),
                    Unreached::Failed(why) => Some(why),
                    Unreached::TooSlow => None,
                };
                pool.unreached(index);
                match why {
                    None if pool.all.len() == 1 => return Err(Failure::TooSlow),
                    why => (why.unwrap_or_else(|| "connecting took too long".to_owned()), true),
                }
            }
        };
        tracing::info!(upstream = pool.settings.name, address = &*member.label, why, "gave no answer");
        // The attempt that failed is one of those already made.
        let retries = usize::try_from(forward.trip.retries()).unwrap_or(usize::MAX);
        if !again || retries >= pool.settings.retries || Instant::now() >= end {
            return Err(Failure::NoAnswer(why));
        }
        tried.push(index);
        if pool.choose(&tried).is_none() {
            // A kept connection may have been closed by an address that is well; a fresh one tells.
            if !reused || fresh {
                return Err(Failure::NoAnswer(why));
            }
            tried.pop();
        }
        fresh = true;
        forward.trip.retried();
    }
}

/// One attempt; with whether its connection had served before.
async fn attempt(
    pool: &Members,
    member: &Arc<Member>,
    forward: &Forward<'_>,
    load: &mut Load,
    fresh: bool,
    end: Instant,
) -> (Result<Came, Attempt>, bool) {
    let flight = member.enter();
    let kept = if fresh || forward.upgrade { None } else { member.waiting() };
    let reused = kept.is_some();
    let line = match kept {
        Some(line) => line,
        None => match tokio::time::timeout_at(end, member.connect(forward.upgrade)).await {
            Ok(Ok(line)) => line,
            Ok(Err(unreached)) => return (Err(Attempt::Unreached(unreached)), false),
            Err(_) => return (Err(Attempt::Unreached(Unreached::TooSlow)), false),
        },
    };
    // Not before there is a connection: a body that passes by only once would be lost with an address that cannot be reached.
    let Some(body) = load.take(reused) else {
        return (Err(Attempt::Lost("the body is gone".to_owned())), reused);
    };
    let begun = Instant::now();
    let (answer, line) = match sent(pool, member, forward, body, line, end).await {
        Ok(sent) => sent,
        Err(Attempt::Unwritten(why)) => {
            let failed = match load.back() {
                Some(body) => Attempt::Unsent(body, why),
                None => Attempt::Lost(why),
            };
            return (Err(failed), reused);
        }
        Err(failed) => return (Err(failed), reused),
    };
    forward.trip.took(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS && forward.upgrade {
        let mut answer = answer;
        let upgraded = hyper::upgrade::on(&mut answer);
        return (Ok(Came::Switched(answer.map(|_| upgraded), flight)), reused);
    }
    if answer.status().is_informational() {
        // An upgrade that nobody asked for.
        return (Err(Attempt::Lost("it switched protocols unasked".to_owned())), reused);
    }
    let trip = Arc::clone(&forward.trip);
    let patience = pool.settings.idle_timeout;
    let answer = answer.map(|body| Body::new(Outflow::new(body, patience, trip, flight, line)));
    (Ok(Came::Answer(answer)), reused)
}

async fn sent(
    pool: &Members,
    member: &Member,
    forward: &Forward<'_>,
    body: Body,
    line: Line,
    end: Instant,
) -> Result<(Response<Incoming>, Option<One>), Attempt> {
    let mut request = Request::new(body);
    *request.method_mut() = forward.method.clone();
    *request.headers_mut() = forward.headers.clone();
    let unsent = |mut error: hyper::client::conn::TrySendError<Request<Body>>| match error.take_message() {
        Some(request) => Attempt::Unsent(request.into_body(), told(error.error())),
        None => Attempt::Lost(told(error.error())),
    };
    let patience = pool.settings.first_byte_timeout;
    match line {
        Line::One(mut one) => {
            *request.uri_mut() = Uri::from(forward.target.clone());
            *request.version_mut() = Version::HTTP_11;
            // There it belongs to the hop.
            request.headers_mut().remove(TE);
            if one.served > 0 {
                one.written.look();
            }
            let before = one.written.bytes();
            let answer = one.sender.try_send_request(request);
            let answer = within(patience, end, &forward.trip, answer).await?.map_err(unsent);
            let answer = answer.map_err(|failed| match failed {
                Attempt::Lost(why) if one.written.bytes() == before => Attempt::Unwritten(why),
                failed => failed,
            });
            Ok((answer?, Some(one)))
        }
        Line::Two(mut sender) => {
            let host = request.headers_mut().remove(HOST);
            *request.uri_mut() = absolute(member, host.as_ref(), forward.target)
                .ok_or_else(|| Attempt::Lost("the host cannot be told to HTTP/2".to_owned()))?;
            *request.version_mut() = Version::HTTP_2;
            let answer = sender.try_send_request(request);
            Ok((within(patience, end, &forward.trip, answer).await?.map_err(unsent)?, None))
        }
    }
}

fn absolute(member: &Member, host: Option<&HeaderValue>, target: &PathAndQuery) -> Option<Uri> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if member.is_tls() { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(Authority::try_from(host?.as_bytes()).ok()?);
    parts.path_and_query = Some(target.clone());
    Uri::from_parts(parts).ok()
}

/// Waits for the answer's first byte. As long as the caller's body moves, the upstream need not answer yet.
async fn within<T>(
    patience: Duration,
    end: Instant,
    trip: &Trip,
    answer: impl Future<Output = T>,
) -> Result<T, Attempt> {
    let mut answer = std::pin::pin!(answer);
    let mut moved = trip.bytes_in();
    let mut until = end.min(Instant::now() + patience);
    loop {
        if let Ok(answer) = tokio::time::timeout_at(until, answer.as_mut()).await {
            return Ok(answer);
        }
        let now = trip.bytes_in();
        if now == moved {
            return Err(Attempt::TooSlow);
        }
        moved = now;
        until = Instant::now() + patience;
    }
}

/// An error with its causes, for the log.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
