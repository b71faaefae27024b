//! Sends a request that a page signed through this server's own gateway or session API: browsers send none to another address.
use super::holder::Holder;
use super::own_dialects::open_to;
use super::state::Console;
use crate::accept::Peer;
use crate::app::App;
use crate::call::Call;
use crate::config::listener::Surface;
use crate::dispatch::Surfaces;
use crate::hop::HOP;
use crate::limiter::conduct::Conduct;
use crate::mounts;
use crate::surface::explain::described::headers;
use crate::surface::manage::input::Input;
use crate::surface::manage::problem::{Changing, Problem};
use crate::surface::origin::{Client, host_of};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, COOKIE, HOST};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use countersign::base64::{Alphabet, decode};
use countersign::incoming::Target;
use countersign_store::model::Account;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Bytes of an answer's body that are shown: a page is read by a person.
const SHOWN: usize = 64 * 1024;
/// How long an answer may take to arrive: somebody waits before a page.
const PATIENCE: Duration = Duration::from_secs(20);
/// Headers of the answer that say how it was judged, and what it is.
const TOLD: [&str; 6] = [
    "content-type",
    "www-authenticate",
    "retry-after",
    "countersign-reject",
    "countersign-time",
    "countersign-clock-skew",
];
/// Calls of the session API that answer a challenge.
const OPENING: [&str; 3] = ["/auth/code", "/auth/code-register", "/auth/token"];

/// The call that sends.
pub(super) fn routes() -> OpenApiRouter<Arc<Console>> {
    OpenApiRouter::new().routes(routes!(send_own_request))
}

/// A signed request to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Outgoing {
    /// Its method.
    method: String,
    /// Its absolute address: of a route that lets the account in and enforces, or of the session API.
    url: String,
    /// Its headers, as pairs of name and value. Those that tell of the connection or the caller's address are refused.
    #[serde(default)]
    #[schema(value_type = Vec<Vec<String>>)]
    headers: Vec<(String, String)>,
    /// Its body, in standard base64.
    #[serde(default)]
    body_b64: Option<String>,
}

/// What was answered.
#[derive(Serialize, ToSchema)]
struct Answered {
    /// The status.
    status: u16,
    /// The headers that tell how it was judged, and what it is.
    #[schema(value_type = Vec<Vec<String>>)]
    headers: Vec<(String, String)>,
    /// The beginning of the body, as text.
    text: String,
    /// Whether there was more of it.
    cut: bool,
}

/// Send a request through the gateway or the session API here, from the address of whoever asks. It is judged, logged and counted as
/// any other; what works once is used up.
#[utoipa::path(post, path = "/console/api/v1/send", tag = "refusals", request_body = Outgoing,
    responses((status = 200, body = Answered), Changing))]
async fn send_own_request(
    State(console): State<Arc<Console>>,
    holder: Holder,
    call: Option<Extension<Call>>,
    Input(outgoing): Input<Outgoing>,
) -> Response {
    let app = &console.app;
    let Some(Extension(call)) = call else { return Problem::missing("call").into_response() };
    match sent(app, &holder.account, &call, &outgoing).await {
        Ok(answered) => Json(answered).into_response(),
        Err(answer) => *answer,
    }
}

async fn sent(
    app: &Arc<App>,
    account: &Account,
    call: &Call,
    outgoing: &Outgoing,
) -> Result<Answered, Box<Response>> {
    let told = |problem: Problem| Box::new(problem.into_response());
    let target =
        Target::from_url(&outgoing.url).ok_or_else(|| told(wrong("url", "an http or https address")))?;
    let surface = surface(app, account, &target).map_err(told)?;
    let listener = app.config.listeners.iter().find(|listener| listener.has(surface));
    let address = listener.map(|listener| listener.address).ok_or_else(|| told(nowhere()))?;
    let request = request(app, outgoing, &target).map_err(told)?;
    // Whoever asks is who calls, be it through a proxy: what the proxy would tell is known already. One whom it hides would stand
    // there as the proxy itself.
    let Ok(Client::Known(client)) = call.client else { return Err(told(hidden())) };
    let peer = Peer {
        address: SocketAddr::new(client, call.peer.port()),
        tls: outgoing.url.starts_with("https:"),
        conduct: call.conduct.clone().unwrap_or_else(|| Arc::new(Conduct::new())),
    };
    let session = mounts::session(app).filter(|_| surface == Surface::Session);
    let face = Surfaces {
        app: Arc::clone(app),
        named: vec![surface],
        address,
        session,
        manage: None,
        console: None,
    };
    let answering = async {
        let answer = Arc::new(face).answer(request, peer).await;
        let (parts, body) = answer.into_parts();
        let (text, cut) = beginning(body).await;
        let shown = TOLD.iter().filter_map(|name| {
            let value = parts.headers.get(*name)?.to_str().ok()?;
            Some(((*name).to_owned(), value.to_owned()))
        });
        Answered { status: parts.status.as_u16(), headers: shown.collect(), text, cut }
    };
    tokio::time::timeout(PATIENCE, answering).await.map_err(|_| {
        let title = "No whole answer came in time.";
        told(Problem::new(StatusCode::GATEWAY_TIMEOUT, "upstream-timeout", title))
    })
}

/// What answers there. Only where nothing passes unproved: a page's caller reaches what its proof opens, and nothing more.
fn surface(app: &App, account: &Account, target: &Target<'_>) -> Result<Surface, Problem> {
    let opening = target.path.strip_prefix(app.config.session.prefix.as_str());
    if opening.is_some_and(|rest| OPENING.contains(&rest)) {
        return Ok(Surface::Session);
    }
    let place = app.routes.find(&host_of(target.authority), target.path).ok_or_else(nowhere)?;
    if !open_to(app, account).any(|route| route.name == place.route.name) {
        return Err(nowhere());
    }
    if place.route.modes.is_lenient() {
        let title = "The route lets requests pass that do not hold.";
        return Err(Problem::new(StatusCode::CONFLICT, "route-is-lenient", title)
            .detail(
                "Wanted a route that enforces for everybody; run the command that the page shows instead.",
            )
            .at("url"));
    }
    Ok(Surface::Gateway)
}

fn request(app: &App, outgoing: &Outgoing, target: &Target<'_>) -> Result<Request<Body>, Problem> {
    let method = Method::try_from(outgoing.method.as_str()).map_err(|_| wrong("method", "a method"))?;
    let unread =
        |_| wrong("headers", "headers such as [[\"name\", \"value\"]], no more than a request may have");
    let mut headers = headers(&outgoing.headers, app.config.limits.header_fields).map_err(unread)?;
    if let Some(name) = headers.keys().find(|name| is_of_the_connection(name)) {
        return Err(wrong(
            "headers",
            &format!("no header {name}, which tells of the connection or the address"),
        ));
    }
    let plain = target.authority.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
    let host = HeaderValue::try_from(target.authority).ok().filter(|_| plain);
    let host = host.ok_or_else(|| wrong("url", "a host of ASCII letters, without a user"))?;
    headers.insert(HOST, host);
    let mut body = Vec::new();
    let text = outgoing.body_b64.as_deref().unwrap_or_default();
    decode(Alphabet::Standard, text.as_bytes(), &mut body)
        .map_err(|_| wrong("body_b64", "standard base64 with padding"))?;
    if !body.is_empty() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let path = match target.query {
        Some(query) => format!("{}?{query}", target.path),
        None => target.path.to_owned(),
    };
    let unlike = || wrong("url", "an address whose path and query are written as they are sent");
    let mut request =
        Request::builder().method(method).uri(&path).body(Body::from(body)).map_err(|_| unlike())?;
    // What is forwarded is what was looked up: a fragment would be left out.
    if request.uri().path_and_query().is_none_or(|sent| sent.as_str() != path) {
        return Err(unlike());
    }
    *request.headers_mut() = headers;
    Ok(request)
}

/// What a browser would not let a page set either, and what servers take addresses from.
fn is_of_the_connection(name: &HeaderName) -> bool {
    let text = name.as_str();
    HOP.contains(name)
        || [HOST, COOKIE].contains(name)
        || ["forwarded", "true-client-ip", "via"].contains(&text)
        || ["x-forwarded-", "x-real-", "x-envoy-", "cf-", "countersign-"]
            .iter()
            .any(|start| text.starts_with(start))
}

async fn beginning(mut body: Body) -> (String, bool) {
    let mut bytes = Vec::new();
    let mut cut = false;
    while let Some(Ok(frame)) = body.frame().await {
        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        if bytes.len() > SHOWN {
            bytes.truncate(SHOWN);
            cut = true;
            break;
        }
    }
    (String::from_utf8_lossy(&bytes).into_owned(), cut)
}

fn wrong(at: &'static str, wanted: &str) -> Problem {
    Problem::invalid("invalid-request", "This request cannot be sent.")
        .detail(format!("Wanted {wanted}."))
        .at(at)
}

fn hidden() -> Problem {
    let title = "The proxy before this server does not tell your address.";
    Problem::new(StatusCode::CONFLICT, "address-hidden", title)
        .detail("Wanted an address to judge the request by; run the command that the page shows instead.")
}

fn nowhere() -> Problem {
    let title = "No route of this server is at that address for this account.";
    Problem::invalid("no-route", title)
        .detail("Wanted the address of a route; see the list of dialects.")
        .at("url")
}
