//! `[traces]`: where traces of requests are sent, how many, and whose word counts on which trace a request belongs to.
use super::reader::Section;
use http::Uri;
use std::path::PathBuf;
use std::time::Duration;

/// `[traces]`.
#[derive(Clone, Debug, PartialEq)]
pub struct TracesSection {
    /// Where a collector takes them by OTLP over HTTP; `None`: nothing is traced.
    pub endpoint: Option<Uri>,
    /// A file with a header of each export in each line, such as its credentials.
    pub headers_file: Option<PathBuf>,
    /// Certificate authorities for it; `None`: the machine's own.
    pub ca_file: Option<PathBuf>,
    /// Whose `traceparent` is believed.
    pub trust: Trust,
    /// The share of requests that are traced where nobody who is believed decided already, from 0 to 1.
    pub ratio: f64,
    /// Requests traced in a second at most, whoever decided: what a caller can make the server do by it has an end.
    pub per_second: u32,
    /// Requests whose spans wait for the collector at most.
    pub queue: usize,
    /// How long one export may take, with all its attempts.
    pub timeout: Duration,
    /// The name of the service.
    pub service: String,
    /// What else is known of the process, as names and values.
    pub resource: Vec<(String, String)>,
    /// Tells queries, which may have secrets in them.
    pub query: bool,
}

/// Whose `traceparent` is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nobody's.
    None,
    /// That of trusted proxies.
    Proxies,
    /// Everybody's.
    All,
}

impl Trust {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Proxies => "proxies",
            Self::All => "all",
        }
    }
}

impl TracesSection {
    pub(super) fn read(section: Section<'_>) -> Self {
        let wanted = "an address such as \"http://localhost:4318/v1/traces\", with its path";
        let trusts = [Trust::None, Trust::Proxies, Trust::All];
        let traces = Self {
            endpoint: section.parsed("endpoint", wanted, None, Uri::to_string, read_endpoint),
            headers_file: section.maybe_text("headers_file").map(PathBuf::from),
            ca_file: section.maybe_text("ca_file").map(PathBuf::from),
            trust: section
                .parsed(
                    "trust",
                    "\"none\", \"proxies\" or \"all\"",
                    Some(Trust::Proxies),
                    |trust| trust.name().to_owned(),
                    |text| trusts.into_iter().find(|trust| trust.name() == text),
                )
                .unwrap_or(Trust::Proxies),
            ratio: section
                .parsed(
                    "ratio",
                    "a share from \"0\" to \"1\" in quotes, such as \"0.1\"",
                    Some(1.0),
                    f64::to_string,
                    |text| text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)),
                )
                .unwrap_or(1.0),
            per_second: u32::try_from(section.count("per_second", 100, 1..=1_000_000)).unwrap_or(100),
            queue: section.count("queue", 2048, 1..=65_536),
            timeout: section.span("timeout", Duration::from_secs(10)),
            service: section.text("service", "countersign"),
            resource: read_resource(&section),
            query: section.switch("query", false),
        };
        if traces.timeout.is_zero() {
            section.wrong(
                "timeout",
                "no collector is that fast",
                "write how long it may take, such as \"10s\"",
            );
        }
        section.finish();
        traces
    }
}

/// An address with a path, and without user or query.
fn read_endpoint(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let plain = uri.query().is_none() && uri.path().len() > 1 && !text.contains('#');
    (known && plain && !uri.authority()?.as_str().contains('@')).then_some(uri)
}

fn read_resource(section: &Section<'_>) -> Vec<(String, String)> {
    let mut resource = Vec::new();
    for text in section.texts("resource", &[]) {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => resource.push((name.to_owned(), value.to_owned())),
            _ => section.wrong(
                "resource",
                format!("wanted a name, an equals sign and a value, found {text:?}"),
                "write such as \"deployment.environment.name=production\"",
            ),
        }
    }
    resource
}
