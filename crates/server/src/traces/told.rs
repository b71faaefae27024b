//! What is told of a request, in the names of OpenTelemetry's semantic conventions for HTTP; never credentials, and queries only when asked.
use super::Tracer;
use super::active::Active;
use crate::accept::head::is_host;
use crate::call::{Call, Outcome, Who};
use crate::config::mode::Mode;
use crate::surface::origin::host_of;
use crate::telemetry::{Told, clean};
use crate::trip::Trip;
use bytes::Bytes;
use countersign_guard::watch::Part;
use countersign_traces::span::{Attribute, Kind, Span, Value};
use http::{Method, Version};

/// The methods that the conventions know; others are one word to them.
const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::CONNECT,
    Method::OPTIONS,
    Method::TRACE,
    Method::PATCH,
];

/// Hands the spans of a request that is over to whoever sends them.
pub(crate) fn finish(
    tracer: &Tracer,
    trace: &Active,
    call: &Call,
    outcome: &Outcome,
    told: &Told,
    route: Option<&str>,
) {
    let Some(seen) = trace.over() else { return };
    let query = tracer.section.query;
    let mut spans = Vec::with_capacity(seen.parts.len() + 2);
    for (part, start, end) in &seen.parts {
        spans.extend(trace.below(Kind::Internal, part_name(*part), *start, *end));
    }
    if let Some(out) = &seen.out {
        let span = trace.call(out, method(&told.method).into(), seen.end);
        spans.push(upstream(span, out.scheme, outcome, told, query));
    }
    let span = trace.span(name(&told.method, route).into(), &seen);
    spans.push(server(span, call, outcome, told, route, query));
    tracer.put(spans, seen.more);
}

fn part_name(part: Part) -> Bytes {
    Bytes::from_static(match part {
        Part::Keys => b"countersign.keys",
        Part::Signature => b"countersign.signature",
        Part::Claim => b"countersign.claim",
    })
}

/// A method as the conventions have it.
fn method(method: &Method) -> String {
    if METHODS.contains(method) { method.to_string() } else { "_OTHER".to_owned() }
}

/// What a request's span is called: few words, whoever calls.
fn name(sent: &Method, route: Option<&str>) -> String {
    // The conventions have HTTP where the method is no known one.
    let method = if METHODS.contains(sent) { sent.as_str() } else { "HTTP" };
    match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    }
}

/// Tells the request that came to us.
fn server(
    mut span: Span,
    call: &Call,
    outcome: &Outcome,
    told: &Told,
    route: Option<&str>,
    query: bool,
) -> Span {
    let mut list = List(Vec::with_capacity(32));
    list.put("http.request.method", method(&told.method));
    if !METHODS.contains(&told.method) {
        list.text("http.request.method_original", Some(told.method.as_str()));
    }
    list.text("url.path", Some(told.uri.path()));
    list.text("url.query", told.uri.query().filter(|_| query));
    list.put("url.scheme", if call.tls { "https" } else { "http" });
    list.text("http.route", route);
    list.put("http.response.status_code", i64::from(told.answered));
    list.put("network.protocol.version", version(told.protocol));
    list.put("network.peer.address", call.peer.ip().to_string());
    list.put("network.peer.port", i64::from(call.peer.port()));
    list.put("client.address", told.client.to_string());
    if let Some(host) = told.host.as_deref().filter(|host| is_host(host.as_bytes())) {
        list.text("server.address", Some(&host_of(host)));
    }
    list.put("server.port", i64::from(call.local.port()));
    list.put("countersign.surface", call.surface.name());
    list.put("countersign.request.id", call.id.to_string());
    list.text("countersign.route", outcome.route.as_deref());
    list.text("countersign.dialect", outcome.dialect.as_deref());
    list.maybe("countersign.verdict", outcome.verdict);
    list.maybe("countersign.reason", outcome.reason);
    list.text("countersign.reject.id", outcome.reject.as_deref());
    list.maybe("countersign.mode", outcome.mode.map(Mode::name));
    // The account's id, not its name, which may be a person's address.
    if let Who::Proved(caller, _) = &outcome.who {
        list.text("countersign.account.id", Some(&caller.id));
    }
    list.text("countersign.key.id", outcome.who.key());
    if let Some(asked) = &told.asked {
        list.text("countersign.asked.method", Some(&asked.method));
        list.text("countersign.asked.path", Some(&asked.path));
        list.maybe("countersign.asked.status", asked.status.map(i64::from));
    }
    list.maybe("countersign.whole", outcome.trip.as_deref().map(Trip::is_whole));
    // A caller's fault is none of ours.
    if told.answered >= 500 {
        span.failed = true;
        list.put("error.type", told.answered.to_string());
    }
    span.attributes = list.0;
    span
}

/// Tells the call of the upstream.
fn upstream(mut span: Span, scheme: &str, outcome: &Outcome, told: &Told, query: bool) -> Span {
    let mut list = List(Vec::with_capacity(10));
    list.put("http.request.method", method(&told.method));
    list.text("countersign.upstream", outcome.upstream.as_deref());
    let trip = outcome.trip.as_deref();
    if let Some(address) = trip.and_then(Trip::upstream) {
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        list.text("server.address", Some(&host_of(&address)));
        list.maybe("server.port", port.map(i64::from));
        let target = told.uri.path_and_query().filter(|_| query);
        let target = target.map_or(told.uri.path(), |target| target.as_str());
        list.text("url.full", Some(&format!("{scheme}://{address}{target}")));
    }
    let retries = trip.map(Trip::retries).unwrap_or_default();
    if retries > 0 {
        list.put("http.request.resend_count", i64::try_from(retries).unwrap_or(i64::MAX));
    }
    let answered = trip.is_some_and(|trip| trip.micros().is_some());
    if answered {
        list.put("http.response.status_code", i64::from(told.answered));
    }
    if !answered || told.answered >= 400 {
        span.failed = true;
        let why = match (answered, told.answered) {
            (true, status) => status.to_string(),
            (false, 503) => "no_upstream".to_owned(),
            (false, 504) => "timeout".to_owned(),
            (false, _) => "no_answer".to_owned(),
        };
        list.put("error.type", why);
    }
    span.attributes = list.0;
    span
}

/// Attributes; what is not known is left out.
struct List(Vec<Attribute>);

impl List {
    fn put(&mut self, key: &'static str, value: impl Into<Value>) {
        self.0.push(Attribute::new(key, value));
    }

    fn maybe(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// A text of somebody else's, as it may stand in the log.
    fn text(&mut self, key: &'static str, text: Option<&str>) {
        self.maybe(key, text.map(|text| clean(text).into_owned()));
    }
}

fn version(protocol: Version) -> &'static str {
    match protocol {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
