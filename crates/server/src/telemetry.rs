//! Logs: set up once, and one documented line for each request.
use crate::call::{Asked, Call, Outcome};
use crate::config::mode::Mode;
use crate::config::server::{LogFormat, ServerSection};
use crate::traces::active::Active;
use crate::trip::Trip;
use countersign::hidden::is_hidden;
use http::{Method, Uri, Version};
use std::borrow::Cow;
use std::io::IsTerminal;
use std::net::IpAddr;
use std::sync::OnceLock;
use tracing_subscriber::EnvFilter;

/// A text of the caller's in a log line is cut here: enough to recognise, too little to fill a disk.
const MOST: usize = 256;

/// Sends log lines to standard error in the form the configuration asks for.
///
/// # Errors
/// When the filter cannot be read, or logging was set up before.
pub fn init(server: &ServerSection) -> Result<(), String> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(server)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let initialised = match server.log_format {
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_current_span(false).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.try_init().map(|()| keep(move |filter| handle.reload(filter)))
        }
        LogFormat::Text => {
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            builder.try_init().map(|()| keep(move |filter| handle.reload(filter)))
        }
    };
    initialised.map_err(|error| format!("logging is set up already: {error}"))
}

/// Logs by another filter from now on, where [`init`] set the log up.
///
/// # Errors
/// When the filter cannot be read; the old one stays.
pub fn refilter(server: &ServerSection) -> Result<(), String> {
    let filter = filter(server)?;
    match FILTER.get() {
        Some(replace) => replace(filter),
        None => Ok(()),
    }
}

/// Replaces the filter of the log.
type Replace = Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>;

/// The process has one log, so one place that its filter is replaced in.
static FILTER: OnceLock<Replace> = OnceLock::new();

fn keep(
    replace: impl Fn(EnvFilter) -> Result<(), tracing_subscriber::reload::Error> + Send + Sync + 'static,
) {
    // A log is set up once.
    let _ = FILTER.set(Box::new(move |filter| replace(filter).map_err(|error| error.to_string())));
}

fn filter(server: &ServerSection) -> Result<EnvFilter, String> {
    EnvFilter::try_new(&server.log)
        .map_err(|error| format!("[server] log: wanted a level or a filter, found {:?}: {error}", server.log))
}

/// What the line tells of the request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    /// The request that was asked about, where it was another.
    pub(crate) asked: Option<Asked>,
    pub(crate) protocol: Version,
    pub(crate) client: IpAddr,
    pub(crate) status: u16,
    /// The status of the answer itself, where another proxy asked.
    pub(crate) answered: u16,
    /// The host that it was sent to, for traces.
    pub(crate) host: Option<Box<str>>,
    /// To the answer's head.
    pub(crate) micros: u64,
}

/// Writes the request line. Its fields are an interface (docs/request-log.md): names stay, new ones may come.
pub(crate) fn request(call: &Call, outcome: &Outcome, told: &Told, total_micros: impl Fn() -> u64) {
    let text = |text: Option<&str>| text.map(|text| clean(text).into_owned());
    let trip = outcome.trip.as_deref();
    let asked = told.asked.as_ref();
    let method = asked.map_or(told.method.as_str(), |asked| &*asked.method);
    let path = asked.map_or(told.uri.path(), |asked| &*asked.path);
    tracing::info!(
        target: "countersign::request",
        request = %call.id,
        surface = call.surface.name(),
        client = %told.client,
        protocol = ?told.protocol,
        tls = call.tls,
        method = %clean(method),
        path = %clean(path),
        status = told.status,
        verdict = outcome.verdict,
        reason = outcome.reason,
        reject = outcome.reject.as_deref(),
        route = outcome.route.as_deref(),
        dialect = outcome.dialect.as_deref(),
        mode = outcome.mode.map(Mode::name),
        claimed = text(outcome.claimed.as_deref()),
        account = text(outcome.who.account()),
        key = outcome.who.key(),
        acting_as = text(outcome.acting_as.as_deref()),
        upstream = outcome.upstream.as_deref(),
        upstream_address = trip.and_then(Trip::upstream).as_deref(),
        upstream_micros = trip.and_then(Trip::micros),
        retries = trip.map(Trip::retries),
        bytes_in = trip.map(Trip::bytes_in),
        bytes_out = trip.map(Trip::bytes_out),
        whole = trip.map(Trip::is_whole),
        trace = call.trace.as_deref().map(Active::id).map(tracing::field::display),
        micros = told.micros,
        total_micros = total_micros(),
        "request"
    );
}

/// A text of somebody else's as it may stand in a log line: on one line, without control or invisible characters, not too long.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let harmless = |letter: char| !is_hidden(letter);
    if text.len() <= MOST && text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for letter in text.chars() {
        if out.len() >= MOST {
            out.push('…');
            break;
        }
        if harmless(letter) { out.push(letter) } else { out.extend(letter.escape_default()) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_writes_our_log_lines() {
        assert_eq!(clean("a\r\nb\u{1b}[2J\u{202e}"), "a\\r\\nb\\u{1b}[2J\\u{202e}");
        assert_eq!(clean("a\u{2066}b\u{200b}"), "a\\u{2066}b\\u{200b}");
        assert_eq!(clean("plain ä"), "plain ä");
        assert!(clean(&"x".repeat(10_000)).len() < 300);
    }
}
