//! Takes down a refused request, has it explained beside the requests that go on, and forgets its credentials.
use super::{Refused, redact};
use crate::app::App;
use crate::routes::Place;
use crate::surface::path::without_code;
use bytes::Bytes;
use countersign::incoming::{Body, Incoming, Target};
use countersign::reason::{Class, Reason, Stage};
use countersign::time::Time;
use countersign_guard::explain::{Asking, Explanation, Sight};
use countersign_guard::guard::Denial;
use countersign_guard::session::Client;
use http::{HeaderMap, Request};
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;

/// Longest body of a request that is explained afterwards.
const LONGEST_BODY: usize = 64 * 1024;
/// Bytes of the expected text that stay in what is kept.
const LONGEST_TEXT: usize = 4096;
/// Longest path that is kept.
const LONGEST_PATH: usize = 512;

/// What stands in place of a route where the session API refused; no route can be called so.
const SESSION: &str = "(session API)";

/// A request on its own, until it is explained.
struct Taken {
    method: String,
    url: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    client: Option<IpAddr>,
}

/// Takes down a refusal. Costs a request that holds nothing, and one that is refused a line, or a copy where it is to be explained.
pub(crate) fn take(app: &App, route: &Arc<str>, incoming: &Incoming<'_>, denial: &Denial, reject: &str) {
    let keep = app.config.limits.refusals_time;
    if keep.is_zero() {
        return;
    }
    let proved = matches!(denial.refusal.stage, Stage::Rules | Stage::Once | Stage::Policy);
    let now = app.clock.now();
    let path: String = incoming.target.path.chars().take(LONGEST_PATH).collect();
    let line = || Refused {
        reject: reject.into(),
        at: now,
        route: Arc::clone(route),
        dialect: denial.dialect.clone(),
        reason: denial.refusal.reason,
        // Only an explanation says whose key it was.
        proved: false,
        account: None,
        client: incoming.client,
        method: incoming.method.into(),
        path: path.as_str().into(),
        headers: Vec::new(),
        body_bytes: if let Body::Seen(body) = incoming.body { body.len() } else { 0 },
        told: None,
        own: None,
    };
    let Some(place) = app.routes.named(route) else { return };
    if !app.refusals.takes(proved, now, keep, line) {
        return;
    }
    let mut refused = line();
    refused.headers = redact::headers(incoming.headers, &place.policy.dialects);
    let long = matches!(incoming.body, Body::Seen(body) if body.len() > LONGEST_BODY);
    if long {
        return app.refusals.keep(refused, keep);
    }
    let taken = Taken {
        method: incoming.method.to_owned(),
        url: incoming.target.url(),
        headers: incoming.headers.clone(),
        body: match incoming.body {
            Body::Seen(body) => Some(body.to_vec()),
            Body::Empty => Some(Vec::new()),
            Body::Unseen => None,
        },
        client: incoming.client,
    };
    let (guard, shared, place) = (Arc::clone(&app.guard), Arc::clone(app.shared()), Arc::clone(place));
    let runtime = tokio::runtime::Handle::current();
    // Trying takes milliseconds: not on a thread that answers requests.
    tokio::task::spawn_blocking(move || {
        if let Some((told, own)) = runtime.block_on(explained(&guard, &place, &taken, now)) {
            refused.account = told.claimed.as_ref().map(|caller| (caller.id.clone(), caller.name.clone()));
            refused.proved = proved && told.proved && refused.account.is_some();
            let query = taken.url.contains('?');
            refused.told = Some(Arc::new(document(&told, query)));
            refused.own = own.filter(|_| refused.proved).map(|own| Arc::new(document(&own, query)));
        }
        shared.refusals.keep(refused, keep);
    });
}

/// Takes down a refused call of the session API in the same way.
pub(crate) fn take_call(
    app: &Arc<App>,
    request: Request<Bytes>,
    client: Client,
    reason: Reason,
    reject: &str,
) {
    let keep = app.config.limits.refusals_time;
    // What comes without a proof names nobody, and is not explained to anybody.
    if keep.is_zero() || matches!(reason.class(), Class::Absent | Class::Limit) {
        return;
    }
    let now = app.clock.now();
    let uri = without_code(&app.config.session.prefix, request.uri());
    let path: String = uri.path().chars().take(LONGEST_PATH).collect();
    let refused = |headers| Refused {
        reject: reject.into(),
        at: now,
        route: SESSION.into(),
        dialect: None,
        reason,
        proved: false,
        account: None,
        client: client.address,
        method: request.method().as_str().into(),
        path: path.as_str().into(),
        headers,
        body_bytes: request.body().len(),
        told: None,
        own: None,
    };
    // Whether it was proved is known only once it is explained: strangers have the same pace as the rest of them.
    if !app.refusals.takes(false, now, keep, || refused(Vec::new())) {
        return;
    }
    let mut refused = refused(redact::headers(request.headers(), &app.session.dialects()));
    let app = Arc::clone(app);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let told = runtime.block_on(app.session.retell(&request, client, now, reason));
        if let Ok(Some(retold)) = told {
            let (told, own) = (retold.told, retold.own);
            refused.dialect = told.dialect.as_deref().map(Into::into);
            refused.account = told.claimed.as_ref().map(|caller| (caller.id.clone(), caller.name.clone()));
            refused.proved = own.is_some();
            refused.told = Some(Arc::new(document(&told, false)));
            refused.own = own.map(|own| Arc::new(document(&own, false)));
        }
        app.refusals.keep(refused, keep);
    });
}

/// The explanation for operators, and the one for the account whose key signed.
async fn explained(
    guard: &countersign_guard::guard::Guard,
    place: &Place,
    taken: &Taken,
    now: Time,
) -> Option<(Explanation, Option<Explanation>)> {
    let incoming = Incoming {
        method: &taken.method,
        target: Target::from_url(&taken.url)?,
        headers: &taken.headers,
        body: match &taken.body {
            None => Body::Unseen,
            Some(body) if body.is_empty() => Body::Empty,
            Some(body) => Body::Seen(body),
        },
        client: taken.client,
        challenge: None,
    };
    let everything = Asking { at: Some(now), ..Asking::everything() };
    let told = guard.explain_to(&place.policy, &incoming, &everything).await.ok()?;
    let owner = told.claimed.as_ref().filter(|_| told.proved).map(|caller| caller.id.clone());
    let own = match owner {
        Some(id) => {
            let asking = Asking { sight: Sight::Account(&id), ..everything };
            guard.explain_to(&place.policy, &incoming, &asking).await.ok()
        }
        None => None,
    };
    Some((told, own))
}

/// An explanation as it is kept. Texts to be signed may hold the query, in whatever spelling: of an address that has one they are not kept.
fn document(told: &Explanation, query: bool) -> Value {
    let mut told = told.clone();
    if query || told.diagnosis.expected.as_ref().is_some_and(|text| text.bytes > LONGEST_TEXT) {
        told.diagnosis.expected = None;
    }
    if query {
        told.diagnosis.difference = None;
    }
    serde_json::to_value(&told).unwrap_or(Value::Null)
}

/// The reason's words, as listings show them.
pub(crate) fn words(reason: Reason) -> (&'static str, &'static str) {
    (reason.text(), reason.hint())
}
