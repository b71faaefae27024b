//! The original request, made of what Envoy tells: the same bytes that Envoy forwards, or a refusal to guess.
use crate::body::{PROMISE, Promise, Shown, shown};
use crate::wire::{CheckRequest, Http};
use bytes::Bytes;
use countersign::incoming::{Incoming, Target};
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::IpAddr;

/// A request that Envoy asks about, undecoded.
#[derive(Clone, Debug)]
pub struct Original {
    /// The method.
    pub method: String,
    /// `https` or `http`.
    pub scheme: String,
    /// Host and port.
    pub authority: String,
    /// The path with its query.
    pub target: String,
    /// The headers, repeats kept.
    pub headers: HeaderMap,
    /// The body as far as Envoy showed it.
    pub body: Shown,
    /// The caller's address, as Envoy found it.
    pub client: Option<IpAddr>,
}

/// How much of a head is read; what the server's own listeners would take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Header fields.
    pub fields: usize,
    /// Bytes of their names and values together.
    pub bytes: usize,
}

/// Why a question cannot be answered by judging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The message is none that Envoy sends; no caller can bring it about.
    Message(&'static str),
    /// The request is no good HTTP, or Envoy tells it in two ways.
    Request(&'static str),
    /// The head is beyond the bounds.
    TooLarge,
}

impl Original {
    /// Reads what Envoy tells.
    ///
    /// # Errors
    /// [`Unreadable`], which says whose fault it is.
    pub fn read(check: CheckRequest, promise: Promise, bounds: Bounds) -> Result<Self, Unreadable> {
        let attributes = check.attributes.ok_or(Unreadable::Message("the check has no attributes"))?;
        // A route for which Envoy holds bodies back takes the promise of the whole filter back.
        let mut own = attributes.context_extensions.iter().filter(|entry| entry.key == PROMISE);
        let promise = if own.all(|entry| entry.value == "whole") { promise } else { Promise::Nothing };
        let http = attributes.request.and_then(|request| request.http);
        let mut http = http.ok_or(Unreadable::Message("the check is about no HTTP request"))?;
        if !http.query.is_empty() || !http.fragment.is_empty() {
            return Err(Unreadable::Message("the query or fragment stands apart from the path"));
        }
        let socket = attributes.source.and_then(|source| source.address?.socket_address);
        let client = socket.and_then(|socket| std::str::from_utf8(&socket.address).ok()?.parse().ok());
        let mut told = Told { headers: HeaderMap::new(), bounds, http: &http };
        match &http.header_map {
            Some(_) if !http.headers.is_empty() => {
                return Err(Unreadable::Message("the headers are told twice"));
            }
            Some(list) => {
                for header in &list.headers {
                    match (header.value.is_empty(), header.raw_value.is_empty()) {
                        (false, false) => return Err(Unreadable::Message("a header has two values")),
                        (false, true) => told.header(&header.key, &header.value)?,
                        _ => told.header(&header.key, &header.raw_value)?,
                    }
                }
            }
            None => {
                for entry in &http.headers {
                    told.header(&entry.key, &entry.value)?;
                }
            }
        }
        let mut headers = told.headers;
        if http.header_map.is_none() {
            headers = apart(&headers);
        }
        let body = body(&mut http)?;
        let body = match body {
            Some(body) => shown(&headers, body, promise),
            None => Shown::Unseen,
        };
        let target = text(&http.path, "the path has bytes that are not ASCII")?;
        let original = Self {
            method: text(&http.method, "the method has bytes that are not ASCII")?,
            scheme: text(&http.scheme, "the scheme has bytes that are not ASCII")?,
            authority: text(&http.host, "the host has bytes that are not ASCII")?,
            target,
            headers,
            body,
            client: client.map(|client: IpAddr| client.to_canonical()),
        };
        original.check().map_err(Unreadable::Request)?;
        Ok(original)
    }

    /// Checks that the parts are those of a request that an upstream can be sent.
    ///
    /// # Errors
    /// Says what is wrong with the request.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.method.is_empty() || !self.method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err("the method is no method");
        }
        if matches!(self.method.as_str(), "CONNECT" | "TRACE") {
            return Err("the method speaks to proxies");
        }
        if self.scheme != "http" && self.scheme != "https" {
            return Err("the scheme is neither http nor https");
        }
        let printable = self.target.bytes().all(|byte| (33..=126).contains(&byte));
        if !self.target.starts_with('/') || !printable || self.target.contains('#') {
            return Err("the path is no path with an optional query");
        }
        let mut protos = self.headers.get_all("x-forwarded-proto").iter();
        match (protos.next(), protos.next()) {
            (Some(proto), None) if proto.as_bytes() != self.scheme.as_bytes() => {
                Err("the scheme is another than X-Forwarded-Proto")
            }
            (_, Some(_)) => Err("X-Forwarded-Proto stands twice"),
            _ => Ok(()),
        }
    }

    /// As a verifier sees it. `public` is scheme and authority of the address that callers use, when the operator set one.
    #[must_use]
    pub fn incoming<'r>(&'r self, public: Option<(&'r str, &'r str)>) -> Incoming<'r> {
        let (scheme, authority) = public.unwrap_or((&self.scheme, &self.authority));
        Incoming {
            method: &self.method,
            target: Target::new(scheme, authority, &self.target),
            headers: &self.headers,
            body: self.body.seen(),
            client: self.client,
            challenge: None,
        }
    }
}

/// Takes headers apart again that Envoy joined: each comma may stand where one of several headers of a name ended, and a doubled
/// credential must be seen as one. A value that has commas of its own is then doubled, too, and no credential may be that. Two
/// parts tell as much as many, so the headers at most double, whatever a caller sends.
#[must_use]
pub fn apart(headers: &HeaderMap) -> HeaderMap {
    let mut parts = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        for part in value.as_bytes().splitn(2, |byte| *byte == b',') {
            // Part of a good value, so good itself.
            if let Ok(part) = HeaderValue::from_bytes(part.trim_ascii()) {
                parts.append(name, part);
            }
        }
    }
    parts
}

/// The headers as they are read, one by one.
struct Told<'h> {
    headers: HeaderMap,
    bounds: Bounds,
    http: &'h Http,
}

impl Told<'_> {
    fn header(&mut self, key: &[u8], value: &Bytes) -> Result<(), Unreadable> {
        let size = key.len().saturating_add(value.len());
        self.bounds.bytes = self.bounds.bytes.checked_sub(size).ok_or(Unreadable::TooLarge)?;
        self.bounds.fields = self.bounds.fields.checked_sub(1).ok_or(Unreadable::TooLarge)?;
        let twice = Unreadable::Request("Envoy tells the request in two ways");
        // What Envoy tells twice must be the same.
        let wanted = match key {
            b":method" => Some(&self.http.method),
            b":path" => Some(&self.http.path),
            b":scheme" => Some(&self.http.scheme),
            b":authority" => Some(&self.http.host),
            _ => None,
        };
        if let Some(wanted) = wanted {
            return if wanted == value { Ok(()) } else { Err(twice) };
        }
        let name = HeaderName::from_bytes(key)
            .map_err(|_| Unreadable::Request("a header's name is no name of a header"))?;
        if name == HOST && !self.http.host.eq_ignore_ascii_case(value) {
            return Err(Unreadable::Request("Host names another host than :authority"));
        }
        let value = HeaderValue::from_maybe_shared(value.clone())
            .map_err(|_| Unreadable::Request("a header has bytes that no header may have"))?;
        self.headers.append(name, value);
        Ok(())
    }
}

/// The body; `None` where it may have been changed on its way here.
fn body(http: &mut Http) -> Result<Option<Bytes>, Unreadable> {
    let (raw, text) = (std::mem::take(&mut http.raw_body), std::mem::take(&mut http.body));
    if !raw.is_empty() && !text.is_empty() {
        return Err(Unreadable::Message("the body is told twice"));
    }
    // Envoy replaces bytes that are no UTF-8 when it sends a body as text: then many bodies look like this one.
    let replaced = text.contains(&b'!') || text.windows(3).any(|three| three == "\u{fffd}".as_bytes());
    Ok(if raw.is_empty() { (!replaced).then_some(text) } else { Some(raw) })
}

fn text(bytes: &Bytes, wrong: &'static str) -> Result<String, Unreadable> {
    let ascii = bytes.is_ascii().then(|| std::str::from_utf8(bytes).ok()).flatten();
    ascii.map(str::to_owned).ok_or(Unreadable::Request(wrong))
}

#[cfg(test)]
mod tests;
