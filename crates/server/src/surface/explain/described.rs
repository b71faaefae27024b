//! A request as somebody describes it, and how it would be judged.
use crate::app::App;
use crate::call::Call;
use crate::judge::faulted;
use crate::limiter::allowance::Turn;
use crate::problem::bad_request;
use crate::routes::Place;
use crate::surface::origin::host_of;
use axum::body::Body;
use countersign::base64::{Alphabet, decode};
use countersign::incoming::{Body as Seen, Incoming, Target};
use countersign_guard::explain::{Asking, Explanation, Sight};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A request as somebody describes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Described {
    /// Its method.
    method: String,
    /// Its absolute address.
    url: String,
    /// Its headers, as pairs of name and value.
    #[serde(default)]
    #[schema(value_type = Vec<Vec<String>>)]
    headers: Vec<(String, String)>,
    /// Its body, in standard base64.
    #[serde(default)]
    body_b64: Option<String>,
    /// What the caller signed, to be laid beside what the server expects.
    #[serde(default)]
    signed_b64: Option<String>,
    /// The route to judge by; found by the address when left out.
    #[serde(default)]
    route: Option<String>,
}

impl Described {
    /// Reads a description in JSON.
    ///
    /// # Errors
    /// The answer that says what was wanted.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Box<Response<Body>>> {
        serde_json::from_slice(bytes).map_err(|error| {
            Box::new(bad_request(&format!(
                "wanted JSON {{\"method\", \"url\", \"headers\": [[name, value]…], \"body_b64\"}}: {error}"
            )))
        })
    }

    /// How it would be judged, as far as `sight` may know, and by which route.
    ///
    /// # Errors
    /// The answer to send instead.
    pub(crate) async fn explained<'a>(
        &self,
        app: &'a App,
        call: &Call,
        sight: Sight<'_>,
        turn: &Turn<'_>,
    ) -> Result<(&'a Arc<Place>, Explanation), Box<Response<Body>>> {
        let wrong = |text: &str| Box::new(bad_request(text));
        let target =
            Target::from_url(&self.url).ok_or_else(|| wrong("url: wanted an http or https address"))?;
        let place =
            place(app, self, &target).ok_or_else(|| wrong("no route is configured for this address"))?;
        let headers = headers(&self.headers, app.config.limits.header_fields)?;
        let bytes_of = |text: &Option<String>, wanted: &str| {
            let mut bytes = Vec::new();
            let text = text.as_deref().unwrap_or("");
            decode(Alphabet::Standard, text.as_bytes(), &mut bytes).map_err(|_| wrong(wanted)).map(|()| bytes)
        };
        let body = bytes_of(&self.body_b64, "body_b64: wanted standard base64 with padding")?;
        let signed = bytes_of(&self.signed_b64, "signed_b64: wanted standard base64 with padding")?;
        let incoming = Incoming {
            method: &self.method,
            target,
            headers: &headers,
            body: if body.is_empty() { Seen::Empty } else { Seen::Seen(&body) },
            client: Some(call.peer.ip()),
            challenge: None,
        };
        let signed = self.signed_b64.is_some().then_some(signed.as_slice());
        let asking = Asking { sight, at: None, signed, allowance: turn };
        let explained = app.guard.explain_to(&place.policy, &incoming, &asking).await;
        let explanation = explained.map_err(|fault| faulted(app, Some(&place.name), &fault))?;
        Ok((place, explanation))
    }
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
