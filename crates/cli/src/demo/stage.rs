//! Where the demo's requests are sent over TCP and their verdicts noted.
use super::watch::Watch;
use crate::exit::Failure;
use crate::member::at;
use bytes::Bytes;
use countersign::reason::Reason;
use http::{HeaderMap, Request, StatusCode};
use serde::Serialize;
use std::time::Duration;

/// What came of one request.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) dialect: &'static str,
    pub(crate) case: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) got: String,
    pub(crate) status: u16,
    pub(crate) as_expected: bool,
    pub(crate) because: String,
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends requests as they are, without a client library that could help them.
pub(crate) struct Stage {
    pub(crate) base: String,
    pub(crate) rows: Vec<Row>,
    http: reqwest::Client,
    watch: Watch,
}

/// What a request that is let in is expected to get.
pub(crate) const ACCEPTED: &str = "accepted";

impl Stage {
    pub(crate) fn new(base: &str, watch: Watch) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(Failure::ours)?;
        Ok(Self { base: base.to_owned(), rows: Vec::new(), http, watch })
    }

    /// Sends a request and notes its verdict beside the expected one: `accepted`, or the code of a reason.
    pub(crate) async fn judge(
        &mut self,
        dialect: &'static str,
        case: &'static str,
        expected: &'static str,
        request: Request<Bytes>,
    ) -> Result<Answer, Failure> {
        let answer = self.send(request).await?;
        let reject = answer.headers.get("countersign-reject").and_then(|value| value.to_str().ok());
        let reason = reject.and_then(|reject| self.watch.reason(reject));
        let got = match &reason {
            _ if answer.status.is_success() => ACCEPTED.to_owned(),
            Some(reason) => reason.clone(),
            None => "no reason told".to_owned(),
        };
        let because = if answer.status.is_success() {
            recognised(&answer)
        } else {
            let known = Reason::ALL.iter().find(|known| known.code() == got);
            known.map(|known| known.text().to_owned()).unwrap_or_default()
        };
        let status = answer.status.as_u16();
        // A refusal is never a fault of ours, and skillhive's callers know 403 alone.
        let fits = match (expected == ACCEPTED, dialect) {
            (true, _) => answer.status.is_success(),
            (false, "skillhive") => status == 403,
            (false, _) => status == 401,
        };
        self.rows.push(Row {
            dialect,
            case,
            expected,
            as_expected: fits && got == expected,
            got,
            status,
            because,
        });
        Ok(answer)
    }

    /// Sends a request and notes nothing.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Answer, Failure> {
        let (parts, body) = request.into_parts();
        let mut sent = self.http.request(parts.method, parts.uri.to_string()).headers(parts.headers);
        if !body.is_empty() {
            sent = sent.body(body);
        }
        let response = sent.send().await.map_err(Failure::ours)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(Failure::ours)?;
        Ok(Answer { status, headers, body })
    }
}

/// As whom the upstream saw the caller, out of its echo; or what the session API did.
fn recognised(answer: &Answer) -> String {
    let echo: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if echo.get("accessToken").is_some() {
        return "A pair of tokens was given.".to_owned();
    }
    let header = |wanted: &str| {
        let all = at(&echo, "headers").as_array()?;
        all.iter()
            .find(|pair| pair.get(0).is_some_and(|name| name == wanted))?
            .get(1)?
            .as_str()
            .map(str::to_owned)
    };
    match (header("x-countersign-account"), header("x-countersign-acting-as")) {
        (Some(account), Some(user)) => format!("The upstream sees {account}, acting as {user}."),
        (Some(account), None) => format!("The upstream sees {account}."),
        _ => "It was done.".to_owned(),
    }
}
