//! `[[route]]`: which requests go where, and which dialects may prove who sent them.
use super::mode::Modes;
use super::reader::Section;
use super::spelling::nearest;
use super::upstream::{is_name, read_address};
use countersign::verified::Covered;
use http::{Method, Uri};

/// A part of the address space, the dialects it takes and its upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its name, in logs, metrics and `/verify/<name>`.
    pub name: String,
    /// The host it is for, without port; `None`: every host.
    pub host: Option<String>,
    /// The path prefix it is for, on segment borders; the longest one wins.
    pub path: String,
    /// The dialects it takes, in the order of their challenges.
    pub dialects: Vec<String>,
    /// Those of the dialects that callers should move to; who signs another one still has to move. Empty: nobody has.
    pub moving_to: Vec<String>,
    /// Where its requests go; `None` for routes that only other proxies ask about.
    pub upstream: Option<To>,
    /// Accounts it admits, by name or id; `None`: all. Nobody gets such a name by registering itself.
    pub admit: Option<Vec<String>>,
    /// Organisations whose accounts it admits; `None`: all.
    pub organisations: Option<Vec<String>>,
    /// What a proof must bind; only the switches count.
    pub require: Covered,
    /// Methods that pass; `None`: all with a known meaning.
    pub methods: Option<Vec<Method>>,
    /// Whether the caller's credentials go on to the upstream; `None`: only while the route does not enforce.
    pub forward_credentials: Option<bool>,
    /// How far it goes against requests that do not hold.
    pub modes: Modes,
    /// Lets paths pass that two servers may read differently.
    pub raw_paths: bool,
    /// Signs the answers, refusals among them.
    pub sign_answers: bool,
    /// Lets WebSocket handshakes pass.
    pub websocket: bool,
    /// Bytes of a body that a dialect signs; `None`: `[limits] body`.
    pub body_limit: Option<usize>,
    /// How long the upstream may take to begin its answer, all attempts together.
    pub timeout: std::time::Duration,
}

/// Where a route's requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// An address of its own.
    Address(Uri),
    /// A pool, by name.
    Pool(String),
}

impl std::fmt::Display for To {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(uri) => uri.fmt(f),
            Self::Pool(name) => name.fmt(f),
        }
    }
}

impl Route {
    pub(super) fn read(section: Section<'_>) -> Option<Self> {
        let name = section.maybe_text("name");
        match &name {
            None => section.wrong("name", "a route needs a name", "add name = \"api\""),
            Some(name) if !is_name(name) => {
                let message = format!("wanted letters, digits, dashes, dots, found {name:?}");
                section.wrong("name", message, "choose a plain name");
            }
            Some(_) => {}
        }
        let host = section.parsed(
            "host",
            "a host name without port or path such as \"api.example.com\"",
            None,
            Clone::clone,
            |text| is_host(text).then(|| text.trim_end_matches('.').to_ascii_lowercase()),
        );
        let path = section
            .parsed(
                "path",
                "a path prefix that starts with a slash",
                Some("/".to_owned()),
                Clone::clone,
                |text| (text.starts_with('/') && !text.contains(['?', '#'])).then(|| text.to_owned()),
            )
            .unwrap_or_default();
        let dialects = section.texts("dialects", &[]);
        let moving_to = section.texts("moving_to", &[]);
        for name in moving_to.iter().filter(|name| !dialects.contains(*name)) {
            let message = format!("wanted some of the route's dialects, found {name:?}");
            section.wrong("moving_to", message, "add it to dialects, too: callers move while both are taken");
        }
        let upstream = section.parsed(
            "upstream",
            "an address such as \"http://127.0.0.1:9000\", without path, or the name of an [[upstream]]",
            None,
            To::to_string,
            read_to,
        );
        let admit = section.maybe_texts("admit");
        let organisations = section.maybe_texts("organisations");
        let require = read_require(&section);
        let methods = read_methods(&section);
        let forward_credentials =
            section.has("forward_credentials").then(|| section.switch("forward_credentials", false));
        let modes = Modes::read(&section);
        let raw_paths = section.switch("raw_paths", false);
        let sign_answers = section.switch("sign_answers", false);
        let mut websocket = false;
        for protocol in section.texts("upgrade", &[]) {
            if protocol == "websocket" {
                websocket = true;
            } else {
                let message = format!("wanted \"websocket\", found {protocol:?}");
                section.wrong(
                    "upgrade",
                    message,
                    "write upgrade = [\"websocket\"], the only protocol that can follow",
                );
            }
        }
        // More than 64 MiB held in memory for one unproved request would let strangers exhaust it.
        let body_limit = section.maybe_count("body_limit", 0..=64 * 1024 * 1024);
        let timeout = section.span("timeout", std::time::Duration::from_secs(60));
        section.finish();
        let name = name?;
        Some(Self {
            name,
            host,
            path,
            dialects,
            moving_to,
            upstream,
            admit,
            organisations,
            require,
            methods,
            forward_credentials,
            modes,
            raw_paths,
            sign_answers,
            websocket,
            body_limit,
            timeout,
        })
    }
}

/// The parts of a request that a proof can bind, as `require` names them.
const PARTS: [&str; 6] = ["method", "authority", "path", "query", "body", "once"];

fn read_require(section: &Section<'_>) -> Covered {
    let mut require = Covered::default();
    for part in section.texts("require", &[]) {
        match part.as_str() {
            "method" => require.method = true,
            "authority" => require.authority = true,
            "path" => require.path = true,
            "query" => require.query = true,
            "body" => require.body = true,
            "once" => require.once = true,
            _ => {
                let message = format!("a proof binds no {part:?}");
                let fix = match nearest(&part, PARTS.into_iter()) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("there are {}", PARTS.join(", ")),
                };
                section.wrong("require", message, &fix);
            }
        }
    }
    require
}

/// Methods with a meaning that a gateway can pass on.
pub(crate) const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

fn read_methods(section: &Section<'_>) -> Option<Vec<Method>> {
    let names = section.maybe_texts("methods")?;
    let mut methods = Vec::new();
    for name in &names {
        match METHODS.into_iter().find(|method| method.as_str() == name) {
            Some(method) => methods.push(method),
            None => {
                let all: Vec<String> = METHODS.iter().map(ToString::to_string).collect();
                let message = format!("wanted methods in capitals, found {name:?}");
                section.wrong("methods", message, &format!("there are {}", all.join(", ")));
            }
        }
    }
    if names.is_empty() {
        section.wrong("methods", "a route without methods takes nothing", "name some, or remove the line");
    }
    Some(methods)
}

fn is_host(text: &str) -> bool {
    let named = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let literal = text.starts_with('[') && text.ends_with(']');
    !text.trim_matches('.').is_empty() && (named || literal)
}

fn read_to(text: &str) -> Option<To> {
    if is_name(text) {
        return Some(To::Pool(text.to_owned()));
    }
    read_address(text).map(To::Address)
}
