//! `[[upstream]]`: a pool of addresses that serve the same thing, how one is chosen, and how long each step may take.
use super::reader::Section;
use http::Uri;
use http::uri::PathAndQuery;
use std::path::PathBuf;
use std::time::Duration;

/// A pool of addresses that serve the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its name, in routes, logs and metrics.
    pub name: String,
    /// Its addresses, all `http` or all `https`.
    pub addresses: Vec<Uri>,
    /// How an address is chosen.
    pub balance: Balance,
    /// What is spoken to it.
    pub protocol: Protocol,
    /// What `Host` tells it; `None`: the caller's.
    pub host: Option<String>,
    /// The certificates that may vouch for it, PEM; `None`: the machine's own.
    pub ca: Option<PathBuf>,
    /// The name its certificate must have, and that SNI tells it; `None`: the address's host.
    pub server_name: Option<String>,
    /// Unused connections kept for one address.
    pub idle_connections: usize,
    /// How long an unused connection is kept.
    pub idle_time: Duration,
    /// Requests over one connection, after which it is closed.
    pub connection_requests: usize,
    /// How long connecting may take, TLS included.
    pub connect_timeout: Duration,
    /// How long one address may take to begin its answer, once it has the request.
    pub first_byte_timeout: Duration,
    /// The longest silence within an answer.
    pub idle_timeout: Duration,
    /// Further addresses tried for one request, where that is safe.
    pub retries: usize,
    /// Connections that fail one after another until an address is left out; 0: never.
    pub eject_after: usize,
    /// How long it is left out.
    pub eject_for: Duration,
    /// What is asked to learn whether an address is well.
    pub health: Option<HealthCheck>,
}

/// How an address is chosen among those that are well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// The one with the fewest requests in flight.
    LeastRequests,
    /// Of two drawn ones, the one with fewer requests in flight.
    TwoChoices,
}

/// What is spoken to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1; over TLS HTTP/2 where the upstream offers it.
    Auto,
    /// HTTP/1.1.
    One,
    /// HTTP/2; without TLS by prior knowledge.
    Two,
}

/// What is asked to learn whether an address is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// The path that is asked with GET; a status from 200 to 399 is well.
    pub path: PathAndQuery,
    /// How often.
    pub interval: Duration,
    /// How long the answer may take.
    pub timeout: Duration,
    /// Good answers in a row after which an address that was ill is well.
    pub healthy: usize,
    /// Bad answers in a row after which it is ill.
    pub unhealthy: usize,
}

/// A name as routes, logs and metrics have it.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// An address without path, user or query.
pub(super) fn read_address(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let bare = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
    (known && bare && uri.authority().is_some_and(|authority| !authority.as_str().contains('@')))
        .then_some(uri)
}

impl Upstream {
    /// The pool of one address that a route names by itself.
    #[must_use]
    pub fn single(address: &Uri) -> Self {
        Self {
            name: address.authority().map_or_else(String::new, ToString::to_string),
            addresses: vec![address.clone()],
            balance: Balance::LeastRequests,
            protocol: Protocol::Auto,
            host: None,
            ca: None,
            server_name: None,
            idle_connections: 64,
            idle_time: Duration::from_secs(30),
            connection_requests: 1_000_000,
            connect_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            retries: 1,
            eject_after: 3,
            eject_for: Duration::from_secs(10),
            health: None,
        }
    }

    pub(super) fn read(section: Section<'_>) -> Option<Self> {
        let name = section.maybe_text("name");
        match &name {
            Some(name) if is_name(name) => {}
            Some(name) => {
                let message = format!("wanted letters, digits, dashes, dots, found {name:?}");
                section.wrong("name", message, "choose a plain name");
            }
            None => section.wrong("name", "an upstream needs a name", "add name = \"orders\""),
        }
        let texts = section.texts("addresses", &[]);
        let mut addresses: Vec<Uri> = Vec::new();
        for text in &texts {
            match read_address(text) {
                Some(address) if addresses.contains(&address) => {
                    section.wrong("addresses", format!("{text:?} stands twice"), "name each address once")
                }
                Some(address) => addresses.push(address),
                None => section.wrong(
                    "addresses",
                    format!(
                        "wanted addresses such as \"http://10.0.0.1:9000\", without path, found {text:?}"
                    ),
                    "correct the address",
                ),
            }
        }
        if texts.is_empty() {
            section.wrong(
                "addresses",
                "an upstream needs an address",
                "add addresses = [\"http://10.0.0.1:9000\"]",
            );
        }
        let mut schemes = addresses.iter().map(Uri::scheme_str);
        let first = schemes.next().flatten();
        if schemes.any(|scheme| scheme != first) {
            section.wrong(
                "addresses",
                "some speak TLS and some do not",
                "write all with http or all with https",
            );
        }
        let usual = Self::single(&Uri::from_static("http://usual"));
        let (ca, server_name) = read_tls(section.section("tls"));
        let upstream = Self {
            name: name.clone().unwrap_or_default(),
            addresses,
            balance: read_word(
                &section,
                "balance",
                Balance::LeastRequests,
                &[("least-requests", Balance::LeastRequests), ("two-choices", Balance::TwoChoices)],
            ),
            protocol: read_word(
                &section,
                "protocol",
                Protocol::Auto,
                &[("auto", Protocol::Auto), ("http1", Protocol::One), ("http2", Protocol::Two)],
            ),
            host: section.parsed("host", "a host with an optional port", None, Clone::clone, |text| {
                crate::accept::head::is_host(text.as_bytes()).then(|| text.to_owned())
            }),
            ca,
            server_name,
            // Each kept connection costs a descriptor here and one at the upstream.
            idle_connections: section.count("idle_connections", usual.idle_connections, 0..=10_000),
            idle_time: section.span("idle_time", usual.idle_time),
            connection_requests: section.count(
                "connection_requests",
                usual.connection_requests,
                1..=1_000_000_000,
            ),
            connect_timeout: section.span("connect_timeout", usual.connect_timeout),
            first_byte_timeout: section.span("first_byte_timeout", usual.first_byte_timeout),
            idle_timeout: section.span("idle_timeout", usual.idle_timeout),
            // More would make a storm of one fault.
            retries: section.count("retries", usual.retries, 0..=5),
            eject_after: section.count("eject_after", usual.eject_after, 0..=1000),
            eject_for: section.span("eject_for", usual.eject_for),
            health: read_health(&section),
        };
        for (key, span) in [
            ("connect_timeout", upstream.connect_timeout),
            ("first_byte_timeout", upstream.first_byte_timeout),
            ("idle_timeout", upstream.idle_timeout),
        ] {
            if span.is_zero() {
                section.wrong(key, "no upstream is that fast", "write how long it may take, such as \"60s\"");
            }
        }
        section.finish();
        name.map(|_| upstream)
    }
}

fn read_word<T: Copy + PartialEq>(
    section: &Section<'_>,
    key: &'static str,
    usual: T,
    words: &[(&str, T)],
) -> T {
    let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let show =
        |value: &T| words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| *word).to_owned();
    let read = |text: &str| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    section.parsed(key, &all.join(" or "), Some(usual), show, read).unwrap_or(usual)
}

fn read_tls(section: Section<'_>) -> (Option<PathBuf>, Option<String>) {
    let ca = section.maybe_text("ca").map(PathBuf::from);
    let server_name = section.parsed("server_name", "a host name or address", None, Clone::clone, |text| {
        rustls_pki_types::ServerName::try_from(text.to_owned()).is_ok().then(|| text.to_owned())
    });
    section.finish();
    (ca, server_name)
}

fn read_health(section: &Section<'_>) -> Option<HealthCheck> {
    let there = section.has("health");
    let section = section.section("health");
    if !there {
        return None;
    }
    let path = section.parsed("path", "a path such as \"/healthz\"", None, PathAndQuery::to_string, |text| {
        text.starts_with('/').then(|| text.parse().ok()).flatten()
    });
    if !section.has("path") {
        section.wrong("path", "a health check needs a path", "add path = \"/healthz\"");
    }
    let short = Duration::from_millis(100);
    let interval = section.span("interval", Duration::from_secs(5));
    if interval < short {
        section.wrong("interval", "wanted at least 100ms", "ask less often");
    }
    let check = HealthCheck {
        path: path.unwrap_or_else(|| PathAndQuery::from_static("/")),
        interval: interval.max(short),
        timeout: section.span("timeout", Duration::from_secs(2)),
        healthy: section.count("healthy", 2, 1..=100),
        unhealthy: section.count("unhealthy", 3, 1..=100),
    };
    section.finish();
    Some(check)
}
