//! A request as somebody describes it, and how it would be judged.
use crate::app::App;
use crate::call::Call;
use crate::judge::{faulted, limited, overloaded};
use crate::limiter::Spent;
use crate::limiter::allowance::{Source, Turn};
use crate::limiter::waiting::Full;
use crate::problem::bad_request;
use crate::routes::Place;
use crate::surface::origin::{Client, host_of};
use axum::body::Body;
use countersign::base64::{Alphabet, decode};
use countersign::incoming::{Body as Seen, Incoming, Target};
use countersign::reason::Reason;
use countersign_guard::explain::{Asking, Explanation, Sight};
use countersign_store::fault::Fault;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;
use utoipa::ToSchema;

/// Bytes of an address: no request with a longer one is taken.
const LONGEST_URL: usize = 64 * 1024;

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

    /// How it would be judged, as far as `asker` may know, and by which route. Bounded in what it costs, as requests are.
    ///
    /// # Errors
    /// The answer to send instead.
    pub(crate) async fn explained<'a>(
        self,
        app: &'a App,
        call: &Call,
        asker: Asker,
        source: &Source,
    ) -> Result<(&'a Arc<Place>, Explanation), Box<Response<Body>>> {
        let wrong = |text: &str| Box::new(bad_request(text));
        if self.url.len() > LONGEST_URL {
            return Err(wrong(&format!("url: wanted at most {LONGEST_URL} bytes")));
        }
        let target =
            Target::from_url(&self.url).ok_or_else(|| wrong("url: wanted an http or https address"))?;
        let place =
            place(app, &self, &target).ok_or_else(|| wrong("no route is configured for this address"))?;
        let headers = headers(&self.headers, app.config.limits.header_fields)?;
        let bytes_of = |text: &Option<String>, wanted: &str| {
            let mut bytes = Vec::new();
            let text = text.as_deref().unwrap_or("");
            decode(Alphabet::Standard, text.as_bytes(), &mut bytes).map_err(|_| wrong(wanted)).map(|()| bytes)
        };
        let body = bytes_of(&self.body_b64, "body_b64: wanted standard base64 with padding")?;
        let signed = bytes_of(&self.signed_b64, "signed_b64: wanted standard base64 with padding")?;
        // What an account asks about is tried in many ways, each of which costs as much as a request does.
        if let Asker::Account(account) = &asker
            && let Err(spent) = app.limiter.question_of(account)
        {
            return Err(limited(app, source, Some(&place.name), None, Reason::TooManyRequests, spent));
        }
        let tried = !matches!(asker, Asker::Stranger);
        let question = Question {
            method: self.method,
            url: self.url,
            headers,
            body,
            signed: self.signed_b64.map(|_| signed),
            client: call.client.ok().and_then(Client::known),
            asker,
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
        let told = told.map_err(|Full| overloaded(app, Some(&place.name)))?;
        let (explanation, spent) = told.map_err(|fault| faulted(app, Some(&place.name), &fault))?;
        match spent {
            Some(spent) => Err(limited(app, source, Some(&place.name), None, Reason::TooManyFailures, spent)),
            None => Ok((place, explanation)),
        }
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// An operator, of whom nothing is hidden.
    Operator,
    /// The account with this id.
    Account(Box<str>),
    /// Anybody.
    Stranger,
}

/// A request in question, on its own.
struct Question {
    method: String,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    signed: Option<Vec<u8>>,
    client: Option<IpAddr>,
    asker: Asker,
    source: Source,
}

/// The explanation; and where the limit of its address stopped the check, how long to wait.
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
        let sight = match &question.asker {
            Asker::Operator => Sight::All,
            Asker::Account(account) => Sight::Account(account),
            Asker::Stranger => Sight::Stranger,
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

fn place<'a>(app: &'a App, described: &Described, target: &Target<'_>) -> Option<&'a Arc<Place>> {
    match &described.route {
        Some(name) => app.routes.named(name),
        None => app.routes.find(&host_of(target.authority), target.path),
    }
}

/// Headers from pairs.
///
/// # Errors
/// The answer that says which cannot be one.
pub(crate) fn headers(described: &[(String, String)], most: usize) -> Result<HeaderMap, Box<Response<Body>>> {
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
