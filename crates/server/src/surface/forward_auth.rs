//! The question that other proxies ask: may this request pass, and who is it? Only trusted proxies are answered.
use crate::answers::Question;
use crate::app::App;
use crate::call::Call;
use crate::inflow::{Inflow, ReadFault, read_all};
use crate::judge::{faulted, refused, takes};
use crate::problem::{bad_request, problem, too_slow};
use crate::routes::Place;
use crate::surface::lenient::{Passing, warn, weigh};
use crate::surface::origin::host_of;
use crate::surface::path;
use axum::body::Body;
use bytes::Bytes;
use countersign::incoming::{Body as Seen, Incoming, Target};
use countersign::reason::Reason;
use countersign_guard::policy::Reply;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Body as _;
use std::sync::Arc;

/// Whether a path is where other proxies ask; with the route it names.
pub(crate) fn asked<'p>(app: &App, path: &'p str) -> Option<Option<&'p str>> {
    let rest = path.strip_prefix(app.config.forward_auth.path.as_str())?;
    match rest.strip_prefix('/') {
        None if rest.is_empty() => Some(None),
        Some(route) if !route.is_empty() && !route.contains('/') => Some(Some(route)),
        _ => None,
    }
}

/// Answers one question.
pub(crate) async fn answer(app: &App, call: &Call, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut question = None;
    match ask(app, call, &parts, body, &mut question).await {
        Ok(response) => response,
        // What a proxy passes on to the caller; that a request may pass is told to the proxy alone.
        Err(response) => match question {
            Some(question) => Box::pin(question.sign(app, *response)).await,
            None => *response,
        },
    }
}

/// The original request, as the proxy tells it.
pub(crate) struct Original<'h> {
    pub(crate) method: &'h str,
    pub(crate) scheme: &'h str,
    pub(crate) authority: &'h str,
    pub(crate) target: &'h str,
}

async fn ask(
    app: &App,
    call: &Call,
    request: &Parts,
    body: Body,
    question: &mut Option<Box<Question>>,
) -> Result<Response<Body>, Box<Response<Body>>> {
    let route = asked(app, request.uri.path()).flatten();
    let headers = &request.headers;
    let wrong = |text: &str| Box::new(bad_request(text));
    let server = &app.config.server;
    if !server.trusted_proxies.iter().any(|network| network.contains(call.peer.ip())) {
        tracing::warn!(peer = %call.peer, "forward-auth was asked by no trusted proxy ([server] trusted_proxies)");
        let title = "Only trusted proxies may ask this";
        return Err(Box::new(problem(StatusCode::FORBIDDEN, "not-a-trusted-proxy", title)));
    }
    let client = call.client.map_err(wrong)?;
    let original = original(headers).map_err(|why| match why {
        Wrong::Proxy(text) => wrong(text),
        // As with addresses: the proxy must be able to carry the answer to whom it is for.
        Wrong::Caller(text) => Box::new(problem(StatusCode::FORBIDDEN, "bad-request", text)),
    })?;
    if !is_target(original.target) {
        return Err(unplain(app, route));
    }
    let public = server.public();
    if let Some((scheme, _)) = public
        && scheme != original.scheme
    {
        return Err(wrong("the original request came over another scheme than public_url has"));
    }
    let target = Target::new(original.scheme, original.authority, original.target);
    let place = find(app, route, original.authority, target.path)?;
    let route = &place.name;
    if path::check(target.path).is_err() && !place.route.raw_paths {
        return Err(refuse_unplain(app, Some(route)));
    }
    let target = match public {
        Some((scheme, authority)) => Target { scheme, authority, ..target },
        None => target,
    };
    *question = Question::of(place, original.method, &target, headers);
    let carried = carried(app, place, headers, body).await?;
    let incoming = Incoming {
        method: original.method,
        target,
        headers,
        body: match &carried {
            Carried::Whole(bytes) if bytes.is_empty() => Seen::Empty,
            Carried::Whole(bytes) => Seen::Seen(bytes),
            Carried::Part => Seen::Unseen,
            Carried::Nothing if may_have_body(original.method, headers) => Seen::Unseen,
            Carried::Nothing => Seen::Empty,
        },
        client: client.known(),
        challenge: None,
    };
    let Passing { verified, outcome } =
        weigh(app, &call.source(&app.config.server, client), place, &incoming).await?;
    // In every mode, as at the gateway.
    takes(app, place, outcome.dialect.as_ref(), original.method)?;
    let mut response = Response::new(Body::empty());
    let told = response.headers_mut();
    if let Err(fault) = app.identity.tell(told, verified.as_deref(), outcome.mode, route, &call.id) {
        return Err(faulted(app, Some(route), &fault));
    }
    warn(app, &outcome, told);
    response.extensions_mut().insert(outcome);
    Ok(response)
}

/// Refuses an address that two servers may read differently. Proxies carry 401 and 403 to the caller; nginx makes 500 of anything
/// else, and the address is the caller's choice.
fn unplain(app: &App, route: Option<&str>) -> Box<Response<Body>> {
    refuse_unplain(app, route.map(Arc::from).as_ref())
}

fn refuse_unplain(app: &App, route: Option<&Arc<str>>) -> Box<Response<Body>> {
    let reply = Reply { status: StatusCode::FORBIDDEN.as_u16(), ..Reply::plain(Reason::PathNotPlain) };
    refused(app, route, None, Reason::PathNotPlain, &reply)
}

fn find<'a>(
    app: &'a App,
    route: Option<&str>,
    authority: &str,
    path: &str,
) -> Result<&'a Arc<Place>, Box<Response<Body>>> {
    let host = host_of(authority);
    let found = match route {
        Some(name) => app.routes.named(name).filter(|place| {
            // A route that is asked by name still judges its own part of the address space only.
            let host_fits = place.route.host.as_deref().is_none_or(|wanted| wanted == host);
            host_fits && path::under(path, &place.route.path)
        }),
        None => app.routes.find(&host, path),
    };
    found.ok_or_else(|| {
        Box::new(problem(
            StatusCode::FORBIDDEN,
            "no-route",
            "No route is configured for the original request",
        ))
    })
}

/// What is wrong with what a proxy tells.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wrong {
    /// The proxy tells too little, or tells it twice.
    Proxy(&'static str),
    /// The proxy passes on what the caller wrote, and that is no good request.
    Caller(&'static str),
}

/// Reads what the proxy says: Traefik's, Caddy's and HAProxy's headers, or those of the nginx recipe.
pub(crate) fn original(headers: &HeaderMap) -> Result<Original<'_>, Wrong> {
    let told = Told::read(headers);
    let method = either(told.method, told.original_method)?;
    let target = either(told.target, told.original_target)?;
    let lacking =
        Wrong::Proxy("the proxy does not tell the original request (X-Forwarded-Proto, X-Forwarded-Host)");
    let scheme = told.scheme.text()?.ok_or(lacking)?;
    let authority = told.authority.text()?.ok_or(lacking)?;
    if scheme != "http" && scheme != "https" {
        return Err(Wrong::Proxy("X-Forwarded-Proto is neither http nor https"));
    }
    if !crate::accept::head::is_host(authority.as_bytes()) {
        return Err(Wrong::Caller("X-Forwarded-Host is no host with an optional port"));
    }
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Wrong::Caller("the original method is no method"));
    }
    Ok(Original { method, scheme, authority, target })
}

/// The value that one of two headers has.
fn either<'h>(first: Once<'h>, second: Once<'h>) -> Result<&'h str, Wrong> {
    match (first.text()?, second.text()?) {
        (Some(_), Some(_)) => Err(Wrong::Proxy("the proxy tells the original request in two ways")),
        (Some(value), None) | (None, Some(value)) => Ok(value),
        (None, None) => Err(Wrong::Proxy(
            "the proxy does not tell the original request (X-Forwarded-Method, -Proto, -Host, -Uri)",
        )),
    }
}

/// The headers that tell the original request, found in one walk over all.
#[derive(Default)]
struct Told<'h> {
    method: Once<'h>,
    original_method: Once<'h>,
    target: Once<'h>,
    original_target: Once<'h>,
    scheme: Once<'h>,
    authority: Once<'h>,
}

impl<'h> Told<'h> {
    fn read(headers: &'h HeaderMap) -> Self {
        let mut told = Self::default();
        for (name, value) in headers {
            let place = match name.as_str() {
                "x-forwarded-method" => &mut told.method,
                "x-original-method" => &mut told.original_method,
                "x-forwarded-uri" => &mut told.target,
                "x-original-uri" => &mut told.original_target,
                "x-forwarded-proto" => &mut told.scheme,
                "x-forwarded-host" => &mut told.authority,
                _ => continue,
            };
            *place = match place {
                Once::Never => Once::Here(value),
                _ => Once::Twice,
            };
        }
        told
    }
}

/// A header that may stand once.
#[derive(Clone, Copy, Default)]
enum Once<'h> {
    #[default]
    Never,
    Here(&'h HeaderValue),
    Twice,
}

impl<'h> Once<'h> {
    /// The only value, which may have letters of other scripts.
    fn text(self) -> Result<Option<&'h str>, Wrong> {
        match self {
            Self::Twice => Err(Wrong::Proxy("a header that must stand once stands twice")),
            Self::Never => Ok(None),
            Self::Here(value) => {
                let text = std::str::from_utf8(value.as_bytes()).map(Some);
                text.map_err(|_| Wrong::Caller("the original request has bytes that are not UTF-8"))
            }
        }
    }
}

/// Whether this is a path with an optional query, as a caller may send it. Letters of other scripts pass as they are, as they do in
/// the gateway: clients of PHP send them so.
fn is_target(target: &str) -> bool {
    target.starts_with('/') && !target.contains('#') && target.bytes().all(|byte| byte > 32 && byte != 127)
}

/// What came of the original request's body.
enum Carried {
    Whole(Bytes),
    /// There is one, and not all of it is here.
    Part,
    /// Nothing came that tells whether there is one.
    Nothing,
}

/// The original request's body, where the proxies send it along with the question and a dialect looks at it. Where they say another
/// length than came, it was cut, and counts as unseen. No header need tell that something came: HTTP/2 has none for it.
async fn carried(
    app: &App,
    place: &Place,
    headers: &HeaderMap,
    body: Body,
) -> Result<Carried, Box<Response<Body>>> {
    if !app.config.forward_auth.bodies {
        let came = !body.is_end_stream();
        Inflow::Stream(body).pass_over(headers).await;
        return Ok(if came { Carried::Part } else { Carried::Nothing });
    }
    // Read also where nobody looks at it: a proxy that is still sending would take our answer for a broken connection.
    let bytes = match read_all(body, place.policy.limits.body, app.config.limits.body_time).await {
        Ok(bytes) => bytes,
        Err(ReadFault::TooLarge) => return Ok(Carried::Part),
        Err(ReadFault::TooSlow) => return Err(Box::new(too_slow())),
        Err(ReadFault::Broken) => return Err(Box::new(bad_request("the body cannot be read"))),
    };
    let mut told = headers.get_all("x-original-content-length").iter();
    let whole = told.all(|length| length.as_bytes() == bytes.len().to_string().as_bytes());
    Ok(if whole { Carried::Whole(bytes) } else { Carried::Part })
}

/// Whether the original request may have a body. Its framing seldom reaches us: proxies that ask without the body drop its length
/// or write 0, and chunked bodies have none. So lengths only tell that there is one, and methods that carry bodies always may.
fn may_have_body(method: &str, headers: &HeaderMap) -> bool {
    let mut lengths =
        headers.get_all(CONTENT_LENGTH).iter().chain(headers.get_all("x-original-content-length"));
    !matches!(method, "GET" | "HEAD" | "OPTIONS")
        || headers.contains_key(TRANSFER_ENCODING)
        || lengths.any(|length| length.as_bytes() != b"0")
}
