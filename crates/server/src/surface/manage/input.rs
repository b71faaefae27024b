//! The JSON body of a call, read strictly: unknown members, wrong types and doubled members are refused with their place.
use super::problem::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

/// The body of a call.
pub(crate) struct Input<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        declared_as_json(request.headers())?;
        let body = Bytes::from_request(request, state).await.map_err(|_| {
            Problem::new(StatusCode::BAD_REQUEST, "body-broken", "The body did not arrive whole.")
        })?;
        read(&body).map(Self)
    }
}

fn declared_as_json(headers: &HeaderMap) -> Result<(), Problem> {
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong-media-type", "The body must be JSON.")
        .detail("Send the header Content-Type: application/json."))
}

/// Reads one JSON text into `T`, and says where it does not fit.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        refused(error.inner(), &path)
    })?;
    reader.end().map_err(|error| refused(&error, "."))?;
    Ok(value)
}

/// Tells `null` from a member that is left out.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

fn refused(error: &serde_json::Error, path: &str) -> Problem {
    let found = without_content(&error.to_string());
    let problem = match error.classify() {
        Category::Data => {
            let code = if found.starts_with("unknown field") {
                "unknown-member"
            } else if found.starts_with("missing field") {
                "missing-member"
            } else if found.starts_with("duplicate field") {
                "doubled-member"
            } else {
                "invalid-value"
            };
            Problem::invalid(code, "A member of the body does not fit.")
        }
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::new(StatusCode::BAD_REQUEST, "malformed-json", "The body is not one JSON text.")
        }
    };
    let problem = problem.detail(found);
    if path == "." { problem } else { problem.at(path) }
}

/// The message without the text that was sent: what is pasted into the wrong member may be a private key.
fn without_content(message: &str) -> String {
    let quoted = message.split_once("string \"").and_then(|(before, rest)| {
        let (_, after) = rest.rsplit_once('"')?;
        Some(format!("{before}text{after}"))
    });
    quoted.unwrap_or_else(|| message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        inner: Vec<Inner>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        number: u8,
    }

    fn code(body: &str) -> String {
        read::<Outer>(body.as_bytes())
            .map(|outer| outer.inner.iter().map(|i| i.number).sum::<u8>())
            .unwrap_err()
            .code()
            .to_owned()
    }

    #[test]
    fn every_misfit_has_its_code_and_place() {
        assert_eq!(code(r#"{"inner":[],"more":1}"#), "unknown-member");
        assert_eq!(code("{}"), "missing-member");
        assert_eq!(code(r#"{"inner":[],"inner":[]}"#), "doubled-member");
        assert_eq!(code(r#"{"inner":[{"number":256}]}"#), "invalid-value");
        for text in ["", "{", r#"{"inner":[]} x"#, "\u{feff}{}", "{'inner':[]}"] {
            assert_eq!(code(text), "malformed-json", "{text}");
        }
        let problem = read::<Outer>(br#"{"inner":[{"number":1},{"number":-1}]}"#).unwrap_err();
        let json = serde_json::to_value(problem.document()).unwrap();
        assert_eq!(json["at"], "inner[1].number");
    }

    #[test]
    fn what_was_sent_is_not_repeated() {
        let secret = r#"{"inner":[{"number":"-----BEGIN \"PRIVATE KEY-----abc"}]}"#;
        let problem = read::<Outer>(secret.as_bytes()).unwrap_err();
        let json = serde_json::to_string(&problem.document()).unwrap();
        assert!(!json.contains("PRIVATE") && !json.contains("abc"), "{json}");
        assert!(json.contains("expected u8"), "{json}");
    }
}
