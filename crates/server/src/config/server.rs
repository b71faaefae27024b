//! `[server]`: what holds for every listener, and the small sections `[forward_auth]`, `[manage]` and `[jwks]`.
use super::reader::Section;
use countersign::ask::Network;
use http::uri::Authority;
use std::time::Duration;

/// What holds for every listener.
#[derive(Clone, Debug)]
pub struct ServerSection {
    /// The address callers use, when a proxy stands before us: `https://api.example.com`.
    pub public_url: Option<String>,
    /// Networks whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// Allows listeners beyond loopback without TLS.
    pub insecure_http: bool,
    /// How long the server keeps accepting after it was told to stop, so that load balancers notice.
    pub drain: Duration,
    /// Checks RSA signatures with vector instructions, where the CPU can; many that wait together side by side.
    pub lanes: bool,
    /// What is logged: a level or a filter.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl ServerSection {
    /// Scheme and authority of `public_url`.
    pub(crate) fn public(&self) -> Option<(&str, &str)> {
        let (scheme, rest) = self.public_url.as_deref()?.split_once(':')?;
        Some((scheme, rest.strip_prefix("//")?))
    }

    pub(super) fn read(section: Section<'_>) -> Self {
        let wanted = "an address such as \"https://api.example.com\", without path";
        let public_url = section.parsed("public_url", wanted, None, Clone::clone, |text| {
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
            let bare = !rest.is_empty() && !rest.contains(['/', '?', '#', '@']);
            bare.then(|| text.to_owned())
        });
        let mut trusted_proxies = Vec::new();
        for text in section.texts("trusted_proxies", &[]) {
            match Network::parse(&text) {
                Some(network) => trusted_proxies.push(network),
                None => section.wrong(
                    "trusted_proxies",
                    format!("{text:?} is no network"),
                    "write networks such as \"10.0.0.0/8\" (host bits zero) or single addresses",
                ),
            }
        }
        let log_format = section.parsed(
            "log_format",
            "\"text\" or \"json\"",
            Some(LogFormat::Text),
            |format| (if *format == LogFormat::Json { "json" } else { "text" }).to_owned(),
            |text| match text {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            },
        );
        let server = Self {
            public_url,
            trusted_proxies,
            insecure_http: section.switch("insecure_http", false),
            drain: section.span("drain", Duration::from_secs(5)),
            lanes: section.switch("lanes", false),
            log: section.text("log", "info"),
            log_format: log_format.unwrap_or(LogFormat::Text),
        };
        section.finish();
        server
    }
}

/// `[forward_auth]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardAuthSection {
    /// Where other proxies ask; `<path>/<route>` names a route.
    pub path: String,
    /// The proxies send the original request's body along with the question.
    pub bodies: bool,
}

impl ForwardAuthSection {
    pub(super) fn read(section: Section<'_>) -> Self {
        let wanted = "a path that starts with a slash and does not end with one";
        let path = section.parsed("path", wanted, Some("/verify".to_owned()), Clone::clone, |text| {
            (text.starts_with('/') && !text.ends_with('/')).then(|| text.to_owned())
        });
        let bodies = section.switch("bodies", false);
        section.finish();
        Self { path: path.unwrap_or_default(), bodies }
    }
}

/// `[manage]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManageSection {
    /// Hosts, with ports, that operators call the management API by; none: its listeners' addresses and `public_url`.
    pub authorities: Vec<String>,
}

impl ManageSection {
    pub(super) fn read(section: Section<'_>) -> Self {
        let authorities = section.texts("authorities", &[]);
        for text in &authorities {
            let bare =
                text.parse::<Authority>().is_ok_and(|read| read.as_str() == text && !text.contains('@'));
            if !bare {
                section.wrong(
                    "authorities",
                    format!("wanted a host, with its port, found {text:?}"),
                    "write what stands in the operators' addresses, such as \"ops.example.com:8701\"",
                );
            }
        }
        section.finish();
        Self { authorities }
    }
}

/// `[jwks]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksSection {
    /// Allows accounts' key sets on private networks.
    pub allow_private: bool,
    /// Allows accounts' key sets over plain HTTP.
    pub allow_http: bool,
    /// Dialects in which published keys count.
    pub dialects: Vec<String>,
}

impl JwksSection {
    pub(super) fn read(section: Section<'_>) -> Self {
        let jwks = Self {
            allow_private: section.switch("allow_private", false),
            allow_http: section.switch("allow_http", false),
            dialects: section.texts("dialects", &["asymmetric-jwt", "client-assertion"]),
        };
        section.finish();
        jwks
    }
}
