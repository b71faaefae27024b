//! `[[route]]`: which requests go where, and which dialects may prove who sent them.
use super::reader::Section;
use http::Uri;

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
    /// Where its requests go; `None` for routes that only other proxies ask about.
    pub upstream: Option<Uri>,
    /// Accounts it admits, by name or id; `None`: all. Nobody gets such a name by registering itself.
    pub admit: Option<Vec<String>>,
    /// Lets paths pass that two servers may read differently.
    pub raw_paths: bool,
    /// Bytes of a body that a dialect signs; `None`: `[limits] body`.
    pub body_limit: Option<usize>,
    /// How long the upstream may take to begin its answer.
    pub timeout: std::time::Duration,
}

impl Route {
    pub(super) fn read(section: Section<'_>) -> Option<Self> {
        let name = section.maybe_text("name");
        let fits = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        match &name {
            None => section.wrong("name", "a route needs a name", "add name = \"api\""),
            Some(name) if !fits(name) => {
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
        let upstream = section.parsed(
            "upstream",
            "an address such as \"http://127.0.0.1:9000\", without path",
            None,
            Uri::to_string,
            read_upstream,
        );
        let admit = section.maybe_texts("admit");
        let raw_paths = section.switch("raw_paths", false);
        // More than 64 MiB held in memory for one unproved request would let strangers exhaust it.
        let body_limit = section.maybe_count("body_limit", 0..=64 * 1024 * 1024);
        let timeout = section.span("timeout", std::time::Duration::from_secs(60));
        section.finish();
        let name = name?;
        Some(Self { name, host, path, dialects, upstream, admit, raw_paths, body_limit, timeout })
    }
}

fn is_host(text: &str) -> bool {
    let named = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let literal = text.starts_with('[') && text.ends_with(']');
    !text.trim_matches('.').is_empty() && (named || literal)
}

fn read_upstream(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let bare = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
    (known && bare && uri.authority().is_some_and(|authority| !authority.as_str().contains('@')))
        .then_some(uri)
}
