//! One request on its way: judged, stripped, signed, sent, and its answer handed back; once more when the clock was off.
use super::admission::{Admission, LOCAL};
use super::answer::{self, Own};
use super::line::Line;
use super::upstream::{Sent, Upstream};
use crate::print::Out;
use bytes::{Bytes, BytesMut};
use countersign_client::http::no_answer::NoAnswer;
use countersign_client::http::{Client, LONGEST_REFUSAL, Next};
use countersign_server::hop::{self, HOP};
use http::header::{AUTHORIZATION, COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Bodies up to this length (bytes) are read whole though they are not signed, so that a request can be sent once more.
const KEPT_BODY: usize = 64 * 1024;
/// Everything that a request needs to pass.
pub(super) struct Passage {
    pub(super) client: Client,
    pub(super) upstream: Upstream,
    pub(super) admission: Admission,
    /// The headers that the dialect's proofs stand in.
    pub(super) dropped: Vec<HeaderName>,
    pub(super) keeps_credentials: bool,
    pub(super) limit: usize,
    pub(super) patience: Duration,
    pub(super) out: Out,
}

/// A request's body.
enum Carried {
    Whole(Bytes),
    Stream(Incoming),
}

impl Passage {
    pub(super) async fn pass(&self, request: Request<Incoming>) -> Response<Sent> {
        let from = Instant::now();
        let (head, body) = request.into_parts();
        let (method, path) = (head.method.clone(), head.uri.path().to_owned());
        let mut tries = 0;
        let (response, own) = match self.passed(head, body, &mut tries).await {
            Ok(response) => (response, None),
            Err(own) => (own.response(), Some(own.code)),
        };
        let status = response.status().as_u16();
        Line { method: &method, path: &path, status, tries, own, took: from.elapsed() }.tell(self.out);
        response
    }

    async fn passed(&self, mut head: Parts, body: Incoming, tries: &mut u8) -> Result<Response<Sent>, Own> {
        self.admission.judge(&head)?;
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        self.strip(&mut head.headers);
        let carried = self.carried(body).await?;
        let again = match &carried {
            Carried::Whole(bytes) => Some(bytes.clone()),
            Carried::Stream(_) => None,
        };
        let local = self.client.local();
        *tries = 1;
        let (first, token) = self.ask(&head, &path, carried).await?;
        if ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&first.status()) {
            return Ok(returned(first.map(BodyExt::boxed_unsync)));
        }
        let read = timeout(self.patience, refusal(first)).await;
        let (first, said) = read.map_err(|_| slow("the end of its refusal"))??;
        // Nothing that was asked is kept: sidecars take any answer.
        let heeded = self.client.heed(None, first.status(), first.headers(), &said, local, token).await;
        match (heeded, again) {
            (Ok(Next::AskAgain), Some(bytes)) => {
                *tries = 2;
                let (second, _) = self.ask(&head, &path, Carried::Whole(bytes)).await?;
                Ok(returned(second.map(BodyExt::boxed_unsync)))
            }
            // A body that went by cannot be sent once more; what was learned counts for the next request.
            (Ok(_), _) => Ok(returned(first)),
            (Err(error), _) => Err(unsigned(&error)),
        }
    }

    /// Signs and sends; gives the answer, and the access token where there is one.
    async fn ask(
        &self,
        head: &Parts,
        path: &str,
        carried: Carried,
    ) -> Result<(Response<Incoming>, Option<String>), Own> {
        let bad = |error: &dyn std::fmt::Display| Own::new("target", StatusCode::BAD_REQUEST, error);
        let mut request = Request::new(match &carried {
            Carried::Whole(bytes) => bytes.clone(),
            Carried::Stream(_) => Bytes::new(),
        });
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = self.upstream.address(path).map_err(|error| bad(&error))?;
        *request.headers_mut() = head.headers.clone();
        let proved =
            timeout(self.patience, self.client.prove(&mut request, &self.upstream.signed(path))).await;
        let token = proved.map_err(|_| slow("a session"))?.map_err(|error| unsigned(&error))?;
        let (parts, bytes) = request.into_parts();
        let body = match carried {
            Carried::Whole(_) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
            Carried::Stream(stream) => stream.boxed_unsync(),
        };
        let sent = self.upstream.send(Request::from_parts(parts, body));
        let answer = timeout(self.patience, sent).await.map_err(|_| slow("its answer"))?;
        if answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::SWITCHING_PROTOCOLS) {
            return Err(Own::new(
                "unreachable",
                StatusCode::BAD_GATEWAY,
                format!("{} switched to another protocol, which nobody asked for", self.upstream.origin()),
            ));
        }
        answer.map(|answer| (answer, token)).map_err(|error| {
            // The innermost cause is the one a person understands ("connection refused").
            let mut cause: &dyn std::error::Error = &error;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            Own::new(
                "unreachable",
                StatusCode::BAD_GATEWAY,
                format!("{} gave no answer: {cause}", self.upstream.origin()),
            )
        })
    }

    /// The body: read whole where the proof covers it or where it is short, else as it comes.
    async fn carried(&self, body: Incoming) -> Result<Carried, Own> {
        let short = |limit: usize| {
            body.size_hint()
                .exact()
                .is_some_and(|length| usize::try_from(length).is_ok_and(|length| length <= limit))
        };
        let limit = if self.client.covers_body() { self.limit } else { KEPT_BODY };
        if !self.client.covers_body() && !short(limit) {
            return Ok(Carried::Stream(body));
        }
        match Limited::new(body, limit).collect().await {
            Ok(whole) => Ok(Carried::Whole(whole.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(Own::new(
                "body-too-large",
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "this dialect signs the body, which must be read whole: wanted {limit} bytes at most (--limit)"
                ),
            )),
            Err(error) => {
                Err(Own::new("body", StatusCode::BAD_REQUEST, format!("the body broke off: {error}")))
            }
        }
    }

    /// Takes off what is the tool's own or concerns this hop: the proof stands alone.
    fn strip(&self, headers: &mut HeaderMap) {
        let listed = hop::listed(headers);
        for name in HOP.iter().chain(&listed).chain(&[HOST, LOCAL]).chain(&self.dropped) {
            headers.remove(name);
        }
        let told_token = self.admission.wants_token() && self.keeps_credentials;
        if !self.keeps_credentials || told_token {
            headers.remove(AUTHORIZATION);
        }
        if !self.keeps_credentials {
            headers.remove(COOKIE);
        }
    }
}

/// Reads a refusal that says how long it is and is short enough to teach something; gives it back with what it says.
async fn refusal(answer: Response<Incoming>) -> Result<(Response<Sent>, Bytes), Own> {
    let (head, mut body) = answer.into_parts();
    let short = |length: u64| usize::try_from(length).is_ok_and(|length| length <= LONGEST_REFUSAL);
    if !body.size_hint().exact().is_some_and(short) {
        return Ok((Response::from_parts(head, body.boxed_unsync()), Bytes::new()));
    }
    let mut said = BytesMut::new();
    // Ends with the body, whose length is known and small.
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Own::new("unreachable", StatusCode::BAD_GATEWAY, format!("the answer broke off: {error}"))
        })?;
        said.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
    }
    let said = said.freeze();
    let body = Full::new(said.clone()).map_err(|never| match never {}).boxed_unsync();
    Ok((Response::from_parts(head, body), said))
}

/// The answer as the tool gets it.
fn returned(mut response: Response<Sent>) -> Response<Sent> {
    hop::returned(response.headers_mut());
    // What the sidecar says, the sidecar alone says.
    response.headers_mut().remove(answer::MARK);
    response
}

fn slow(what: &str) -> Own {
    Own::new(
        "timeout",
        StatusCode::GATEWAY_TIMEOUT,
        format!("the server took too long for {what} (--patience)"),
    )
}

/// Why there is no proof, in the words of the client library.
fn unsigned(error: &NoAnswer) -> Own {
    let (code, status) = match error {
        NoAnswer::NotSigned(_) | NoAnswer::Request(_) => ("not-signed", StatusCode::INTERNAL_SERVER_ERROR),
        NoAnswer::NoSession(_) => ("no-session", StatusCode::BAD_GATEWAY),
        NoAnswer::NoToken(_) => ("no-token", StatusCode::BAD_GATEWAY),
        NoAnswer::Clock(_) => ("clock", StatusCode::BAD_GATEWAY),
        // Sidecars take any answer; whoever wants signed ones sees them as the service sent them.
        NoAnswer::Connection(_) | NoAnswer::Unproved(_) => ("unreachable", StatusCode::BAD_GATEWAY),
    };
    Own::new(code, status, error)
}
