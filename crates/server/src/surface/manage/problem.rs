//! How the management API says no: RFC 9457 problems with a code that never changes its meaning.
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_store::denied::{ChangeError, Denial, Denied};
use countersign_store::fault::Fault;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::Response as Documented;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// A call that was not carried out; nothing was changed, unless it says that this is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    status: u16,
    code: Cow<'static, str>,
    title: Cow<'static, str>,
    detail: Option<String>,
    at: Option<String>,
}

/// Why a call was not carried out (RFC 9457). Nothing was changed, unless the code is `outcome-unknown`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'p> {
    /// `urn:countersign:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What happened, in a few words; the same for every occurrence of the code.
    title: &'p str,
    /// The HTTP status.
    status: u16,
    /// The stable code; programs compare this.
    code: &'p str,
    /// What was wanted, what was found, what to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'p str>,
    /// Where in the request, such as `identifiers[0].namespace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<&'p str>,
}

impl Problem {
    /// A problem with a status, a code and a title.
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status: status.as_u16(), code: code.into(), title: title.into(), detail: None, at: None }
    }

    /// The request is well formed and cannot mean anything (422).
    pub(crate) fn invalid(code: impl Into<Cow<'static, str>>, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title)
    }

    /// There is no such thing (404); `what` is its name, such as `account`.
    pub(crate) fn missing(what: &'static str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("{}-not-found", what.replace(' ', "-")),
            format!("There is no such {what}."),
        )
    }

    /// Adds what was wanted, what was found and what to do next.
    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Adds where in the request.
    pub(crate) fn at(self, path: impl Into<String>) -> Self {
        Self { at: Some(path.into()), ..self }
    }

    /// The answer's body.
    pub(crate) fn document(&self) -> Document<'_> {
        Document {
            kind: format!("urn:countersign:problem:{}", self.code),
            title: &self.title,
            status: self.status,
            code: &self.code,
            detail: self.detail.as_deref(),
            at: self.at.as_deref(),
        }
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }
}

impl From<Fault> for Problem {
    /// Our own failure: the cause goes to the log, the caller learns that it may try again, or has to look first.
    fn from(fault: Fault) -> Self {
        let open = fault.has_open_outcome();
        tracing::error!(%fault, open, "a management call failed on our side");
        if open {
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "outcome-unknown",
                "The server could not finish it, or could not learn whether it is done.",
            )
            .detail("It may be done. See what is there now, and ask again for what is missing; the server's log has the cause.");
        }
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The server could not do it now.")
            .detail("Nothing was changed. Try again; the server's log has the cause.")
    }
}

impl From<Denied> for Problem {
    /// A rule of the registry says no: its code and text, with the status of its kind.
    fn from(denied: Denied) -> Self {
        let (status, title) = match denied.kind() {
            Denial::NotFound => (StatusCode::NOT_FOUND, "What the request names is not there."),
            Denial::Taken => (StatusCode::CONFLICT, "It is taken already."),
            Denial::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "It has not the form it needs."),
            Denial::State => (StatusCode::CONFLICT, "As things stand this cannot be done."),
            Denial::Forbidden => (StatusCode::FORBIDDEN, "This must not be done."),
        };
        Self::new(status, denied.code(), title).detail(denied.text())
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Denied(denied) => denied.into(),
            ChangeError::Fault(fault) => fault.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// What a call that only reads a list may answer beside its success.
pub(crate) struct Reading;
/// What a call that reads one thing may answer beside its success.
pub(crate) struct ReadingOne;
/// What a call that changes something may answer beside its success.
pub(crate) struct Changing;
/// What a call that nobody has to prove may answer beside its success.
pub(crate) struct Open;

/// Status, when, and the headers that come with it.
type Told = (u16, &'static str, &'static [&'static str]);

const REJECT: &str = "countersign-reject";
const RETRY: &str = "Retry-After";
const BAD: Told =
    (400, "The query or the JSON text cannot be read, or the request does not say once where it goes.", &[]);
const UNKNOWN: Told = (
    401,
    "The request carries no proof or session, or one that does not hold; the log has the reason under the id in `countersign-reject`.",
    &["WWW-Authenticate", REJECT],
);
const FORBIDDEN: Told = (
    403,
    "The proof or session holds, and its role, its key or the page that calls may not do this.",
    &[REJECT],
);
const MISSING: Told = (404, "What the request names is not there.", &[]);
const SLOW: Told = (408, "The body did not arrive in time.", &[]);
const CONFLICT: Told = (409, "What is there stands in the way.", &[]);
const LARGE: Told = (413, "The body is larger than any real request.", &[]);
const MEDIA: Told = (415, "The body is not declared as application/json.", &[]);
const ELSEWHERE: Told =
    (421, "The host that was called is none of this server's: signatures name it, so it must be set.", &[]);
const INVALID: Told = (422, "The JSON is well formed and cannot mean anything here.", &[]);
const MANY: Told = (
    429,
    "There were too many requests, or too many that failed, from this address or of this account.",
    &[RETRY, REJECT],
);
const FAULT: Told = (
    503,
    "The server could not do it now; nothing was changed, unless the code is `outcome-unknown`.",
    &[RETRY],
);

macro_rules! documents {
    ($name:ty: $($answer:expr),*) => {
        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Documented>> {
                [$($answer),*].into_iter().map(documented).collect()
            }
        }
    };
}
documents!(Open: MANY);
documents!(Reading: BAD, UNKNOWN, FORBIDDEN, SLOW, LARGE, ELSEWHERE, MANY, FAULT);
documents!(ReadingOne: BAD, UNKNOWN, FORBIDDEN, MISSING, SLOW, LARGE, ELSEWHERE, MANY, FAULT);
documents!(Changing: BAD, UNKNOWN, FORBIDDEN, MISSING, SLOW, CONFLICT, LARGE, MEDIA, ELSEWHERE, INVALID, MANY, FAULT);

fn documented((status, description, headers): Told) -> (String, RefOr<Documented>) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response =
        ResponseBuilder::new().description(description).content("application/problem+json", content);
    let response = headers.iter().fold(response, |response, name| {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        response.header(*name, HeaderBuilder::new().schema(Some(text)).build())
    });
    (status.to_string(), RefOr::T(response.build()))
}
